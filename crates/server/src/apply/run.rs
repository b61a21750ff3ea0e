//! Making the changes of a plan, in its order.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::folder::{Wanted, refer, reference, rename, shown};
use super::kinds::{Kind, REGISTRY, SANDBOXES, descriptor_key, merged};
use super::remote::{Found, PLAIN, Remote, encode};
use super::{Change, drop_newest};
use crate::dev::client::Client;

/// The tag that puts a schema into a union. It is set last: it may need the schema's descriptors.
const TAGS: &str = "meta:immutableTags";

struct Run<'a> {
    client: &'a Client,
    remote: Remote,
    /// Ids by references, of what was there and of what was made.
    ids: HashMap<String, String>,
}

/// Makes all changes. The error is one line that begins with the place of the object that could not be changed.
pub(super) fn run(client: &Client, plan: &[(Wanted, Change)], remote: Remote) -> Result<(), String> {
    let ids = remote.found.iter().map(|(key, found)| (refer(key), found.id.clone())).collect();
    let mut run = Run { client, remote, ids };
    let at = |wanted: &Wanted, error: String| format!("{}: {}: {error}", wanted.at, wanted.shown());
    let (first, rest): (Vec<_>, Vec<_>) = plan.iter().partition(|(wanted, _)| wanted.key.0 <= Kind::Schema);
    for (wanted, change) in &first {
        run.change(wanted, change).map_err(|error| at(wanted, error))?;
    }
    for (wanted, change) in &first {
        if *change != Change::Same && wanted.key.0 == Kind::Schema {
            run.finish(wanted).map_err(|error| at(wanted, error))?;
        }
    }
    for (wanted, change) in rest {
        run.change(wanted, change).map_err(|error| at(wanted, error))?;
    }
    Ok(())
}

