//! The files of the public repository, where a checkout is at hand, and small ones in its notation.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vocab::Json;

use crate::library::{Library, Resource, ResourceKind, standard};
use crate::{Schema, compose, from_public, ingestion_names, is_public, kind_of, to_xdm_names};

/// The checkout that `TRIBUTARY_TEST_XDM` names.
fn checkout() -> Option<PathBuf> {
    let found = std::env::var_os("TRIBUTARY_TEST_XDM").map(PathBuf::from).filter(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: public XDM data not found (set TRIBUTARY_TEST_XDM to a checkout)");
    }
    found
}

fn files(folder: &Path, ending: &str, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, ending, out);
        } else if path.to_str().unwrap().ends_with(ending) {
            out.push(path);
        }
    }
}

fn schemas(root: &Path) -> Vec<(PathBuf, Value)> {
    let mut paths = Vec::new();
    for folder in ["components", "schemas", "extensions"] {
        files(&root.join(folder), ".schema.json", &mut paths);
    }
    let read = |path: PathBuf| {
        let doc = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (path.strip_prefix(root).unwrap().to_owned(), doc)
    };
    paths.into_iter().map(read).collect()
}

fn imported(files: &[(PathBuf, Value)]) -> Library {
    let resources = files.iter().map(|(path, doc)| {
        Resource::new(kind_of(path, doc), from_public(doc))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    standard().with(resources.collect::<Vec<_>>())
}

/// The type of every field by its path, with what narrows it.
fn fields(node: &Value, path: &str, out: &mut BTreeMap<String, String>) {
    for (name, field) in node.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}/{name}");
        let keys =
            ["meta:xdmType", "format", "enum", "pattern", "minimum", "maximum", "meta:xdmField", "const"];
        let facts: Vec<String> =
            keys.iter().filter_map(|key| Some(format!("{key}={}", field.get(key)?))).collect();
        out.insert(
            path.clone(),
            format!("{} required={:?}", facts.join(" "), field.get("required").map(Value::to_string)),
        );
        fields(field, &path, out);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = node.get(key).filter(|inner| inner.is_object()) {
            out.insert(
                format!("{path}/*"),
                format!("{} {}", inner["meta:xdmType"], inner.get("format").unwrap_or(&Value::Null)),
            );
            fields(inner, &format!("{path}/*"), out);
        }
    }
}

#[test]
fn every_public_resource_composes_and_compiles() {
    let Some(root) = checkout() else { return };
    let files = schemas(&root);
    assert_eq!(files.len(), 819);
    let library = imported(&files);
    let find = |id: &str| library.get(id).map(|found| found.doc.clone());
    let mut kinds: HashMap<&str, usize> = HashMap::new();
    let mut fields_total = 0;
    for (path, doc) in &files {
        let resource = library.get(doc["$id"].as_str().unwrap()).unwrap();
        let resolved =
            compose(&resource.doc, &find).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Schema::compile(&resolved, &[]).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        *kinds.entry(resource.kind.name()).or_default() += 1;
        crate::sample(&Schema::compile(&resolved, &[]).unwrap(), 1)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut all = BTreeMap::new();
        fields(&resolved, "", &mut all);
        fields_total += all.len();
    }
    println!("{kinds:?}, {fields_total} fields");
    assert_eq!(kinds["behaviors"], 3);
}

#[test]
fn built_in_resources_are_as_the_public_ones() {
    let Some(root) = checkout() else { return };
    let library = imported(&schemas(&root));
    let find = |id: &str| library.get(id).map(|found| found.doc.clone());
    for kind in ResourceKind::ALL {
        for resource in standard().list(kind) {
            let imported = library.get(&resource.id).unwrap();
            assert_eq!(imported.kind, kind, "{}", resource.id);
            let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
            fields(&compose(&resource.doc, &super::none).unwrap(), "", &mut ours);
            fields(&compose(&imported.doc, &find).unwrap(), "", &mut theirs);
            let differ: Vec<_> = ours
                .keys()
                .chain(theirs.keys())
                .filter(|path| ours.get(*path) != theirs.get(*path))
                .collect();
            assert_eq!(differ, Vec::<&String>::new(), "{}", resource.id);
        }
    }
}

