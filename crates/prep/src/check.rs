//! What can be said of a compiled set before it runs: against the schema that it writes to, and against samples.

use xdm::{ObjectType, Schema, Type};

use crate::budget::Budget;
use crate::destination::Slot;
use crate::fault::Span;
use crate::fields::Fields;
use crate::functions::Kind;
use crate::mapping::{Compiled, MappingSet, Source};
use crate::path::{Found, SourcePath};
use crate::source::source_paths;
use crate::value::Raw;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The item can never write a value: the set is refused.
    Error,
    /// The set works, and may still not be what was meant.
    Warning,
}

/// Something to say about a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The position of the item; none when the set as a whole is meant.
    pub item: Option<usize>,
    pub severity: Severity,
    /// A stable word: `impossible-coercion`, `required-unmapped`, `source-not-in-sample`, or a remark's.
    pub code: &'static str,
    pub message: String,
    /// Where in the item's source, in bytes.
    pub span: Option<Span>,
}

impl MappingSet {
    /// What is to be said of the set: of its items in their order, then of the required fields that no item writes. With
    /// samples, a source that none of them has is noted.
    pub fn check(&self, schema: &Schema, samples: &[Raw<'_>]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, item) in self.items.iter().enumerate() {
            let mut find = |severity, code, message, span| {
                findings.push(Finding { item: Some(index), severity, code, message, span });
            };
            if let Some((message, span)) = impossible(item) {
                find(Severity::Error, "impossible-coercion", message, Some(span));
            }
            for (_, remark) in self.remarks().filter(|(at, _)| *at == index) {
                find(Severity::Warning, remark.code, remark.message.clone(), Some(remark.span));
            }
            for path in if samples.is_empty() { Vec::new() } else { absent(item, samples) } {
                let message = format!("no sample has a value at {path}");
                let span = Some(Span::new(0, item.item.source.len()));
                find(Severity::Warning, "source-not-in-sample", message, span);
            }
        }
        let written: Vec<&[Slot]> = self.items.iter().map(|item| item.destination.slots.as_slice()).collect();
        let mut missing = Vec::new();
        unmapped(schema.root(), &written, &mut String::new(), &mut missing);
        findings.extend(missing.into_iter().map(|path| Finding {
            item: None,
            severity: Severity::Warning,
            code: "required-unmapped",
            message: format!("the schema requires {path}, and no mapping writes it"),
            span: None,
        }));
        findings
    }
}

/// An expression whose kind no value of the destination's type can be made of.
fn impossible(item: &Compiled) -> Option<(String, Span)> {
    let Source::Expression(node) = &item.source else {
        return None;
    };
    let destination = &item.destination;
    if destination.free || destination.wildcards > 0 || fits(node.returns, &destination.ty) {
        return None;
    }
    let message = format!(
        "a value of kind {} cannot become {}, which is of type {}",
        node.returns.word(),
        item.item.destination,
        destination.ty.xdm_type()
    );
    Some((message, node.span))
}

/// Whether some value of the kind becomes a value of the type.
fn fits(kind: Kind, ty: &Type) -> bool {
    if let Type::Array(item) = ty {
        // A value by itself becomes the only element.
        return kind == Kind::Array || fits(kind, &item.ty);
    }
    let structure = matches!(ty, Type::Json | Type::Object(_) | Type::Map(_));
    match kind {
        Kind::Array => false,
        Kind::Object => structure,
        Kind::Boolean => !structure && !matches!(ty, Type::Date | Type::DateTime),
        Kind::Date => matches!(ty, Type::String | Type::Date | Type::DateTime),
        Kind::Integer | Kind::Number | Kind::String => !structure,
        _ => true,
    }
}

/// The paths of the item's source at which no sample has a value.
fn absent(item: &Compiled, samples: &[Raw<'_>]) -> Vec<String> {
    let paths = source_paths(item.item.source_type, &item.item.source).into_iter();
    paths
        .filter(|text| {
            SourcePath::parse(text).is_ok_and(|path| {
                // What takes too much to look for is not said to be absent.
                !samples.iter().any(|sample| {
                    let budget = Budget::new(Default::default());
                    let record = Fields::default().open(*sample, &budget);
                    path.read(&record, &budget).map_or(true, |found| is(&found))
                })
            })
        })
        .collect()
}

/// Whether something was found.
fn is(found: &Found<'_>) -> bool {
    match found {
        Found::Missing => false,
        Found::One(_) => true,
        Found::Each(items) => items.iter().any(is),
    }
}

/// Adds the required fields below an object that nothing writes. `written` are the ways on from here of the items that write
/// below it; objects that no item touches require nothing.
fn unmapped(object: &ObjectType, written: &[&[Slot]], path: &mut String, missing: &mut Vec<String>) {
    let length = path.len();
    for (at, field) in object.fields.iter().enumerate() {
        let below: Vec<&[Slot]> = written
            .iter()
            .filter_map(|slots| match slots.split_first() {
                Some((Slot::Member(name), rest)) if *name == field.name => Some(rest),
                _ => None,
            })
            .collect();
        if length > 0 {
            path.push('.');
        }
        path.push_str(&field.name);
        if below.is_empty() {
            if object.required.contains(&at) {
                missing.push(path.clone());
            }
        } else {
            into(&field.ty, &below, path, missing);
        }
        path.truncate(length);
    }
}

fn into(ty: &Type, written: &[&[Slot]], path: &mut String, missing: &mut Vec<String>) {
    // Who writes the whole says what is in it.
    if written.iter().any(|slots| slots.is_empty()) {
        return;
    }
    match ty {
        Type::Object(object) => unmapped(object, written, path, missing),
        Type::Array(item) => {
            let below: Vec<&[Slot]> =
                written.iter().map(|slots| slots.get(1..).unwrap_or_default()).collect();
            let length = path.len();
            path.push_str("[*]");
            into(&item.ty, &below, path, missing);
            path.truncate(length);
        }
        _ => {}
    }
}
