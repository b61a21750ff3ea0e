//! `tributary prep check | run | test`: whole mapping sets, from files.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ::prep::{Finding, Item, ItemError, MappingSet, Options, Severity, Span};
use clap::Args;
use serde_json::{Value, json};
use vocab::{Json, Millis, Tape};
use xdm::Schema;

use super::{Chosen, STRICT, Surroundings, answer, item, options, shown};
use crate::cli::xdm::{read, records, schema_of_file};
use crate::cli::{Failure, Output, print};

/// Largest file of a set or of its cases.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A mapping set and the schema that it writes to.
#[derive(Args)]
struct Subject {
    /// The mapping set as it is posted, or its mappings alone, as JSON.
    #[arg(value_name = "SET")]
    set: PathBuf,
    /// A file with the schema. What it names is looked for in the built-in library.
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    #[command(flatten)]
    chosen: Chosen,
}

/// A set as its file has it.
struct Loaded {
    items: Vec<Item>,
    options: Options,
    schema: Schema,
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    subject: Subject,
    /// Records, as JSON or JSON lines: sources that none of them has are warned of.
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    subject: Subject,
    /// Files of JSON or JSON lines; `-` is standard input.
    #[arg(required = true, value_name = "RECORDS")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    surroundings: Surroundings,
}

#[derive(Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    surroundings: Surroundings,
}

impl Subject {
    fn load(&self) -> Result<Loaded, Failure> {
        let switches = self.chosen.switches()?;
        let file = self.set.display();
        let usage = |text: String| Failure::Usage(format!("{file}: {text}"));
        let text = read(&self.set, FILE_BYTES_MAX)?;
        let set = Json::parse(&text).map_err(|error| usage(format!("it is not JSON: {error}")))?;
        let sent = match (&set, set.get("mappings")) {
            (Json::Array(items), _) | (_, Some(Json::Array(items))) => items,
            _ => {
                return Err(usage(
                    "a mapping set is an object with mappings, or an array of them".to_owned(),
                ));
            }
        };
        let items = sent.iter().enumerate().map(|(at, sent)| {
            let item = item(sent).map_err(|trouble| usage(format!("mapping {at}: {}", trouble.message)))?;
            Ok(item.0)
        });
        Ok(Loaded {
            items: items.collect::<Result<Vec<_>, Failure>>()?,
            options: options(&set, switches),
            schema: schema_of_file(&self.schema)?,
        })
    }

    /// The set, ready to run.
    fn compile(&self) -> Result<MappingSet, Failure> {
        let loaded = self.load()?;
        checked(&loaded, &[]).map(|(set, _)| set).map_err(|findings| {
            for finding in &findings {
                print(&line(finding, &loaded.items));
            }
            Failure::Findings(format!("{}: {}", self.set.display(), count(&findings)))
        })
    }
}

