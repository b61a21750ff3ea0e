//! A folder of files: what it says, and what is written into one.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::kinds::{Kind, normal};
use super::yaml::{self, REFERENCE};

/// Largest file. A schema of some thousand fields takes a tenth of it.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Most files of a folder.
const FILES_MAX: usize = 10_000;

/// Stands in files for the tenant id, so that they fit any organisation.
pub(super) const TENANT: &str = "{TENANT_ID}";

/// A name within a kind.
pub(super) type Key = (Kind, String);

/// An object of the folder.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) key: Key,
    /// `file:line`.
    pub(super) at: String,
    /// Without the members `kind` and `descriptors`.
    pub(super) body: Map<String, Value>,
    /// Of a schema.
    pub(super) descriptors: Vec<Value>,
    /// The objects that it refers to, and where.
    pub(super) references: Vec<(Key, String)>,
}

impl Wanted {
    pub(super) fn shown(&self) -> String {
        shown(&self.key)
    }
}

pub(super) fn shown((kind, name): &Key) -> String {
    format!("{}/{name}", kind.word())
}

/// Reads all files of a folder. The error is one line that begins with the place.
pub(super) fn read(folder: &Path, tenant: &str) -> Result<Vec<Wanted>, String> {
    let mut files = Vec::new();
    find(folder, &mut files)?;
    files.sort();
    let mut all = Vec::new();
    let mut places: BTreeMap<Key, String> = BTreeMap::new();
    for file in files {
        for wanted in read_file(&file, tenant)? {
            if let Some(first) = places.insert(wanted.key.clone(), wanted.at.clone()) {
                return Err(format!("{}: {} is at {first} already", wanted.at, wanted.shown()));
            }
            all.push(wanted);
        }
    }
    Ok(all)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let kind = entry.file_type().map_err(cannot)?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            find(&path, files)?;
        } else if extension(&path).is_some() {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(format!("{}: more than {FILES_MAX} files", folder.display()));
        }
    }
    Ok(())
}

/// `json` or `yaml`, of the files that count.
fn extension(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()? {
        "json" => Some("json"),
        "yaml" | "yml" => Some("yaml"),
        _ => None,
    }
}

fn read_file(path: &Path, tenant: &str) -> Result<Vec<Wanted>, String> {
    let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
    if fs::metadata(path).map_err(cannot)?.len() > FILE_BYTES_MAX {
        return Err(format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display()));
    }
    let text = fs::read_to_string(path).map_err(cannot)?;
    let read = if extension(path) == Some("json") { yaml::read_json } else { yaml::read_yaml };
    let documents =
        read(&text).map_err(|fault| format!("{}:{}: {}", path.display(), fault.line, fault.text))?;
    documents.into_iter().map(|document| wanted(path, document, tenant)).collect()
}

fn wanted(path: &Path, document: yaml::Document, tenant: &str) -> Result<Wanted, String> {
    let place = |line: usize| format!("{}:{line}", path.display());
    let at = place(document.line);
    let members = match rename(Value::Object(document.members), &|text| text.replace(TENANT, tenant)) {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let mut body = members;
    let kind = body.shift_remove("kind");
    let kind = kind.as_ref().and_then(Value::as_str).ok_or_else(|| format!("{at}: kind is missing"))?;
    let kind = Kind::of_word(kind).ok_or_else(|| format!("{at}: there is no kind {kind}"))?;
    let member = kind.name_member();
    let name = body.get(member).and_then(Value::as_str).filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| format!("{at}: {member} is missing, or no text"))?.to_owned();
    let descriptors = match body.shift_remove("descriptors") {
        None => Vec::new(),
        Some(Value::Array(all)) if kind == Kind::Schema && all.iter().all(Value::is_object) => all,
        Some(_) => return Err(format!("{at}: descriptors is a list of objects, in a schema")),
    };
    let mut references = Vec::new();
    for (text, line) in &document.references {
        let text = text.replace(TENANT, tenant);
        match reference(&text) {
            None => {}
            Some(Ok(key)) => references.push((key, place(*line))),
            Some(Err(word)) => return Err(format!("{}: {text}: there is no kind {word}", place(*line))),
        }
    }
    normal(kind, &mut body);
    Ok(Wanted { key: (kind, name), at, body, descriptors, references })
}

/// The object that a text refers to: `@schema/Title`. A text that does not look like that is a text.
pub(super) fn reference(text: &str) -> Option<Result<Key, String>> {
    let (word, name) = text.strip_prefix(REFERENCE)?.split_once('/')?;
    if word.is_empty() || !word.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    Some(Kind::of_word(word).map(|kind| (kind, name.to_owned())).ok_or_else(|| word.to_owned()))
}

/// How a file refers to an object.
pub(super) fn refer((kind, name): &Key) -> String {
    format!("{REFERENCE}{}/{name}", kind.word())
}

/// A value with its texts and its members' names changed.
pub(super) fn rename(value: Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => change(&text).into(),
        Value::Array(items) => items.into_iter().map(|item| rename(item, change)).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (change(&name), rename(value, change))).collect()
        }
        other => other,
    }
}

