//! What clients send: mapping sets and items in two generations, brought into one.

use prep::{Item, Options, SourceType, Switches};
use serde_json::{Map, Value, json};
use vocab::random;

use super::error::MappingError;
use crate::limits::NAME_CHARS_MAX;

/// Members that the server makes.
const SERVER_MADE: [&str; 8] =
    ["id", "version", "createdDate", "modifiedDate", "createdBy", "modifiedBy", "xdmSchema", "xdmVersion"];

/// The content type of a schema reference that came without.
const SCHEMA_CONTENT_TYPE: &str = "application/vnd.adobe.xed-full+json;version=1";

/// A set in the stored form: `outputSchema.schemaRef` and `mappings` are there, whatever the client wrote.
pub(super) fn normalise(
    sent: Map<String, Value>,
    switches: &Switches,
) -> Result<Map<String, Value>, MappingError> {
    let reference = schema_reference(&sent)?;
    let mappings = match sent.get("mappings") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| mapping(item, switches)).collect::<Result<Vec<_>, _>>()?
        }
        Some(_) => return Err(MappingError::invalid("mappings must be an array")),
    };
    let mut doc = sent;
    doc.retain(|name, _| !SERVER_MADE.contains(&name.as_str()) && name != "schemaRef");
    match doc.get("name") {
        None | Some(Value::Null) => {
            doc.shift_remove("name");
        }
        Some(Value::String(name)) if name.chars().count() <= NAME_CHARS_MAX => {}
        Some(_) => {
            return Err(MappingError::invalid(format!(
                "name must be a text of at most {NAME_CHARS_MAX} characters"
            )));
        }
    }
    let mut output = match doc.get_mut("outputSchema").map(Value::take) {
        Some(Value::Object(output)) => output,
        _ => Map::new(),
    };
    // Shown on demand, never stored.
    output.shift_remove("jsonSchema");
    output.insert("schemaRef".to_owned(), reference);
    doc.insert("outputSchema".to_owned(), Value::Object(output));
    doc.insert("mappings".to_owned(), Value::Array(mappings));
    Ok(doc)
}

/// `outputSchema.schemaRef`, the older `schemaRef` at the top, or the oldest `xdmSchema` and `xdmVersion`.
fn schema_reference(sent: &Map<String, Value>) -> Result<Value, MappingError> {
    let output = match sent.get("outputSchema") {
        None | Some(Value::Null) => None,
        Some(Value::Object(output)) => output.get("schemaRef"),
        Some(_) => return Err(MappingError::invalid("outputSchema must be an object")),
    };
    let reference = output.or_else(|| sent.get("schemaRef")).filter(|reference| reference.is_object());
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (id, version) = match reference {
        Some(reference) => (text(reference.get("id")), text(reference.get("contentType"))),
        None => (text(sent.get("xdmSchema")), text(sent.get("xdmVersion"))),
    };
    let id =
        id.ok_or_else(|| MappingError::invalid("the output schema is missing: outputSchema.schemaRef.id"))?;
    // The oldest form names a version such as `1.0` instead of a content type.
    let content_type = version.filter(|version| version.contains('/'));
    Ok(json!({ "id": id, "contentType": content_type.unwrap_or_else(|| SCHEMA_CONTENT_TYPE.to_owned()) }))
}

/// An item in the stored form, with an id of its own.
pub(super) fn mapping(sent: &Value, switches: &Switches) -> Result<Value, MappingError> {
    let Value::Object(sent) = sent else {
        return Err(MappingError::invalid("a mapping must be an object"));
    };
    let source = scalar(sent.get("source").or_else(|| sent.get("sourceAttribute")))
        .ok_or_else(|| MappingError::invalid("a mapping needs a source"))?;
    let destination = scalar(sent.get("destination").or_else(|| sent.get("destinationXdmPath")))
        .filter(|destination| !destination.is_empty())
        .ok_or_else(|| MappingError::invalid("a mapping needs a destination"))?;
    let source_type = match sent.get("sourceType") {
        None | Some(Value::Null) => SourceType::of(&source),
        Some(Value::String(text)) => SourceType::parse(text, &source)
            .ok_or_else(|| MappingError::invalid(format!("the sourceType {text} is not known")))?,
        Some(_) => return Err(MappingError::invalid("sourceType must be a text")),
    };
    let mut doc = sent.clone();
    doc.retain(|name, _| {
        !matches!(
            name.as_str(),
            "sourceAttribute"
                | "destinationXdmPath"
                | "expressionAttributes"
                | "version"
                | "createdDate"
                | "modifiedDate"
                | "createdBy"
                | "modifiedBy"
        )
    });
    doc.insert("id".to_owned(), json!(random::hex(16)));
    doc.insert("sourceType".to_owned(), json!(source_type.echo(switches)));
    doc.insert("source".to_owned(), json!(source));
    doc.insert("destination".to_owned(), json!(destination));
    Ok(Value::Object(doc))
}

/// A text; a number or boolean stands for its text.
fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    }
}

/// How a stored set is to be read: under the switches, and with what it says of itself.
pub(super) fn options(doc: &Map<String, Value>, switches: Switches) -> Options {
    let flag = |name| doc.get(name).and_then(Value::as_bool).unwrap_or(false);
    Options { switches, allow_nulls: flag("allowNullValues"), strict: flag("strictMapping") }
}

/// The items of a stored set, as the language takes them.
pub(super) fn items(doc: &Map<String, Value>) -> Vec<Item> {
    let mappings = doc.get("mappings").and_then(Value::as_array).into_iter().flatten();
    let text =
        |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    mappings
        .map(|item| {
            let source = text(item, "source");
            let source_type = SourceType::parse(&text(item, "sourceType"), &source);
            let destination = text(item, "destination");
            Item { source_type: source_type.unwrap_or(SourceType::Attribute), source, destination }
        })
        .collect()
}

/// The id of the schema that a stored set writes to.
pub(super) fn schema_id(doc: &Map<String, Value>) -> &str {
    let id = doc.get("outputSchema").and_then(|output| output.get("schemaRef")?.get("id")?.as_str());
    id.unwrap_or_default()
}