impl Run<'_> {
    fn change(&mut self, wanted: &Wanted, change: &Change) -> Result<(), String> {
        match change {
            Change::Same => Ok(()),
            Change::Create => self.create(wanted),
            Change::Update(paths) => self.update(wanted, paths),
        }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.client.call(method, path, &[], Some(body))
    }

    /// A body as the API takes it: ids in place of references.
    fn resolved(&self, mut body: Map<String, Value>) -> Result<Value, String> {
        drop_newest(&mut body);
        let value = Value::Object(body);
        for text in super::yaml::references(&value) {
            if let Some(Ok(key)) = reference(text)
                && !self.ids.contains_key(text)
            {
                return Err(format!("there is no {}", shown(&key)));
            }
        }
        Ok(rename(value, &|text| self.ids.get(text).cloned().unwrap_or_else(|| text.to_owned())))
    }

    fn create(&mut self, wanted: &Wanted) -> Result<(), String> {
        let (kind, _) = &wanted.key;
        let mut body = wanted.body.clone();
        let state = body.shift_remove("state").filter(|_| kind.is_flow_service());
        let state = state.as_ref().and_then(Value::as_str).unwrap_or("enabled");
        if *kind == Kind::Schema {
            body.shift_remove(TAGS);
        }
        let mode = if state == "draft" { "?mode=draft" } else { "" };
        let path = format!("{}{mode}", kind.path());
        let made = self.send("POST", &path, &self.resolved(body)?)?;
        let id = [&made["$id"], &made["id"], &made[0]].into_iter().find_map(Value::as_str);
        let id = id.ok_or_else(|| format!("the server gave no id: {made}"))?;
        let id = id.trim_start_matches("@/dataSets/").to_owned();
        self.ids.insert(refer(&wanted.key), id.clone());
        if !["enabled", "draft"].contains(&state) {
            let etag = made["etag"].as_str().unwrap_or_default().to_owned();
            self.set_state(*kind, &id, "enabled", state, &etag)?;
        }
        Ok(())
    }

    fn update(&mut self, wanted: &Wanted, paths: &[String]) -> Result<(), String> {
        let (kind, name) = &wanted.key;
        if *kind == Kind::Sandbox {
            let title = json!({ "title": wanted.body.get("title") });
            return self.send("PATCH", &format!("{SANDBOXES}/{name}"), &title).map(drop);
        }
        let Some(found) = self.remote.found.get(&wanted.key).cloned() else {
            return Err("it is not there any more".to_owned());
        };
        let path = format!("{}/{}", kind.path(), encode(&found.id));
        let body = merge(wanted, &found);
        if kind.is_registry() {
            if paths.iter().all(|path| path.starts_with("descriptors ") || path.starts_with(TAGS)) {
                return Ok(());
            }
            return self.send("PUT", &path, &self.resolved(without_new_tags(body, &found))?).map(drop);
        }
        match kind {
            Kind::MappingSet => self.send("PUT", &path, &self.resolved(body)?).map(drop),
            Kind::DataSet => {
                let mut changed = body;
                changed.retain(|member, _| touches(paths, member));
                self.send("PATCH", &path, &self.resolved(changed)?).map(drop)
            }
            _ => self.patch(*kind, &path, &found, wanted, body, paths),
        }
    }

    /// A JSON Patch of the members that differ, and the state.
    fn patch(
        &self,
        kind: Kind,
        path: &str,
        found: &Found,
        wanted: &Wanted,
        mut body: Map<String, Value>,
        paths: &[String],
    ) -> Result<(), String> {
        body.retain(|member, _| member != "state" && touches(paths, member));
        let mut operations = Vec::new();
        if let Value::Object(members) = self.resolved(body)? {
            for (member, value) in members {
                // Of the authentication the parameters alone can be changed.
                let (target, value) = match (kind, member.as_str(), value.get("params").cloned()) {
                    (Kind::Connection, "auth", Some(params)) => ("auth/params".to_owned(), params),
                    _ => (member, value),
                };
                operations.push(json!({ "op": "add", "path": format!("/{target}"), "value": value }));
            }
        }
        let mut etag = found.etag.clone();
        if !operations.is_empty() {
            let headers = [("if-match", etag.as_str())];
            let changed = self.client.call("PATCH", path, &headers, Some(&Value::Array(operations)))?;
            etag = changed["etag"].as_str().unwrap_or_default().to_owned();
        }
        match wanted.body.get("state").and_then(Value::as_str) {
            Some(state) if state != found.state => {
                self.set_state(kind, &found.id, &found.state, state, &etag)
            }
            _ => Ok(()),
        }
    }

    fn set_state(&self, kind: Kind, id: &str, from: &str, to: &str, etag: &str) -> Result<(), String> {
        let path = format!("{}/{id}", kind.path());
        let op = match (kind, from, to) {
            (_, "draft", "enabled") => "publish",
            (Kind::Flow, _, "enabled") => "enable",
            (Kind::Flow, _, "disabled") => "disable",
            (Kind::Connection, _, _) => {
                let patch = json!([{ "op": "replace", "path": "/state", "value": to }]);
                return self.client.call("PATCH", &path, &[("if-match", etag)], Some(&patch)).map(drop);
            }
            _ => return Err(format!("the state cannot become {to}: it is {from}")),
        };
        self.client.call("POST", &format!("{path}/action?op={op}"), &[], None).map(drop)
    }

    /// What a schema needs once all schemas are there: its descriptors, then its tags.
    fn finish(&self, wanted: &Wanted) -> Result<(), String> {
        let Some(id) = self.ids.get(&refer(&wanted.key)) else { return Ok(()) };
        let found = self.remote.found.get(&wanted.key);
        for descriptor in &wanted.descriptors {
            self.descriptor(id, descriptor, found)?;
        }
        let had = found.and_then(|found| found.body.get(TAGS));
        if wanted.body.get(TAGS).is_some_and(|tags| Some(tags) != had) {
            let path = format!("{}/{}", Kind::Schema.path(), encode(id));
            let shown = self.client.call("GET", &path, &[PLAIN_VERSION], None)?;
            let tagged = merged(&json!({ TAGS: wanted.body.get(TAGS) }), &shown);
            self.send("PUT", &path, &tagged)?;
        }
        Ok(())
    }

    fn descriptor(&self, schema: &str, wanted: &Value, found: Option<&Found>) -> Result<(), String> {
        let key = descriptor_key(wanted);
        let known = found.into_iter().flat_map(|found| &found.descriptors);
        let known = known.filter(|(_, known)| descriptor_key(known) == key).collect::<Vec<_>>();
        let mut body = match known.first() {
            Some((_, known)) => merged(wanted, known),
            None => wanted.clone(),
        };
        body["xdm:sourceSchema"] = schema.into();
        let body = self.resolved(body.as_object().cloned().unwrap_or_default())?;
        match known.first() {
            None => self.send("POST", &format!("{REGISTRY}/descriptors"), &body).map(drop),
            Some((_, known)) if merged(wanted, known) == *known => Ok(()),
            Some((id, _)) => self.send("PUT", &format!("{REGISTRY}/descriptors/{id}"), &body).map(drop),
        }
    }
}

const PLAIN_VERSION: (&str, &str) = (PLAIN.0, "application/vnd.adobe.xed+json; version=1");

fn touches(paths: &[String], member: &str) -> bool {
    paths
        .iter()
        .any(|path| path == member || path.strip_prefix(member).is_some_and(|rest| rest.starts_with('/')))
}

fn merge(wanted: &Wanted, found: &Found) -> Map<String, Value> {
    match merged(&Value::Object(wanted.body.clone()), &Value::Object(found.body.clone())) {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}

fn without_new_tags(mut body: Map<String, Value>, found: &Found) -> Map<String, Value> {
    body.shift_remove(TAGS);
    if let Some(tags) = found.body.get(TAGS) {
        body.insert(TAGS.to_owned(), tags.clone());
    }
    body
}
