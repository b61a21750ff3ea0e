//! `tributary apply`, `diff` and `export`: a sandbox as a folder of files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{Client, FLOWS, FULL, REGISTRY, STREAMING, Server, Setup, binary, collect};

const CATALOG: &str = "/data/foundation/catalog";
const MAPPINGS: &str = "/data/foundation/conversion/mappingSets";

struct Bench {
    server: Server,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let (server, home) = Server::start();
        Self { server, home }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn run(&self, command: &str, folder: &Path, sandbox: &str) -> Output {
        Command::new(binary())
            .args([command, "--sandbox", sandbox, "--ready-file"])
            .arg(self.home.path().join("ready"))
            .arg("-f")
            .arg(folder)
            .output()
            .unwrap()
    }

    /// What it prints; it must succeed.
    fn good(&self, command: &str, folder: &Path, sandbox: &str) -> String {
        let output = self.run(command, folder, sandbox);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Its one line on standard error; it must end with code 2.
    fn refused(&self, command: &str, folder: &Path, sandbox: &str) -> String {
        let output = self.run(command, folder, sandbox);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
        errors
    }
}

/// All files of a folder by their path.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for kind in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(kind.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            all.insert(name, fs::read_to_string(path).unwrap());
        }
    }
    all
}

/// Everything that the lists of the API show, with revisions and times.
fn state(client: &Client) -> Vec<Value> {
    let registry = ["datatypes", "fieldgroups", "classes", "schemas"];
    let mut all: Vec<Value> = registry
        .iter()
        .map(|kind| client.get(&format!("{REGISTRY}/{kind}?orderby=title"))["results"].clone())
        .collect();
    let accept = [("accept", "application/vnd.adobe.xdm-v2+json")];
    all.push(client.call("GET", &format!("{REGISTRY}/descriptors"), &accept, None).1["results"].clone());
    for kind in ["connections", "sourceConnections", "targetConnections", "flows"] {
        all.push(client.get(&format!("{FLOWS}/{kind}?limit=100"))["items"].clone());
    }
    all.push(client.get(&format!("{CATALOG}/dataSets?limit=100")));
    all.push(client.get(&format!("{MAPPINGS}?limit=100"))["data"].clone());
    all
}

/// Objects of every kind, with what is awkward about them.
fn fill(server: &Server, client: &Client) -> Setup {
    let key = format!("_{}", server.tenant());
    let inner = |fields: Value| json!({ &key: { "type": "object", "properties": fields } });
    let address = client.post(
        &format!("{REGISTRY}/datatypes"),
        &json!({ "type": "object", "title": "Address", "properties": inner(json!({ "city": { "type": "string" } })) }),
    );
    client.post(
        &format!("{REGISTRY}/fieldgroups"),
        &json!({
            "type": "object", "title": "Home: \"the\" address #1",
            "meta:intendedToExtend": ["https://ns.adobe.com/xdm/context/profile"],
            "definitions": { "home": { "properties": inner(json!({ "home": {
                "type": "object", "$ref": address["$id"]
            } })) } },
            "allOf": [{ "$ref": "#/definitions/home" }]
        }),
    );
    let class = client.post(
        &format!("{REGISTRY}/classes"),
        &json!({
            "type": "object", "title": "Property", "description": "two\nlines: yes",
            "definitions": { "own": { "properties": inner(json!({ "propertyId": { "type": "string" } })) } },
            "allOf": [{ "$ref": "https://ns.adobe.com/xdm/data/record" }, { "$ref": "#/definitions/own" }]
        }),
    );
    client.post(
        &format!("{REGISTRY}/schemas"),
        &json!({ "type": "object", "title": "Properties", "allOf": [{ "$ref": class["$id"] }] }),
    );
    let setup = Setup::profile(client, server.tenant(), "Members");
    client.post(
        &format!("{REGISTRY}/descriptors"),
        &json!({ "@type": "xdm:descriptorIdentity", "xdm:sourceSchema": setup.schema, "xdm:sourceVersion": 1,
            "xdm:sourceProperty": format!("/{key}/level"), "xdm:namespace": "CRMID", "xdm:property": "xdm:code",
            "xdm:isPrimary": true }),
    );
    let path = format!("{REGISTRY}/schemas/{}", setup.schema.replace(':', "%3A").replace('/', "%2F"));
    let union = json!([{ "op": "add", "path": "/meta:immutableTags", "value": ["union"] }]);
    let (status, answer) = client.call("PATCH", &path, &[], Some(&union));
    assert_eq!(status, 200, "{answer}");
    client.post(
        &format!("{CATALOG}/dataSets"),
        &json!({ "name": "Other members", "schemaRef": { "id": setup.schema, "contentType": FULL },
            "tags": { "unifiedProfile": ["enabled:true"] } }),
    );
    let level = format!("{key}.level");
    let mapping = client.post(
        MAPPINGS,
        &json!({ "name": "To members", "outputSchema": { "schemaRef": { "id": setup.schema, "contentType": FULL } },
            "mappings": [
                { "sourceType": "ATTRIBUTE", "source": "id", "destination": "_id" },
                { "sourceType": "EXPRESSION", "source": "iif(high, \"high\", \"low\")", "destination": level }
            ] }),
    );
    let inlet = setup.inlet(client, "raw", true, mapping["id"].as_str());
    let (status, _) =
        client.call("POST", &format!("{FLOWS}/flows/{}/action?op=disable", inlet.flow), &[], None);
    assert_eq!(status, 200);
    client.post(
        &format!("{FLOWS}/connections?mode=draft"),
        &json!({ "name": "Draft", "connectionSpec": { "id": STREAMING, "version": "1.0" },
            "auth": { "specName": "Streaming Connection", "params": { "dataType": "xdm", "sourceId": "s" } } }),
    );
    setup
}

