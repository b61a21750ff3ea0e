//! One checked walk over JSON text.
//!
//! [`Scanner`] builds no tree. It accepts exactly what [`vocab::Json::parse`] accepts, so that whoever reads the record
//! later can rely on it, and it tells two kinds of fault apart: text that is not JSON ([`Syntax`]) ends the walk, while JSON
//! that the record path does not take ([`Fault`]) is remembered and the walk goes on, so that in a batch one such message
//! harms no other.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::limits::DEPTH_MAX;

/// The text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct Syntax {
    /// Bytes before the fault.
    pub at: usize,
    pub expected: &'static str,
}

/// JSON by its grammar, but not what a record may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    TooDeep,
    /// A number beyond 64-bit floating point.
    NumberRange,
    /// Half of a surrogate pair, which is no character.
    LoneSurrogate,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooDeep => write!(f, "values are nested deeper than {DEPTH_MAX} levels"),
            Fault::NumberRange => f.write_str("a number is out of range"),
            Fault::LoneSurrogate => f.write_str("a lone surrogate is no character"),
        }
    }
}

/// What kind a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// A string as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    /// With its quotes.
    quoted: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// What the string says. A string with a lone surrogate says nothing; the scanner holds the fault.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if self.escaped {
            Cow::Owned(serde_json::from_str(self.quoted).unwrap_or_default())
        } else {
            Cow::Borrowed(self.quoted.get(1..self.quoted.len() - 1).unwrap_or_default())
        }
    }
}

pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    fault: Option<Fault>,
    /// The containers that a skip is inside of; `true` for objects.
    open: Vec<bool>,
}

type Scan<T> = Result<T, Syntax>;

impl<'a> Scanner<'a> {
    /// Text that is not UTF-8 is not JSON.
    pub(crate) fn new(text: &'a [u8]) -> Scan<Self> {
        let text = std::str::from_utf8(text)
            .map_err(|error| Syntax { at: error.valid_up_to(), expected: "a UTF-8 character" })?;
        Ok(Self { text, at: 0, depth: 0, fault: None, open: Vec::new() })
    }

    /// The place of the walk, bytes from the start.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The first fault since the last call, and none from now on.
    pub(crate) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// Puts back a fault that was taken before.
    pub(crate) fn restore_fault(&mut self, fault: Option<Fault>) {
        self.fault = fault.or(self.fault);
    }

    /// Walks a value as if it stood alone: depth is counted from it.
    pub(crate) fn alone<T>(&mut self, walk: impl FnOnce(&mut Self) -> Scan<T>) -> Scan<T> {
        let outer = std::mem::take(&mut self.depth);
        let value = walk(self);
        self.depth = outer;
        value
    }

