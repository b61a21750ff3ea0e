//! `tributary apply`, `diff` and `export`: a sandbox as a folder of files, over the public API like any client.
//!
//! Everything is read and checked before the first change: the files, their references, what the sandbox has. Start with
//! [`plan`]. Not here: what only the server can judge, which ends the run at the object that it refuses.

mod folder;
mod kinds;
mod remote;
mod run;
mod yaml;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use self::folder::{TENANT, Wanted, rename, shown};
use self::kinds::{Kind, descriptor_key, differences};
use self::remote::{NEWEST, Remote};
use crate::cli::{Failure, print};
use crate::data_dir::RunFile;
use crate::dev::Credentials;
use crate::dev::client::Client;

#[derive(Args)]
pub(crate) struct ApplyArgs {
    /// Folder of YAML and JSON files.
    #[arg(short = 'f', long = "folder", value_name = "DIR")]
    folder: PathBuf,
    /// The sandbox; wins over the one of the ready-file or the environment.
    #[arg(long, value_name = "NAME")]
    sandbox: Option<String>,
    /// Take address and credentials from a ready-file.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Folder that `tributary dev` was started on; used when there is neither a ready-file nor TRIBUTARY_URL.
    #[arg(long, default_value = ".tributary")]
    data: PathBuf,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Apply,
    Diff,
    Export,
}

/// A signed-in client of the wanted sandbox.
struct Session {
    client: Client,
    tenant: String,
    sandbox: String,
}

pub(crate) fn run(args: &ApplyArgs, task: Task) -> Result<(), Failure> {
    let session = connect(args)?;
    let sandboxes = remote::sandboxes(&session.client).map_err(Failure::Internal)?;
    let is_there = sandboxes.get(&session.sandbox).is_some_and(|sandbox| sandbox["state"] != "deleted");
    let fetch = || Remote::fetch(&session.client).map_err(Failure::Internal);
    if task == Task::Export {
        if !is_there {
            return Err(no_sandbox(&session.sandbox));
        }
        return export(args, &session, &fetch()?);
    }
    let wanted = folder::read(&args.folder, &session.tenant).map_err(Failure::Usage)?;
    let is_wanted = wanted.iter().any(|wanted| wanted.key == (Kind::Sandbox, session.sandbox.clone()));
    if !is_there && !is_wanted {
        return Err(no_sandbox(&session.sandbox));
    }
    let remote = if is_there { fetch()? } else { Remote::default() };
    let plan = plan(wanted, &sandboxes, &remote).map_err(Failure::Usage)?;
    for (wanted, change) in &plan {
        match change {
            Change::Same => {}
            Change::Create => print(&format!("create  {}", wanted.shown())),
            Change::Update(paths) => print(&format!("change  {}: {}", wanted.shown(), paths.join(", "))),
        }
    }
    if task == Task::Apply {
        run::run(&session.client, &plan, remote).map_err(|error| {
            Failure::Usage(format!(
                "{error} (what is listed before it is done; put it right and apply again)"
            ))
        })?;
    }
    let count = |is: fn(&Change) -> bool| plan.iter().filter(|(_, change)| is(change)).count();
    let (created, changed) = (
        count(|change| matches!(change, Change::Create)),
        count(|change| matches!(change, Change::Update(_))),
    );
    let verb = if task == Task::Apply { "" } else { "to be " };
    let same = plan.len() - created - changed;
    print(&format!("{created} {verb}created, {changed} {verb}changed, {same} as they are"));
    Ok(())
}

fn no_sandbox(name: &str) -> Failure {
    Failure::Usage(format!("there is no sandbox {name}, and the folder does not make it"))
}