#[test]
fn an_exported_sandbox_can_be_made_again() {
    let bench = Bench::new();
    let client = bench.server.client();
    fill(&bench.server, &client);
    let before = state(&client);
    let first = bench.folder("first");
    bench.good("export", &first, "prod");
    let exported = files(&first);
    assert_eq!(exported.len(), 14, "{:?}", exported.keys());
    assert!(exported.values().all(|text| !text.contains(bench.server.tenant())), "{exported:?}");
    assert!(bench.refused("export", &first, "prod").contains("new or empty"));

    // Applied where it comes from it changes nothing.
    assert_eq!(bench.good("diff", &first, "prod"), "0 to be created, 0 to be changed, 14 as they are\n");
    assert_eq!(bench.good("apply", &first, "prod"), "0 created, 0 changed, 14 as they are\n");
    assert_eq!(state(&client), before);

    // In a sandbox that the folder makes it makes equal objects.
    assert!(bench.refused("apply", &first, "copy").contains("no sandbox copy"));
    let sandbox = first.join("copy.json");
    let copy = json!({ "kind": "sandbox", "name": "copy", "title": "Copy", "type": "development" });
    fs::write(&sandbox, copy.to_string()).unwrap();
    assert!(bench.good("diff", &first, "copy").contains("15 to be created"));
    assert!(bench.good("apply", &first, "copy").ends_with("15 created, 0 changed, 0 as they are\n"));
    let second = bench.folder("second");
    bench.good("export", &second, "copy");
    assert_eq!(files(&second), exported);
    let there = client.in_sandbox("copy");
    let after = state(&there);
    assert_eq!(bench.good("apply", &first, "copy"), "0 created, 0 changed, 15 as they are\n");
    assert_eq!(state(&there), after);
    assert_eq!(state(&client), before, "the other sandbox is as it was");
}

