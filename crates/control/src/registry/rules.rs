//! What each type of descriptor must say, and what must be there for it to be about.

use serde_json::{Map, Value};
use store::{StoreError, Tx, values};
use xdm::{FieldPath, Type};

use super::check::check_composed;
use super::descriptors::{IDENTITY, is_primary, of, paths, text};
use super::error::invalid;
use super::evolve::has_tag;
use super::fields::field_at;
use super::parts::Parts;
use super::{Found, RegistryError, find, ids, kind_of};
use crate::{Kind, Saved, Scope, identity, resource};

const DISPLAY: &str = "xdm:alternateDisplayInfo";
const ONE_TO_ONE: &str = "xdm:descriptorOneToOne";
const RELATIONSHIP: &str = "xdm:descriptorRelationship";
const REFERENCE_IDENTITY: &str = "xdm:descriptorReferenceIdentity";
pub(super) const DEPRECATED: &str = "xdm:descriptorDeprecated";
const PRIMARY_KEY: &str = "xdm:descriptorPrimaryKey";
const VERSION: &str = "xdm:descriptorVersion";
const TIMESTAMP: &str = "xdm:descriptorTimestamp";
const GRANULARITY: &str = "xdm:descriptorTimeSeriesGranularity";
const LABEL: &str = "xdm:descriptorLabel";

const TIME_SERIES: &str = "https://ns.adobe.com/xdm/data/time-series";

/// How many fields a descriptor of a type is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fields {
    None,
    One,
    OneOrMore,
}

/// The types with rules. Others are stored as they are.
const TYPES: [(&str, Fields); 11] = [
    (IDENTITY, Fields::One),
    (DISPLAY, Fields::OneOrMore),
    (ONE_TO_ONE, Fields::One),
    (RELATIONSHIP, Fields::One),
    (REFERENCE_IDENTITY, Fields::One),
    (DEPRECATED, Fields::OneOrMore),
    (PRIMARY_KEY, Fields::OneOrMore),
    (VERSION, Fields::One),
    (TIMESTAMP, Fields::One),
    (GRANULARITY, Fields::None),
    (LABEL, Fields::OneOrMore),
];

/// Checks a descriptor against its source and its destination, and returns what it uses.
pub(super) async fn check(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    doc: &Map<String, Value>,
) -> Result<Vec<(Kind, String)>, RegistryError> {
    check_form(doc)?;
    let source = target(tx, scope, doc, "xdm:sourceSchema").await?;
    let destination = match text(doc, "xdm:destinationSchema") {
        "" => None,
        _ => Some(target(tx, scope, doc, "xdm:destinationSchema").await?),
    };
    let known = TYPES.iter().find(|(kind, _)| *kind == text(doc, "@type"));
    if let Some((kind, fields)) = known {
        check_count(kind, *fields, doc)?;
        let tree = Tree::of(tx, scope, &source).await?;
        for path in paths(doc) {
            tree.field(&path)?;
        }
        match *kind {
            IDENTITY => check_identity(tx, scope, id, doc, &source).await?,
            ONE_TO_ONE | RELATIONSHIP => {
                let destination = destination.as_ref();
                let destination =
                    destination.ok_or_else(|| invalid(format!("{kind} needs xdm:destinationSchema")))?;
                check_relationship(tx, scope, doc, destination).await?;
            }
            REFERENCE_IDENTITY => check_namespace(tx, scope, doc, "xdm:identityNamespace").await?,
            PRIMARY_KEY => check_key(tx, scope, id, doc, &source, &tree).await?,
            VERSION | TIMESTAMP => check_relational(kind, doc, &tree)?,
            _ => {}
        }
    }
    let used = [Some(&source), destination.as_ref()].into_iter().flatten();
    Ok(used.filter_map(|found| Some((stored_kind(found)?, found.id().to_owned()))).collect())
}

