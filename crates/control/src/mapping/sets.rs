//! Mapping sets as resources: made, replaced, found in any version, compiled.

use std::collections::HashMap;
use std::sync::Arc;

use prep::{Context, Finding, Item, ItemError, MappingSet, Severity, Switches, Warning};
use serde_json::{Map, Value, json};
use store::{Tx, values};
use vocab::{Json, Millis, Node, Tape, random};

use super::body::{self, items, normalise, schema_id};
use super::error::{MappingError, transform_error};
use super::query::Query;
use super::samples;
use crate::limits::PREVIEW_RECORDS_MAX;
use crate::registry::RegistryError;
use crate::resource::{New, Page};
use crate::{Kind, Saved, Scope, registry, resource};

/// A mapping set in one version.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: String,
    pub version: u32,
    pub created: Millis,
    pub modified: Millis,
    pub created_by: String,
    pub modified_by: String,
    pub(super) doc: Map<String, Value>,
}

impl Stored {
    pub(super) fn of(saved: Saved) -> Self {
        Self {
            id: saved.id,
            version: version_of(&saved.doc),
            created: saved.created,
            modified: saved.updated,
            created_by: saved.created_by,
            modified_by: saved.updated_by,
            doc: saved.doc,
        }
    }

    /// Its items as they are shown.
    pub fn mappings(&self) -> Vec<Value> {
        super::item::mappings(self)
    }

    /// One of them.
    pub fn mapping(&self, id: &str) -> Result<Value, MappingError> {
        let mut mappings = self.mappings();
        let at = place(&mappings, id)?;
        Ok(mappings.swap_remove(at))
    }
}

pub(super) fn version_of(doc: &Map<String, Value>) -> u32 {
    doc.get("version").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok()).unwrap_or(0)
}

/// Creates a mapping set in version 0. Every item must compile against the output schema.
pub async fn create(tx: &mut Tx, scope: &Scope, body: Map<String, Value>) -> Result<Stored, MappingError> {
    let mut doc = checked(tx, scope, body).await?;
    doc.insert("version".to_owned(), json!(0));
    let saved = resource::insert(tx, scope, new(random::hex(16), doc)).await?;
    Ok(Stored::of(saved))
}

/// A set in the stored form, all of whose items compile. Its schema is named by the `$id`, as datasets name theirs: flows
/// compare the two.
async fn checked(
    tx: &mut Tx,
    scope: &Scope,
    body: Map<String, Value>,
) -> Result<Map<String, Value>, MappingError> {
    let mut doc = normalise(body, &scope.switches)?;
    let found = registry::lookup(tx, scope, schema_id(&doc)).await?;
    if let Some(id) = found.and_then(|schema| schema.get("$id").cloned())
        && let Some(output) = doc.get_mut("outputSchema")
    {
        output["schemaRef"]["id"] = id;
    }
    check(tx, scope, &doc).await?;
    Ok(doc)
}

fn new(id: String, doc: Map<String, Value>) -> New {
    let name = doc.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let uses = vec![(Kind::Schemas, schema_id(&doc).to_owned())];
    New { kind: Kind::MappingSets, id, name, state: "PUBLISHED".to_owned(), doc, uses }
}

/// Replaces a set: the next version. What the body leaves out stays.
pub async fn replace(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    body: Map<String, Value>,
) -> Result<Stored, MappingError> {
    let saved = newest(tx, scope, id).await?;
    let mut merged = saved.doc.clone();
    // An older spelling of the schema in the body counts, not the stored newer one.
    if body.contains_key("outputSchema") || body.contains_key("schemaRef") || body.contains_key("xdmSchema") {
        merged.shift_remove("outputSchema");
    }
    merged.extend(body);
    let doc = checked(tx, scope, merged).await?;
    next_version(tx, scope, saved, doc).await
}

/// Stores a checked set as the next version of the one that is there.
async fn next_version(
    tx: &mut Tx,
    scope: &Scope,
    mut saved: Saved,
    mut doc: Map<String, Value>,
) -> Result<Stored, MappingError> {
    keep(tx, scope, &saved).await?;
    doc.insert("version".to_owned(), json!(version_of(&saved.doc) + 1));
    let new = new(saved.id.clone(), doc);
    (saved.name, saved.doc) = (new.name, new.doc);
    if !resource::update(tx, scope, &mut saved, Some(&new.uses)).await? {
        return Err(MappingError::Conflict);
    }
    Ok(Stored::of(saved))
}

/// Changes the items of a set: the next version, in which the other items keep their ids.
async fn change_items(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    change: impl FnOnce(&mut Vec<Value>) -> Result<(), MappingError>,
) -> Result<Stored, MappingError> {
    let saved = newest(tx, scope, id).await?;
    let mut doc = saved.doc.clone();
    if let Some(Value::Array(mappings)) = doc.get_mut("mappings") {
        change(mappings)?;
    }
    check(tx, scope, &doc).await?;
    next_version(tx, scope, saved, doc).await
}