/// Finds address and credentials as the other commands do: a ready-file, the environment, the folder of a dev server.
fn connect(args: &ApplyArgs) -> Result<Session, Failure> {
    let lines = |text: &str| -> HashMap<String, String> {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let facts = match &args.ready_file {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            lines(&text.map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?)
        }
        None if std::env::var_os("TRIBUTARY_URL").is_some() => std::env::vars().collect(),
        None => {
            let found = RunFile::read(&args.data).zip(Credentials::read(&args.data));
            let (running, credentials) = found.ok_or_else(|| {
                let data = args.data.display();
                Failure::Usage(format!(
                    "no running `tributary dev` on {data}; name its folder, a ready-file, or set TRIBUTARY_URL"
                ))
            })?;
            lines(&running.facts(Some(&credentials)))
        }
    };
    let fact = |key: &str| {
        let found = facts.get(key).filter(|value| !value.is_empty()).cloned();
        found.ok_or_else(|| Failure::Usage(format!("{key} is not set")))
    };
    let sandbox = args.sandbox.clone().or_else(|| fact("TRIBUTARY_SANDBOX").ok());
    let sandbox = sandbox.unwrap_or_else(|| "prod".to_owned());
    let known = Credentials {
        org: fact("TRIBUTARY_ORG")?,
        api_key: fact("TRIBUTARY_API_KEY")?,
        client_secret: fact("TRIBUTARY_CLIENT_SECRET")?,
        sandbox: sandbox.clone(),
        tenant: String::new(),
    };
    let url = fact("TRIBUTARY_URL")?.trim_end_matches('/').to_owned();
    let client = Client::connect(&url, &known).map_err(Failure::Usage)?;
    // The tenant is the organisation's: where the wanted sandbox is not there yet, the default one tells it.
    let default = || Client::connect(&url, &Credentials { sandbox: String::new(), ..known.clone() });
    let tenant = remote::tenant(&client).or_else(|_| remote::tenant(&default()?)).map_err(Failure::Usage)?;
    Ok(Session { client, tenant, sandbox })
}

/// What is to be done about an object.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    Create,
    /// The members that differ.
    Update(Vec<String>),
    Same,
}

/// Compares the files with what is there, in the order in which changes are made.
fn plan(
    wanted: Vec<Wanted>,
    sandboxes: &BTreeMap<String, Map<String, Value>>,
    remote: &Remote,
) -> Result<Vec<(Wanted, Change)>, String> {
    for object in &wanted {
        for (key, at) in &object.references {
            let in_files = wanted.iter().any(|other| other.key == *key);
            let there = remote.get(key).map_err(|error| format!("{at}: {error}"))?.is_some();
            if !in_files && !there {
                return Err(format!(
                    "{at}: there is no {}, neither in the folder nor in the sandbox",
                    shown(key)
                ));
            }
        }
    }
    let order = folder::ordered(&wanted)?;
    let mut plan: Vec<(Wanted, Change)> = Vec::with_capacity(order.len());
    for at in order {
        let mut object = wanted[at].clone();
        object.body = remote.with_newest(remote.named(object.body));
        let change = compare(&object, sandboxes, remote, &plan)?;
        plan.push((object, change));
    }
    Ok(plan)
}

fn compare(
    object: &Wanted,
    sandboxes: &BTreeMap<String, Map<String, Value>>,
    remote: &Remote,
    before: &[(Wanted, Change)],
) -> Result<Change, String> {
    let at = |error: String| format!("{}: {error}", object.at);
    let wanted = Value::Object(object.body.clone());
    let mut paths = Vec::new();
    if object.key.0 == Kind::Sandbox {
        let Some(found) = sandboxes.get(&object.key.1) else { return Ok(Change::Create) };
        if found["state"] == "deleted" {
            return Err(at("the sandbox was deleted, and its name is not given again".to_owned()));
        }
        differences(&wanted, &Value::Object(found.clone()), "", &mut paths);
        if let Some(path) = paths.iter().find(|path| *path != "title") {
            return Err(at(format!("{path} of a sandbox cannot be changed")));
        }
        return Ok(if paths.is_empty() { Change::Same } else { Change::Update(paths) });
    }
    let Some(found) = remote.get(&object.key).map_err(at)? else { return Ok(Change::Create) };
    let mut shown = found.body.clone();
    shown.insert("state".to_owned(), found.state.clone().into());
    differences(&wanted, &Value::Object(shown), "", &mut paths);
    for descriptor in &object.descriptors {
        let (kind, property) = descriptor_key(descriptor);
        let known = found
            .descriptors
            .iter()
            .find(|(_, known)| descriptor_key(known) == (kind.clone(), property.clone()));
        let mut inner = Vec::new();
        let descriptor = Value::Object(remote.named(descriptor.as_object().cloned().unwrap_or_default()));
        match known {
            Some((_, known)) => differences(&descriptor, known, "", &mut inner),
            None => inner.push(String::new()),
        }
        if !inner.is_empty() {
            paths.push(format!("descriptors {property}"));
        }
    }
    // A mapping set that changes takes the flows with it that follow its newest version.
    let moves = |set: &str| {
        before
            .iter()
            .any(|(other, change)| folder::refer(&other.key) == set && matches!(change, Change::Update(_)))
    };
    let transformations = object.body.get("transformations").and_then(Value::as_array).into_iter().flatten();
    let follows = transformations.filter_map(|entry| entry.get("params")).any(|params| {
        params.get("mappingVersion").is_some_and(|version| version == NEWEST)
            && params.get("mappingId").and_then(Value::as_str).is_some_and(moves)
    });
    if follows && !paths.iter().any(|path| path.starts_with("transformations")) {
        paths.push("transformations".to_owned());
    }
    Ok(if paths.is_empty() { Change::Same } else { Change::Update(paths) })
}

