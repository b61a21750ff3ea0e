//! What readers that are not ours see: the same rows and types through the catalogue and from the metadata file.

use serde_json::{Value, json};

use crate::support::{Server, Setup, collect, reader, rest};

const ENGINES: [&str; 4] = ["pyiceberg-rest", "pyiceberg-file", "duckdb-rest", "duckdb-file"];
const COMMITS: usize = 50;

#[test]
fn readers_agree_after_many_commits() {
    let (server, _home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Reader agreement");
    let inlet = setup.inlet(&client, "xdm", false, None);
    let key = format!("_{}", setup.tenant);
    for commit in 0..COMMITS {
        let entity = json!({
            "_id": format!("r-{commit}"),
            "person": { "name": { "firstName": "Ada", "lastName": format!("B{commit} \"quoted\" \u{e9}\u{1f600}") } },
            &key: { "number": commit, "level": "high", "seen": format!("2024-02-29T23:59:{:02}.125+02:00", commit % 60),
                    "tags": ["a", format!("t{commit}")] }
        });
        let (status, body) =
            collect(&inlet.url, &[], setup.message(&client, &inlet, entity).to_string().as_bytes());
        assert_eq!(status, 200, "{body}");
        server.settle();
    }
    let bad = json!({ "_id": "r-bad", &key: { "level": "middling", "number": "many" } });
    assert_eq!(collect(&inlet.url, &[], setup.message(&client, &inlet, bad).to_string().as_bytes()).0, 200);
    server.settle();

    let table = format!("data.{}", setup.table);
    let failed = format!("failed.{}", setup.table);
    let read = |engine: &str, table: &str| {
        let mut arguments = vec![engine];
        arguments.extend(rest(&server, table));
        reader("read.py", &arguments)
    };
    let Some(expected) = read(ENGINES[0], &table) else {
        return;
    };
    assert_eq!(expected.lines().count(), COMMITS);
    let row: Value = serde_json::from_str(expected.lines().next().unwrap()).unwrap();
    assert!(row["_tributary"]["offset"].is_number(), "{row}");
    assert!(row[&key]["seen"].as_str().unwrap().starts_with("2024-02-29T21:59:"), "{row}");
    let rejected = read(ENGINES[0], &failed).unwrap();
    assert_eq!(rejected.lines().count(), 1, "{rejected}");
    for part in ["DCVS-1106-400", "DCVS-1104-400", "#/", "enum", "middling"] {
        assert!(rejected.contains(part), "{part} is not in {rejected}");
    }
    for engine in &ENGINES[1..] {
        assert_eq!(read(engine, &table).unwrap(), expected, "{engine}");
        assert_eq!(read(engine, &failed).unwrap(), rejected, "{engine}");
    }
    let types = read("types", &table).unwrap();
    assert!(types.contains("seen: optional timestamptz"), "{types}");
}