fn place(mappings: &[Value], id: &str) -> Result<usize, MappingError> {
    let found = mappings.iter().position(|item| item.get("id").and_then(Value::as_str) == Some(id));
    found.ok_or_else(|| MappingError::NoMapping { id: id.to_owned() })
}

/// Adds an item to a set: the set, and the item as it is shown.
pub async fn add_mapping(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    sent: &Value,
) -> Result<(Stored, Value), MappingError> {
    let added = body::mapping(sent, &scope.switches)?;
    let mapping = added["id"].as_str().unwrap_or_default().to_owned();
    let push = |mappings: &mut Vec<Value>| {
        mappings.push(added);
        Ok(())
    };
    let set = change_items(tx, scope, id, push).await?;
    let shown = set.mapping(&mapping)?;
    Ok((set, shown))
}

/// Replaces an item of a set, which keeps its id: the set, and the item as it is shown.
pub async fn replace_mapping(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    mapping: &str,
    sent: &Value,
) -> Result<(Stored, Value), MappingError> {
    let mut new = body::mapping(sent, &scope.switches)?;
    let replace = |mappings: &mut Vec<Value>| {
        let at = place(mappings, mapping)?;
        let version = mappings[at].get("version").and_then(Value::as_u64).unwrap_or(0);
        new["id"] = json!(mapping);
        new["version"] = json!(version.saturating_add(1));
        mappings[at] = new;
        Ok(())
    };
    let set = change_items(tx, scope, id, replace).await?;
    let shown = set.mapping(mapping)?;
    Ok((set, shown))
}

/// Takes an item out of a set: the set, and the item as it was shown.
pub async fn remove_mapping(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    mapping: &str,
) -> Result<(Stored, Value), MappingError> {
    let shown = get(tx, scope, id, None).await?.mapping(mapping)?;
    let remove = |mappings: &mut Vec<Value>| {
        let at = place(mappings, mapping)?;
        mappings.remove(at);
        Ok(())
    };
    Ok((change_items(tx, scope, id, remove).await?, shown))
}

/// Puts the newest version beside the old ones.
async fn keep(tx: &mut Tx, scope: &Scope, saved: &Saved) -> Result<(), MappingError> {
    let sql =
        "INSERT INTO revision (sandbox, kind, id, version, created_ms, doc) VALUES ($1, $2, $3, $4, $5, $6)";
    let doc = Value::Object(saved.doc.clone()).to_string();
    let version = version_of(&saved.doc);
    tx.execute(sql, values![scope.sandbox, Kind::MappingSets.name(), &saved.id, version, saved.updated, doc])
        .await?;
    Ok(())
}

async fn newest(tx: &mut Tx, scope: &Scope, id: &str) -> Result<Saved, MappingError> {
    let saved = resource::get(tx, scope, Kind::MappingSets, id).await?;
    saved.ok_or_else(|| MappingError::NotFound { what: "mapping set", id: id.to_owned() })
}

/// A set in that version, or the newest.
pub async fn get(tx: &mut Tx, scope: &Scope, id: &str, version: Option<u32>) -> Result<Stored, MappingError> {
    let mut set = Stored::of(newest(tx, scope, id).await?);
    if let Some(version) = version.filter(|version| *version != set.version) {
        let (doc, created) = old(tx, scope, id, version).await?;
        (set.version, set.doc, set.modified) = (version, doc, created);
    }
    Ok(set)
}

/// An old version: its document, and when it was made.
async fn old(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    version: u32,
) -> Result<(Map<String, Value>, Millis), MappingError> {
    let sql =
        "SELECT doc, created_ms FROM revision WHERE sandbox = $1 AND kind = $2 AND id = $3 AND version = $4";
    let row = tx.row(sql, values![scope.sandbox, Kind::MappingSets.name(), id, version]).await?;
    let row = row.ok_or_else(|| MappingError::NoVersion { id: id.to_owned(), version })?;
    Ok((serde_json::from_str(row.text(0)?).unwrap_or_default(), Millis(row.int(1)?)))
}

/// Deletes a set, unless an enabled flow uses it. Its versions stay for records that came in under them.
pub async fn delete(tx: &mut Tx, scope: &Scope, id: &str) -> Result<(), MappingError> {
    let saved = newest(tx, scope, id).await?;
    let mut enabled = Vec::new();
    for flow in resource::users(tx, scope, Kind::Flows, Kind::MappingSets, id).await? {
        let found = resource::get(tx, scope, Kind::Flows, &flow).await?;
        if found.is_some_and(|flow| flow.state == "enabled") {
            enabled.push(flow);
        }
    }
    if !enabled.is_empty() {
        return Err(MappingError::InUse { id: id.to_owned(), flows: enabled });
    }
    keep(tx, scope, &saved).await?;
    Ok(resource::delete(tx, scope, &saved).await?)
}

