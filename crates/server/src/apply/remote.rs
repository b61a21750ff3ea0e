//! The objects that a sandbox has, read over the public API, in the form that files have.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::folder::{Key, refer, rename, shown};
use super::kinds::{CATALOG, FLOWS, Kind, MAPPINGS, REGISTRY, SANDBOXES, clean, clean_descriptor};
use crate::dev::client::Client;

/// In a flow's mapping, in place of a version: the newest, whichever it is.
pub(super) const NEWEST: &str = "newest";

/// What a lookup of the registry asks for: the resource as it was made.
pub(super) const PLAIN: (&str, &str) = ("accept", "application/vnd.adobe.xed+json");

/// An object that is there.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) etag: String,
    /// As a file would say it; objects are referred to by their names.
    pub(super) body: Map<String, Value>,
    /// Of a schema: ids, and as they stand in a file.
    pub(super) descriptors: Vec<(String, Value)>,
}

/// All objects of a sandbox.
#[derive(Debug, Default)]
pub(super) struct Remote {
    pub(super) found: BTreeMap<Key, Found>,
    /// Names that more than one object of a kind has.
    pub(super) twice: Vec<Key>,
    /// Ids of mapping sets without a name.
    pub(super) unnamed: Vec<String>,
    /// References by ids.
    pub(super) names: HashMap<String, String>,
    /// The newest versions of mapping sets.
    pub(super) versions: HashMap<String, u64>,
}

