//! The regular expressions of schemas. Who writes a schema is not who runs the server: what a pattern may cost is bounded
//! when the schema is made, and by the length of the texts that it is tried on.

use fancy_regex::{Regex, RegexBuilder};

use crate::java;
use crate::limits::{
    PATTERN_BYTES_MAX, PATTERN_LOOKING_BYTES_MAX, PATTERN_SIZES, PATTERN_STEPS_MAX, PATTERN_WORK_MAX,
};

/// A compiled `pattern`.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it stands in the schema.
    pub text: String,
    regex: Regex,
    /// The longest text that it is tried on, bytes.
    longest: usize,
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
        let (translated, looks) = (java::translate(text), java::backtracks(text));
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
                    return Ok(Self { text: text.to_owned(), regex, longest });
                }
                Err(error) => reason = last_line(&error.to_string()),
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
        match self.regex.is_match(text) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Mismatch::Other),
            Err(_) => Err(Mismatch::TooHard),
        }
    }
}

/// Error texts of the engine draw the pattern over several lines; the last line is the reason.
fn last_line(text: &str) -> String {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
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
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().find_in(text).is_ok(), found, "{pattern}");
        }
    }

    #[test]
    fn what_could_cost_too_much_is_refused() {
        for pattern in ["(", "[z-a]", "((a{100}){100}){100}", r"(\p{L}{1,100}){1,100}", &"a".repeat(5000)] {
            let error = Pattern::new(pattern).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
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
        ] {
            assert!(Pattern::new(pattern).unwrap().find_in(&text).is_err(), "{pattern}");
        }
        let looks = Pattern::new("a(?=b)").unwrap();
        assert_eq!(looks.find_in(&"ab".repeat(4096)), Err(Mismatch::TooLong(PATTERN_LOOKING_BYTES_MAX)));
    }
}
