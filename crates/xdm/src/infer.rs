//! A schema from sample records: what types their fields have, widened until all records fit.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use vocab::Json;

use crate::dates::{parse_date, parse_date_time};
use crate::limits::{INFER_DEPTH_MAX, INFER_ENUM_VALUES_MAX, INFER_FIELDS_MAX};

/// Records that each value of an enum stands for on average; below that a repetition may be chance.
const RECORDS_PER_ENUM_VALUE: usize = 4;

/// Longest value of an enum.
const ENUM_VALUE_CHARS_MAX: usize = 40;

/// Integers beyond this need a bound that says so, since `integer` alone is a 32-bit number.
const INT_RANGE: std::ops::RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;

/// The range of integers that every JSON reader keeps.
const SAFE: i64 = (1 << 53) - 1;

/// What records have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Inferred {
    /// The fields, as under `properties`.
    pub properties: Map<String, Value>,
    /// What was left out or widened, a line each.
    pub notes: Vec<String>,
    pub records: usize,
}

/// Reads records, one at a time, and proposes their fields.
#[derive(Default)]
pub struct Inference {
    reader: Reader,
    root: Object,
    records: usize,
    others: usize,
}

impl Inference {
    /// Takes in a record. What is no object is noted and left out.
    pub fn add(&mut self, record: &Json<'_>) {
        match record {
            Json::Object(members) => {
                self.reader.object(&mut self.root, members, 0);
                self.records += 1;
            }
            _ => self.others += 1,
        }
    }

    pub fn finish(self) -> Inferred {
        let mut writer = Writer { notes: Vec::new() };
        if self.others > 0 {
            writer.notes.push(format!("{} records are no objects and were left out", self.others));
        }
        if self.reader.full {
            let text =
                format!("only the first {INFER_FIELDS_MAX} fields, {INFER_DEPTH_MAX} deep, were taken in");
            writer.notes.push(text);
        }
        let properties = writer.object(&self.root, "");
        Inferred { properties, notes: writer.notes, records: self.records }
    }
}

/// Fields in the order in which they were first seen.
#[derive(Default)]
struct Object {
    fields: Vec<(String, Seen)>,
    index: std::collections::HashMap<String, usize>,
}

/// The values that a field had.
#[derive(Default)]
struct Seen {
    booleans: usize,
    integers: Option<(i64, i64)>,
    numbers: usize,
    texts: Texts,
    objects: usize,
    object: Object,
    arrays: usize,
    items: Option<Box<Seen>>,
}

#[derive(Default)]
struct Texts {
    count: usize,
    dates: usize,
    date_times: usize,
    /// The distinct ones, unless there are too many or they are too long for an enum.
    values: BTreeSet<String>,
    many: bool,
}

#[derive(Default)]
struct Reader {
    fields: usize,
    /// Whether something was left out for its number or depth.
    full: bool,
}

impl Reader {
    fn object(&mut self, out: &mut Object, members: &vocab::json::Object<'_>, depth: usize) {
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let at = match out.index.get(name) {
                Some(at) => *at,
                None if self.fields >= INFER_FIELDS_MAX || depth >= INFER_DEPTH_MAX => {
                    self.full = true;
                    continue;
                }
                None => {
                    self.fields += 1;
                    out.index.insert(name.to_owned(), out.fields.len());
                    out.fields.push((name.to_owned(), Seen::default()));
                    out.fields.len() - 1
                }
            };
            self.value(&mut out.fields[at].1, value, depth + 1);
        }
    }

    fn value(&mut self, seen: &mut Seen, value: &Json<'_>, depth: usize) {
        match value {
            Json::Null => {}
            Json::Bool(_) => seen.booleans += 1,
            Json::Int(number) => {
                let (low, high) = seen.integers.unwrap_or((*number, *number));
                seen.integers = Some((low.min(*number), high.max(*number)));
            }
            Json::Float(_) => seen.numbers += 1,
            Json::String(text) => seen.texts.add(text),
            Json::Array(items) => {
                seen.arrays += 1;
                if depth >= INFER_DEPTH_MAX {
                    self.full = true;
                    return;
                }
                for item in items.iter().filter(|item| !item.is_null()) {
                    self.value(seen.items.get_or_insert_default(), item, depth + 1);
                }
            }
            Json::Object(members) => {
                seen.objects += 1;
                self.object(&mut seen.object, members, depth);
            }
        }
    }
}