/// What can be said without the schemas.
fn check_form(doc: &Map<String, Value>) -> Result<(), RegistryError> {
    let kind = text(doc, "@type");
    let given = |name: &str| doc.get(name).filter(|value| !value.is_null());
    for name in ["xdm:sourceVersion", "xdm:destinationVersion"] {
        if let Some(version) = given(name).filter(|version| version.as_f64() != Some(1.0)) {
            let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
            if version != "1" && !version.starts_with("1.") {
                return Err(invalid(format!("{name} {version}: there is only version 1")));
            }
        }
    }
    let one_of = |name: &str, known: &[&str]| match given(name) {
        Some(value) if !value.as_str().is_some_and(|value| known.contains(&value)) => {
            Err(invalid(format!("{name} of {kind} is one of {}", known.join(", "))))
        }
        _ => Ok(()),
    };
    match kind {
        DISPLAY => {
            let is_text = |value: &Value| value.is_string();
            let by_locale =
                |value: &Value| value.as_object().is_some_and(|texts| texts.values().all(is_text));
            for name in ["xdm:title", "xdm:description", "xdm:note"] {
                if given(name).is_some_and(|value| !by_locale(value)) {
                    return Err(invalid(format!(
                        "{name} has a text for each locale, such as {{\"en_us\": …}}"
                    )));
                }
            }
            if given("meta:enum").is_some_and(|value| !value.is_object()) {
                return Err(invalid("meta:enum must be a JSON object"));
            }
            Ok(())
        }
        RELATIONSHIP => one_of("xdm:cardinality", &["1:1", "1:0", "M:1", "M:0"]),
        GRANULARITY => {
            if given("xdm:granularity").is_none() {
                return Err(invalid(format!("{kind} needs xdm:granularity")));
            }
            if given("xdm:ianaTimezone").is_some_and(|zone| zone.as_str().is_none_or(str::is_empty)) {
                return Err(invalid("xdm:ianaTimezone must be the name of a time zone"));
            }
            one_of("xdm:granularity", &["hour", "day"])
        }
        LABEL => {
            let is_list = |value: &Value| value.as_array().is_some_and(|l| l.iter().all(Value::is_string));
            match ["xdm:labels", "xdm:label"]
                .into_iter()
                .find(|name| given(name).is_some_and(|v| !is_list(v)))
            {
                Some(name) => Err(invalid(format!("{name} must be a list of texts"))),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn check_count(kind: &str, fields: Fields, doc: &Map<String, Value>) -> Result<(), RegistryError> {
    let count = paths(doc).len();
    match fields {
        Fields::None if count > 0 => Err(invalid(format!("{kind} has no xdm:sourceProperty"))),
        Fields::One if count != 1 => Err(invalid(format!("{kind} needs one xdm:sourceProperty"))),
        Fields::OneOrMore if count == 0 => Err(invalid(format!("{kind} needs xdm:sourceProperty"))),
        _ => Ok(()),
    }
}

/// The resource that a member names by its `$id`.
async fn target(
    tx: &mut Tx,
    scope: &Scope,
    doc: &Map<String, Value>,
    name: &str,
) -> Result<Found, RegistryError> {
    let id = text(doc, name);
    let found = find(tx, scope, id).await?.ok_or_else(|| invalid(format!("{name}: {id} does not exist")))?;
    if found.id() == id { Ok(found) } else { Err(invalid(format!("{name} must be an $id, not {id}"))) }
}

/// The kind under which references to a resource are kept.
pub(super) fn stored_kind(found: &Found) -> Option<Kind> {
    kind_of(found).and_then(ids::stored_kind)
}

/// A resource with all references resolved.
struct Tree {
    id: String,
    fields: Value,
    time_series: bool,
}

impl Tree {
    async fn of(tx: &mut Tx, scope: &Scope, found: &Found) -> Result<Self, RegistryError> {
        let doc = found.doc();
        let parts = Parts::of(tx, scope, &doc).await?;
        let fields = super::item::composed(found, scope, &parts)?;
        let extended = parts.extended(&doc);
        let time_series = found.id() == TIME_SERIES || extended.iter().any(|id| id == TIME_SERIES);
        Ok(Self { id: found.id().to_owned(), fields, time_series })
    }

    fn field(&self, path: &FieldPath) -> Result<(&Value, bool), RegistryError> {
        let missing = || invalid(format!("{path} names no field of {}", self.id));
        field_at(&self.fields, path).ok_or_else(missing)
    }
}

async fn check_identity(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    doc: &Map<String, Value>,
    source: &Found,
) -> Result<(), RegistryError> {
    if !["", "xdm:code", "xdm:id"].contains(&text(doc, "xdm:property")) {
        return Err(invalid("xdm:property of an identity descriptor is xdm:code or xdm:id"));
    }
    if doc.get("xdm:isPrimary").is_some_and(|primary| !primary.is_boolean()) {
        return Err(invalid("xdm:isPrimary must be true or false"));
    }
    check_namespace(tx, scope, doc, "xdm:namespace").await?;
    let others = match stored_kind(source) {
        Some(kind) => of(tx, scope, kind, source.id()).await?,
        None => Vec::new(),
    };
    if is_primary(doc)
        && let Some(other) = others.iter().find(|other| other.id != id && is_primary(&other.doc))
    {
        return Err(invalid(format!("the schema has a primary identity already: descriptor {}", other.id)));
    }
    let source_doc = source.doc();
    let parts = Parts::of(tx, scope, &source_doc).await?;
    let all = paths(doc);
    let required = if is_primary(doc) { all.as_slice() } else { &[] };
    let composed = check_composed(&parts, source.id(), &source_doc, required)?;
    let schema = xdm::Schema::compile(&composed, required)?;
    for path in &all {
        match schema.field(path).map(|field| &field.ty) {
            Some(Type::String) => {}
            Some(other) => {
                let text = format!("an identity is a string, and {path} is of type {}", other.xdm_type());
                return Err(invalid(text));
            }
            None => return Err(invalid(format!("{path} names no field of {}", source.id()))),
        }
    }
    Ok(())
}

/// Checks that a member names a namespace that there is, by its code or its number.
async fn check_namespace(
    tx: &mut Tx,
    scope: &Scope,
    doc: &Map<String, Value>,
    name: &str,
) -> Result<(), RegistryError> {
    let wanted = match doc.get(name) {
        Some(Value::String(code)) if !code.is_empty() => code.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(invalid(format!("{} needs {name}", text(doc, "@type")))),
    };
    if identity::find(tx, scope, &wanted).await?.is_some() {
        return Ok(());
    }
    Err(invalid(format!("{name}: there is no identity namespace {wanted}")))
}

async fn check_relationship(
    tx: &mut Tx,
    scope: &Scope,
    doc: &Map<String, Value>,
    destination: &Found,
) -> Result<(), RegistryError> {
    if let Some(sent) = doc.get("xdm:destinationProperty").filter(|sent| !sent.is_null()) {
        let path = sent.as_str().and_then(super::descriptors::path);
        let path = path.ok_or_else(|| invalid(format!("xdm:destinationProperty must be a path: {sent}")))?;
        Tree::of(tx, scope, destination).await?.field(&path)?;
    }
    match doc.get("xdm:destinationNamespace") {
        None | Some(Value::Null) => Ok(()),
        Some(_) => check_namespace(tx, scope, doc, "xdm:destinationNamespace").await,
    }
}

/// A schema has one primary key; that of events holds their time.
async fn check_key(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    doc: &Map<String, Value>,
    source: &Found,
    tree: &Tree,
) -> Result<(), RegistryError> {
    let others = match stored_kind(source) {
        Some(kind) => of(tx, scope, kind, source.id()).await?,
        None => Vec::new(),
    };
    if let Some(other) = others.iter().find(|o| o.id != id && text(&o.doc, "@type") == PRIMARY_KEY) {
        return Err(invalid(format!("the schema has a primary key already: descriptor {}", other.id)));
    }
    let mut times: Vec<FieldPath> = FieldPath::parse("/timestamp").into_iter().collect();
    let stated = others.iter().filter(|other| text(&other.doc, "@type") == TIMESTAMP);
    times.extend(stated.flat_map(|other| paths(&other.doc)));
    if tree.time_series && !paths(doc).iter().any(|path| times.contains(path)) {
        return Err(invalid("the primary key of a time-series schema includes its timestamp"));
    }
    Ok(())
}

fn check_relational(kind: &str, doc: &Map<String, Value>, tree: &Tree) -> Result<(), RegistryError> {
    for path in paths(doc) {
        let (field, required) = tree.field(&path)?;
        if !required {
            return Err(invalid(format!("{path} must be required to be the field of {kind}")));
        }
        if kind == TIMESTAMP && field.get("format").is_none_or(|format| format != "date-time") {
            return Err(invalid(format!("{path} must be a date-time to be the field of {kind}")));
        }
    }
    Ok(())
}

/// Checks that a schema which enters a union has a reference identity for each relationship, and the other way round.
pub(super) async fn check_partners(tx: &mut Tx, scope: &Scope, schema: &str) -> Result<(), RegistryError> {
    let said = of(tx, scope, Kind::Schemas, schema).await?;
    let about = |kinds: &[&str]| -> Vec<FieldPath> {
        let found = said.iter().filter(|saved| kinds.contains(&text(&saved.doc, "@type")));
        found.flat_map(|saved| paths(&saved.doc)).collect()
    };
    let relationships = about(&[ONE_TO_ONE, RELATIONSHIP]);
    let references = about(&[REFERENCE_IDENTITY]);
    if let Some(path) = relationships.iter().find(|path| !references.contains(path)) {
        return Err(RegistryError::ReferenceMissing { id: schema.to_owned(), path: path.to_string() });
    }
    match references.iter().find(|path| !relationships.contains(path)) {
        Some(path) => {
            Err(RegistryError::RelationshipMissing { id: schema.to_owned(), path: path.to_string() })
        }
        None => Ok(()),
    }
}

/// Refuses to take the primary identity from a schema whose profiles are built on it already.
pub(super) async fn check_primary_stays(
    tx: &mut Tx,
    scope: &Scope,
    saved: &Saved,
    new: Option<&Map<String, Value>>,
) -> Result<(), RegistryError> {
    let says = |doc: &Map<String, Value>| {
        let namespace = doc.get("xdm:namespace").cloned();
        (text(doc, "xdm:sourceSchema").to_owned(), paths(doc), namespace, is_primary(doc))
    };
    if !is_primary(&saved.doc) || new.is_some_and(|new| says(new) == says(&saved.doc)) {
        return Ok(());
    }
    let schema = text(&saved.doc, "xdm:sourceSchema");
    let Some(source) = resource::get(tx, scope, Kind::Schemas, schema).await? else {
        return Ok(());
    };
    if has_tag(&source.doc, "union") && has_rows(tx, scope, schema).await? {
        let text = format!("{schema} is part of a union and has data: its primary identity stays");
        return Err(invalid(text));
    }
    Ok(())
}

/// Whether a dataset of a schema has rows.
async fn has_rows(tx: &mut Tx, scope: &Scope, schema: &str) -> Result<bool, StoreError> {
    for dataset in resource::users(tx, scope, Kind::DataSets, Kind::Schemas, schema).await? {
        let sql = "SELECT 1 FROM batch WHERE sandbox = $1 AND dataset_id = $2 AND written > 0 LIMIT 1";
        if tx.row(sql, values![scope.sandbox, &dataset]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
