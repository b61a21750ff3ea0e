//! `tributary xdm`: import the public model, check records against a schema, make sample records, infer schemas.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use vocab::Json;
use xdm::library::{self, ResourceKind};
use xdm::{FieldPath, Schema};

use super::{Failure, Output, print};
use crate::api::library::{IMPORT, SCHEMA, offline};
use crate::data_dir::{DataDir, RunFile};
use crate::run;

/// Largest schema file; the largest public one has 300 KB.
const SCHEMA_BYTES_MAX: u64 = 8 << 20;

/// Largest file of records: it is read whole.
const RECORDS_BYTES_MAX: u64 = 256 << 20;

/// Most samples of one call.
const SAMPLES_MAX: u64 = 1_000_000;

/// Folders of a checkout that hold what is in force. Not among them: `archived`, and the copies under `docs`.
const FOLDERS: [&str; 3] = ["components", "schemas", "extensions"];

const EVENT: &str = "https://ns.adobe.com/xdm/context/experienceevent";
const PROFILE: &str = "https://ns.adobe.com/xdm/context/profile";

#[derive(Subcommand)]
pub(crate) enum XdmCommand {
    /// Load a checkout of the public XDM repository into the global container of all tenants.
    Import(ImportArgs),
    /// Check records against a schema: one verdict for each.
    Validate(ValidateArgs),
    /// Print random records that a schema accepts.
    Sample(SampleArgs),
    /// Propose a schema for sample records: a field group of a tenant, or a data type, ready to POST.
    Infer(InferArgs),
}

/// Whose schemas are meant.
#[derive(Args)]
struct Place {
    /// Data folder that no server runs on; `.tributary` when there is one.
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    data: Option<PathBuf>,
    /// Address of a server that runs on this machine.
    #[arg(long)]
    url: Option<String>,
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The checkout: the folder that holds `components`.
    dir: PathBuf,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Args)]