fn export(args: &ApplyArgs, session: &Session, remote: &Remote) -> Result<(), Failure> {
    if let Some(key) = remote.twice.first() {
        let text =
            format!("the sandbox has more than one {}: files refer to objects by their names", shown(key));
        return Err(Failure::Usage(text));
    }
    let own = format!("_{}", session.tenant);
    let placeholder = format!("_{TENANT}");
    let portable = |text: &str| replace_word(text, &own, &placeholder);
    let mut objects = Vec::new();
    for (key, found) in &remote.found {
        let mut body = found.body.clone();
        drop_newest(&mut body);
        if !found.descriptors.is_empty() {
            let descriptors = found.descriptors.iter().map(|(_, descriptor)| descriptor.clone()).collect();
            body.insert("descriptors".to_owned(), descriptors);
        }
        let body = rename(Value::Object(body), &portable);
        if let Some(id) = remote.unnamed.iter().find(|id| body.to_string().contains(id.as_str())) {
            let text = format!("{} uses the mapping set {id}, which has no name: give it one", shown(key));
            return Err(Failure::Usage(text));
        }
        if let Value::Object(body) = body {
            objects.push((key.clone(), body));
        }
    }
    folder::write(&args.folder, &objects).map_err(Failure::Usage)?;
    for id in &remote.unnamed {
        print(&format!("left out: the mapping set {id} has no name, and no flow uses it"));
    }
    print(&format!("{} objects in {}", objects.len(), args.folder.display()));
    Ok(())
}

/// Where a mapping follows the newest version, nothing is said of versions.
fn drop_newest(body: &mut Map<String, Value>) {
    let entries = body.get_mut("transformations").and_then(Value::as_array_mut).into_iter().flatten();
    for params in entries.filter_map(|entry| entry.get_mut("params")?.as_object_mut()) {
        if params.get("mappingVersion").is_some_and(|version| version == NEWEST) {
            params.shift_remove("mappingVersion");
        }
    }
}

/// Replaces a word where it is not a part of a longer one.
fn replace_word(text: &str, word: &str, with: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let whole = !before.chars().next_back().or(out.chars().next_back()).is_some_and(is_part)
            && !after.chars().next().is_some_and(is_part);
        out.push_str(before);
        out.push_str(if whole { with } else { word });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_replaced_whole() {
        for (text, expected) in [
            ("_acme", "_X"),
            ("_acme.id", "_X.id"),
            ("/_acme/id", "/_X/id"),
            ("concat(_acme.a, _acme.b)", "concat(_X.a, _X.b)"),
            ("_acme2._acme", "_acme2._X"),
            ("my_acme", "my_acme"),
            ("_acme_acme", "_acme_acme"),
            ("", ""),
        ] {
            assert_eq!(replace_word(text, "_acme", "_X"), expected, "{text}");
        }
    }
}
