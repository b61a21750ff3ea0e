//! The rules of the language, each with its cases: `rules.cases`, under the parts of the language.

use super::*;
use crate::{Expression, is_path};

const RECORD: &str = r#"{"s":"ab","n":5,"d":2.5,"t":true,"z":null,"l":[1,2],
    "o":{"k":1,"a.b":2,"new":"n","size":4},
    "$d_1":"dollar","_u":"under","Ünï":"letters","order.id":"flat","flat.name":3,"total price":4,
    "true":"a field","new":"word","let":"not reserved","timestamp":"t","size":9,
    "orders":[{"total":1,"lines":[{"x":1}]},{"total":2},{}]}"#;

/// The parts of the language that must have rules.
const PARTS: &[&str] = &["2", "3.1", "3.2", "3.3", "3.4", "4", "5.1", "5.2", "5.3", "5.4", "6", "7"];

/// What a case yields, in the spelling of the file.
fn found(case: &str) -> String {
    if let Some(source) = case.strip_prefix("path ").or_else(|| case.strip_prefix("expr ")) {
        return format!("{} {source}", if is_path(source) { "path" } else { "expr" });
    }
    if let Some(rest) = case.strip_prefix("map ") {
        let (given, _) = rest.split_once(" => ").expect(case);
        let (record, mappings) = given.split_once(" : ").expect(case);
        let set = compile(&items(mappings)).unwrap_or_else(|errors| panic!("{case}: {errors:?}"));
        let record = Tape::of(record.as_bytes()).unwrap();
        let mapped = set.apply(record.root(), &NOW);
        let codes: Vec<&str> = mapped.warnings.iter().map(|warning| warning.code).collect();
        let codes = if codes.is_empty() { String::new() } else { format!(" !! {}", codes.join(" ")) };
        return format!("map {given} => {}{codes}", mapped.to_json());
    }
    if let Some(rest) = case.strip_prefix("set ") {
        let (mappings, _) = rest.split_once(" !! ").expect(case);
        let codes = match compile(&items(mappings)) {
            Ok(_) => String::new(),
            Err(errors) => errors.iter().map(|error| error.code).collect::<Vec<_>>().join(" "),
        };
        return format!("set {mappings} !! {codes}");
    }
    let (source, remarked) = match case.split_once(" ~~") {
        Some((source, _)) => (source, true),
        None => {
            let at = case.rfind(" => ").or_else(|| case.rfind(" !! ")).expect(case);
            (&case[..at], false)
        }
    };
    let compiled = match Expression::parse(source) {
        Ok(compiled) => compiled,
        Err(error) => return format!("{source} !! {}", error.code()),
    };
    if remarked {
        let codes: Vec<&str> = compiled.remarks().iter().map(|remark| remark.code).collect();
        return format!("{source} ~~ {}", codes.join(" ")).trim_end().to_owned();
    }
    let record = Tape::of(RECORD.as_bytes()).unwrap();
    match compiled.evaluate(record.root(), &NOW) {
        Ok(value) => format!("{source} => {value}"),
        Err(error) => format!("{source} !! {}", error.code),
    }
}

fn items(mappings: &str) -> Vec<(&str, &str)> {
    mappings.split(" ;; ").map(|item| item.split_once(" >> ").expect(item)).collect()
}

#[test]
fn every_rule() {
    let mut rules: Vec<(&str, usize)> = Vec::new();
    let mut wrong = Vec::new();
    for line in include_str!("rules.cases").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let Some(case) = line.strip_prefix("  ") else {
            rules.push((line, 0));
            continue;
        };
        let (rule, cases) = rules.last_mut().expect("a rule before its cases");
        *cases += 1;
        let found = found(case);
        if found != case {
            wrong.push(format!("{rule}\n  {case}\n  {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    for (rule, cases) in &rules {
        assert!(*cases > 0, "no case: {rule}");
    }
    for part in PARTS {
        let has = rules.iter().any(|(rule, _)| rule.split(' ').next() == Some(part));
        assert!(has, "no rule of part {part}");
    }
    println!("{} rules, {} cases", rules.len(), rules.iter().map(|(_, cases)| cases).sum::<usize>());
}
