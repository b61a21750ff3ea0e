//! The group Regular Expression.

use std::borrow::Cow;

use super::{Function, Kind, Nulls, ex};
use crate::arity::arg;
use crate::switches::MatchesRegex;
use crate::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        names: &["extract_regex"],
        args: &[arg("text", Kind::String), arg("regex", Kind::Regex)],
        returns: Kind::Array,
        nulls: Nulls::Pass,
        doc: "The first match of a regular expression and then its groups; an empty array when there is none.",
        examples: &[
            ex(r#"extract_regex("k=v", "(\w)=(\w)")"#, r#"["k=v","k","v"]"#),
            ex(r#"extract_regex("a", "(b)?a")"#, r#"["a",null]"#),
            ex(r#"extract_regex("a", "b")"#, "[]"),
        ],
        eval: |a| {
            let text = a.text(0)?;
            let groups = a.regex(1, false)?.groups(&text, a.budget())?.unwrap_or_default();
            let value = |group: Option<&str>| {
                group.map_or(Value::Null, |text| Value::Text(Cow::Owned(text.to_owned())))
            };
            Ok(Value::array(groups.into_iter().map(value).collect()))
        },
    },
    Function {
        names: &["matches_regex"],
        args: &[arg("text", Kind::String), arg("regex", Kind::MatchRegex)],
        returns: Kind::Boolean,
        nulls: Nulls::Keep,
        doc: "Whether a regular expression matches the whole text. Null matches nothing.",
        examples: &[
            ex(r#"matches_regex("ab12", "[a-z]+\d+")"#, "true"),
            ex(r#"matches_regex("ab12", "[a-z]+")"#, "false"),
            ex(r#"matches_regex(null, ".*")"#, "false"),
        ],
        eval: |a| match a.text_or_null(0)? {
            Some(text) => {
                let whole = a.switches().matches_regex == MatchesRegex::Whole;
                Ok(a.regex(1, whole)?.is_match(&text, a.budget())?.into())
            }
            None => Ok(false.into()),
        },
    },
];