#[test]
fn changes_in_files_are_made() {
    let bench = Bench::new();
    let folder = bench.folder("files");
    fs::create_dir(&folder).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("sandbox.yaml", "kind: sandbox\nname: team\ntitle: Team\ntype: development\n");
    let fields = |more: &str| {
        format!(
            "kind: fieldgroup\ntitle: Order fields\nmeta:intendedToExtend: [https://ns.adobe.com/xdm/context/profile]\n\
             definitions:\n  own:\n    properties:\n      _{{TENANT_ID}}:\n        type: object\n        properties:\n\
             \x20         number: {{type: string}}\n{more}allOf:\n  - $ref: '#/definitions/own'\n"
        )
    };
    write("fields.yaml", &fields(""));
    write(
        "schema.yaml",
        "kind: schema\ntitle: Orders\nallOf:\n  - $ref: https://ns.adobe.com/xdm/context/profile\n  \
         - $ref: '@fieldgroup/Order fields'\n---\nkind: dataset\nname: Orders\nschemaRef: {id: '@schema/Orders', \
         contentType: application/vnd.adobe.xed-full+json;version=1}\ntags: {owner: sales}\n",
    );
    let mapping = |source: &str| {
        format!(
            "kind: mappingSet\nname: Orders\noutputSchema: {{schemaRef: {{id: '@schema/Orders'}}}}\nmappings:\n  \
             - {{sourceType: ATTRIBUTE, source: id, destination: _id}}\n  \
             - {{sourceType: EXPRESSION, source: '{source}', destination: '_{{TENANT_ID}}.number'}}\n"
        )
    };
    write("mapping.yaml", &mapping("upper(number)"));
    let connection = |description: &str| {
        format!(
            "- kind: connection\n  name: Shop\n  description: {description}\n  connectionSpec: {{id: {STREAMING}}}\n  \
             auth: {{specName: Streaming Connection, params: {{dataType: raw}}}}\n\
             - kind: sourceConnection\n  name: Shop\n  baseConnectionId: '@connection/Shop'\n  \
             connectionSpec: {{id: {STREAMING}}}\n\
             - kind: targetConnection\n  name: Shop\n  connectionSpec: {{id: {}}}\n  data: {{}}\n  \
             params: {{dataSetId: '@dataset/Orders'}}\n\
             - kind: flow\n  name: Shop\n  flowSpec: {{id: {}}}\n  sourceConnectionIds: ['@sourceConnection/Shop']\n  \
             targetConnectionIds: ['@targetConnection/Shop']\n  transformations:\n    \
             - {{name: Mapping, params: {{mappingId: '@mappingSet/Orders'}}}}\n",
            crate::support::DATA_LAKE,
            crate::support::MAPPED
        )
    };
    write("flow.yaml", &connection("the shop"));
    assert!(bench.good("apply", &folder, "team").ends_with("9 created, 0 changed, 0 as they are\n"));
    assert_eq!(bench.good("apply", &folder, "team"), "0 created, 0 changed, 9 as they are\n");

    // Records go through what was made.
    let client = bench.server.client().in_sandbox("team");
    let flow = client.get(&format!("{FLOWS}/flows"))["items"][0].clone();
    let url = flow["inletUrl"].as_str().unwrap();
    let (status, answer) = collect(url, &[], br#"{"id": "1", "number": "a"}"#);
    assert_eq!(status, 200, "{answer}");
    bench.server.settle();
    let batches = client.get(&format!("{CATALOG}/batches"));
    assert_eq!(batches.as_object().unwrap().values().next().unwrap()["metrics"]["outputRecordCount"], 1);

    write("fields.yaml", &fields("          total: {type: number}\n"));
    write("mapping.yaml", &mapping("lower(number)"));
    write("flow.yaml", &connection("the new shop"));
    write("sandbox.yaml", "kind: sandbox\nname: team\ntitle: The team\ntype: development\n");
    let told = bench.good("diff", &folder, "team");
    for line in [
        "change  sandbox/team: title",
        "change  fieldgroup/Order fields: definitions/own/properties/",
        "change  mappingSet/Orders: mappings/1/source",
        "change  connection/Shop: description",
        "change  flow/Shop: transformations",
        "0 to be created, 5 to be changed, 4 as they are",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert_eq!(client.get(&format!("{FLOWS}/flows"))["items"][0], flow, "a diff changes nothing");
    assert!(bench.good("apply", &folder, "team").ends_with("0 created, 5 changed, 4 as they are\n"));
    assert_eq!(bench.good("diff", &folder, "team"), "0 to be created, 0 to be changed, 9 as they are\n");
    let after = client.get(&format!("{FLOWS}/flows"))["items"][0].clone();
    assert_eq!(after["id"], flow["id"]);
    assert_eq!(after["transformations"][0]["params"]["mappingVersion"], 1);
    assert_eq!(after["inletUrl"].as_str(), Some(url));
    assert_eq!(collect(url, &[], br#"{"id": "2", "number": "B"}"#).0, 200);
}

#[test]
fn a_broken_folder_changes_nothing() {
    let bench = Bench::new();
    let client = bench.server.client();
    let before = state(&client);
    let folder = bench.folder("files");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.yaml"), "kind: datatype\ntitle: Good\nproperties: {}\n").unwrap();
    for (text, part) in [
        (
            "kind: dataset\nname: D\nschemaRef:\n  id: '@schema/Nowhere'\n",
            "b.yaml:4: there is no schema/Nowhere",
        ),
        ("kind: dataset\nname: D\nschemaRef: {id: '@schemas/X'}\n", "b.yaml:3: "),
        ("kind: dataset\nname: D\n  schemaRef: x\n", "b.yaml:3: no YAML"),
        ("kind: dateset\nname: D\n", "b.yaml:1: there is no kind dateset"),
        ("kind: datatype\ntitle: Good\n", "b.yaml:1: datatype/Good is at"),
        ("kind: flow\n", "b.yaml:1: name is missing"),
        ("- 1\n", "b.yaml:1: "),
        ("a: &x {}\nb: *x\n", "b.yaml:2: aliases"),
    ] {
        fs::write(folder.join("b.yaml"), text).unwrap();
        for command in ["diff", "apply"] {
            let error = bench.refused(command, &folder, "prod");
            assert!(error.contains(part), "{text}: {error}");
        }
        assert_eq!(state(&client), before, "{text}");
    }
    // Two objects of one name: a file could mean either.
    for _ in 0..2 {
        client.post(
            &format!("{FLOWS}/connections"),
            &json!({ "name": "Twin",
            "connectionSpec": { "id": STREAMING, "version": "1.0" },
            "auth": { "specName": "Streaming Connection", "params": { "dataType": "raw" } } }),
        );
    }
    fs::write(folder.join("b.yaml"), "kind: connection\nname: Twin\n").unwrap();
    assert!(bench.refused("apply", &folder, "prod").contains("more than one connection/Twin"));
    assert!(bench.refused("export", &bench.folder("out"), "prod").contains("more than one connection/Twin"));
    // What only the server can judge is told with the place.
    fs::write(folder.join("b.yaml"), "\nkind: schema\ntitle: S\nallOf: 7\n").unwrap();
    let error = bench.refused("apply", &folder, "prod");
    assert!(error.contains("b.yaml:2: schema/S: POST"), "{error}");
    assert!(error.contains("allOf"), "{error}");
}