fn text(value: &Map<String, Value>, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The tenant id of the organisation.
pub(super) fn tenant(client: &Client) -> Result<String, String> {
    let stats = client.get("/data/foundation/schemaregistry/stats")?;
    stats["tenantId"].as_str().map(str::to_owned).ok_or_else(|| "the server names no tenant".to_owned())
}

/// The sandboxes of the organisation.
pub(super) fn sandboxes(client: &Client) -> Result<BTreeMap<String, Map<String, Value>>, String> {
    let listed = client.get(&format!("{SANDBOXES}?limit=1000&offset=0"))?;
    let all = listed["sandboxes"].as_array().into_iter().flatten().filter_map(Value::as_object);
    Ok(all.map(|sandbox| (text(sandbox, "name"), sandbox.clone())).collect())
}

impl Remote {
    pub(super) fn fetch(client: &Client) -> Result<Self, String> {
        let mut remote = Remote::default();
        let mut all = Vec::new();
        for kind in Kind::IN_SANDBOX {
            for (id, object) in list(client, kind)? {
                let name = text(&object, kind.name_member());
                if name.is_empty() {
                    remote.unnamed.push(id);
                    continue;
                }
                let key = (kind, name);
                remote.names.insert(id.clone(), refer(&key));
                if kind.is_registry() {
                    remote.names.insert(text(&object, "meta:altId"), refer(&key));
                }
                if kind == Kind::MappingSet {
                    let version = object.get("version").and_then(Value::as_u64).unwrap_or(0);
                    remote.versions.insert(refer(&key), version);
                }
                all.push((key, id, object));
            }
        }
        for (key, id, object) in all {
            let body = remote.named(clean(key.0, &object));
            let found = Found {
                id,
                state: text(&object, "state"),
                etag: text(&object, "etag"),
                body: remote.with_newest(body),
                descriptors: Vec::new(),
            };
            if remote.found.insert(key.clone(), found).is_some() {
                remote.twice.push(key);
            }
        }
        remote.descriptors(client)?;
        Ok(remote)
    }

    fn descriptors(&mut self, client: &Client) -> Result<(), String> {
        let accept = [("accept", "application/vnd.adobe.xdm-v2+json")];
        let listed = client.call("GET", &format!("{REGISTRY}/descriptors"), &accept, None)?;
        for descriptor in listed["results"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            let source = self.names.get(&text(descriptor, "xdm:sourceSchema")).cloned();
            let body = Value::Object(self.named(clean_descriptor(descriptor)));
            let schema = self.found.iter_mut().find(|(key, _)| source.as_ref() == Some(&refer(key)));
            if let Some((_, schema)) = schema {
                schema.descriptors.push((text(descriptor, "@id"), body));
            }
        }
        Ok(())
    }

    /// The same with references in place of ids.
    pub(super) fn named(&self, body: Map<String, Value>) -> Map<String, Value> {
        let named = |text: &str| self.names.get(text).cloned().unwrap_or_else(|| text.to_owned());
        match rename(Value::Object(body), &named) {
            Value::Object(body) => body,
            _ => Map::new(),
        }
    }

    /// A flow whose mapping says [`NEWEST`] where it names the newest version or a later one, or none.
    pub(super) fn with_newest(&self, mut body: Map<String, Value>) -> Map<String, Value> {
        let entries = body.get_mut("transformations").and_then(Value::as_array_mut).into_iter().flatten();
        for params in entries.filter_map(|entry| entry.get_mut("params")?.as_object_mut()) {
            let Some(set) = params.get("mappingId").and_then(Value::as_str) else { continue };
            let newest = self.versions.get(set).copied().unwrap_or(0);
            let version = match params.get("mappingVersion") {
                Some(Value::String(text)) => text.trim().parse().ok(),
                other => other.and_then(Value::as_u64),
            };
            if version.is_none_or(|version| version >= newest) {
                params.insert("mappingVersion".to_owned(), NEWEST.into());
            }
        }
        body
    }

    /// The one object of that name.
    pub(super) fn get(&self, key: &Key) -> Result<Option<&Found>, String> {
        if self.twice.contains(key) {
            return Err(format!(
                "the sandbox has more than one {}: give them names of their own",
                shown(key)
            ));
        }
        Ok(self.found.get(key))
    }
}

/// An id, and the object as it is shown.
type Shown = (String, Map<String, Value>);

/// All objects of a kind.
fn list(client: &Client, kind: Kind) -> Result<Vec<Shown>, String> {
    let mut all: Vec<Map<String, Value>> = Vec::new();
    let mut objects = |values: Option<&Vec<Value>>| {
        all.extend(values.into_iter().flatten().filter_map(Value::as_object).cloned());
        values.map_or(0, Vec::len)
    };
    if kind == Kind::DataSet {
        return datasets(client);
    }
    if kind == Kind::MappingSet {
        let mut start = 0;
        loop {
            let page = client.get(&format!("{MAPPINGS}?orderBy=createdDate&limit=100&start={start}"))?;
            let count = objects(page["data"].as_array());
            start += count;
            if count < 100 {
                break;
            }
        }
    } else if kind.is_registry() {
        let mut start = String::new();
        loop {
            let path = format!("{}?orderby=created&limit=300{start}", kind.path());
            let page = client.call("GET", &path, &[PLAIN], None)?;
            objects(page["results"].as_array());
            match &page["_page"]["next"] {
                Value::Null => break,
                Value::String(next) => start = format!("&start={}", encode(next)),
                next => start = format!("&start={next}"),
            }
        }
    } else {
        let mut path = format!("{}?limit=100", kind.path());
        loop {
            let page = client.get(&path)?;
            objects(page["items"].as_array());
            match page["_links"]["next"]["href"].as_str() {
                Some(href) => path = format!("{FLOWS}{href}"),
                None => break,
            }
        }
    }
    let id = if kind.is_registry() { "$id" } else { "id" };
    Ok(all.into_iter().map(|object| (text(&object, id), object)).collect())
}

fn datasets(client: &Client) -> Result<Vec<Shown>, String> {
    let mut all = Vec::new();
    loop {
        let page = client.get(&format!("{CATALOG}?orderBy=asc:created,id&limit=100&start={}", all.len()))?;
        let page = page.as_object().cloned().unwrap_or_default();
        let count = page.len();
        all.extend(page.into_iter().filter_map(|(id, object)| match object {
            Value::Object(object) => Some((id, object)),
            _ => None,
        }));
        if count < 100 {
            return Ok(all);
        }
    }
}

/// An id as one segment of a path.
pub(super) fn encode(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}