/// The order in which the objects are made: what is referred to comes first. Descriptors do not count: they are made
/// after all schemas.
pub(super) fn ordered(all: &[Wanted]) -> Result<Vec<usize>, String> {
    let index: BTreeMap<&Key, usize> = all.iter().enumerate().map(|(at, wanted)| (&wanted.key, at)).collect();
    let mut begin: Vec<usize> = (0..all.len()).collect();
    begin.sort_by_key(|at| &all[*at].key);
    let (mut done, mut order) = (HashSet::new(), Vec::new());
    for start in begin {
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(at) = next.take() {
                if done.contains(&at) {
                } else if path.iter().any(|(open, _)| *open == at) {
                    return Err(format!(
                        "{}: {} refers to itself by way of others",
                        all[at].at,
                        all[at].shown()
                    ));
                } else {
                    path.push((at, needs(&all[at], &index)));
                }
            }
            let Some((at, needs)) = path.last_mut() else { break };
            match needs.pop() {
                Some(need) => next = Some(need),
                None => {
                    done.insert(*at);
                    order.push(*at);
                    path.pop();
                }
            }
        }
    }
    Ok(order)
}

fn needs(wanted: &Wanted, index: &BTreeMap<&Key, usize>) -> Vec<usize> {
    let body = Value::Object(wanted.body.clone());
    let keys: BTreeSet<Key> = yaml::references(&body).filter_map(|text| reference(text)?.ok()).collect();
    keys.iter().rev().filter_map(|key| index.get(key).copied()).collect()
}

/// Writes one file for each object, `{kind}/{name}.yaml`, into a folder that is new or empty.
pub(super) fn write(folder: &Path, objects: &[(Key, Map<String, Value>)]) -> Result<(), String> {
    let cannot = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    let mut entries = fs::read_dir(folder).map_err(|error| cannot(folder, error))?;
    if entries.any(|entry| entry.is_ok_and(|entry| !entry.file_name().to_string_lossy().starts_with('.'))) {
        return Err(format!("{}: an export goes into a folder that is new or empty", folder.display()));
    }
    let mut taken = HashSet::new();
    for ((kind, name), body) in objects {
        let folder = folder.join(kind.word());
        fs::create_dir_all(&folder).map_err(|error| cannot(&folder, error))?;
        let slug = slug(name);
        let mut file = folder.join(format!("{slug}.yaml"));
        let mut number = 2;
        while !taken.insert(file.clone()) {
            file = folder.join(format!("{slug}-{number}.yaml"));
            number += 1;
        }
        let mut members = Map::from_iter([("kind".to_owned(), kind.word().into())]);
        members.extend(body.clone());
        fs::write(&file, yaml::write(&members)).map_err(|error| cannot(&file, error))?;
    }
    Ok(())
}

/// A name as the name of a file.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars().take(100) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "object".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn references_give_the_order() {
        let files = [
            (
                "a.yaml",
                "kind: schema\ntitle: S\nallOf: [{$ref: '@fieldgroup/G'}]\ndescriptors: [{x: '@schema/S'}]\n---\nkind: dataset\nname: D\nschemaRef: {id: '@schema/S'}\n",
            ),
            (
                "b/c.json",
                r#"{"kind": "fieldgroup", "title": "G", "allOf": [{"$ref": "@datatype/T"}], "_{TENANT_ID}": "x {TENANT_ID}"}"#,
            ),
            ("b/.hidden.yaml", ": ["),
            ("b/readme.md", "kind"),
            ("t.yml", "kind: datatype\ntitle: T\n"),
        ];
        let folder = folder(&files);
        let all = read(folder.path(), "acme").unwrap();
        let order: Vec<String> = ordered(&all).unwrap().into_iter().map(|at| all[at].shown()).collect();
        assert_eq!(order, ["datatype/T", "fieldgroup/G", "schema/S", "dataset/D"]);
        let group = all.iter().find(|wanted| wanted.key.0 == Kind::FieldGroup).unwrap();
        assert_eq!(group.body["_acme"], "x acme");
        assert_eq!(group.references.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, part) in [
            ("name: D", ":1: kind is missing"),
            ("\n\nkind: schemas\ntitle: x", ":3: there is no kind schemas"),
            ("kind: dataset\ntitle: x", ":1: name is missing"),
            (
                "kind: dataset\nname: x\nschemaRef: {id: '@scheme/x'}",
                ":3: @scheme/x: there is no kind scheme",
            ),
            ("kind: dataset\nname: x\n---\nkind: dataset\nname: x", ":4: dataset/x is at"),
            ("kind: dataset\nname: x\ndescriptors: []", ":1: descriptors"),
            ("kind: dataset\nname: [x", "no YAML"),
        ] {
            let folder = folder(&[("x.yaml", text)]);
            let fault = read(folder.path(), "acme").unwrap_err();
            assert!(fault.contains(part) && fault.contains("x.yaml:"), "{text}: {fault}");
        }
        let circle =
            "kind: class\ntitle: A\na: '@fieldgroup/B'\n---\nkind: fieldgroup\ntitle: B\nb: '@class/A'\n";
        let folder = folder(&[("x.yaml", circle)]);
        let all = read(folder.path(), "acme").unwrap();
        assert!(ordered(&all).unwrap_err().contains("refers to itself"));
        assert!(read(Path::new("/does/not/exist"), "acme").is_err());
    }

    #[test]
    fn an_export_has_a_file_for_each_object() {
        let folder = folder(&[]);
        let body = |name: &str| Map::from_iter([("name".to_owned(), name.into())]);
        let objects: Vec<_> =
            ["A b", "a  B!", "数据"].map(|name| ((Kind::DataSet, name.to_owned()), body(name))).to_vec();
        write(folder.path(), &objects).unwrap();
        for (file, name) in [("a-b", "A b"), ("a-b-2", "a  B!"), ("object", "数据")] {
            let text = fs::read_to_string(folder.path().join(format!("dataset/{file}.yaml"))).unwrap();
            assert!(text.contains(name), "{text}");
        }
        assert_eq!(read(folder.path(), "acme").unwrap().len(), 3);
        assert!(write(folder.path(), &objects).unwrap_err().contains("new or empty"));
    }
}