pub(crate) struct ValidateArgs {
    /// The schema: its `$id` or `meta:altId`, or a file with one.
    #[arg(long, value_name = "ID|FILE")]
    schema: String,
    /// Allow keys that the schema does not define, and read standard names (`xdm:name`) too.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    place: Place,
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Files of JSON or JSON lines; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct SampleArgs {
    /// The schema: its `$id` or `meta:altId`, or a file with one.
    #[arg(long, value_name = "ID|FILE")]
    schema: String,
    /// The same seed gives the same records.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many records, a line each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=SAMPLES_MAX))]
    count: u64,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct InferArgs {
    /// The tenant id: the result is a field group with the tenant's object, without the fields of the class.
    #[arg(long, env = "TRIBUTARY_TENANT")]
    tenant: Option<String>,
    /// The class that the field group is for; by default events when every record has `_id` and `timestamp`, else profiles.
    #[arg(long, value_name = "ID")]
    class: Option<String>,
    /// The title of the result.
    #[arg(long, default_value = "Inferred fields")]
    title: String,
    /// Files of JSON or JSON lines; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(command: XdmCommand) -> Result<(), Failure> {
    match command {
        XdmCommand::Import(args) => import(&args),
        XdmCommand::Validate(args) => validate(&args),
        XdmCommand::Sample(args) => sample(&args),
        XdmCommand::Infer(args) => infer(&args),
    }
}

impl Place {
    /// Asks the server, or the data folder when none runs on it. `None` when neither is there and none was named.
    fn call(&self, path: &str, request: Value, create: bool) -> Result<Option<Value>, Failure> {
        if let Some(url) = &self.url {
            let running = RunFile::of_server(url).map_err(Failure::Usage)?;
            return running.call_admin("POST", path, Some(&request)).map(Some).map_err(Failure::Usage);
        }
        let default = Path::new(".tributary");
        let data = self.data.as_deref().unwrap_or(default);
        if !create && !data.is_dir() {
            return match self.data {
                None => Ok(None),
                Some(_) => Err(Failure::Usage(format!("{}: no such folder", data.display()))),
            };
        }
        if let Some(running) = RunFile::read(data)
            && running.call_admin("GET", "/admin/v1/ping", None).is_ok()
        {
            return Err(Failure::Usage(format!(
                "{} is in use by a running server (pid {}): give --url {} in place of --data",
                data.display(),
                running.pid,
                running.admin_url
            )));
        }
        let data = DataDir::open(data).map_err(Failure::Usage)?;
        run::block_on(async { offline(&data, path, request).await }).map(Some)
    }

    /// The schema that was named, ready to check records; and its tree.
    fn schema(&self, named: &str) -> Result<(Value, Schema), Failure> {
        let path = Path::new(named);
        let doc = if path.is_file() { Some(read_schema(path)?) } else { None };
        let request = match &doc {
            Some(doc) => json!({ "doc": doc }),
            None => json!({ "id": named }),
        };
        let (resolved, required) = match self.call(SCHEMA, request, false)? {
            Some(mut answer) => {
                let required = answer["required"].as_array().into_iter().flatten();
                let required = required.filter_map(|path| FieldPath::parse(path.as_str()?)).collect();
                (answer["schema"].take(), required)
            }
            None => (built_in(named, doc)?, Vec::new()),
        };
        let schema = Schema::compile(&resolved, &required)
            .map_err(|error| Failure::Usage(format!("{named}: {error}")))?;
        Ok((resolved, schema))
    }
}

/// A schema of the built-in library alone.
fn built_in(named: &str, doc: Option<Value>) -> Result<Value, Failure> {
    let doc = match doc {
        Some(doc) => doc,
        None => {
            let found = library::standard().get(named);
            let text = || {
                format!(
                    "{named} is neither a file nor in the built-in library; --data or --url says where else"
                )
            };
            (*found.ok_or_else(|| Failure::Usage(text()))?.doc).clone()
        }
    };
    xdm::compose(&doc, &|_| None).map_err(|error| Failure::Usage(format!("{named}: {error}")))
}

/// The schema in a file, with what it names found in the built-in library.
pub(super) fn schema_of_file(path: &Path) -> Result<Schema, Failure> {
    let resolved = built_in(&path.display().to_string(), Some(read_schema(path)?))?;
    Schema::compile(&resolved, &[]).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn read_schema(path: &Path) -> Result<Value, Failure> {
    let text = read(path, SCHEMA_BYTES_MAX)?;
    let doc: Value = serde_json::from_slice(&text)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    if !doc.is_object() {
        return Err(Failure::Usage(format!("{}: a schema is a JSON object", path.display())));
    }
    Ok(if xdm::is_public(&doc) { xdm::from_public(&doc) } else { doc })
}

/// A whole file of at most that many bytes.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let cannot = |error: std::io::Error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let mut text = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(most + 1).read_to_end(&mut text).map_err(cannot)?;
    } else {
        fs::File::open(path).map_err(cannot)?.take(most + 1).read_to_end(&mut text).map_err(cannot)?;
    }
    if text.len() as u64 > most {
        return Err(Failure::Usage(format!("{} is larger than {} MiB", path.display(), most >> 20)));
    }
    Ok(text)
}

// Import.

/// What is read from a checkout.
#[derive(Default)]
struct Checkout {
    /// `{"kind", "doc"}` by path.
    resources: Vec<(String, Value)>,
    /// Files that are not taken, and why.
    skipped: Vec<(String, String)>,
    /// Files beside the schemas: examples and the like.
    others: usize,
}

fn import(args: &ImportArgs) -> Result<(), Failure> {
    if !args.dir.join(FOLDERS[0]).is_dir() {
        let text = "is no checkout of the public XDM repository: it has no folder `components`";
        return Err(Failure::Usage(format!("{} {text}", args.dir.display())));
    }
    let version = version(&args.dir);
    let mut checkout = Checkout::default();
    let mut seen = HashMap::new();
    for folder in FOLDERS {
        checkout.walk(&args.dir, Path::new(folder), &version, &mut seen)?;
    }
    checkout.state_extends();
    let paths: HashMap<&str, &str> = checkout
        .resources
        .iter()
        .map(|(path, entry)| (entry["doc"]["$id"].as_str().unwrap_or_default(), path.as_str()))
        .collect();
    let resources: Vec<&Value> = checkout.resources.iter().map(|(_, entry)| entry).collect();
    let answer = args.place.call(IMPORT, json!({ "resources": resources }), true)?.unwrap_or_default();
    let mut skipped = checkout.skipped.clone();
    for refused in answer["refused"].as_array().into_iter().flatten() {
        let text = |key: &str| refused[key].as_str().unwrap_or_default();
        let path = paths.get(text("$id")).copied().unwrap_or_else(|| text("$id"));
        skipped.push((path.to_owned(), text("reason").to_owned()));
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, entry) in &checkout.resources {
        if !skipped.iter().any(|(known, _)| known == path) {
            *kinds.entry(entry["kind"].as_str().unwrap_or_default()).or_default() += 1;
        }
    }
    print(&match args.output {
        Output::Json => {
            let skipped: Vec<Value> =
                skipped.iter().map(|(path, reason)| json!({ "path": path, "reason": reason })).collect();
            json!({
                "imported": kinds.values().sum::<usize>(), "kinds": kinds, "added": answer["added"],
                "changed": answer["changed"], "unchanged": answer["unchanged"], "total": answer["total"],
                "skipped": skipped, "notSchemas": checkout.others
            })
            .to_string()
        }
        Output::Text => {
            let counts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            let mut text = format!(
                "imported {} resources: {}\n{} added, {} changed, {} unchanged; {} in the global container\n\
                 not read: {} files that are no schemas; the folders archived and docs",
                kinds.values().sum::<usize>(),
                counts.join(", "),
                answer["added"],
                answer["changed"],
                answer["unchanged"],
                answer["total"],
                checkout.others
            );
            for (path, reason) in &skipped {
                text.push_str(&format!("\nskipped {path}: {reason}"));
            }
            text
        }
    });
    Ok(())
}

/// The release that a checkout says it is; `1` for one that does not.
fn version(dir: &Path) -> String {
    let package = fs::read(dir.join("package.json")).ok();
    let package: Option<Value> = package.and_then(|text| serde_json::from_slice(&text).ok());
    let version = package.as_ref().and_then(|package| package.get("version")?.as_str());
    version.unwrap_or("1").to_owned()
}

impl Checkout {
    /// Reads a folder, in the order of names.
    fn walk(
        &mut self,
        root: &Path,
        folder: &Path,
        version: &str,
        seen: &mut HashMap<String, String>,
    ) -> Result<(), Failure> {
        let path = root.join(folder);
        if !path.is_dir() {
            return Ok(());
        }
        let cannot =
            |error: std::io::Error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
        let mut entries =
            fs::read_dir(&path).map_err(cannot)?.collect::<Result<Vec<_>, _>>().map_err(cannot)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let kind = entry.file_type().map_err(cannot)?;
            let inner = folder.join(entry.file_name());
            let name = inner.display().to_string();
            if kind.is_dir() {
                self.walk(root, &inner, version, seen)?;
            } else if !name.ends_with(".schema.json") {
                self.others += 1;
            } else if !kind.is_file() {
                self.skipped.push((name, "it is no regular file".to_owned()));
            } else {
                match resource(root, &inner, version) {
                    Ok((id, resource)) => match seen.get(&id) {
                        Some(first) => self.skipped.push((name, format!("{first} has the same $id {id}"))),
                        None => {
                            seen.insert(id, name.clone());
                            self.resources.push((name, resource));
                        }
                    },
                    Err(reason) => self.skipped.push((name, reason)),
                }
            }
        }
        Ok(())
    }