/// Standard names survive the way to those of ingestion and back.
#[test]
fn names_go_there_and_back() {
    let Some(root) = checkout() else { return };
    let files = schemas(&root);
    let library = imported(&files);
    let find = |id: &str| library.get(id).map(|found| found.doc.clone());
    let mut lost = Vec::new();
    for (path, doc) in &files {
        let resolved = compose(&library.get(doc["$id"].as_str().unwrap()).unwrap().doc, &find).unwrap();
        let back = to_xdm_names(&resolved);
        // Converted once more, the standard names give the same tree.
        let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
        fields(&resolved, "", &mut before);
        let mut again = from_public(&back);
        crate::annotate(&mut again).unwrap();
        fields(&again, "", &mut after);
        if before.keys().ne(after.keys()) {
            lost.push(path.display().to_string());
        }
    }
    assert_eq!(lost, Vec::<String>::new());
}

#[test]
fn all_event_field_groups_compose() {
    let Some(root) = checkout() else { return };
    let files = schemas(&root);
    let library = imported(&files);
    let find = |id: &str| library.get(id).map(|found| found.doc.clone());
    let event = super::EVENT;
    let mut members = vec![json!({ "$ref": event })];
    for (path, doc) in &files {
        let is_for =
            doc["meta:intendedToExtend"].as_array().is_some_and(|ids| ids.iter().any(|id| id == event));
        if path.starts_with("components") && is_for && doc["meta:status"] != "deprecated" {
            members.push(json!({ "$ref": doc["$id"] }));
        }
    }
    assert_eq!(members.len(), 1 + 113);
    let doc = json!({ "$id": "https://ns.adobe.com/acme/schemas/all", "type": "object", "allOf": members });
    let resolved = compose(&doc, &find).unwrap();
    Schema::compile(&resolved, &[]).unwrap();
}

/// The examples beside the files are valid when unknown keys are allowed.
#[test]
fn public_examples_are_valid() {
    let Some(root) = checkout() else { return };
    let sources = schemas(&root);
    let library = imported(&sources);
    let find = |id: &str| library.get(id).map(|found| found.doc.clone());
    let (mut open, mut closed, mut total) = (0, 0, 0);
    for (path, doc) in &sources {
        let resolved = compose(&library.get(doc["$id"].as_str().unwrap()).unwrap().doc, &find).unwrap();
        let schema = Schema::compile(&resolved, &[]).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().replace(".schema.json", ".example.");
        let mut examples = Vec::new();
        files(root.join(path).parent().unwrap(), ".json", &mut examples);
        for example in
            examples.iter().filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&name))
        {
            if example.parent() != root.join(path).parent() {
                continue;
            }
            let text = std::fs::read(example).unwrap();
            let record = ingestion_names(Json::parse(&text).unwrap(), &resolved);
            let found = schema.validate_open(&record, 5);
            total += 1;
            open += usize::from(found.is_empty());
            closed += usize::from(schema.validate(&record, 5).is_empty());
            for one in &found.list {
                println!(
                    "{}: {} {} {}",
                    example.strip_prefix(&root).unwrap().display(),
                    one.keyword,
                    one.pointer,
                    one.message
                );
            }
        }
    }
    println!("{open} of {total} valid, {closed} without unknown keys");
    assert!(open * 100 >= total * 99, "{open} of {total}");
}

