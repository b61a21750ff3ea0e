//! `tributary prep`: the mapping language by itself, without a server and without its data.

use std::io::{BufRead, BufReader, BufWriter, Read as _, Write as _};

use ::prep::{
    Context, EvaluationError, Expression, ExpressionError, Item, MappingSet, Options, SourceType, Span,
    Switches, Warning,
};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use vocab::{Clock as _, Json, Millis, Node, Read, SystemClock, Tape, random};
use xdm::Type;

use super::{Failure, print};

mod sets;

/// The code of a record that a strict set refuses.
const STRICT: &str = "strict-mapping";

/// Longest line of a case.
const LINE_BYTES_MAX: usize = 8 << 20;

#[derive(Subcommand)]
pub(crate) enum PrepCommand {
    /// Evaluate an expression, or with --lines many of them, and mappings.
    Eval(EvalArgs),
    /// Check a mapping set against the schema that it writes to, and against sample records. Exit code 1 when there is an
    /// error.
    Check(sets::CheckArgs),
    /// Map records: a line for each, `{"value", "warnings"}`. Exit code 1 when there is a warning.
    Run(sets::RunArgs),
    /// Run the cases of `SET.tests.jsonl`, beside the set. Exit code 1 when one fails.
    Test(sets::TestArgs),
}

#[derive(Args)]
pub(crate) struct EvalArgs {
    /// The expression.
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    expression: Option<String>,
    /// The record that the expression reads, as JSON.
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "lines")]
    input: String,
    /// Read cases from standard input, a JSON object a line: `{"expression", "input"}` or `{"mappings", "input"}`. Print a
    /// line for each: `{"value", "warnings"}` or `{"error": {"code", "message", "span"}}`.
    #[arg(long)]
    lines: bool,
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    surroundings: Surroundings,
}

/// How the switches of the language stand.
#[derive(Args)]
struct Chosen {
    /// Set a switch of the language, such as `integer-division=decimal`. Can be given several times.
    #[arg(long = "switch", value_name = "NAME=SIDE")]
    switches: Vec<String>,
}

impl Chosen {
    fn switches(&self) -> Result<Switches, Failure> {
        let mut switches = Switches::default();
        for setting in &self.switches {
            let (name, side) = setting
                .split_once('=')
                .ok_or_else(|| Failure::Usage(format!("--switch {setting}: write NAME=SIDE")))?;
            switches.set(name, side).map_err(|error| Failure::Usage(format!("--switch: {error}")))?;
        }
        Ok(switches)
    }
}

/// How a set is to be read: under the switches, and with what it says of itself.
fn options(set: &Json<'_>, switches: Switches) -> Options {
    let flag = |name| matches!(set.get(name), Some(Json::Bool(true)));
    Options { switches, allow_nulls: flag("allowNullValues"), strict: flag("strictMapping") }
}

/// What an evaluation knows beside the record.
#[derive(Args)]
struct Surroundings {
    /// The instant of now(), in milliseconds since 1970; by default the clock's.
    #[arg(long, value_name = "MILLIS", allow_negative_numbers = true)]
    now: Option<i64>,
    /// What uuid() draws from: with the same number it gives the same ids.
    #[arg(long)]
    seed: Option<u64>,
}

impl Surroundings {
    fn context(&self) -> Context {
        let now = self.now.map_or_else(|| SystemClock::new().now(), Millis);
        let seed = self.seed.map_or_else(|| u128::from_be_bytes(random::bytes()), u128::from);
        Context { now, seed }
    }
}

pub(crate) fn run(command: PrepCommand) -> Result<(), Failure> {
    match command {
        PrepCommand::Eval(args) => eval(&args),
        PrepCommand::Check(args) => sets::check(&args),
        PrepCommand::Run(args) => sets::run(&args),
        PrepCommand::Test(args) => sets::test(&args),
    }
}

fn eval(args: &EvalArgs) -> Result<(), Failure> {
    let switches = args.chosen.switches()?;
    if args.lines {
        return lines(&args.surroundings, switches);
    }
    let source = args.expression.as_deref().unwrap_or_default();
    let record = Tape::of(args.input.as_bytes())
        .map_err(|error| Failure::Usage(format!("the input is not JSON: {error}")))?;
    let answer =
        expression(source, record.root(), &args.surroundings.context(), switches).map_err(|trouble| {
            let place = trouble.span.and_then(|span| source.get(span.start..span.end));
            let place =
                place.filter(|text| !text.is_empty()).map(|text| format!(", at {text}")).unwrap_or_default();
            Failure::Usage(format!("{}{place}", trouble.message))
        })?;
    for warning in answer.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(std::io::stderr(), "warning: {}", warning["message"].as_str().unwrap_or_default());
    }
    print(&answer["value"].to_string());
    Ok(())
}