/// A page of sets in their newest versions.
pub async fn list(tx: &mut Tx, scope: &Scope, query: &Query) -> Result<Vec<Stored>, MappingError> {
    let uses = query.schema.as_deref().map(|schema| (Kind::Schemas, schema));
    let page = Page { uses, ..query.page() };
    let found = resource::page(tx, scope, Kind::MappingSets, &page).await?;
    Ok(found.into_iter().map(Stored::of).collect())
}

/// A set as it is shown, with the schema that it writes to in full.
pub async fn expanded(tx: &mut Tx, scope: &Scope, set: &Stored) -> Result<Value, MappingError> {
    let mut shown = super::item::item(set);
    match registry::composed(tx, scope, schema_id(&set.doc)).await {
        Ok(schema) => shown["outputSchema"]["jsonSchema"] = schema,
        Err(RegistryError::Store(error)) => return Err(error.into()),
        // A set outlives its schema.
        Err(_) => {}
    }
    Ok(shown)
}

/// The set in that version (or the newest), compiled; and that version. Sets that were deleted are found by a version. An item
/// that compiled when it was saved and does so no more costs its field.
pub async fn compiled(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    version: Option<u32>,
) -> Result<(Arc<MappingSet>, u32), MappingError> {
    compiled_with(tx, scope, id, version, &mut HashMap::new()).await
}

/// The same for one set of many: the schemas that they share, by id, are compiled once.
pub async fn compiled_with(
    tx: &mut Tx,
    scope: &Scope,
    id: &str,
    version: Option<u32>,
    schemas: &mut HashMap<String, Arc<xdm::Schema>>,
) -> Result<(Arc<MappingSet>, u32), MappingError> {
    let found = match (get(tx, scope, id, version).await, version) {
        (Err(MappingError::NotFound { .. }), Some(version)) => {
            (old(tx, scope, id, version).await?.0, version)
        }
        (found, _) => found.map(|set| (set.doc, set.version))?,
    };
    let schema = schema_id(&found.0);
    let known = match schemas.get(schema) {
        Some(known) => known.clone(),
        None => {
            let made = output_schema(tx, scope, schema).await?;
            schemas.insert(schema.to_owned(), made.clone());
            made
        }
    };
    let options = body::options(&found.0, scope.switches);
    Ok((Arc::new(MappingSet::compile_stored(&items(&found.0), &known, options)), found.1))
}

async fn output_schema(tx: &mut Tx, scope: &Scope, schema: &str) -> Result<Arc<xdm::Schema>, MappingError> {
    let compiled = registry::compiled(tx, scope, schema).await;
    compiled.map_err(|error| MappingError::schema(schema, error))
}

async fn compile(tx: &mut Tx, scope: &Scope, doc: &Map<String, Value>) -> Result<MappingSet, MappingError> {
    let schema = output_schema(tx, scope, schema_id(doc)).await?;
    compile_against(doc, &schema, scope.switches)
}

/// What is to be warned of in a set that may be saved: against its schema, and against its sample when it names one.
async fn check(tx: &mut Tx, scope: &Scope, doc: &Map<String, Value>) -> Result<Vec<Finding>, MappingError> {
    let schema = output_schema(tx, scope, schema_id(doc)).await?;
    let compiled = compile_against(doc, &schema, scope.switches)?;
    let sample = match doc.get("inputSchema").and_then(|input| input.get("sampleId")?.as_str()) {
        Some(id) => match samples::records(tx, scope, id).await {
            // Saving a set asks for no more than that its schema exists.
            Err(MappingError::NotFound { .. } | MappingError::Invalid(_)) => Vec::new(),
            found => found?,
        },
        None => Vec::new(),
    };
    let sample: Vec<String> = sample.iter().take(PREVIEW_RECORDS_MAX).map(Value::to_string).collect();
    let sample: Vec<Tape<'_>> = sample.iter().filter_map(|text| Tape::of(text.as_bytes()).ok()).collect();
    let sample: Vec<Node<'_, '_>> = sample.iter().map(Tape::root).collect();
    let findings = compiled.check(&schema, &sample);
    let refused = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .filter_map(|finding| Some((item_error(finding), doc["mappings"][finding.item?].clone())));
    let refused: Vec<(ItemError, Value)> = refused.collect();
    if refused.is_empty() { Ok(findings) } else { Err(MappingError::Items(refused)) }
}

