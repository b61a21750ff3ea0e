//! The function library as data: one entry per function holds its names, parameters, description, examples and
//! behaviour. The files follow the groups of the vendor's function reference, so that both can be read side by side.
//!
//! To add a function, add an entry to its group's file.

mod aggregation;
mod analytics;
mod arrays;
mod conversion;
mod date_time;
mod hashing;
mod json;
mod logical;
mod maps;
mod objects;
mod regular;
mod special;
mod string;
mod url;
mod user_agent;

use crate::arity::Parameter;
use crate::eval::{Args, Outcome};

/// A group of functions.
#[derive(Debug)]
pub struct Category {
    /// The title in the vendor's reference.
    pub title: &'static str,
    pub functions: &'static [Function],
}

/// One function of the language.
pub struct Function {
    /// The name and its aliases.
    pub names: &'static [&'static str],
    pub args: &'static [Parameter],
    pub returns: Kind,
    pub nulls: Nulls,
    pub doc: &'static str,
    pub examples: &'static [Example],
    pub(crate) eval: for<'e> fn(&mut Args<'_, 'e>) -> Outcome<'e>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.names[0])
    }
}

/// What a null first argument does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// The result is null.
    Pass,
    /// The function decides.
    Keep,
}

/// The kind of an argument or result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Any,
    Boolean,
    Integer,
    Number,
    String,
    Date,
    Array,
    Object,
    /// A regular expression that is sought anywhere in a text.
    Regex,
    /// A regular expression that matches a whole text.
    WholeRegex,
    /// A regular expression that matches a whole text, or by a switch any part of it.
    MatchRegex,
    DatePattern,
    /// A component of dates by its name.
    DatePart,
    Lambda,
}

impl Kind {
    /// The word for the kind in descriptions.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::String => "string",
            Kind::Date => "date",
            Kind::Array => "array",
            Kind::Object => "object",
            Kind::Regex | Kind::WholeRegex | Kind::MatchRegex => "regex",
            Kind::DatePattern => "date pattern",
            Kind::DatePart => "date component",
            Kind::Lambda => "lambda",
        }
    }
}

/// An expression with its result, run by a test.
#[derive(Debug)]
pub struct Example {
    /// The record as JSON text; empty for an empty one.
    pub record: &'static str,
    pub expression: &'static str,
    /// The result as JSON text.
    pub result: &'static str,
    /// Why the vendor's own sample shows something else, where it does.
    pub doubt: &'static str,
}

pub(crate) const fn ex(expression: &'static str, result: &'static str) -> Example {
    Example { record: "", expression, result, doubt: "" }
}

pub(crate) const fn on(record: &'static str, expression: &'static str, result: &'static str) -> Example {
    Example { record, expression, result, doubt: "" }
}

/// The groups of the library, in the order of the vendor's reference.
pub static CATEGORIES: &[Category] = &[
    Category { title: "String", functions: string::FUNCTIONS },
    Category { title: "Regular Expression", functions: regular::FUNCTIONS },
    Category { title: "Hashing", functions: hashing::FUNCTIONS },
    Category { title: "URL", functions: url::FUNCTIONS },
    Category { title: "Date / Time", functions: date_time::FUNCTIONS },
    Category { title: "Hierarchies - Objects", functions: objects::FUNCTIONS },
    Category { title: "Hierarchies - Arrays", functions: arrays::FUNCTIONS },
    Category { title: "Hierarchies - Map", functions: maps::FUNCTIONS },
    Category { title: "Logical Operators", functions: logical::FUNCTIONS },
    Category { title: "Aggregation", functions: aggregation::FUNCTIONS },
    Category { title: "Type Conversions", functions: conversion::FUNCTIONS },
    Category { title: "JSON", functions: json::FUNCTIONS },
    Category { title: "Special Operations", functions: special::FUNCTIONS },
    Category { title: "User Agent", functions: user_agent::FUNCTIONS },
    Category { title: "Analytics", functions: analytics::FUNCTIONS },
];

/// Every function of the library.
pub fn functions() -> impl Iterator<Item = &'static Function> {
    CATEGORIES.iter().flat_map(|category| category.functions)
}

/// Every name and alias.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    functions().flat_map(|function| function.names.iter().copied())
}

/// The function of that name or alias.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    functions().find(|function| function.names.contains(&name))
}

#[cfg(test)]
mod tests {
    use vocab::{Json, Millis, Tape};

    use super::*;
    use crate::{Context, Expression};

    /// 2024-02-03T04:05:06.789Z
    const NOW: Millis = Millis(1_706_933_106_789);

    #[test]
    fn every_example_of_every_function() {
        for function in functions() {
            assert!(!function.examples.is_empty(), "{function:?} has no example");
            for Example { record, expression, result, .. } in function.examples {
                let record = if record.is_empty() { "{}" } else { record };
                let record = Tape::of(record.as_bytes()).expect(expression);
                let compiled =
                    Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
                let found = compiled.evaluate(record.root(), &Context { now: NOW, seed: 0 });
                let found = found.unwrap_or_else(|warning| panic!("{expression}: {}", warning.message));
                assert_eq!(&found.to_string(), result, "{expression}");
            }
        }
    }

    #[test]
    fn every_name_is_given_once() {
        let mut all: Vec<&str> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn null_in_null_out() {
        for function in functions().filter(|function| function.nulls == Nulls::Pass) {
            let mut arguments = vec!["null"];
            while !Parameter::accept(function.args, arguments.len()) {
                arguments.push(match Parameter::at(function.args, arguments.len()).kind {
                    Kind::Lambda => "x -> x",
                    _ => "1",
                });
            }
            let source = format!("{}({})", function.names[0], arguments.join(","));
            let (compiled, nothing) = (Expression::parse(&source).unwrap(), Tape::default());
            let found = compiled.evaluate(nothing.root(), &Context { now: NOW, seed: 0 });
            assert_eq!(found.map_err(|warning| warning.message), Ok(Json::Null), "{source}");
        }
    }
}
