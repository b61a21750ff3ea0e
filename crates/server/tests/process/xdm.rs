//! `tributary xdm`: on a data folder, on a running server, on the built-in library alone.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{Server, binary};

const WEATHER: &str = "https://ns.adobe.com/xdm/mixins/weather-of-tests";

fn xdm(home: &Path, arguments: &[&str]) -> Output {
    Command::new(binary())
        .arg("xdm")
        .args(arguments)
        .current_dir(home)
        .env_remove("TRIBUTARY_TENANT")
        .output()
        .unwrap()
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Exit code 2 and one line.
#[track_caller]
fn refused(output: &Output, part: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    assert!(errors.contains(part), "{errors}");
}

fn write(home: &Path, name: &str, text: &str) -> String {
    let path = home.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    name.to_owned()
}

/// A checkout with one good field group, its example, and files that cannot be taken.
fn checkout(home: &Path) {
    let group = json!({
        "meta:license": ["l"], "$id": WEATHER, "$schema": "http://json-schema.org/draft-06/schema#", "title": "Weather",
        "type": "object", "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
        "definitions": {"w": {"properties": {"xdm:degrees": {"type": "number", "maximum": 60}, "repo:etag": {"type": "string"}}}},
        "allOf": [{"$ref": "#/definitions/w"}], "meta:status": "stable"
    });
    let dangling = json!({ "$id": "https://x/dangling", "title": "D", "type": "object", "allOf": [{"$ref": "https://x/none"}] });
    for (name, text) in [
        ("components/fieldgroups/weather.schema.json", group.to_string()),
        ("components/fieldgroups/weather.example.1.json", json!({"xdm:degrees": 5}).to_string()),
        ("components/fieldgroups/again.schema.json", json!({ "$id": WEATHER }).to_string()),
        ("components/datatypes/broken.schema.json", "{".to_owned()),
        ("components/datatypes/nameless.schema.json", "{}".to_owned()),
        ("extensions/x/dangling.schema.json", dangling.to_string()),
        ("archived/old.schema.json", json!({ "$id": "https://x/old" }).to_string()),
    ] {
        write(home, &format!("checkout/{name}"), &text);
    }
}

#[test]
fn an_import_reaches_every_tenant_of_a_running_server() {
    let (server, home) = Server::start();
    let home = home.path();
    checkout(home);
    refused(&xdm(home, &["import", "checkout", "--data", "data"]), &format!("--url {}", server.url()));
    refused(&xdm(home, &["import", "data", "--url", server.url()]), "no folder `components`");
    let arguments = ["import", "checkout", "--output", "json", "--url", server.url()];
    let report: Value = serde_json::from_str(&good(&xdm(home, &arguments))).unwrap();
    assert_eq!((&report["imported"], &report["added"]), (&json!(1), &json!(1)), "{report}");
    let skipped: Vec<(&str, &str)> = report["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["path"].as_str().unwrap(), one["reason"].as_str().unwrap()))
        .collect();
    // In the order of names, the file that comes first has the id.
    for (path, part) in [
        ("components/fieldgroups/weather.schema.json", "same $id"),
        ("components/datatypes/broken.schema.json", "not JSON"),
        ("components/datatypes/nameless.schema.json", "no $id"),
        ("extensions/x/dangling.schema.json", "https://x/none does not exist"),
    ] {
        assert!(skipped.iter().any(|(known, reason)| *known == path && reason.contains(part)), "{skipped:?}");
    }
    fs::remove_file(home.join("checkout/components/fieldgroups/again.schema.json")).unwrap();
    let report: Value = serde_json::from_str(&good(&xdm(home, &arguments))).unwrap();
    assert_eq!((&report["added"], &report["changed"]), (&json!(0), &json!(1)), "{report}");
    let again: Value = serde_json::from_str(&good(&xdm(home, &arguments))).unwrap();
    assert_eq!((&again["changed"], &again["unchanged"]), (&json!(0), &json!(1)), "{again}");

    let client = server.client();
    let path =
        format!("/data/foundation/schemaregistry/global/fieldgroups/{}", "_xdm.mixins.weather-of-tests");
    assert_eq!(client.get(&path)["title"], "Weather");
    let profile = "https://ns.adobe.com/xdm/context/profile";
    let body =
        json!({ "title": "Weathered", "type": "object", "allOf": [{"$ref": profile}, {"$ref": WEATHER}] });
    let schema = client.post("/data/foundation/schemaregistry/tenant/schemas", &body)["$id"]
        .as_str()
        .unwrap()
        .to_owned();
    let records = write(home, "r.jsonl", "{\"degrees\":5,\"_id\":\"1\"}\n{\"degrees\":61}\n");
    let output =
        xdm(home, &["validate", "--schema", &schema, "--url", server.url(), "--output", "json", &records]);
    assert_eq!(output.status.code(), Some(2));
    let verdicts: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((&verdicts[0]["valid"], &verdicts[1]["valid"]), (&json!(true), &json!(false)));
    assert_eq!(verdicts[1]["violations"][0]["pointer"], "#/degrees");
    assert_eq!(verdicts[1]["violations"][0]["keyword"], "maximum");
    refused(&xdm(home, &["sample", "--schema", "https://x/old", "--url", server.url()]), "https://x/old");
    refused(
        &xdm(home, &["sample", "--schema", &schema, "--url", "http://127.0.0.1:1"]),
        "http://127.0.0.1:1",
    );

    // The import outlives the server, and is found without it.
    assert_eq!(server.terminate(), Some(0));
    let sample = good(&xdm(home, &["sample", "--schema", WEATHER, "--data", "data", "--seed", "3"]));
    assert_eq!(sample, good(&xdm(home, &["sample", "--schema", WEATHER, "--data", "data", "--seed", "3"])));
    let sample = write(home, "sample.json", &sample);
    good(&xdm(home, &["validate", "--schema", WEATHER, "--data", "data", &sample]));
    let example = "checkout/components/fieldgroups/weather.example.1.json";
    good(&xdm(home, &["validate", "--open", "--schema", WEATHER, "--data", "data", example]));
    refused(
        &xdm(home, &["validate", "--schema", WEATHER, "--data", "data", example]),
        "1 of 1 records are not valid",
    );
    good(&xdm(
        home,
        &["validate", "--open", "--schema", "checkout/components/fieldgroups/weather.schema.json", example],
    ));
    let report = good(&xdm(home, &["import", "checkout", "--data", "data"]));
    assert!(report.contains("0 added, 0 changed, 1 unchanged"), "{report}");
}

#[test]
fn an_inferred_field_group_can_be_posted() {
    let (server, home) = Server::start();
    let home = home.path();
    let lines: Vec<String> = (0..40_i32)
        .map(|at| {
            let tier = if at % 2 == 0 { "gold" } else { "silver" };
            let score = f64::from(at) / 3.0;
            let own = json!({ "points": at, "tier": tier, "since": "2024-02-29", "score": score });
            json!({ "_id": at.to_string(), "timestamp": "2024-01-01T00:00:00Z", format!("_{}", server.tenant()): own }).to_string()
        })
        .collect();
    let records = write(home, "events.jsonl", &lines.join("\n"));
    let group = good(&xdm(home, &["infer", "--tenant", server.tenant(), "--title", "Points", &records]));
    let group: Value = serde_json::from_str(&group).unwrap();
    let client = server.client();
    let made = client.post("/data/foundation/schemaregistry/tenant/fieldgroups", &group);
    let event = "https://ns.adobe.com/xdm/context/experienceevent";
    let body = json!({ "title": "Point events", "type": "object", "allOf": [{"$ref": event}, {"$ref": made["$id"]}] });
    let schema = client.post("/data/foundation/schemaregistry/tenant/schemas", &body)["$id"]
        .as_str()
        .unwrap()
        .to_owned();
    good(&xdm(home, &["validate", "--schema", &schema, "--url", server.url(), &records]));
    let fields =
        &group["definitions"]["customFields"]["properties"][format!("_{}", server.tenant())]["properties"];
    for (pointer, expected) in [
        ("/points/type", "integer"),
        ("/tier/enum/0", "gold"),
        ("/since/format", "date"),
        ("/score/type", "number"),
    ] {
        assert_eq!(fields.pointer(pointer), Some(&json!(expected)), "{fields}");
    }
}

/// Without a folder or a server, the built-in library is all there is.
#[test]
fn schemas_and_records_that_mean_harm() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let record = write(home, "r.json", "{\"f\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}");
    let profile = "https://ns.adobe.com/xdm/context/profile";
    good(&xdm(home, &["sample", "--schema", profile, "--count", "5"]));
    let nested = (0..70)
        .fold(json!({"type": "string"}), |inner, _| json!({"type": "object", "properties": {"f": inner}}));
    let deep_text = format!("{}1{}", "{\"f\":".repeat(500), "}".repeat(500));
    for (schema, part) in [
        (json!({"allOf": [{"$ref": "https://x/none"}]}).to_string(), "https://x/none does not exist"),
        (json!({"properties": {"f": nested}}).to_string(), "recursion limit"),
        (json!({"properties": {"f": {"type": "string", "pattern": "("}}}).to_string(), "the pattern of /f"),
        (json!({"properties": {"f": {"type": "word"}}}).to_string(), "unknown type word"),
        (
            "{\"properties\":{\"f\":{\"type\":\"number\",\"maximum\":1e999}}}".to_owned(),
            "number out of range",
        ),
        (deep_text.clone(), "recursion limit"),
        ("[]".to_owned(), "a schema is a JSON object"),
    ] {
        let schema = write(home, "s.json", &schema);
        refused(&xdm(home, &["validate", "--schema", &schema, &record]), part);
    }
    let ring = json!({ "$id": "own", "definitions": {"d": {"properties": {"f": {"type": "string", "pattern": "^(a+)+$"}, "d": {"$ref": "#/definitions/d"}}}},
        "allOf": [{"$ref": "#/definitions/d"}] });
    let ring = write(home, "ring.json", &ring.to_string());
    refused(&xdm(home, &["validate", "--schema", &ring, &record]), "1 of 1");
    let odd = write(
        home,
        "odd.jsonl",
        &format!("{{\"f\":1e999}}\n{{}}\n{deep_text}\n[]\n\"x\"\n{{\"f\":\"aa\"}}\n"),
    );
    let output = xdm(home, &["validate", "--schema", &ring, &odd]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().filter(|line| line.ends_with(": valid")).count(), 2, "{text}");
    assert!(text.contains("number out of range") && text.contains("recursion limit"), "{text}");
    refused(&xdm(home, &["validate", "--schema", &ring, "nowhere.json"]), "cannot read nowhere.json");
    refused(&xdm(home, &["sample", "--schema", "https://x/none"]), "--data or --url");
    refused(&xdm(home, &["sample", "--schema", profile, "--data", "nowhere"]), "no such folder");
    refused(&xdm(home, &["infer", &odd]), "odd.jsonl 1");
    assert!(!home.join(".tributary").exists(), "nothing was asked to be made");
}