/// The set and what is said of it; or the findings that refuse it.
fn checked(loaded: &Loaded, samples: &[Json<'_>]) -> Result<(MappingSet, Vec<Finding>), Vec<Finding>> {
    let Loaded { items, options, schema } = loaded;
    let set = MappingSet::compile_with(items, schema, *options)
        .map_err(|errors| errors.into_iter().map(refused).collect::<Vec<_>>())?;
    let texts: Vec<String> = samples.iter().map(Json::to_string).collect();
    let tapes: Vec<Tape<'_>> = texts.iter().filter_map(|text| Tape::of(text.as_bytes()).ok()).collect();
    let findings = set.check(schema, &tapes.iter().map(Tape::root).collect::<Vec<_>>());
    if findings.iter().any(|finding| finding.severity == Severity::Error) {
        return Err(findings);
    }
    Ok((set, findings))
}

fn refused(error: ItemError) -> Finding {
    let span = error.span.map(|(start, end)| Span { start, end });
    Finding {
        item: Some(error.index),
        severity: Severity::Error,
        code: error.code,
        message: error.message,
        span,
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A finding for people.
fn line(finding: &Finding, items: &[Item]) -> String {
    let mut text = format!("{}[{}]", word(finding.severity), finding.code);
    if let Some(index) = finding.item {
        text.push_str(&format!(" mapping {index}"));
    }
    text.push_str(&format!(": {}", finding.message));
    let source = finding.item.and_then(|index| items.get(index)).map(|item| item.source.as_str());
    if let (Some(source), Some(Span { start, end })) = (source, finding.span) {
        text.push_str(&format!("\n  {start}..{end} of {source}"));
    }
    text
}

fn json_line(finding: &Finding) -> Value {
    let span = finding.span.map(|span| json!({ "start": span.start, "end": span.end }));
    json!({
        "mapping": finding.item, "severity": word(finding.severity), "code": finding.code,
        "message": finding.message, "span": span
    })
}

fn count(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    format!("{errors} errors, {} warnings", findings.len() - errors)
}

pub(super) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let loaded = args.subject.load()?;
    let items = &loaded.items;
    let mut samples = Vec::new();
    if let Some(path) = &args.sample {
        let mut bad = None;
        records(path, |number, record| match record {
            Ok(record) => samples.push(record.into_owned()),
            Err(error) => {
                bad.get_or_insert(format!("{} {number}: {error}", path.display()));
            }
        })?;
        if let Some(bad) = bad {
            return Err(Failure::Usage(bad));
        }
    }
    let (refused, findings) = match checked(&loaded, &samples) {
        Ok((_, findings)) => (false, findings),
        Err(findings) => (true, findings),
    };
    for finding in &findings {
        print(&match args.output {
            Output::Text => line(finding, items),
            Output::Json => json_line(finding).to_string(),
        });
    }
    match (refused, args.output) {
        (true, _) => Err(Failure::Findings(format!("{}: {}", args.subject.set.display(), count(&findings)))),
        (false, Output::Text) => {
            print(&format!("{} mappings: {}", items.len(), count(&findings)));
            Ok(())
        }
        (false, Output::Json) => Ok(()),
    }
}

/// What is warned of when no item wrote a value.
const NOTHING_WRITTEN: &str = "nothing-written";

/// Maps a record: the answer, with a warning of its own when no item wrote a value, or when the set is strict and the record,
/// which is then left empty, has another.
fn map(set: &MappingSet, record: &Json<'_>, surroundings: &Surroundings, now: Option<i64>) -> Value {
    let mut context = surroundings.context();
    context.now = now.map_or(context.now, Millis);
    // A tree is read again as the record that it came from would be.
    let text = record.to_string();
    let (tape, _) = Tape::default().parse(text.as_bytes());
    let mapped = set.apply(tape.root(), &context);
    let mut warnings: Vec<Value> = mapped.warnings.iter().map(shown).collect();
    if mapped.written == 0 {
        warnings.push(json!({ "code": NOTHING_WRITTEN, "message": "no mapping wrote a value" }));
    }
    if let Some(reason) = set.refuses(&mapped) {
        warnings.push(json!({ "code": STRICT, "message": reason }));
        return answer(&Json::Object(Default::default()), warnings);
    }
    answer(&mapped.to_json(), warnings)
}

pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let set = args.subject.compile()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let (mut total, mut troubled) = (0_usize, 0_usize);
    for path in &args.files {
        records(path, |_, record| {
            let answer = match record {
                Ok(record) => map(&set, &record, &args.surroundings, None),
                Err(error) => json!({ "error": { "code": "json", "message": error } }),
            };
            total += 1;
            troubled += usize::from(answer.get("warnings").is_some() || answer.get("error").is_some());
            // A closed pipe is the reader's business.
            let _ = writeln!(out, "{answer}");
        })?;
    }
    let _ = out.flush();
    if troubled == 0 {
        Ok(())
    } else {
        Err(Failure::Findings(format!("{troubled} of {total} records have warnings or are not JSON")))
    }
}

/// One case of a set.
struct Case {
    name: String,
    input: Json<'static>,
    now: Option<i64>,
    expected: Expected,
}

enum Expected {
    /// The record, and the codes of the warnings in the order of the items.
    Output(Value, Vec<String>),
    /// The code of an error of the set, or of a warning of a record that is left empty.
    Error(String),
}

impl Case {
    fn read(line: &[u8]) -> Result<Self, String> {
        let case: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let name = case["name"].as_str().ok_or("a case has a name, a text")?.to_owned();
        for key in case.as_object().into_iter().flatten().map(|(key, _)| key.as_str()) {
            if !["name", "input", "now", "output", "warnings", "error"].contains(&key) {
                return Err(format!("{key} is no member of a case"));
            }
        }
        let input = Json::parse(case["input"].to_string().as_bytes()).map(Json::into_owned);
        let input = input.map_err(|error| error.to_string())?;
        let warnings = match &case["warnings"] {
            Value::Null => Vec::new(),
            Value::Array(codes) => codes
                .iter()
                .map(|code| code.as_str().map(str::to_owned).ok_or("a warning is a code, a text"))
                .collect::<Result<Vec<_>, _>>()?,
            _ => return Err("warnings are an array of codes".to_owned()),
        };
        let expected = match (case.get("output"), case.get("error")) {
            (Some(output), None) => Expected::Output(output.clone(), warnings),
            (None, Some(Value::String(code))) => Expected::Error(code.clone()),
            _ => return Err("a case has either an output or an error, a code".to_owned()),
        };
        Ok(Self { name, input, now: case["now"].as_i64(), expected })
    }

    /// What differs from what is expected.
    fn differs(&self, set: &Result<MappingSet, Vec<Finding>>, surroundings: &Surroundings) -> Option<String> {
        let set = match (set, &self.expected) {
            (Err(findings), Expected::Error(code)) => {
                let found: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
                return (!found.contains(&code.as_str()))
                    .then(|| format!("expected {code}, found {found:?}"));
            }
            (Err(findings), Expected::Output(..)) => {
                let first = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
                return Some(format!("the set is refused: {first}"));
            }
            (Ok(set), _) => set,
        };
        let answer = map(set, &self.input, surroundings, self.now);
        let codes: Vec<&str> = answer["warnings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|warning| warning["code"].as_str())
            .collect();
        match &self.expected {
            Expected::Error(code) => {
                let empty = answer["value"].as_object().is_some_and(serde_json::Map::is_empty);
                (!empty || !codes.contains(&code.as_str()))
                    .then(|| format!("expected the error {code}, found {answer}"))
            }
            Expected::Output(output, _) if *output != answer["value"] => {
                Some(format!("expected {output}, found {}", answer["value"]))
            }
            Expected::Output(_, warnings) => {
                (codes != *warnings).then(|| format!("expected the warnings {warnings:?}, found {codes:?}"))
            }
        }
    }
}

/// `SET.tests.jsonl` for `SET.json`.
fn cases_path(set: &Path) -> PathBuf {
    set.with_extension("tests.jsonl")
}

pub(super) fn test(args: &TestArgs) -> Result<(), Failure> {
    let set = checked(&args.subject.load()?, &[]).map(|(set, _)| set);
    let path = cases_path(&args.subject.set);
    let text = read(&path, FILE_BYTES_MAX)?;
    let (mut total, mut failed) = (0_usize, 0_usize);
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let case = Case::read(line)
            .map_err(|error| Failure::Usage(format!("{} line {}: {error}", path.display(), at + 1)))?;
        total += 1;
        match case.differs(&set, &args.surroundings) {
            None => print(&format!("ok: {}", case.name)),
            Some(why) => {
                failed += 1;
                print(&format!("FAILED: {}: {why}", case.name));
            }
        }
    }
    match (total, failed) {
        (0, _) => Err(Failure::Usage(format!("{} has no cases", path.display()))),
        (_, 0) => Ok(()),
        _ => Err(Failure::Findings(format!("{failed} of {total} cases failed"))),
    }
}
