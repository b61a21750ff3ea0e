//! The regular expressions of schemas. Who writes a schema is not who runs the server: what a pattern may cost is bounded
//! when the schema is made, and by the length of the texts that it is tried on.

use std::fmt;

use fancy_regex::{Regex, RegexBuilder};
use regex_automata::Input;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::nfa::thompson;

use crate::java;
use crate::limits::{
    PATTERN_AUTOMATON_BYTES_MAX, PATTERN_BYTES_MAX, PATTERN_LOOKING_BYTES_MAX, PATTERN_SIZES,
    PATTERN_STEPS_MAX, PATTERN_WORK_MAX,
};

/// A compiled `pattern`.
#[derive(Clone)]
pub struct Pattern {
    /// As it stands in the schema.
    pub text: String,
    engine: Engine,
    /// The longest text that it is tried on, bytes.
    longest: usize,
}

#[derive(Clone)]
enum Engine {
    /// Of most patterns: a step for each byte of the text, and nothing else.
    Automaton(Box<dense::DFA<Vec<u32>>>),
    /// Where that would be too large, or the pattern looks around or back.
    Regex(Regex),
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// Why a text is no match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    Other,
    /// The text is longer than that many bytes.
    TooLong(usize),
    /// It took too many steps to find out.
    TooHard,
}

impl Pattern {
    /// # Errors
    ///
    /// Why the text is no pattern, or one that could cost too much.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!("it is longer than {PATTERN_BYTES_MAX} bytes"));
        }
        // As Java has it; the translation takes it for a backslash.
        let backslashes = text.len() - text.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            return Err("it ends in a backslash that escapes nothing".to_owned());
        }
        let translated = java::translate(text);
        let looks = java::backtracks(&translated);
        if let Some(automaton) = automaton(&translated) {
            let engine = Engine::Automaton(Box::new(automaton));
            return Ok(Self { text: text.to_owned(), engine, longest: usize::MAX });
        }
        let mut reason = String::new();
        // The engine does not tell how large a pattern has become, only that it has outgrown a size.
        for bytes in PATTERN_SIZES {
            let built = RegexBuilder::new(&translated)
                .backtrack_limit(PATTERN_STEPS_MAX)
                .delegate_size_limit(bytes)
                .build();
            match built {
                Ok(regex) => {
                    let longest = if looks { PATTERN_LOOKING_BYTES_MAX } else { PATTERN_WORK_MAX / bytes };
                    let engine = Engine::Regex(regex);
                    return Ok(Self { text: text.to_owned(), engine, longest });
                }
                Err(error) => reason = java::reason(&error),
            }
        }
        Err(reason)
    }

    /// Looks for the pattern anywhere in a text.
    ///
    /// # Errors
    ///
    /// Why there is no match.
    pub fn find_in(&self, text: &str) -> Result<(), Mismatch> {
        if text.len() > self.longest {
            return Err(Mismatch::TooLong(self.longest));
        }
        let found = match &self.engine {
            Engine::Automaton(automaton) => {
                let found = automaton.try_search_fwd(&Input::new(text).earliest(true));
                found.map(|end| end.is_some()).map_err(|_| Mismatch::TooHard)?
            }
            Engine::Regex(regex) => regex.is_match(text).map_err(|_| Mismatch::TooHard)?,
        };
        if found { Ok(()) } else { Err(Mismatch::Other) }
    }
}

/// The automaton that finds a pattern, if it is small.
fn automaton(pattern: &str) -> Option<dense::DFA<Vec<u32>>> {
    let size = Some(PATTERN_AUTOMATON_BYTES_MAX);
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(size)
        .determinize_size_limit(size);
    let nfa = thompson::Config::new().nfa_size_limit(size);
    dense::Builder::new().configure(config).thompson(nfa).build(pattern).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_javas() {
        for (pattern, text, found) in [
            (r"^\d+$", "12", true),
            (r"^\d+$", "\u{661}", false),
            (r"\w", "é", false),
            ("b", "abc", true),
            (r"^\p{Alpha}+\z", "abc", true),
            (r"^(?=.*\d).{3}$", "ab1", true),
            (r"^(a)\1$", "aa", true),
            ("^.$", "é", true),
            ("^[^a]$", "\u{1f600}", true),
            ("^a.c$", "a\nc", false),
            ("a$", "a\n", false),
            ("(?i)^ÄB$", "äb", true),
            ("", "", true),
            ("^$", "a", false),
            (r"\bword\b", "a word.", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().find_in(text).is_ok(), found, "{pattern}");
        }
    }

    #[test]
    fn what_could_cost_too_much_is_refused() {
        for pattern in
            ["(", "[z-a]", "\\", "((a{100}){100}){100}", r"(\p{L}{1,100}){1,100}", &"a".repeat(5000)]
        {
            let error = Pattern::new(pattern).map(|pattern| pattern.text).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }

    /// Which of the engines a pattern has is no matter of what it finds.
    #[test]
    fn the_engines_agree() {
        for pattern in ["^[a-z]+-[0-9]+$", "a|b", "^(ab)*$", ".", "[^x]", "x{2,3}", "^.{1,3}$", r"\d\s"] {
            let automaton = automaton(&java::translate(pattern)).unwrap();
            let regex = Regex::new(&java::translate(pattern)).unwrap();
            for text in ["", "a", "ab", "ab-12", "xx", "é", "1 ", "\n", "abab", "aab-1x", "\u{1f600}b"] {
                let found = automaton.try_search_fwd(&Input::new(text).earliest(true)).unwrap().is_some();
                assert_eq!(found, regex.is_match(text).unwrap(), "{pattern} {text:?}");
            }
        }
    }

    /// Were any of these not bounded, the test would not end.
    #[test]
    fn hostile_patterns_end() {
        for (pattern, text) in [
            ("(a+)+$", "a".repeat(1 << 20) + "!"),
            ("^(a|a)*b$", "a".repeat(1 << 20)),
            ("(x+x+)+y", "x".repeat(1 << 20)),
            (r"^(a*)*\1b$", "a".repeat(2000)),
            ("(?=(a|b)*a(a|b){100}c)", "ab".repeat(1000)),
            ("(?=a)(a|aa)+$", "a".repeat(2000) + "!"),
            ("(a|b)*a(a|b){20}c", "ab".repeat(1 << 19)),
            ("(.*)(.*)(.*)(.*)(.*)x$", "y".repeat(1 << 20)),
            (r"(a|b)*a(a|b){20}\Z", "bbbbb".repeat(400)),
        ] {
            assert!(Pattern::new(pattern).unwrap().find_in(&text).is_err(), "{pattern}");
        }
        let looks = Pattern::new("a(?=b)").unwrap();
        assert_eq!(looks.find_in(&"ab".repeat(4096)), Err(Mismatch::TooLong(PATTERN_LOOKING_BYTES_MAX)));
    }
}