/// Why a case has no value.
struct Trouble {
    code: &'static str,
    message: String,
    span: Option<Span>,
}

impl Trouble {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: None }
    }

    fn show(&self) -> Value {
        let span = self.span.map(|span| json!({ "start": span.start, "end": span.end }));
        json!({ "error": { "code": self.code, "message": self.message, "span": span } })
    }
}

impl From<ExpressionError> for Trouble {
    fn from(error: ExpressionError) -> Self {
        Self { code: error.code(), message: error.to_string(), span: Some(error.span) }
    }
}

impl From<EvaluationError> for Trouble {
    fn from(error: EvaluationError) -> Self {
        Self { code: error.code, message: error.message, span: Some(error.span) }
    }
}

/// Answers each line of standard input, as it comes.
fn lines(surroundings: &Surroundings, switches: Switches) -> Result<(), Failure> {
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut out = BufWriter::new(std::io::stdout().lock());
    let cannot = |error: std::io::Error| Failure::Usage(format!("cannot read standard input: {error}"));
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        if (&mut input).take(most).read_until(b'\n', &mut line).map_err(cannot)? == 0 {
            break;
        }
        let answer = if line.len() > LINE_BYTES_MAX && !line.ends_with(b"\n") {
            skip_line(&mut input).map_err(cannot)?;
            Trouble::new("too-long", format!("a line is longer than {} MiB", LINE_BYTES_MAX >> 20)).show()
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            case(&line, &surroundings.context(), switches).unwrap_or_else(|trouble| trouble.show())
        };
        // A closed pipe is the reader's business. Who asks line by line waits for the answer.
        if writeln!(out, "{answer}").is_err() || (input.buffer().is_empty() && out.flush().is_err()) {
            return Ok(());
        }
    }
    let _ = out.flush();
    Ok(())
}

fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (read, done) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(read);
        if done {
            return Ok(());
        }
    }
}

/// One case: an expression or mappings, and the record.
fn case(line: &[u8], context: &Context, switches: Switches) -> Result<Value, Trouble> {
    let tape =
        Tape::of(line).map_err(|error| Trouble::new("json", format!("the line is not JSON: {error}")))?;
    let case = tape.root();
    if !case.is_object() {
        return Err(Trouble::new("bad-case", "a case is a JSON object"));
    }
    // Nothing can be read of null, as of an empty object.
    let empty = Tape::default();
    let record = case.get("input").unwrap_or(empty.root());
    let tree = |name| case.get(name).map(Read::to_json);
    match (&tree("expression"), &tree("mappings")) {
        (Some(Json::String(source)), None) => expression(source, record, context, switches),
        (None, Some(Json::Array(items))) => {
            mappings(items, record, context, options(&case.to_json(), switches))
        }
        _ => Err(Trouble::new("bad-case", "a case has either an expression, a text, or mappings, an array")),
    }
}

fn expression(
    source: &str,
    record: Node<'_, '_>,
    context: &Context,
    switches: Switches,
) -> Result<Value, Trouble> {
    let compiled = Expression::parse_with(source, switches)?;
    let value = compiled.evaluate(record, context)?;
    let warnings: Vec<Value> = compiled
        .remarks()
        .iter()
        .map(|remark| {
            let span = json!({ "start": remark.span.start, "end": remark.span.end });
            json!({ "code": remark.code, "message": remark.message, "span": span })
        })
        .collect();
    Ok(answer(&value, warnings))
}

fn answer(value: &Json<'_>, warnings: Vec<Value>) -> Value {
    let mut answer = Map::new();
    // Written by the same hand as the records of the log.
    answer.insert("value".to_owned(), serde_json::from_str(&value.to_string()).unwrap_or_default());
    if !warnings.is_empty() {
        answer.insert("warnings".to_owned(), Value::Array(warnings));
    }
    Value::Object(answer)
}

