//! Regular expressions as Java writes them: translated once, run with a bound on their steps.

use fancy_regex::{Error, RegexBuilder, RuntimeError};
use xdm::java;

use crate::budget::Budget;
use crate::failure::{Failure, excerpt};
use crate::limits;

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Regex {
    regex: fancy_regex::Regex,
    pattern: String,
    /// Whether it may go back over the text, so that its work is not in proportion to the text.
    backtracks: bool,
}

/// Pays for the bytes that compiling a pattern may take.
pub(crate) type Pay<'p> = &'p dyn Fn(usize) -> Result<(), Failure>;

/// The sizes in which a pattern is tried.
const SIZES: [usize; 3] = [16 << 10, 128 << 10, limits::REGEX_BYTES_MAX];

/// What one match of a pattern that goes back costs at least, in steps of fuel.
const BACKTRACKING_FUEL: usize = 2000;

impl Regex {
    /// Finds its text anywhere.
    pub(crate) fn search(pattern: &str, pay: Pay<'_>) -> Result<Self, Failure> {
        Self::build(pattern, &java::translate(pattern), pay)
    }

    /// Matches only a whole text.
    pub(crate) fn whole(pattern: &str, pay: Pay<'_>) -> Result<Self, Failure> {
        Self::build(pattern, &format!("\\A(?:{})\\z", java::translate(pattern)), pay)
    }

    /// As [`Regex::search`], for a pattern that is not part of the expression.
    pub(crate) fn search_in_record(pattern: &str, budget: &Budget) -> Result<Self, Failure> {
        check_length(pattern)?;
        Self::search(pattern, &|bytes| budget.work(bytes / limits::PATTERN_BYTES_PER_FUEL))
    }

    /// As [`Regex::whole`], for a pattern that is not part of the expression.
    pub(crate) fn whole_in_record(pattern: &str, budget: &Budget) -> Result<Self, Failure> {
        check_length(pattern)?;
        Self::whole(pattern, &|bytes| budget.work(bytes / limits::PATTERN_BYTES_PER_FUEL))
    }

    fn build(pattern: &str, translated: &str, pay: Pay<'_>) -> Result<Self, Failure> {
        let mut reason = String::new();
        // The engine does not tell how large a pattern has become, only that it has outgrown a size.
        for bytes in SIZES {
            pay(bytes)?;
            let built = RegexBuilder::new(translated)
                .backtrack_limit(limits::REGEX_STEPS_MAX)
                .delegate_size_limit(bytes)
                .delegate_dfa_size_limit(limits::REGEX_BYTES_MAX)
                .build();
            match built {
                Ok(regex) => {
                    let backtracks = java::backtracks(translated);
                    return Ok(Self { regex, pattern: excerpt(pattern), backtracks });
                }
                Err(error) => reason = java::reason(&error),
            }
        }
        Err(Failure::Regex { pattern: excerpt(pattern), reason })
    }

    fn start(&self, text: &str, budget: &Budget) -> Result<(), Failure> {
        budget.work(1 + if self.backtracks { BACKTRACKING_FUEL } else { 0 })?;
        budget.touch(text.len())
    }

    /// Why a match failed; going back without end is paid for, so that no record does it more than a few times.
    fn failure(&self, error: &Error, budget: &Budget) -> Failure {
        match error {
            Error::RuntimeError(RuntimeError::BacktrackLimitExceeded) => {
                if let Err(failure) = budget.work(limits::REGEX_FAILURE_FUEL) {
                    return failure;
                }
                Failure::RegexSteps { pattern: self.pattern.clone() }
            }
            other => Failure::Regex { pattern: self.pattern.clone(), reason: java::reason(other) },
        }
    }

    pub(crate) fn is_match(&self, text: &str, budget: &Budget) -> Result<bool, Failure> {
        self.start(text, budget)?;
        self.regex.is_match(text).map_err(|error| self.failure(&error, budget))
    }

