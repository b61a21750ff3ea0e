//! The contract as data: each file under `cases/` is played against a server of its own, and the page of what is
//! supported is made from the same files.
//!
//! A case is a list of calls. `send` is the method and path, `answer` the status, `like` what the body must hold (see
//! [`differs`]), `lists` the same for a body that may hold nothing else, `headers` what is sent beside the gateway's own
//! (null takes one of those away), `shows` what the answer's headers hold, `save` names values of the body by JSON
//! pointer (`POINTER after PREFIX`: without that prefix). `${name}` stands for a saved value, in a path percent-encoded;
//! `${org}`, `${key}`, `${secret}`, `${token}`,
//! `${tenant}`, `${url}` and `${new}` (another text each time) are given. `setup` is played once before the cases of a
//! file, `prelude` names a file of `cases/` whose setup comes first. `TRIBUTARY_CASES=flow/rules` plays the files whose
//! path holds that text alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Server, exchange};

/// From the folder of this crate, where cargo runs its tests.
const CASES: &str = "../../cases";
const PAGE: &str = "../../docs/compatibility.md";

/// What a saved value may hold in a path as it is.
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The heading of the compatibility page.
    service: String,
    /// The order of the services on the page.
    #[serde(default)]
    place: u32,
    prelude: Option<String>,
    #[serde(default)]
    setup: Vec<Call>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The route it is about: method and path with `{names}`; of the last call when absent.
    route: Option<String>,
    /// Where the rule comes from.
    source: String,
    /// How this differs from the vendor's service, and why.
    differs: Option<String>,
    calls: Vec<Call>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Call {
    send: String,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    body: Option<Value>,
    /// A body that is not JSON, or is not well formed.
    text: Option<String>,
    answer: u16,
    like: Option<Value>,
    lists: Option<Value>,
    #[serde(default)]
    shows: BTreeMap<String, String>,
    #[serde(default)]
    save: BTreeMap<String, String>,
}

/// What a file's calls know.
struct Player<'a> {
    server: &'a Server,
    saved: BTreeMap<String, String>,
    fresh: u32,
}

impl<'a> Player<'a> {
    fn new(server: &'a Server) -> Self {
        let client = server.client();
        let given = [
            ("org", client.org.as_str()),
            ("key", &client.api_key),
            ("secret", server.fact("TRIBUTARY_CLIENT_SECRET")),
            ("token", &client.token),
            ("tenant", server.tenant()),
            ("url", server.url()),
        ];
        let saved = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        Self { server, saved, fresh: 0 }
    }