#[test]
fn small_files_are_converted() {
    let file = json!({
        "$id": "https://ns.adobe.com/xdm/x", "$schema": "s", "meta:license": ["l"], "title": "X", "type": "object",
        "definitions": {"x": {
            "properties": {
                "xdm:name": {"type": "string", "meta:titleId": "t"},
                "repo:createDate": {"type": "string", "format": "date-time"},
                "repo:etag": {"type": "string"},
                "https://ns.adobe.com/experience/campaign/message": {"type": "object", "properties": {"@id": {"type": "string"}}},
                "xdm:choice": {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"xdm:a": {"type": "integer"}}}]},
                "xdm:ip": {"oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
                "xdm:code": {"const": 7},
                "xdm:map": {"type": "object", "additionalProperties": {"$ref": "#/definitions/word"}},
                "xdm:word": {"$ref": "#/definitions/x/properties/repo:etag"}
            },
            "required": ["xdm:name", "repo:etag"]
        }, "word": {"type": "string", "minLength": 2}},
        "allOf": [{"$ref": "#/definitions/x"}, {"$ref": "https://ns.adobe.com/xdm/common/extensible#/definitions/@context"}]
    });
    assert!(is_public(&file));
    let converted = from_public(&file);
    assert!(!is_public(&converted));
    let resolved = compose(&converted, &super::none).unwrap();
    let mut found = BTreeMap::new();
    fields(&resolved, "", &mut found);
    let types: Vec<&String> = found.keys().collect();
    assert_eq!(
        types,
        [
            "/_experience",
            "/_experience/campaign",
            "/_experience/campaign/message",
            "/_experience/campaign/message/_id",
            "/_repo",
            "/_repo/createDate",
            "/_repo/etag",
            "/choice",
            "/choice/a",
            "/code",
            "/ip",
            "/map",
            "/map/*",
            "/name",
            "/word"
        ]
    );
    for (pointer, expected) in [
        ("/properties/code/type", json!("integer")),
        ("/properties/ip/type", json!("string")),
        ("/properties/word/type", json!("string")),
        ("/properties/map/meta:xdmType", json!("map")),
        ("/properties/map/additionalProperties/minLength", json!(2)),
        ("/required", json!(["name", "_repo"])),
        ("/properties/_repo/required", json!(["etag"])),
        ("/properties/_repo/properties/etag/meta:xdmField", json!("repo:etag")),
        ("/meta:license", Value::Null),
    ] {
        assert_eq!(resolved.pointer(pointer).cloned().unwrap_or_default(), expected, "{pointer}");
    }
    let record = br#"{"xdm:name":"n","repo:etag":"e","https://ns.adobe.com/experience/campaign/message":{"@id":"1"},"xdm:map":{"xdm:k":"vv"},"xdm:other":1}"#;
    let renamed = ingestion_names(Json::parse(record).unwrap(), &resolved);
    let expected = r#"{"name":"n","_repo":{"etag":"e"},"_experience":{"campaign":{"message":{"_id":"1"}}},"map":{"xdm:k":"vv"},"xdm:other":1}"#;
    assert_eq!(renamed.to_string(), expected);
    // In a record of standard names, another's name is unknown; without any, it is the field's.
    let mixed = |text: &'static [u8]| ingestion_names(Json::parse(text).unwrap(), &resolved).to_string();
    assert_eq!(mixed(br#"{"xdm:word":"a","name":7}"#), r#"{"word":"a"}"#);
    assert_eq!(mixed(br#"{"word":"a","name":7}"#), r#"{"word":"a","name":7}"#);
    let back = to_xdm_names(&resolved);
    assert_eq!(back["required"], json!(["xdm:name", "repo:etag"]));
    assert!(back["properties"].get("https://ns.adobe.com/experience/campaign/message").is_some(), "{back}");
    let schema = Schema::compile(&resolved, &[]).unwrap();
    assert_eq!(schema.validate(&renamed, 5).list.len(), 1);
    assert!(schema.validate_open(&renamed, 5).is_empty());
}

#[test]
fn kinds_by_folder_and_by_content() {
    let group = json!({ "meta:intendedToExtend": [] });
    let class = json!({ "meta:extends": ["https://ns.adobe.com/xdm/data/record"] });
    for (path, doc, expected) in [
        ("components/classes/a.schema.json", json!({}), "classes"),
        ("components/common/a.schema.json", json!({}), "datatypes"),
        ("components/datatypes/x/a.schema.json", json!({}), "datatypes"),
        ("extensions/adobe/a.schema.json", group.clone(), "fieldgroups"),
        ("extensions/adobe/a.schema.json", class.clone(), "classes"),
        ("extensions/adobe/fieldgroups/a.schema.json", json!({}), "fieldgroups"),
        ("extensions/adobe/a.schema.json", json!({}), "datatypes"),
        ("schemas/x/a.schema.json", class, "schemas"),
        ("schemas/x/a.schema.json", group, "fieldgroups"),
    ] {
        assert_eq!(kind_of(Path::new(path), &doc).name(), expected, "{path}");
    }
}