    /// The kind of the value that comes next.
    pub(crate) fn peek(&mut self) -> Scan<Kind> {
        self.blanks();
        match self.byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'n') => Ok(Kind::Null),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            _ => Err(self.expected("a value")),
        }
    }

    /// Nothing but blanks may follow.
    pub(crate) fn end(&mut self) -> Scan<()> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { Err(self.expected("the end of the text")) }
    }

    /// Walks an object. `each` is called at each value and must walk it.
    pub(crate) fn members(&mut self, mut each: impl FnMut(&mut Self, Text<'a>) -> Scan<()>) -> Scan<()> {
        self.take(b'{', "an object")?;
        self.enter();
        self.blanks();
        if self.byte() != Some(b'}') {
            loop {
                let key = self.key()?;
                each(self, key)?;
                self.blanks();
                match self.byte() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.expected("a comma or the end of the object")),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Walks an array. `each` is called at each element and must walk it.
    pub(crate) fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Scan<()>) -> Scan<()> {
        self.take(b'[', "an array")?;
        self.enter();
        self.blanks();
        if self.byte() != Some(b']') {
            loop {
                each(self)?;
                self.blanks();
                match self.byte() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.expected("a comma or the end of the array")),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Walks a string.
    pub(crate) fn string(&mut self) -> Scan<Text<'a>> {
        self.blanks();
        let start = self.at;
        self.take(b'"', "a string")?;
        let mut escaped = false;
        loop {
            self.plain();
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.expected("no control character in a string")),
                None => return Err(self.expected("the end of the string")),
            }
        }
        self.at += 1;
        // Both ends are quotes, so the slice lies on character boundaries.
        Ok(Text { quoted: self.text.get(start..self.at).unwrap_or_default(), escaped })
    }

    /// Walks any value and tells where it lies. No recursion: the text decides how deep it goes, not the stack.
    pub(crate) fn skip(&mut self) -> Scan<Range<usize>> {
        self.blanks();
        let start = self.at;
        debug_assert!(self.open.is_empty());
        loop {
            if self.open_or_scalar()? {
                continue;
            }
            if !self.close_up()? {
                return Ok(start..self.at);
            }
        }
    }

    /// Walks any value that does not matter.
    pub(crate) fn pass(&mut self) -> Scan<()> {
        self.skip().map(|_| ())
    }

    /// Walks a scalar, an empty container, or the way into one that has something: then it is `true`, and a value follows.
    fn open_or_scalar(&mut self) -> Scan<bool> {
        match self.peek()? {
            Kind::String => self.string().map(|_| false),
            Kind::Number => self.number().map(|()| false),
            Kind::Null => self.word("null").map(|()| false),
            Kind::Bool if self.byte() == Some(b't') => self.word("true").map(|()| false),
            Kind::Bool => self.word("false").map(|()| false),
            Kind::Object => self.open(true, b'}'),
            Kind::Array => self.open(false, b']'),
        }
    }

    fn open(&mut self, object: bool, end: u8) -> Scan<bool> {
        self.at += 1;
        self.enter();
        self.blanks();
        if self.byte() == Some(end) {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        self.open.push(object);
        if object {
            self.key()?;
        }
        Ok(true)
    }

    /// After a value: walks to the next one and is `true`, or out of the last container and is `false`.
    fn close_up(&mut self) -> Scan<bool> {
        while let Some(object) = self.open.last().copied() {
            self.blanks();
            match (self.byte(), object) {
                (Some(b','), _) => {
                    self.at += 1;
                    if object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    self.depth -= 1;
                    self.open.pop();
                }
                (_, true) => return Err(self.expected("a comma or the end of the object")),
                (_, false) => return Err(self.expected("a comma or the end of the array")),
            }
        }
        Ok(false)
    }

    fn key(&mut self) -> Scan<Text<'a>> {
        self.blanks();
        if self.byte() != Some(b'"') {
            return Err(self.expected("a member's name"));
        }
        let key = self.string()?;
        self.blanks();
        self.take(b':', "a colon")?;
        Ok(key)
    }

    fn enter(&mut self) {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            self.fault.get_or_insert(Fault::TooDeep);
        }
    }

    /// Passes over the characters of a string that stand for themselves, eight at a time.
    fn plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let bytes = self.text.as_bytes();
        // A byte's top bit is set where the byte is zero; bytes above the first such one may be marked wrongly.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        while let Some(Ok(chunk)) = bytes.get(self.at..self.at + 8).map(<[u8; 8]>::try_from) {
            let word = u64::from_le_bytes(chunk);
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            let special =
                control | zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
            let special = special & (ONES << 7);
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.byte().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Scan<()> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                let unit = self.hex()?;
                if (0xD800..0xDC00).contains(&unit) {
                    self.low_surrogate()
                } else {
                    if (0xDC00..0xE000).contains(&unit) {
                        self.fault.get_or_insert(Fault::LoneSurrogate);
                    }
                    Ok(())
                }
            }
            _ => Err(self.expected("an escape sequence")),
        }
    }

    /// After a high surrogate: the low one, or a fault.
    fn low_surrogate(&mut self) -> Scan<()> {
        if self.text.as_bytes().get(self.at..self.at + 2) == Some(b"\\u") {
            let before = self.at;
            self.at += 2;
            if (0xDC00..0xE000).contains(&self.hex()?) {
                return Ok(());
            }
            // Not its other half, but perhaps the first half of a pair: look at it again.
            self.at = before;
        }
        self.fault.get_or_insert(Fault::LoneSurrogate);
        Ok(())
    }

    fn hex(&mut self) -> Scan<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let unit = digits.and_then(|digits| {
            digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
        });
        let unit = unit.ok_or_else(|| self.expected("four hexadecimal digits"))?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Scan<()> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.expected("a digit")),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        let power = matches!(self.byte(), Some(b'e' | b'E'));
        if power {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        // Without an exponent only a number of more than 308 digits can be out of range. The parser that refine uses decides.
        if power || self.at - start > 300 {
            let token = self.text.get(start..self.at).unwrap_or_default();
            if vocab::Json::parse(token.as_bytes()).is_err() {
                self.fault.get_or_insert(Fault::NumberRange);
            }
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Scan<()> {
        if !self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.expected("a digit"));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &'static str) -> Scan<()> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.expected("a value"))
        }
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Scan<()> {
        self.blanks();
        if self.byte() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> Syntax {
        Syntax { at: self.at, expected }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vocab::Json;

    use super::*;

    fn accepts(text: &[u8]) -> bool {
        let walk = |text| {
            let mut scanner = Scanner::new(text)?;
            let span = scanner.skip()?;
            scanner.end()?;
            assert!(span.end <= text.len());
            Ok::<_, Syntax>(scanner.take_fault().is_none())
        };
        walk(text).unwrap_or(false)
    }

    /// The scanner must agree with the parser that reads the record later.
    fn check(text: impl AsRef<[u8]>, expected: bool) {
        let text = text.as_ref();
        let shown = String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
        assert_eq!(accepts(text), expected, "{shown}");
        assert_eq!(Json::parse(text).is_ok(), expected, "the parser on {shown}");
    }

    #[test]
    fn what_is_json() {
        for text in [
            "{}",
            "[]",
            " \r\n\t{ } ",
            "0",
            "-0",
            "-0.0e-0",
            "1E+5",
            "1e308",
            "1e-99999",
            "0e999999999999",
            "\"\"",
            "true",
            "false",
            "null",
            "[1,[2,{\"a\":[]}],{}]",
            r#"{"a":1,"a":2}"#,
            r#""\u0000\u001f\"\\\/\b\f\n\r\t""#,
            r#""\ud83d\ude00 \uD83D\uDE00""#,
            "\"\u{7f}\u{80}\u{10ffff}\"",
            "[\"0123456\",\"01234567\",\"012345678\\\"\"]",
            "18446744073709551616",
        ] {
            check(text, true);
        }
    }

    #[test]
    fn what_is_not() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[",
            "]",
            "{]",
            "[}",
            "[1,]",
            "[,1]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{'a':1}",
            "{1:1}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "[1 2]",
            "{} {}",
            "{}x",
            "nul",
            "nulll",
            "True",
            "NaN",
            "Infinity",
            "-Infinity",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1e",
            "1e+",
            "0x1",
            "1_000",
            "--1",
            "\"",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"a\nb\"",
            "\"\u{0}\"",
            "\u{0}",
            "{}\u{0}",
            "\u{feff}{}",
            "// a\n{}",
            "/* a */{}",
            "1e309",
            "-1e309",
            "1e999999999999999999999",
            "\u{a0}{}",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\ud800\"",
            "\"\\ud800x\"",
            "\"\\udc00\\ud800\"",
            "\"\\ud800\\n\"",
            "{\"\\ud800\":1}",
            "1a",
            "0}",
        ] {
            check(text, false);
        }
        check(b"\"\xff\"", false);
        check(b"\"\xc0\x80\"", false);
        check(b"\"\xed\xa0\x80\"", false);
        check(b"\xff{}", false);
        check(b"{}\xff", false);
    }

    #[test]
    fn bounded_in_depth_and_in_digits() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(nested(DEPTH_MAX), true);
        check(nested(DEPTH_MAX + 1), false);
        check(nested(100_000), false);
        check("[".repeat(100_000), false);
        check("{\"a\":".repeat(100_000), false);
        check("[{\"a\":".repeat(63) + "1" + &"}]".repeat(63), true);
        check("[{\"a\":".repeat(64) + "1" + &"}]".repeat(64), false);
        // Siblings do not add up.
        check(format!("[{}]", vec!["[[]]"; 1000].join(",")), true);
        check("9".repeat(308), true);
        check("9".repeat(310), false);
        check("9".repeat(100_000), false);
        check(format!("0.{}", "9".repeat(100_000)), true);
        check(format!("1e{}", "9".repeat(100_000)), false);
        check(format!("1e-{}", "9".repeat(100_000)), true);
        check(format!("\"{}\"", "a".repeat(1 << 20)), true);
    }

    #[test]
    fn faults_do_not_end_the_walk() {
        let mut scanner = Scanner::new(br#"[1e999,"\ud800","ok"]"#).unwrap();
        let mut faults = Vec::new();
        scanner
            .elements(|scanner| {
                scanner.skip()?;
                faults.push(scanner.take_fault());
                Ok(())
            })
            .unwrap();
        assert_eq!(faults, [Some(Fault::NumberRange), Some(Fault::LoneSurrogate), None]);
    }

    #[test]
    fn strings_are_decoded() {
        let decode = |text: &'static str| Scanner::new(text.as_bytes()).unwrap().string().unwrap().decode();
        assert!(matches!(decode("\"plain\""), Cow::Borrowed("plain")));
        assert_eq!(decode(r#""\u0061b\n""#), "ab\n");
        assert_eq!(decode(r#""""#), "");
    }

    /// Text that is nearly JSON: pieces of it in any order.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u", "d800", "dc00", "\\\"", "0", "1", "-",
            ".", "e", "E+", "99", "true", "nul", "l", " ", "\n", "\u{0}", "é", "\"x\":", "{\"b\":", "}}",
            "]]", "\u{feff}", "308", "1e308", "1.7e308", "8e",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// A JSON text, some of them deep.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((".{0,6}", inner), 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_the_parser_on_bytes(text in prop::collection::vec(any::<u8>(), 0..24)) {
            prop_assert_eq!(accepts(&text), Json::parse(&text).is_ok());
        }

        #[test]
        fn agrees_with_the_parser_on_pieces(text in pieces()) {
            prop_assert_eq!(accepts(text.as_bytes()), Json::parse(text.as_bytes()).is_ok());
        }

        #[test]
        fn agrees_with_the_parser_on_numbers(text in "-?[0-9]{1,4}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,4})?") {
            prop_assert_eq!(accepts(text.as_bytes()), Json::parse(text.as_bytes()).is_ok());
        }

        #[test]
        fn agrees_with_the_parser_on_json_with_one_byte_changed(value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut text = value.to_string().into_bytes();
            prop_assert!(accepts(&text));
            let at = at.index(text.len());
            text[at] = byte;
            prop_assert_eq!(accepts(&text), Json::parse(&text).is_ok());
            text.truncate(at);
            prop_assert_eq!(accepts(&text), Json::parse(&text).is_ok());
        }
    }
}