    /// The text with its `${names}` replaced.
    fn filled(&mut self, text: &str, encoded: bool) -> Result<String, String> {
        let mut parts = text.split("${");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').ok_or_else(|| format!("`${{` without `}}` in {text}"))?;
            if name == "new" {
                self.fresh += 1;
                write!(filled, "new-{}", self.fresh).unwrap();
            } else {
                let value = self.saved.get(name).ok_or_else(|| format!("nothing is saved as {name}"))?;
                if encoded {
                    write!(filled, "{}", utf8_percent_encode(value, &PLAIN)).unwrap();
                } else {
                    filled.push_str(value);
                }
            }
            filled.push_str(rest);
        }
        Ok(filled)
    }

    fn filled_value(&mut self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.filled(text, false)?),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.filled_value(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| Ok((self.filled(key, false)?, self.filled_value(value)?)));
                Value::Object(fields.collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }

    fn play(&mut self, call: &Call) -> Result<(), String> {
        let (method, path) = call.send.split_once(' ').ok_or("`send` is a method and a path")?;
        let path = self.filled(path, true)?;
        let mut headers: BTreeMap<String, String> = [
            ("authorization", "Bearer ${token}"),
            ("x-api-key", "${key}"),
            ("x-gw-ims-org-id", "${org}"),
            ("x-sandbox-name", "prod"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if call.body.is_some() {
            headers.insert("content-type".to_owned(), "application/json".to_owned());
        }
        for (name, value) in &call.headers {
            match value {
                Some(value) => headers.insert(name.clone(), value.clone()),
                None => headers.remove(name),
            };
        }
        for value in headers.values_mut() {
            *value = self.filled(value, false)?;
        }
        let body = match (&call.body, &call.text) {
            (Some(body), _) => self.filled_value(body)?.to_string(),
            (None, Some(text)) => self.filled(text, false)?,
            (None, None) => String::new(),
        };
        let answer = exchange(&format!("{}{path}", self.server.url()), method, &headers, body);
        let (status, shown, text) = (answer.0, answer.1, answer.2);
        let told = || format!("{method} {path}: {status} {text}");
        if status != call.answer {
            return Err(format!("{}; expected {}", told(), call.answer));
        }
        let found: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        for (expected, exactly) in [(&call.like, false), (&call.lists, true)] {
            if let Some(expected) = expected {
                let expected = self.filled_value(expected)?;
                if let Some(why) = differs(&expected, &found, exactly, "") {
                    return Err(format!("{}; {why}", told()));
                }
            }
        }
        for (name, expected) in &call.shows {
            let expected = Value::String(self.filled(expected, false)?);
            let value = shown.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            let value = value.map_or(Value::Null, Value::String);
            if let Some(why) = differs(&expected, &value, false, name) {
                return Err(format!("{}; header {why}", told()));
            }
        }
        for (name, pointer) in &call.save {
            let (pointer, prefix) = pointer.split_once(" after ").unwrap_or((pointer, ""));
            let value = match found.pointer(pointer) {
                Some(Value::String(text)) => text.trim_start_matches(prefix).to_owned(),
                Some(other) => other.to_string(),
                None => return Err(format!("{}; nothing at {pointer}", told())),
            };
            self.saved.insert(name.clone(), value);
        }
        Ok(())
    }
}

/// Why a value is not what was expected, if it is not. An object holds at least what is listed (`exactly`: nothing else),
/// a list has the same length; `<any>`, `<string>`, `<number>`, `<object>`, `<list>`, `<uuid>`, `<hex N>` and `<absent>`
/// stand for values of that kind, `<has TEXT>` for a text that holds the other, a list `["<some>", X]` for a list in which
/// some element is like X.
fn differs(expected: &Value, found: &Value, exactly: bool, at: &str) -> Option<String> {
    let unlike = || Some(format!("at `{at}` expected {expected}, found {found}"));
    match expected {
        Value::Object(fields) => {
            let Some(has) = found.as_object() else { return unlike() };
            if exactly && let Some(key) = has.keys().find(|key| !fields.contains_key(*key)) {
                return Some(format!("`{at}/{key}` is not expected"));
            }
            fields.iter().find_map(|(key, value)| match has.get(key) {
                None if value == "<absent>" => None,
                None => Some(format!("`{at}/{key}` is missing")),
                Some(held) => differs(value, held, exactly, &format!("{at}/{key}")),
            })
        }
        Value::Array(items) => {
            let Some(has) = found.as_array() else { return unlike() };
            if let [first, like] = items.as_slice()
                && first == "<some>"
            {
                let some = has.iter().any(|held| differs(like, held, exactly, at).is_none());
                return if some { None } else { Some(format!("at `{at}` no element is like {like}")) };
            }
            if items.len() != has.len() {
                return Some(format!("at `{at}` {} elements, expected {}", has.len(), items.len()));
            }
            let mut pairs = items.iter().zip(has).enumerate();
            pairs.find_map(|(index, (value, held))| differs(value, held, exactly, &format!("{at}/{index}")))
        }
        Value::String(pattern) if pattern.starts_with('<') && pattern.ends_with('>') => {
            let text = found.as_str().unwrap_or_default();
            let hex =
                |length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let fits = match pattern.trim_matches(['<', '>']).split_once(' ') {
                Some(("hex", length)) => length.parse().is_ok_and(hex),
                Some(("has", part)) => text.contains(part),
                _ => match pattern.as_str() {
                    "<any>" => !found.is_null(),
                    "<string>" => !text.is_empty(),
                    "<number>" => found.is_number(),
                    "<object>" => found.is_object(),
                    "<list>" => found.is_array(),
                    "<uuid>" => text.len() == 36 && text.matches('-').count() == 4,
                    _ => expected == found,
                },
            };
            if fits { None } else { unlike() }
        }
        Value::Number(number) if number.as_f64() == found.as_f64() => None,
        _ if expected == found => None,
        _ => unlike(),
    }
}

fn files() -> Vec<(PathBuf, File)> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in fs::read_dir(CASES).unwrap() {
        paths.extend(fs::read_dir(folder.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

fn read(path: &Path) -> File {
    let text = fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Plays a file; how many cases it has, and what went wrong.
fn play(path: &Path, file: &File) -> (usize, Vec<String>) {
    let (server, _home) = Server::start();
    let mut player = Player::new(&server);
    let prelude = file.prelude.as_ref().map(|name| read(&Path::new(CASES).join(name)).setup);
    for call in prelude.iter().flatten().chain(&file.setup) {
        if let Err(why) = player.play(call) {
            return (0, vec![format!("{}: setup: {why}", path.display())]);
        }
    }
    let mut faults = Vec::new();
    for case in &file.cases {
        let failed = case.calls.iter().find_map(|call| player.play(call).err());
        faults.extend(failed.map(|why| format!("{}: {}: {why}", path.display(), case.name)));
    }
    (file.cases.len(), faults)
}

#[test]
fn cases_hold() {
    let (mut played, mut faults) = (0, Vec::new());
    let wanted = std::env::var("TRIBUTARY_CASES").unwrap_or_default();
    for (path, file) in files().into_iter().filter(|(path, _)| path.to_string_lossy().contains(&wanted)) {
        let (count, wrong) = play(&path, &file);
        played += count;
        faults.extend(wrong);
    }
    eprintln!("{played} cases, {} do not hold", faults.len());
    assert!(played > 0, "there are no cases");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn compatibility_page_is_current() {
    let page = page(&files());
    if std::env::var("TRIBUTARY_GOLDEN").is_ok_and(|mode| mode == "write") {
        fs::write(PAGE, &page).unwrap();
    }
    assert!(fs::read_to_string(PAGE).unwrap_or_default() == page, "run `cargo xtask golden`");
}

/// Per service and route: the statuses that cases show, and what differs.
fn page(files: &[(PathBuf, File)]) -> String {
    let mut services: BTreeMap<(u32, &str), BTreeMap<String, Vec<&Case>>> = BTreeMap::new();
    for (_, file) in files {
        let routes = services.entry((file.place, &file.service)).or_default();
        for case in &file.cases {
            let last = case.calls.last().map(|call| call.send.clone()).unwrap_or_default();
            let route = case.route.clone().unwrap_or_else(|| last.replace("${", "{"));
            let route = route.split('?').next().unwrap_or_default().to_owned();
            routes.entry(route).or_default().push(case);
        }
    }
    let mut page =
        "# Compatibility\n\nMade from the files under `cases/`, which are played against the released \
                    binary; `cargo xtask golden` writes it anew. Each line is a case that holds.\n"
            .to_owned();
    for ((_, service), routes) in services {
        write!(page, "\n## {service}\n\n| Route | Case | Answer | Source |\n|---|---|---|---|\n").unwrap();
        let mut differences = Vec::new();
        for (route, cases) in &routes {
            for case in cases {
                let answer = case.calls.last().map_or(0, |call| call.answer);
                writeln!(page, "| `{route}` | {} | {answer} | {} |", case.name, case.source).unwrap();
                differences.extend(case.differs.as_ref().map(|text| (route, &case.name, text)));
            }
        }
        if !differences.is_empty() {
            page.push_str("\nWhat differs from the vendor's service:\n\n");
        }
        for (route, name, text) in differences {
            writeln!(page, "- `{route}`, {name}: {}", text.trim()).unwrap();
        }
    }
    page
}

#[test]
fn what_is_expected_is_told_from_what_is_not() {
    let found = serde_json::json!({ "id": "a1", "list": [1, { "b": 2 }], "n": 1.0 });
    let holds = |text: &str| differs(&serde_json::from_str(text).unwrap(), &found, false, "").is_none();
    for text in [
        r#"{"id": "a1"}"#,
        r#"{"id": "<hex 2>", "n": 1}"#,
        r#"{"list": ["<some>", {"b": 2}], "x": "<absent>"}"#,
        r#"{"list": [1, "<object>"]}"#,
    ] {
        assert!(holds(text), "{text}");
    }
    for text in [
        r#"{"id": "a2"}"#,
        r#"{"id": "<hex 3>"}"#,
        r#"{"id": "<absent>"}"#,
        r#"{"list": [1]}"#,
        r#"{"list": ["<some>", {"b": 3}]}"#,
        r#"{"missing": 1}"#,
    ] {
        assert!(!holds(text), "{text}");
    }
    let whole = serde_json::json!({ "id": "a1" });
    assert!(differs(&whole, &found, true, "").is_some());
}