    /// The first match and its groups; a group that took no part is none.
    pub(crate) fn groups<'t>(
        &self,
        text: &'t str,
        budget: &Budget,
    ) -> Result<Option<Vec<Option<&'t str>>>, Failure> {
        self.start(text, budget)?;
        let captures = self.regex.captures(text).map_err(|error| self.failure(&error, budget))?;
        Ok(captures
            .map(|captures| captures.iter().map(|group| group.map(|group| &text[group.range()])).collect()))
    }

    /// The places of all matches, in order.
    pub(crate) fn places(&self, text: &str, budget: &Budget) -> Result<Vec<std::ops::Range<usize>>, Failure> {
        self.start(text, budget)?;
        let mut places = Vec::new();
        for found in self.regex.find_iter(text) {
            self.start("", budget)?;
            places.push(found.map_err(|error| self.failure(&error, budget))?.range());
        }
        Ok(places)
    }

    /// The places of the first so many matches, each with those of its groups.
    pub(crate) fn all_groups(
        &self,
        text: &str,
        most: usize,
        budget: &Budget,
    ) -> Result<Vec<Vec<Option<std::ops::Range<usize>>>>, Failure> {
        self.start(text, budget)?;
        let mut all = Vec::new();
        for captures in self.regex.captures_iter(text).take(most) {
            self.start("", budget)?;
            let captures = captures.map_err(|error| self.failure(&error, budget))?;
            all.push(captures.iter().map(|group| group.map(|group| group.range())).collect());
        }
        Ok(all)
    }

    /// The parts of a text between matches as Java splits: no empty part in front for a match of no width there, and
    /// trailing empty parts dropped unless they are kept. A text without a match is its own only part.
    pub(crate) fn split<'t>(
        &self,
        text: &'t str,
        keeps: bool,
        budget: &Budget,
    ) -> Result<Vec<&'t str>, Failure> {
        let mut parts = Vec::new();
        let mut start = 0;
        for place in self.places(text, budget)? {
            if place.end == 0 || (place.is_empty() && place.start == text.len()) {
                continue;
            }
            parts.push(&text[start..place.start]);
            start = place.end;
        }
        if parts.is_empty() {
            return Ok(vec![text]);
        }
        parts.push(&text[start..]);
        while !keeps && parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        Ok(parts)
    }
}

fn check_length(pattern: &str) -> Result<(), Failure> {
    if pattern.len() > limits::PATTERN_BYTES_MAX {
        let reason = format!("it is longer than {} bytes", limits::PATTERN_BYTES_MAX);
        return Err(Failure::Regex { pattern: excerpt(pattern), reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Pay<'_> = &|_| Ok(());

    #[test]
    fn java_patterns() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let found = Regex::whole(pattern, FREE)
                .and_then(|regex| regex.is_match(text, &Budget::new(Default::default())));
            assert_eq!(found, Ok(expected), "{pattern} {text}");
        };
        check(r"\d+", "12", true);
        check(r"\d+", "١٢", false);
        check(r"[\w-]+", "a-b_9", true);
        check(r"\w+", "é", false);
        check(r"[^\s]+", "ab", true);
        check(r"[\D]", "5", false);
        check(r"\h", " ", true);
        check(r"\h", "f", false);
        check(r"\Qa.b\E+", "a.bbb", true);
        check(r"\Qa.b\E", "axb", false);
        check("\\u0041", "A", true);
        check(r"\p{Punct}\p{Upper}", "!A", true);
        check(r"[\p{Alpha}_]+", "a_b", true);
        check(r"\p{L}+", "éa", true);
        check(r"(a)\1", "aa", true);
        check(r"(?<n>a)\k<n>", "aa", true);
        check(r"a(?=b)b", "ab", true);
        check(r"a++b", "aab", true);
        check(r"[a-z&&[^b]]+", "ab", false);
        check(r"[]a]+", "]a", true);
        check("a|b", "ab", false);
        check(r"x\Z", "x", true);
        check("(?i)AB", "ab", true);
    }

    #[test]
    fn splitting_as_java_does() {
        let check = |pattern: &str, text: &str, expected: &[&str]| {
            assert_eq!(
                Regex::search(pattern, FREE)
                    .unwrap()
                    .split(text, false, &Budget::new(Default::default()))
                    .unwrap(),
                expected,
                "{pattern} {text}"
            );
        };
        check(",", "a,b", &["a", "b"]);
        check(",", "a,,b,,", &["a", "", "b"]);
        check(",", "a", &["a"]);
        check(",", "", &[""]);
        check(",", ",a", &["", "a"]);
        check(",", ",", &[]);
        check("", "abc", &["a", "b", "c"]);
        check(r"\.", "a.b", &["a", "b"]);
    }

    #[test]
    fn bounds() {
        let steps = Regex::whole(r"(a|a?)+(?=x)b", FREE)
            .and_then(|regex| regex.is_match(&"a".repeat(60), &Budget::new(Default::default())));
        assert!(matches!(steps, Err(Failure::RegexSteps { .. })), "{steps:?}");
        assert!(matches!(Regex::search("((a{100}){100}){100}", FREE), Err(Failure::Regex { .. })));
        assert!(matches!(Regex::search("(", FREE), Err(Failure::Regex { .. })));
        assert!(Regex::search_in_record(&"a".repeat(5000), &Budget::new(Default::default())).is_err());
    }
}
