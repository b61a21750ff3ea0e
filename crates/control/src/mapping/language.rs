//! The mapping language by itself: expressions checked, functions and operators listed from the engine's own tables.

use prep::{CATEGORIES, Context, Expression, Function, Kind, Need, OPERATORS, Parameter, ValidateResult};
use serde_json::{Map, Value, json};
use store::Tx;
use vocab::{Tape, random};

use super::error::MappingError;
use super::{samples, sets};
use crate::Scope;
use crate::limits::PREVIEW_RECORDS_MAX;

/// Checks an expression; with sample data it is evaluated on each record too.
pub async fn validate(tx: &mut Tx, scope: &Scope, body: &Map<String, Value>) -> Result<Value, MappingError> {
    let source = body.get("expression").and_then(Value::as_str);
    let source = source.ok_or_else(|| MappingError::invalid("expression must be a text"))?;
    if let Some(id) = body.get("mappingSetId").and_then(Value::as_str).filter(|id| !id.is_empty()) {
        sets::get(tx, scope, id, None).await?;
    }
    let records = sample(body)?;
    // The documents have two shapes of the answer.
    let bare = scope.switches.validate_result == ValidateResult::Boolean;
    let expression = match Expression::parse_with(source, scope.switches) {
        Ok(expression) => expression,
        Err(_) if bare => return Ok(Value::Bool(false)),
        Err(error) => {
            let mut shown = failed(error.code(), &error.to_string());
            shown["span"] = json!({ "start": error.span.start, "end": error.span.end });
            return Ok(shown);
        }
    };
    let mut results = Vec::with_capacity(records.len());
    for record in &records {
        let text = record.to_string();
        let record = Tape::of(text.as_bytes())
            .map_err(|error| MappingError::invalid(format!("the sample cannot be read: {error}")))?;
        match expression
            .evaluate(record.root(), &Context { now: scope.now, seed: u128::from_be_bytes(random::bytes()) })
        {
            Ok(value) => results.push(serde_json::from_str(&value.to_string()).unwrap_or_default()),
            Err(_) if bare => return Ok(Value::Bool(false)),
            Err(error) => return Ok(failed(error.code, &error.message)),
        }
    }
    if bare {
        return Ok(Value::Bool(true));
    }
    let remarks = expression.remarks().iter().map(|remark| {
        json!({
            "code": remark.code, "message": remark.message,
            "span": { "start": remark.span.start, "end": remark.span.end }
        })
    });
    let remarks: Vec<Value> = remarks.collect();
    let mut shown = json!({ "validationStatus": "succeeded", "error": "none" });
    if !results.is_empty() {
        shown["results"] = Value::Array(results);
    }
    if !remarks.is_empty() {
        shown["warnings"] = Value::Array(remarks);
    }
    Ok(shown)
}

fn failed(code: &str, text: &str) -> Value {
    json!({ "validationStatus": "failed", "error": text, "code": code })
}

/// The records to try the expression on; none when none were sent.
fn sample(body: &Map<String, Value>) -> Result<Vec<Value>, MappingError> {
    let text = match body.get("sampleData") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(Vec::new()),
        Some(Value::String(text)) => text.clone(),
        Some(data) => data.to_string(),
    };
    if let Some(Value::String(kind)) = body.get("sampleDataType")
        && !kind.is_empty()
        && !kind.to_ascii_lowercase().contains("json")
    {
        return Err(MappingError::invalid(format!("the sampleDataType {kind} is not known: it is JSON")));
    }
    let records = samples::read(&text)?;
    if records.len() > PREVIEW_RECORDS_MAX {
        let text = format!("an expression is tried on at most {PREVIEW_RECORDS_MAX} records");
        return Err(MappingError::invalid(text));
    }
    Ok(records)
}

/// A descriptor for every name of every function.
pub fn functions() -> Vec<Value> {
    let mut all = Vec::new();
    for category in CATEGORIES {
        for function in category.functions {
            all.extend(function.names.iter().map(|name| descriptor(category.title, name, function)));
        }
    }
    all
}

fn descriptor(category: &str, name: &str, function: &Function) -> Value {
    let params: Vec<Value> = function.args.iter().enumerate().map(|(at, arg)| parameter(at, arg)).collect();
    let arguments: Vec<String> = function.args.iter().map(argument).collect();
    let returned = java(function.returns);
    let syntax = format!("{} {name}({})", plain(returned), arguments.join(", "));
    // The example of an alias is that of the first name.
    let example = function.examples.first();
    json!({
        "category": category, "function": name, "description": function.doc, "syntax": syntax,
        "returns": function.returns.word(), "returnType": returned,
        "example": example.map(|example| example.expression), "result": example.map(|example| example.result),
        "params": params, "since": 1
    })
}

fn argument(parameter: &Parameter) -> String {
    let more = match parameter.need {
        Need::Once | Need::Optional => "",
        Need::Repeated | Need::Rest => "...",
    };
    format!("{}{more} {}", plain(java(parameter.kind)), parameter.name)
}

fn parameter(at: usize, parameter: &Parameter) -> Value {
    let need = match parameter.need {
        Need::Once => "required",
        Need::Optional => "optional",
        Need::Repeated => "one or more",
        Need::Rest => "any number",
    };
    let kind = parameter.kind.word();
    json!({
        "name": parameter.name, "description": format!("{} ({kind}, {need})", parameter.name), "type": kind,
        "dataType": java(parameter.kind), "position": at
    })
}

/// The Java type by which clients of the original know a kind.
fn java(kind: Kind) -> &'static str {
    match kind {
        Kind::Any => "java.lang.Object",
        Kind::Boolean => "java.lang.Boolean",
        Kind::Integer => "java.lang.Integer",
        Kind::Number => "java.lang.Number",
        Kind::String
        | Kind::Regex
        | Kind::WholeRegex
        | Kind::MatchRegex
        | Kind::DatePattern
        | Kind::DatePart => "java.lang.String",
        Kind::Date => "java.time.ZonedDateTime",
        Kind::Array => "[Ljava.lang.Object;",
        Kind::Object => "java.util.Map",
        Kind::Lambda => "java.util.function.Function",
    }
}

/// A Java type as it stands in a signature.
fn plain(java: &'static str) -> &'static str {
    if java.starts_with('[') { "Object[]" } else { java.rsplit('.').next().unwrap_or(java) }
}

/// A descriptor for every operator, and for the words that stand for one.
pub fn operators() -> Vec<Value> {
    let mut all = Vec::new();
    for operator in OPERATORS {
        let (expression, result) = operator.example;
        for symbol in std::iter::once(operator.symbol).chain(operator.word) {
            all.push(json!({
                "operatorSymbol": symbol, "methodName": operator.method, "numberOfOperands": operator.operands,
                "description": operator.doc, "example": format!("{expression} = {result}")
            }));
        }
    }
    all
}