fn compile_against(
    doc: &Map<String, Value>,
    schema: &xdm::Schema,
    switches: Switches,
) -> Result<MappingSet, MappingError> {
    MappingSet::compile_with(&items(doc), schema, body::options(doc, switches)).map_err(|errors| {
        let sent = |error: &ItemError| {
            doc.get("mappings").and_then(|items| items.get(error.index)).cloned().unwrap_or_default()
        };
        MappingError::Items(errors.into_iter().map(|error| (error.clone(), sent(&error))).collect())
    })
}

/// What each item of a set comes to, in their order: `{"status", "errors"}`; beside it what is to be warned of. Nothing is
/// stored.
pub async fn validate(
    tx: &mut Tx,
    scope: &Scope,
    body: Map<String, Value>,
) -> Result<(Vec<Value>, Vec<Value>), MappingError> {
    let doc = normalise(body, &scope.switches)?;
    let (errors, findings) = match check(tx, scope, &doc).await {
        Ok(findings) => (Vec::new(), findings),
        Err(MappingError::Items(errors)) => (errors, Vec::new()),
        Err(error) => return Err(error),
    };
    let status = |index: usize, _: &Item| {
        let own: Vec<Value> = errors
            .iter()
            .filter(|(error, _)| error.index == index)
            .map(|(error, sent)| transform_error(error, sent))
            .collect();
        if own.is_empty() {
            json!({ "status": "SUCCESS", "errors": null })
        } else {
            json!({ "status": "FAILED", "errors": own })
        }
    };
    let warnings = findings.iter().map(|finding| finding_error(finding, &doc)).collect();
    Ok((items(&doc).iter().enumerate().map(|(index, item)| status(index, item)).collect(), warnings))
}

fn item_error(finding: &Finding) -> ItemError {
    ItemError {
        index: finding.item.unwrap_or_default(),
        code: finding.code,
        message: finding.message.clone(),
        span: finding.span.map(|span| (span.start, span.end)),
    }
}

fn finding_error(finding: &Finding, doc: &Map<String, Value>) -> Value {
    let sent = finding.item.and_then(|index| doc.get("mappings")?.get(index)).cloned().unwrap_or_default();
    let mut shown = transform_error(&item_error(finding), &sent);
    shown["severity"] = json!("WARNING");
    shown
}

/// The items' errors of a refusal, in the documented shape.
impl MappingError {
    pub fn transform_errors(&self) -> Vec<Value> {
        match self {
            MappingError::Items(errors) => {
                errors.iter().map(|(error, sent)| transform_error(error, sent)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Maps records as the record path would: `{"data", "errors"}` for each, and `explain`, item by item, if that is asked for.
pub async fn preview(
    tx: &mut Tx,
    scope: &Scope,
    data: &Value,
    set: Map<String, Value>,
    explain: bool,
) -> Result<Vec<Value>, MappingError> {
    let records: &[Value] = match data {
        Value::Array(records) => records,
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return Err(MappingError::invalid("data must be a record or an array of records")),
    };
    if records.len() > PREVIEW_RECORDS_MAX {
        return Err(MappingError::invalid(format!("a preview takes at most {PREVIEW_RECORDS_MAX} records")));
    }
    let doc = normalise(set, &scope.switches)?;
    let compiled = compile(tx, scope, &doc).await?;
    let mut shown = Vec::with_capacity(records.len());
    for record in records {
        let text = record.to_string();
        let record = Tape::of(text.as_bytes())
            .map_err(|error| MappingError::invalid(format!("a record cannot be read: {error}")))?;
        let context = Context { now: scope.now, seed: u128::from_be_bytes(random::bytes()) };
        let (mapped, told) = if explain {
            let (mapped, told) = compiled.explain(record.root(), &context);
            (mapped, Some(told))
        } else {
            (compiled.apply(record.root(), &context), None)
        };
        // In a strict set a warning is what the record fails of.
        let severity = if compiled.refusal(&mapped, false).is_some() { "ERROR" } else { "WARNING" };
        let errors = mapped.warnings.iter().map(|warning| warning_error(warning, severity, &doc));
        let errors: Vec<Value> = errors.collect();
        let errors = if errors.is_empty() { Value::Null } else { Value::Array(errors) };
        let mut row = json!({ "data": value(&mapped.to_json()), "errors": errors });
        if let Some(told) = told {
            row["explain"] = value(&told);
        }
        shown.push(row);
    }
    Ok(shown)
}

fn value(json: &Json<'_>) -> Value {
    serde_json::from_str(&json.to_string()).unwrap_or_default()
}

fn warning_error(warning: &Warning, severity: &str, doc: &Map<String, Value>) -> Value {
    json!({
        "source": warning.source, "sourceType": doc["mappings"][warning.item]["sourceType"],
        "destination": warning.destination, "exception": warning.message, "columnName": warning.destination,
        "code": warning.code, "severity": severity,
        "span": { "start": warning.span.start, "end": warning.span.end }
    })
}