impl Texts {
    fn add(&mut self, text: &str) {
        self.count += 1;
        self.dates += usize::from(parse_date(text).is_some());
        self.date_times += usize::from(parse_date_time(text).is_some());
        self.many |= text.is_empty() || text.chars().count() > ENUM_VALUE_CHARS_MAX;
        if !self.many && !self.values.contains(text) {
            self.values.insert(text.to_owned());
            self.many = self.values.len() > INFER_ENUM_VALUES_MAX;
        }
    }

    fn field(&self) -> Value {
        if self.dates == self.count {
            return json!({ "type": "string", "format": "date" });
        }
        if self.date_times == self.count {
            return json!({ "type": "string", "format": "date-time" });
        }
        if !self.many && self.count >= self.values.len() * RECORDS_PER_ENUM_VALUE {
            let names: Map<String, Value> =
                self.values.iter().map(|value| (value.clone(), json!(value))).collect();
            return json!({ "type": "string", "enum": self.values, "meta:enum": names });
        }
        json!({ "type": "string" })
    }
}

struct Writer {
    notes: Vec<String>,
}

impl Writer {
    fn object(&mut self, object: &Object, path: &str) -> Map<String, Value> {
        let mut out = Map::new();
        let mut lower_case: BTreeSet<String> = BTreeSet::new();
        for (name, seen) in &object.fields {
            let path = format!("{path}/{name}");
            if !is_name(name) {
                self.notes
                    .push(format!("{path:?} was left out: a field is named with letters, digits, - and _"));
            } else if !lower_case.insert(name.to_lowercase()) {
                self.notes.push(format!("{path} was left out: another field differs from it in case only"));
            } else if let Some(mut field) = self.field(seen, &path) {
                field["title"] = json!(title(name));
                out.insert(name.clone(), field);
            } else {
                self.notes.push(format!("{path} was left out: it never has a value"));
            }
        }
        out
    }

    fn field(&mut self, seen: &Seen, path: &str) -> Option<Value> {
        let numeric = seen.integers.is_some() || seen.numbers > 0;
        let kinds = [seen.booleans > 0, numeric, seen.texts.count > 0, seen.arrays > 0, seen.objects > 0];
        match kinds.iter().filter(|kind| **kind).count() {
            0 => return None,
            1 => {}
            _ => {
                self.notes.push(format!(
                    "{path} has values of several types and becomes text, which some records do not fit"
                ));
                return Some(json!({ "type": "string" }));
            }
        }
        Some(if seen.booleans > 0 {
            json!({ "type": "boolean" })
        } else if numeric {
            number(seen)
        } else if seen.texts.count > 0 {
            seen.texts.field()
        } else if seen.arrays > 0 {
            let items = seen.items.as_deref().and_then(|items| self.field(items, path));
            let items = items.unwrap_or_else(|| {
                self.notes.push(format!("{path} has no items; they are taken for text"));
                json!({ "type": "string" })
            });
            json!({ "type": "array", "items": items })
        } else {
            let properties = self.object(&seen.object, path);
            if properties.is_empty() {
                json!({ "type": "object" })
            } else {
                json!({ "type": "object", "properties": properties })
            }
        })
    }
}