    /// Whole schemas say what they extend, as a tenant's do.
    fn state_extends(&mut self) {
        let known: HashMap<String, (ResourceKind, Value)> = self
            .resources
            .iter()
            .filter_map(|(_, entry)| {
                let kind = ResourceKind::from_name(entry["kind"].as_str()?)?;
                // Only these members are asked for.
                let members =
                    ["allOf", "meta:extends"].map(|key| (key.to_owned(), entry["doc"][key].clone()));
                Some((
                    entry["doc"]["$id"].as_str()?.to_owned(),
                    (kind, Value::Object(members.into_iter().collect())),
                ))
            })
            .collect();
        for (_, entry) in &mut self.resources {
            if entry["kind"] == ResourceKind::Schemas.name() {
                xdm::state_extends(&mut entry["doc"], &|id| known.get(id).cloned());
            }
        }
    }
}

/// A file as a resource of the registry, with its `$id`.
fn resource(root: &Path, path: &Path, version: &str) -> Result<(String, Value), String> {
    let text = read(&root.join(path), SCHEMA_BYTES_MAX).map_err(|failure| match failure {
        Failure::Usage(text) | Failure::Internal(text) | Failure::Findings(text) => text,
    })?;
    let file: Value = serde_json::from_slice(&text).map_err(|error| format!("it is not JSON: {error}"))?;
    let id = file.get("$id").and_then(Value::as_str).ok_or("it has no $id")?.to_owned();
    let mut doc = xdm::from_public(&file);
    let kind = xdm::kind_of(path, &file);
    doc["version"] = json!(version);
    doc["meta:resourceType"] = json!(kind.name());
    Ok((id, json!({ "kind": kind.name(), "doc": doc })))
}

