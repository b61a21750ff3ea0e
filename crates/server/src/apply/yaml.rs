//! YAML as far as configuration needs it: documents into JSON values, with the lines that errors name, and back.
//!
//! Plain scalars are read by the core schema of YAML 1.2. Aliases are refused: a few lines of them can stand for more
//! than fits into memory.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Deepest nesting of a document.
const DEPTH_MAX: usize = 120;

/// What begins a reference to an object by its name.
pub(super) const REFERENCE: char = '@';

/// An object of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    pub(super) line: usize,
    pub(super) members: Map<String, Value>,
    /// The texts in it that look like references, and their lines.
    pub(super) references: Vec<(String, usize)>,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) text: String,
}

fn fault<T>(line: usize, text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { line, text: text.into() })
}

/// The objects of a JSON text: one, or an array of them.
pub(super) fn read_json(text: &str) -> Result<Vec<Document>, Fault> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| Fault { line: error.line(), text: format!("no JSON: {error}") })?;
    let all = match value {
        Value::Array(all) => all,
        one => vec![one],
    };
    let line_of = |reference: &str| {
        let at = text.find(&Value::from(reference).to_string()).unwrap_or(0);
        1 + text[..at].matches('\n').count()
    };
    let document = |value| match value {
        Value::Object(members) => {
            let value = Value::Object(members);
            let references = references(&value).map(|text| (text.to_owned(), line_of(text))).collect();
            match value {
                Value::Object(members) => Ok(Document { line: 1, members, references }),
                _ => fault(1, NO_OBJECT),
            }
        }
        _ => fault(1, NO_OBJECT),
    };
    all.into_iter().map(document).collect()
}

const NO_OBJECT: &str = "a file holds objects, or lists of objects";

/// All texts of a value that look like references.
pub(super) fn references(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(text) if text.starts_with(REFERENCE) => Box::new(std::iter::once(text.as_str())),
        Value::Array(items) => Box::new(items.iter().flat_map(references)),
        Value::Object(members) => Box::new(members.values().flat_map(references)),
        _ => Box::new(std::iter::empty()),
    }
}

/// A list or table that is not yet closed.
enum Open {
    List { line: usize, items: Vec<Value> },
    Table { line: usize, members: Map<String, Value>, key: Option<String> },
}

/// The objects of a YAML text: each document is one, or a list of them.
pub(super) fn read_yaml(text: &str) -> Result<Vec<Document>, Fault> {
    let mut open: Vec<Open> = Vec::new();
    let mut documents = Vec::new();
    let mut references = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Fault {
            line: error.marker().line(),
            text: format!("no YAML: {}", error.info()),
        })?;
        let line = span.start.line();
        let value = match event {
            Event::Alias(_) => return fault(line, "aliases are not taken: write the value out"),
            Event::SequenceStart(_, None) => {
                open.push(Open::List { line, items: Vec::new() });
                None
            }
            Event::MappingStart(_, None) => {
                open.push(Open::Table { line, members: Map::new(), key: None });
                None
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => return fault(line, "tags are not taken"),
            Event::SequenceEnd | Event::MappingEnd => open.pop(),
            Event::Scalar(text, style, _, tag) => {
                let value = match tag {
                    None if style == ScalarStyle::Plain => scalar(&text),
                    Some(tag) if tag.suffix != "str" => return fault(line, "tags are not taken"),
                    _ => text.as_ref().into(),
                };
                if let Some(Open::Table { members, key: key @ None, .. }) = open.last_mut() {
                    if members.contains_key(text.as_ref()) {
                        return fault(line, format!("{text} is there twice"));
                    }
                    *key = Some(text.into_owned());
                    continue;
                }
                if text.starts_with(REFERENCE) {
                    references.push((text.into_owned(), line));
                }
                put(&mut open, value, line)?;
                None
            }
            _ => None,
        };
        if open.len() > DEPTH_MAX {
            return fault(line, "nested too deeply");
        }
        match value {
            None => {}
            // An object by itself, or in a list by itself.
            Some(Open::Table { line, members, .. })
                if matches!(open.as_slice(), [] | [Open::List { .. }]) =>
            {
                documents.push(Document { line, members, references: std::mem::take(&mut references) });
            }
            Some(Open::Table { line, members, .. }) => put(&mut open, Value::Object(members), line)?,
            Some(Open::List { items, .. }) if open.is_empty() && items.is_empty() => {}
            Some(Open::List { line, .. }) if open.is_empty() => return fault(line, NO_OBJECT),
            Some(Open::List { line, items }) => put(&mut open, Value::Array(items), line)?,
        }
    }
    Ok(documents)
}

/// Puts a value where it belongs.
fn put(open: &mut [Open], value: Value, line: usize) -> Result<(), Fault> {
    match open.last_mut() {
        Some(Open::List { items, .. }) => items.push(value),
        Some(Open::Table { members, key, .. }) => match key.take() {
            Some(key) => {
                members.insert(key, value);
            }
            None => return fault(line, "a key must be a text"),
        },
        // An empty document is nothing.
        None if value.is_null() => {}
        None => return fault(line, NO_OBJECT),
    }
    Ok(())
}

/// What a scalar without quotes stands for.
fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return text.into();
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = unsigned.parse::<i64>() {
        return number.into();
    }
    if let Ok(number) = unsigned.parse::<u64>() {
        return number.into();
    }
    let is_float = digits.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c));
    match unsigned.parse::<f64>() {
        Ok(number) if is_float => serde_json::Number::from_f64(number).map_or(text.into(), Value::Number),
        _ => text.into(),
    }
}