fn number(seen: &Seen) -> Value {
    match seen.integers {
        Some((low, high)) if seen.numbers == 0 => {
            if INT_RANGE.contains(&low) && INT_RANGE.contains(&high) {
                json!({ "type": "integer" })
            } else if low >= -SAFE && high <= SAFE {
                json!({ "type": "integer", "minimum": -SAFE, "maximum": SAFE, "meta:xdmType": "long" })
            } else {
                json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX, "meta:xdmType": "long" })
            }
        }
        _ => json!({ "type": "number" }),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// `firstName` and `first_name` are titled `First Name`.
fn title(name: &str) -> String {
    let mut out = String::new();
    let mut start = true;
    let mut lower = false;
    for c in name.chars() {
        if matches!(c, '_' | '-') {
            start = true;
            continue;
        }
        if (start || (lower && c.is_uppercase())) && !out.is_empty() {
            out.push(' ');
            start = true;
        }
        if start {
            out.extend(c.to_uppercase())
        } else {
            out.push(c)
        }
        (start, lower) = (false, c.is_lowercase() || c.is_ascii_digit());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer<'a>(records: impl IntoIterator<Item = Json<'a>>) -> Inferred {
        let mut inference = Inference::default();
        records.into_iter().for_each(|record| inference.add(&record));
        inference.finish()
    }

    #[track_caller]
    fn check(values: &[&str], expected: Value) {
        let texts: Vec<String> = values.iter().map(|value| format!("{{\"f\":{value}}}")).collect();
        let found = infer(texts.iter().map(|text| Json::parse(text.as_bytes()).unwrap()));
        let mut field = found.properties.get("f").cloned().unwrap_or_default();
        if let Some(field) = field.as_object_mut() {
            field.shift_remove("title");
        }
        assert_eq!(field, expected, "{values:?}: {:?}", found.notes);
    }

    #[test]
    fn types_are_widened() {
        check(&["1", "2"], json!({"type": "integer"}));
        check(&["1", "2.5"], json!({"type": "number"}));
        check(&["1", "null"], json!({"type": "integer"}));
        check(&["null"], Value::Null);
        check(&["true", "false"], json!({"type": "boolean"}));
        check(&["true", "1"], json!({"type": "string"}));
        check(&["1", "\"a\""], json!({"type": "string"}));
        check(&["[1]", "[2.5]"], json!({"type": "array", "items": {"type": "number"}}));
        check(&["{}"], json!({"type": "object"}));
        let long = |bound: i64, low: i64| json!({"type": "integer", "minimum": low, "maximum": bound, "meta:xdmType": "long"});
        check(&["3000000000"], long(SAFE, -SAFE));
        check(&["9007199254740993"], long(i64::MAX, i64::MIN));
        check(&["92233720368547758079"], json!({"type": "number"}));
    }

    #[test]
    fn texts_are_told_apart() {
        check(&["\"2024-02-29\"", "\"2023-01-01\""], json!({"type": "string", "format": "date"}));
        check(&["\"2024-02-29T00:00:00Z\""], json!({"type": "string", "format": "date-time"}));
        check(&["\"2024-02-29\"", "\"soon\""], json!({"type": "string"}));
        check(&["\"a\"", "\"b\""], json!({"type": "string"}));
        let repeated = ["\"a\"", "\"b\"", "\"a\"", "\"b\"", "\"a\"", "\"b\"", "\"a\"", "\"b\""];
        check(&repeated, json!({"type": "string", "enum": ["a", "b"], "meta:enum": {"a": "a", "b": "b"}}));
    }

    #[test]
    fn names_that_no_field_can_have_are_left_out() {
        let found = infer([Json::parse(br#"{"a b":1,"x":{"xdm:y":1},"q":1,"Q":2}"#).unwrap(), Json::Int(1)]);
        assert_eq!(found.properties.keys().collect::<Vec<_>>(), ["x", "q"]);
        assert_eq!((found.notes.len(), found.records), (4, 1), "{:?}", found.notes);
        assert_eq!(title("firstName_of-2ndOne"), "First Name Of 2nd One");
    }
}