fn mappings(
    items: &[Json<'_>],
    record: Node<'_, '_>,
    context: &Context,
    options: Options,
) -> Result<Value, Trouble> {
    let items = items.iter().enumerate().map(|(at, sent)| {
        item(sent)
            .map_err(|trouble| Trouble { message: format!("mapping {at}: {}", trouble.message), ..trouble })
    });
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let set = MappingSet::compile_without_schema(&items, options).map_err(|errors| {
        match errors.into_iter().next() {
            Some(error) => {
                let span = error.span.map(|(start, end)| Span { start, end });
                Trouble { code: error.code, message: error.to_string(), span }
            }
            None => Trouble::new("bad-case", "the mappings cannot be used"),
        }
    })?;
    let mapped = set.apply(record, context);
    if let Some(reason) = set.refuses(&mapped) {
        return Err(Trouble::new(STRICT, reason));
    }
    let remarks = set.remarks().map(|(item, remark)| {
        let span = json!({ "start": remark.span.start, "end": remark.span.end });
        json!({ "mapping": item, "code": remark.code, "message": remark.message, "span": span })
    });
    Ok(answer(&mapped.to_json(), remarks.chain(mapped.warnings.iter().map(shown)).collect()))
}

/// A warning of a record.
fn shown(warning: &Warning) -> Value {
    json!({
        "mapping": warning.item, "code": warning.code, "message": warning.message,
        "source": warning.source, "destination": warning.destination
    })
}

/// A mapping with the type of its destination, if it says one.
fn item(sent: &Json<'_>) -> Result<(Item, Option<Type>), Trouble> {
    let text = |names: [&str; 2]| match names.iter().find_map(|name| sent.get(name)) {
        Some(Json::String(text)) => Some(text.clone().into_owned()),
        Some(Json::Null | Json::Array(_) | Json::Object(_)) | None => None,
        Some(scalar) => Some(scalar.to_string()),
    };
    let bad = |message: String| Trouble::new("bad-mapping", message);
    let source = text(["source", "sourceAttribute"]).ok_or_else(|| bad("it has no source".to_owned()))?;
    let destination =
        text(["destination", "destinationXdmPath"]).ok_or_else(|| bad("it has no destination".to_owned()))?;
    let source_type = match sent.get("sourceType") {
        None | Some(Json::Null) => SourceType::of(&source),
        Some(Json::String(word)) => SourceType::parse(word, &source)
            .ok_or_else(|| bad(format!("the sourceType {word} is not known")))?,
        Some(_) => return Err(bad("sourceType is a text".to_owned())),
    };
    let ty = match sent.get("destinationType") {
        None | Some(Json::Null) => None,
        Some(Json::String(word)) => {
            let schema =
                named_type(word).ok_or_else(|| bad(format!("the destinationType {word} is not known")))?;
            if schema.is_null() { None } else { Some(schema_type(schema)?) }
        }
        Some(schema @ Json::Object(_)) => {
            Some(schema_type(serde_json::from_str(&schema.to_string()).unwrap_or_default())?)
        }
        Some(_) => return Err(bad("destinationType is the name of a type or a schema".to_owned())),
    };
    Ok((Item { source_type, source, destination }, ty))
}

/// The schema of a type by its name: those of the data model, those of JSON, and `[]` behind a name for an array of it.
/// Null for a name that leaves the type open.
fn named_type(name: &str) -> Option<Value> {
    let name = name.trim();
    if let Some(item) = name.strip_suffix("[]") {
        return named_type(item).map(|item| json!({ "type": "array", "items": item }));
    }
    let integer = |low: i64, high: i64| json!({ "type": "integer", "minimum": low, "maximum": high });
    Some(match name.to_ascii_lowercase().as_str() {
        "string" => json!({ "type": "string" }),
        "boolean" => json!({ "type": "boolean" }),
        "byte" => integer(i8::MIN.into(), i8::MAX.into()),
        "short" => integer(i16::MIN.into(), i16::MAX.into()),
        "integer" | "int" => json!({ "type": "integer" }),
        "long" => json!({ "type": "integer", "meta:xdmType": "long" }),
        "number" | "double" | "float" | "decimal" => json!({ "type": "number" }),
        "date" => json!({ "type": "string", "format": "date" }),
        "date-time" | "datetime" | "timestamp" => json!({ "type": "string", "format": "date-time" }),
        "object" => json!({ "type": "object" }),
        // Of what kind the elements are is not said.
        "array" | "any" => Value::Null,
        "map" => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        _ => return None,
    })
}

fn schema_type(schema: Value) -> Result<Type, Trouble> {
    let bad =
        |error: String| Trouble::new("bad-mapping", format!("the destinationType cannot be used: {error}"));
    let doc = json!({ "type": "object", "properties": { "value": schema } });
    let composed = xdm::compose(&doc, &|_| None).map_err(|error| bad(error.to_string()))?;
    let compiled = xdm::Schema::compile(&composed, &[]).map_err(|error| bad(error.to_string()))?;
    let field = compiled.root().get("value").ok_or_else(|| bad("it is no type".to_owned()))?;
    Ok(field.ty.clone())
}