/// A value in YAML's block style.
pub(super) fn write(value: &Map<String, Value>) -> String {
    let mut out = String::new();
    members(value, 0, &mut out);
    out
}

fn members(value: &Map<String, Value>, indent: usize, out: &mut String) {
    for (at, (name, value)) in value.iter().enumerate() {
        // The first member follows the dash of the item that it begins, if any.
        if at > 0 || out.is_empty() || out.ends_with('\n') {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&text(name));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                members(inner, indent + 2, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                list(items, indent + 2, out);
            }
            leaf => {
                out.push(' ');
                flat(leaf, out);
            }
        }
    }
}

fn list(items: &[Value], indent: usize, out: &mut String) {
    for item in items {
        out.push_str(&" ".repeat(indent));
        out.push_str("- ");
        match item {
            Value::Object(inner) if !inner.is_empty() => members(inner, indent + 2, out),
            // A list in a list, or a leaf: JSON is YAML.
            leaf => flat(leaf, out),
        }
    }
}

fn flat(value: &Value, out: &mut String) {
    match value {
        Value::String(value) => out.push_str(&text(value)),
        other => out.push_str(&other.to_string()),
    }
    out.push('\n');
}

/// A text, in quotes unless it reads as itself without.
fn text(value: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_$./-".contains(c);
    let plain = value.starts_with(|c: char| c.is_ascii_alphanumeric() || "_$/.".contains(c))
        && value.ends_with(is_word)
        && value.chars().all(|c| is_word(c) || " ()+,;=".contains(c) || c == ':')
        && !value.contains(": ")
        && scalar(value).is_string();
    if plain { value.to_owned() } else { Value::from(value).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[Value]) {
        let found = read_yaml(text).unwrap();
        let found: Vec<Value> = found.into_iter().map(|document| Value::Object(document.members)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn documents() {
        check("", &[]);
        check("# nothing\n---\n", &[]);
        check("a: 1\n---\nb: [x, 'y', \"z\\n\"]\n", &[json!({"a": 1}), json!({"b": ["x", "y", "z\n"]})]);
        check("- a: 1\n- {b: {c: []}}\n", &[json!({"a": 1}), json!({"b": {"c": []}})]);
        check("{\"a\": {\"b\": [1, {\"c\": null}]}}", &[json!({"a": {"b": [1, {"c": null}]}})]);
        check("a: |\n  one\n  two\n", &[json!({"a": "one\ntwo\n"})]);
        for (text, value) in [
            ("1", json!(1)),
            ("-7", json!(-7)),
            ("+7", json!(7)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("1.0.6", json!("1.0.6")),
            ("2024-01-01", json!("2024-01-01")),
            ("yes", json!("yes")),
            ("True", json!(true)),
            ("~", json!(null)),
            ("'1'", json!("1")),
            ("!!str 1", json!("1")),
            ("18446744073709551615", json!(u64::MAX)),
        ] {
            check(&format!("a: {text}"), &[json!({ "a": value })]);
        }
    }

    #[test]
    fn lines() {
        let text = "\n# a comment\nkind: schema\nallOf:\n  - $ref: '@class/A'\n---\n- x: '@b/c'\n- y: 1\n";
        let found = read_yaml(text).unwrap();
        let lines: Vec<usize> = found.iter().map(|document| document.line).collect();
        assert_eq!(lines, [3, 7, 8]);
        assert_eq!(found[0].references, [("@class/A".to_owned(), 5)]);
        assert_eq!(found[1].references, [("@b/c".to_owned(), 7)]);
        let found = read_json("[{\"a\":\n \"@b/c\"}]").unwrap();
        assert_eq!(found[0].references, [("@b/c".to_owned(), 2)]);
    }

    #[test]
    fn faults() {
        for (text, line, part) in [
            ("a: 1\na: 2\n", 2, "twice"),
            ("a: &x 1\nb: *x\n", 2, "aliases"),
            ("a: 1\nb: [\n", 3, "YAML"),
            ("a: !secret 1\n", 1, "tags"),
            ("just a text\n", 1, "objects"),
            ("- 1\n", 1, "objects"),
            ("a: 1\n? [x]\n: 2\n", 2, "key"),
        ] {
            let found = read_yaml(text).unwrap_err();
            assert!(found.text.contains(part), "{text}: {found:?}");
            assert_eq!(found.line, line, "{text}: {found:?}");
        }
        assert!(read_yaml(&format!("a: {}", "[".repeat(5000))).is_err());
        assert_eq!(read_json("{\n\"a\": }").unwrap_err().line, 2);
        assert!(read_json("[1]").is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let value = json!({
            "kind": "schema", "title": "A: b", "": "", "n": null, "t": true, "f": 1.5, "i": -3, "text": "true",
            "number": "12", "date": "2024-01-01", "ref": "@class/A b", "id": "https://ns.adobe.com/x",
            "odd": "#x", "quoted": "it's \"so\"", "lines": "a\nb\t\u{1}", "trailing ": " x ", "dash": "- x",
            "unicode": "数据 🙂 \u{2028}", "question": "? x", "colon": "a:", "long": "x".repeat(500), "star": "*a",
            "empty": { "list": [], "table": {} }, "concat": "concat(a, \" \", b)",
            "list": [1, "two", null, [1, [2, "#"]], { "a": { "b": 1 }, "c": [ { "d": 1 }, {} ] }]
        });
        let text = write(value.as_object().unwrap());
        let found = read_yaml(&text).unwrap_or_else(|fault| panic!("{fault:?}\n{text}"));
        assert_eq!(Value::Object(found[0].members.clone()), value, "{text}");
    }
}
