//! JSON text onto a tape, in one pass; see `docs/decisions/0008-a-parser-of-our-own.md`.
//!
//! It accepts what `serde_json` accepts, and makes the same values of it: tests compare the two. The text is known to be
//! UTF-8, and everything that the grammar names is ASCII, so that it is read as bytes and a string is only ever cut at its
//! quotes.

use crate::tape::Entry;

/// Containers that may be open at once, as many as `serde_json` lets be. It bounds the recursion.
const DEPTH_MAX: usize = 127;

/// Digits that a number has at most to be read without a look at its size.
const DIGITS_MAX: usize = 18;

/// Powers of ten that an `f64` holds exactly. A number below 2^53 times or over one of them is rounded once, so that it is the
/// nearest there is.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Reads one text. Its functions return `None` where the text is not JSON.
pub(crate) struct Parser<'p> {
    text: &'p str,
    at: usize,
    entries: &'p mut Vec<Entry>,
    /// What strings with escapes say, one after the other.
    unescaped: &'p mut String,
}

impl<'p> Parser<'p> {
    pub(crate) fn new(text: &'p str, entries: &'p mut Vec<Entry>, unescaped: &'p mut String) -> Self {
        Self { text, at: 0, entries, unescaped }
    }

    /// One value and nothing after it.
    pub(crate) fn parse(&mut self) -> Option<()> {
        self.value(0)?;
        self.blanks();
        if self.at == self.text.len() { Some(()) } else { None }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.next()? {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.word("true", Entry::Bool(true)),
            b'f' => self.word("false", Entry::Bool(false)),
            b'n' => self.word("null", Entry::Null),
            _ => None,
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        let place = self.open(depth)?;
        let mut count = 0;
        if self.next()? != b'}' {
            loop {
                if self.next()? != b'"' {
                    return None;
                }
                self.string()?;
                if self.next()? != b':' {
                    return None;
                }
                self.at += 1;
                self.value(depth + 1)?;
                count += 1;
                match self.next()? {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.at += 1;
        self.entries[place] = Entry::Object { count, end: self.end() };
        Some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        let place = self.open(depth)?;
        let mut count = 0;
        if self.next()? != b']' {
            loop {
                self.value(depth + 1)?;
                count += 1;
                match self.next()? {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return None,
                }
            }
        }
        self.at += 1;
        self.entries[place] = Entry::Array { count, end: self.end() };
        Some(())
    }

    /// Begins a container: where its entry is, which is written at its end.
    fn open(&mut self, depth: usize) -> Option<usize> {
        if depth == DEPTH_MAX {
            return None;
        }
        self.at += 1;
        self.entries.push(Entry::Null);
        Some(self.entries.len() - 1)
    }

    /// Where the next entry will be. A text has no more values than bytes, and those are counted in 32 bits.
    fn end(&self) -> u32 {
        self.entries.len() as u32
    }

    fn word(&mut self, word: &str, entry: Entry) -> Option<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return None;
        }
        self.at += word.len();
        self.entries.push(entry);
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at + 1;
        self.at = plain_end(self.text.as_bytes(), start);
        if self.byte()? != b'"' {
            return self.escaped(start);
        }
        self.entries.push(Entry::Text { start: start as u32, len: (self.at - start) as u32 });
        self.at += 1;
        Some(())
    }

    /// The string that starts there and has an escape at hand, unless it is broken.
    fn escaped(&mut self, start: usize) -> Option<()> {
        let place = self.unescaped.len();
        self.unescaped.push_str(self.text.get(start..self.at)?);
        while self.byte()? == b'\\' {
            self.at += 1;
            let escape = self.byte()?;
            self.at += 1;
            let character = match escape {
                b'"' | b'\\' | b'/' => char::from(escape),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => self.character()?,
                _ => return None,
            };
            self.unescaped.push(character);
            let plain = self.at;
            self.at = plain_end(self.text.as_bytes(), plain);
            self.unescaped.push_str(self.text.get(plain..self.at)?);
        }
        // What ends the loop is a quote, or a control character.
        if self.byte()? != b'"' {
            return None;
        }
        self.at += 1;
        let len = self.unescaped.len() - place;
        self.entries.push(Entry::Unescaped { start: place as u32, len: len as u32 });
        Some(())
    }

    /// The character of `\u`, in two parts when it needs them. Half a pair is none.
    fn character(&mut self) -> Option<char> {
        let unit = self.hex()?;
        if !(0xD800..0xDC00).contains(&unit) {
            return char::from_u32(unit);
        }
        if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            return None;
        }
        self.at += 2;
        let low = self.hex()?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + low)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        let unit =
            digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))?;
        self.at += 4;
        Some(unit)
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let negative = self.byte() == Some(b'-');
        self.at += usize::from(negative);
        let mut mantissa = 0;
        let whole = self.at;
        self.digits(&mut mantissa)?;
        let mut digits = self.at - whole;
        if digits > 1 && self.text.as_bytes()[whole] == b'0' {
            return None;
        }
        let mut integer = true;
        let mut behind = 0;
        if self.byte() == Some(b'.') {
            integer = false;
            self.at += 1;
            let fraction = self.at;
            self.digits(&mut mantissa)?;
            behind = self.at - fraction;
            digits += behind;
        }
        let mut power = false;
        if matches!(self.byte(), Some(b'e' | b'E')) {
            power = true;
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits(&mut 0)?;
        }
        // Minus zero is no integer, but a float that has a sign.
        let simple = !power && digits <= DIGITS_MAX;
        let entry = if simple && integer && (mantissa != 0 || !negative) {
            let value = mantissa as i64;
            Entry::Int(if negative { -value } else { value })
        } else if simple && mantissa < 1 << 53 {
            let value = mantissa as f64 / TENS[behind];
            Entry::Float(if negative { -value } else { value })
        } else {
            let token = self.text.get(start..self.at)?;
            match token.parse().ok().filter(|_| integer && !power) {
                Some(value) => Entry::Int(value),
                None => Entry::Float(token.parse().ok().filter(|value: &f64| value.is_finite())?),
            }
        };
        self.entries.push(entry);
        Some(())
    }

    /// One digit or more, behind those of the number so far.
    fn digits(&mut self, number: &mut u64) -> Option<()> {
        let start = self.at;
        while let Some(digit) = self.byte().map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            // Of more digits than it can hold, the number is not used.
            *number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
        if self.at == start { None } else { Some(()) }
    }

    /// The next byte that is no blank.
    fn next(&mut self) -> Option<u8> {
        match self.byte()? {
            byte if byte > b' ' => Some(byte),
            _ => {
                self.blanks();
                self.byte()
            }
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
}

/// Where the characters of a string that stand for themselves end: at a quote, a backslash, a control character or the end of
/// the text. Eight are passed over at a time.
pub fn plain_end(text: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const QUOTES: u64 = ONES * b'"' as u64;
    const BACKSLASHES: u64 = ONES * b'\\' as u64;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*chunk);
        // A subtraction leaves a byte's top bit set where it borrowed, or where it was set before: the latter is no ASCII. Bytes
        // above the first such one may be marked wrongly.
        let control = word.wrapping_sub(ONES * 0x20);
        let quote = (word ^ QUOTES).wrapping_sub(ONES);
        let backslash = (word ^ BACKSLASHES).wrapping_sub(ONES);
        let special = (control | quote | backslash) & !word;
        let special = special & (ONES << 7);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while text.get(at).is_some_and(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\') {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{Json, Read, Tape};

    /// What both make of a text, and that it is the same: the sign of a zero and each bit of a float included.
    fn same(text: &[u8]) -> Option<String> {
        let (tape, read) = Tape::default().parse(text);
        let ours = read.is_ok().then(|| format!("{:?}", tape.root().to_json()));
        let theirs = Json::parse(text).ok().map(|json| format!("{json:?}"));
        assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(text));
        ours
    }

    #[test]
    fn takes_what_serde_json_takes() {
        for text in [
            " \r\n\t{ \"a\" : [ 1 , 2 ] , \"b\" : { } } ",
            "-0",
            "-0.0",
            "-0e5",
            "0",
            "0.0e-0",
            "1E+5",
            "5.0",
            "999999999999999999",
            "-999999999999999999",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "18446744073709551616",
            "-18446744073709551616",
            "0.1",
            "123456789012345.67",
            "9007199254740992.0",
            "9007199254740993.0",
            "900719925474099.3",
            "0.000000000000000001",
            "0.00000000000000000000001",
            "1.7976931348623157e308",
            "4.9e-324",
            "2.4e-324",
            "1e-99999",
            "0e999999999999",
            "2.2250738585072011e-308",
            "\"\"",
            "\"\u{7f}\u{80}\u{e9}\u{10ffff}\"",
            r#""\"\\\/\b\f\n\r\t\u0000\u001f\u00e9\uffff""#,
            r#""a\ud83d\ude00b \uD83D\uDE00\u0061""#,
            r#"{"\u0061":1,"a":2,"":3}"#,
            r#"["0123456","01234567","012345678\"","0123456\\"]"#,
            "[[],{},[{}],null,true,false]",
        ] {
            assert!(same(text.as_bytes()).is_some(), "{text}");
        }
    }

    #[test]
    fn refuses_what_serde_json_refuses() {
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
            "{1:1}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "[1 2]",
            "{} {}",
            "{}x",
            "nul",
            "nulll",
            "tru",
            "True",
            "NaN",
            "Infinity",
            "01",
            "-01",
            "-",
            "+1",
            "1.",
            ".5",
            "-.5",
            "1e",
            "1e+",
            "1.e5",
            "0x1",
            "1_000",
            "--1",
            "00",
            "1e309",
            "-1e309",
            "1.7976931348623159e308",
            "1e999999999999999999999",
            "\"",
            "\"\\",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "\"a\nb\"",
            "\"01234567\u{1f}\"",
            "\"\u{0}\"",
            "\"\\n\u{0}\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\ud800\"",
            "\"\\ud800\\u0061\"",
            "\"\\ud800x\"",
            "\"\\ud800\\n\"",
            "\"\\ud800\\ue000\"",
            "{\"\\ud800\":1}",
            "\u{feff}{}",
            "\u{a0}{}",
            "{}\u{0}",
            "// a\n{}",
            "\u{b}1",
            "[1,\u{c}2]",
        ] {
            assert_eq!(same(text.as_bytes()), None, "{text}");
        }
        for text in [
            &b"\"\xff\""[..],
            b"\"\xc0\x80\"",
            b"\"\xed\xa0\x80\"",
            b"\xff{}",
            b"{}\xff",
            b"\"abcdefg\xe2\x82\"",
        ] {
            assert_eq!(same(text), None);
        }
    }

    #[test]
    fn is_bounded_in_depth_as_serde_json_is() {
        let nested =
            |open: &str, close: &str, depth| format!("{}{}", open.repeat(depth), close.repeat(depth));
        assert!(same(nested("[", "]", 127).as_bytes()).is_some());
        assert!(same(nested("[", "]", 128).as_bytes()).is_none());
        assert!(same((nested("{\"a\":", "}", 128).replace(":}", ":{}}")).as_bytes()).is_none());
        assert!(same("[".repeat(100_000).as_bytes()).is_none());
        assert!(same("{\"a\":".repeat(100_000).as_bytes()).is_none());
        // Siblings do not add up.
        assert!(same(format!("[{}]", vec!["[[]]"; 1000].join(",")).as_bytes()).is_some());
    }

    #[test]
    fn takes_numbers_of_any_length() {
        for (text, taken) in [
            ("9".repeat(308), true),
            ("9".repeat(310), false),
            (format!("0.{}", "9".repeat(10_000)), true),
            (format!("0.{}1", "0".repeat(10_000)), true),
            (format!("{}e-{}", "9".repeat(400), 200), true),
            (format!("1e{}", "9".repeat(10_000)), false),
            (format!("1e-{}", "9".repeat(10_000)), true),
        ] {
            assert_eq!(same(text.as_bytes()).is_some(), taken);
        }
    }

    /// Text that is nearly JSON: pieces of it in any order.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u", "d800", "dc00", "\\\"", "0", "1", "-",
            ".", "e", "E+", "99", "true", "nul", "l", " ", "\n", "\u{0}", "é", "\"x\":", "{\"b\":", "}}",
            "]]", "\u{feff}", "1e308", "8e",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    /// A number as somebody might write it, now and then with a fault.
    fn number() -> impl Strategy<Value = String> {
        prop_oneof![
            "-?(0|[1-9][0-9]{0,22})",
            "-?(0|[1-9][0-9]{0,19})\\.[0-9]{1,24}",
            "-?[0-9]{1,4}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,3})?",
            any::<f64>()
                .prop_filter("a number", |number| number.is_finite())
                .prop_map(|number| number.to_string()),
            any::<f64>()
                .prop_filter("a number", |number| number.is_finite())
                .prop_map(|number| format!("{number:e}")),
        ]
    }

    /// The inside of a string, with and without escapes.
    fn inside() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[ -!#-\\[\\]-~]{0,20}",
            "\\PC{0,4}".prop_map(|text| text.replace(['"', '\\'], "")),
            prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\u0000"])
                .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
    }

    /// A JSON text with blanks anywhere and keys that repeat; of the numbers a few are broken.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            prop::sample::select(vec!["null", "true", "false", "[ ]", "{ }"]).prop_map(str::to_owned),
            number(),
            inside().prop_map(|text| format!("\"{text}\"")),
        ];
        let key = prop_oneof!["[ab]", inside()];
        leaf.prop_recursive(5, 48, 6, move |inner| {
            let blank = || prop::sample::select(vec!["", "", "", " ", "\n\t", "\r"]);
            let member = (key.clone(), blank(), inner.clone())
                .prop_map(|(key, blank, value)| format!("{blank}\"{key}\"{blank}:{blank}{value}{blank}"));
            let item = (blank(), inner).prop_map(|(blank, value)| format!("{blank}{value}{blank}"));
            prop_oneof![
                prop::collection::vec(item, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn agrees_on_bytes(text in prop::collection::vec(any::<u8>(), 0..24)) {
            same(&text);
        }

        #[test]
        fn agrees_on_pieces(text in pieces()) {
            same(text.as_bytes());
        }

        #[test]
        fn agrees_on_numbers(text in number()) {
            same(text.as_bytes());
        }

        #[test]
        fn agrees_on_json_whole_changed_and_cut(text in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut text = text.into_bytes();
            same(&text);
            let at = at.index(text.len());
            text[at] = byte;
            same(&text);
            text.remove(at);
            same(&text);
            text.truncate(at);
            same(&text);
        }
    }
}