// Records.

/// Calls `each` with every record of a file and its number from 1: one JSON text, the items of an array, or a text a line.
pub(super) fn records(
    path: &Path,
    mut each: impl FnMut(usize, Result<Json<'_>, String>),
) -> Result<(), Failure> {
    let text = read(path, RECORDS_BYTES_MAX)?;
    match Json::parse(&text) {
        Ok(Json::Array(items)) => items.into_iter().enumerate().for_each(|(at, item)| each(at + 1, Ok(item))),
        Ok(record) => each(1, Ok(record)),
        Err(error) => {
            let lines = || text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            // A single text that is broken off is one bad record, not one for each of its lines.
            if lines().nth(1).is_none() || !lines().take(2).any(|line| Json::parse(line).is_ok()) {
                each(1, Err(error.to_string()));
                return Ok(());
            }
            for (at, line) in lines().enumerate() {
                each(at + 1, Json::parse(line).map_err(|error| error.to_string()));
            }
        }
    }
    Ok(())
}

fn validate(args: &ValidateArgs) -> Result<(), Failure> {
    let (resolved, schema) = args.place.schema(&args.schema)?;
    let (mut total, mut invalid) = (0_usize, 0_usize);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for path in &args.files {
        let file = path.display().to_string();
        records(path, |number, record| {
            let found = verdict(&schema, &resolved, record, args.open);
            total += 1;
            invalid += usize::from(!found.is_empty());
            // A closed pipe is the reader's business.
            let _ = writeln!(out, "{}", show(&file, number, &found, args.output));
        })?;
    }
    let _ = out.flush();
    if invalid == 0 {
        Ok(())
    } else {
        Err(Failure::Usage(format!("{invalid} of {total} records are not valid")))
    }
}

/// What is wrong with a record.
fn verdict(
    schema: &Schema,
    resolved: &Value,
    record: Result<Json<'_>, String>,
    open: bool,
) -> Vec<(String, &'static str, String)> {
    let most = xdm::limits::VIOLATIONS_KEPT;
    let found = match record {
        Err(error) => return vec![("#".to_owned(), "json", error)],
        Ok(record) if open => schema.validate_open(&xdm::ingestion_names(record, resolved), most),
        Ok(record) => schema.validate(&record, most),
    };
    found.list.into_iter().map(|one| (one.pointer, one.keyword, one.message)).collect()
}

fn show(file: &str, number: usize, found: &[(String, &str, String)], output: Output) -> String {
    match output {
        Output::Json => {
            let violations: Vec<Value> = found
                .iter()
                .map(|(pointer, keyword, message)| json!({ "pointer": pointer, "keyword": keyword, "message": message }))
                .collect();
            json!({ "file": file, "record": number, "valid": found.is_empty(), "violations": violations })
                .to_string()
        }
        Output::Text => {
            let mut text =
                format!("{file} {number}: {}", if found.is_empty() { "valid" } else { "not valid" });
            for (pointer, keyword, message) in found {
                text.push_str(&format!("\n  {pointer} {keyword}: {message}"));
            }
            text
        }
    }
}

fn sample(args: &SampleArgs) -> Result<(), Failure> {
    let (_, schema) = args.place.schema(&args.schema)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for at in 0..args.count {
        let record = xdm::sample(&schema, args.seed.wrapping_add(at));
        let record = record.map_err(|error| Failure::Usage(format!("{}: {error}", args.schema)))?;
        let _ = writeln!(out, "{record}");
    }
    let _ = out.flush();
    Ok(())
}

fn infer(args: &InferArgs) -> Result<(), Failure> {
    let mut reader = xdm::Inference::default();
    for path in &args.files {
        let mut bad = None;
        records(path, |number, record| match record {
            Ok(record) => reader.add(&record),
            Err(error) => bad = bad.take().or(Some(format!("{} {number}: {error}", path.display()))),
        })?;
        if let Some(bad) = bad {
            return Err(Failure::Usage(bad));
        }
    }
    let found = reader.finish();
    if found.records == 0 {
        return Err(Failure::Usage("there is no record to infer from".to_owned()));
    }
    for note in &found.notes {
        let _ = writeln!(std::io::stderr(), "note: {note}");
    }
    let doc = match &args.tenant {
        Some(tenant) => field_group(args, tenant.trim_start_matches('_'), found.properties)?,
        None => json!({ "title": args.title, "type": "object", "properties": found.properties }),
    };
    print(&serde_json::to_string_pretty(&doc).unwrap_or_default());
    Ok(())
}

/// The fields as a tenant may define them: under its own object, without what the class has.
fn field_group(args: &InferArgs, tenant: &str, mut fields: Map<String, Value>) -> Result<Value, Failure> {
    let is_event = fields.contains_key("_id")
        && fields.get("timestamp").is_some_and(|field| field["format"] == "date-time");
    let class = args.class.as_deref().unwrap_or(if is_event { EVENT } else { PROFILE });
    if let Some(known) = library::standard().get(class) {
        let resolved = xdm::compose(&known.doc, &|_| None)
            .map_err(|error| Failure::Usage(format!("{class}: {error}")))?;
        fields.retain(|name, _| resolved["properties"].get(name).is_none());
    }
    let namespace = format!("_{tenant}");
    let mut own = fields
        .shift_remove(&namespace)
        .and_then(|field| field["properties"].as_object().cloned())
        .unwrap_or_default();
    let moved: Vec<String> = fields.keys().filter(|name| !own.contains_key(*name)).cloned().collect();
    if !moved.is_empty() {
        let names = moved.join(", ");
        let _ = writeln!(
            std::io::stderr(),
            "note: under {namespace}, where a mapping has to bring them: {names}"
        );
    }
    own.extend(fields.into_iter().filter(|(name, _)| moved.contains(name)));
    if own.is_empty() {
        return Err(Failure::Usage(format!("the class {class} has all the fields of these records")));
    }
    Ok(json!({
        "title": args.title,
        "type": "object",
        "meta:intendedToExtend": [class],
        "definitions": { "customFields": { "type": "object", "properties": {
            namespace: { "type": "object", "properties": own }
        } } },
        "allOf": [{ "$ref": "#/definitions/customFields", "type": "object" }]
    }))
}
