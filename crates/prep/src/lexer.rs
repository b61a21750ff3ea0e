//! Text of an expression to tokens.
//!
//! The rules are those of Apache Commons JEXL 3.1 where the documentation is silent: a backslash in a text is dropped
//! only before the delimiter and before another backslash, so that regular expressions keep theirs.

use crate::fault::{ExpressionError, Fault, Span};
use crate::limits;
use crate::switches::{Switches, TextEscapes, TextPlaceholders};

/// One token with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name or a word of the language; `order.line\.total` has the names `order` and `line.total`.
    Name(String),
    /// What stands between `${` and `}`.
    Wrapped(String),
    Text(String),
    Integer(i64),
    /// An integer beyond 64 bits, or one written with the suffix `H`.
    Big(i128),
    Decimal(f64),
    /// An operator or bracket.
    Symbol(&'static str),
    End,
}

/// Longest first, so that the first match is the right one.
const SYMBOLS: &[&str] = &[
    "->", "==", "!=", "=~", "!~", "=^", "!^", "=$", "!$", "<=", ">=", "&&", "||", "??", "?:", "?.", "..",
    "+", "-", "*", "/", "%", "<", ">", "!", "~", "&", "|", "^", "?", ":", ".", ",", "(", ")", "[", "]", "{",
    "}", "=", ";",
];

/// The tokens of an expression, ended by [`Token::End`].
pub(crate) fn lex(source: &str, switches: &Switches) -> Result<Vec<Lexeme>, ExpressionError> {
    if source.len() > limits::EXPRESSION_CHARS_MAX && source.chars().count() > limits::EXPRESSION_CHARS_MAX {
        let fault = Fault::TooLong { max: limits::EXPRESSION_CHARS_MAX };
        return Err(ExpressionError::new(fault, Span::new(0, source.len())));
    }
    let mut lexer = Lexer { source, switches, at: 0, lexemes: Vec::new() };
    while lexer.next()? {}
    Ok(lexer.lexemes)
}

struct Lexer<'s> {
    source: &'s str,
    switches: &'s Switches,
    at: usize,
    lexemes: Vec<Lexeme>,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn push(&mut self, token: Token, start: usize) {
        self.lexemes.push(Lexeme { token, span: Span::new(start, self.at) });
    }

    fn fail<T>(&self, fault: Fault, start: usize, end: usize) -> Result<T, ExpressionError> {
        Err(ExpressionError::new(fault, Span::new(start, end)))
    }

    /// Reads one token; false after the last.
    fn next(&mut self) -> Result<bool, ExpressionError> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else {
            self.push(Token::End, start);
            return Ok(false);
        };
        if self.rest().starts_with("${") {
            self.wrapped(start)?;
        } else if is_name_start(first) {
            self.name(start);
        } else if first == '"' || first == '\'' {
            self.text(start, first)?;
        } else if first.is_ascii_digit() {
            self.number(start)?;
        } else {
            self.symbol(start, first)?;
        }
        Ok(true)
    }

    /// White space and the three forms of comment.
    fn skip_blanks(&mut self) -> Result<(), ExpressionError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") || trimmed.starts_with("##") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                match trimmed.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return self.fail(Fault::OpenComment, self.at, self.source.len()),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn wrapped(&mut self, start: usize) -> Result<(), ExpressionError> {
        // The newer documents have `${}{name}` beside `${name}`.
        let opening = if self.rest().starts_with("${}{") { "${}{" } else { "${" };
        let inside = &self.source[start + opening.len()..];
        let Some(length) = inside.find('}') else {
            return self.fail(Fault::OpenName, start, self.source.len());
        };
        self.at = start + opening.len() + length + 1;
        self.push(Token::Wrapped(inside[..length].to_owned()), start);
        Ok(())
    }

    fn name(&mut self, start: usize) {
        let mut name = String::new();
        let mut rest = self.rest();
        loop {
            if let Some(after) = rest.strip_prefix("\\.") {
                name.push('.');
                rest = after;
            } else if let Some(c) = rest.chars().next().filter(|c| is_name_part(*c)) {
                name.push(c);
                rest = &rest[c.len_utf8()..];
            } else {
                break;
            }
        }
        self.at = self.source.len() - rest.len();
        self.push(Token::Name(name), start);
    }

    fn text(&mut self, start: usize, delimiter: char) -> Result<(), ExpressionError> {
        let mut text = String::new();
        let mut chars = self.source[start + 1..].char_indices();
        while let Some((at, c)) = chars.next() {
            if c == delimiter {
                self.at = start + 1 + at + 1;
                if self.switches.text_placeholders == TextPlaceholders::Refuse && has_placeholder(&text) {
                    return self.fail(Fault::Placeholder, start, self.at);
                }
                self.push(Token::Text(text), start);
                return Ok(());
            }
            if c != '\\' {
                text.push(c);
                continue;
            }
            let after = chars.as_str();
            if after.starts_with(delimiter) || after.starts_with('\\') {
                text.extend(chars.next().map(|(_, c)| c));
            } else if let Some((c, length)) = unicode_escape(after) {
                text.push(c);
                let _ = chars.nth(length - 1);
            } else if let Some(c) = self.control_escape(after) {
                text.push(c);
                let _ = chars.next();
            } else {
                text.push('\\');
            }
        }
        self.fail(Fault::OpenText { delimiter }, start, self.source.len())
    }

    /// The control character that the letter at the start of `text` escapes, if such escapes are read.
    fn control_escape(&self, text: &str) -> Option<char> {
        match text.chars().next().filter(|_| self.switches.text_escapes == TextEscapes::Read)? {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            _ => None,
        }
    }

    fn number(&mut self, start: usize) -> Result<(), ExpressionError> {
        let rest = self.rest();
        // After a dot digits are an index: `a.0.1` has two, and no decimal.
        let index = matches!(self.lexemes.last(), Some(Lexeme { token: Token::Symbol("." | "?."), .. }));
        let length = if index { digits(rest) } else { number_length(rest) };
        let token = match (index, &rest[..length]) {
            (true, text) => text.parse().ok().map(Token::Integer),
            (false, text) => number(text),
        };
        match token {
            Some(token) => {
                self.at += length;
                self.push(token, start);
                Ok(())
            }
            None => self.fail(Fault::Number { text: rest[..length].to_owned() }, start, start + length),
        }
    }

    fn symbol(&mut self, start: usize, first: char) -> Result<(), ExpressionError> {
        // `!$flag` negates a field; `a !$ b` is an operator. What stands before decides.
        let after_operand = match self.lexemes.last().map(|lexeme| &lexeme.token) {
            None | Some(Token::End) => false,
            Some(Token::Symbol(symbol)) => matches!(*symbol, ")" | "]" | "}"),
            Some(_) => true,
        };
        let rest = self.rest();
        let found = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)).copied();
        let symbol = match found {
            Some("!~" | "!^" | "!$") if !after_operand => "!",
            Some(symbol) => symbol,
            None => {
                let end = start + first.len_utf8();
                return self.fail(Fault::Character { character: first }, start, end);
            }
        };
        self.at += symbol.len();
        self.push(Token::Symbol(symbol), start);
        Ok(())
    }
}

pub(crate) fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}

pub(crate) fn is_name_part(c: char) -> bool {
    is_name_start(c) || c.is_numeric()
}

/// The character of `uXXXX` at the start of `text`, and how much of it that is. A surrogate pair, `uXXXX\\uXXXX`, is one
/// character; half of one is none.
fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let unit = |text: &str| {
        let hex = text.strip_prefix('u')?.get(..4)?;
        hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(hex, 16).ok())?
    };
    let first = unit(text)?;
    let second = text.get(5..).and_then(|rest| unit(rest.strip_prefix('\\')?));
    let units = [Some(first), second].into_iter().flatten();
    let c = char::decode_utf16(units).next()?.ok()?;
    Some((c, if c.len_utf16() == 2 { "uXXXX\\uXXXX".len() } else { "uXXXX".len() }))
}

/// Whether a text holds `${NAME}`, which a template's placeholder is.
fn has_placeholder(text: &str) -> bool {
    text.split("${").skip(1).any(|after| after.contains('}'))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// How much of `text` is one number with its suffix. Letters that follow belong to it, so that `12abc` is one fault.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = digits(text);
    if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at += 1;
        at += digits(&text[at..]);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(&text[at + 1 + sign..]);
        if exponent > 0 {
            at += 1 + sign + exponent;
        }
    }
    at += text[at..].chars().take_while(|c| is_name_part(*c)).map(char::len_utf8).sum::<usize>();
    // A second point makes no number: `1.2.3` is one fault too.
    match text[at..].strip_prefix('.').map(digits) {
        Some(more) if more > 0 => at + 1 + more,
        _ => at,
    }
}

fn number(text: &str) -> Option<Token> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let hex = hex.strip_suffix(['l', 'L', 'h', 'H']).unwrap_or(hex);
        return integer(hex, 16);
    }
    let (body, suffix) = match text.char_indices().last()? {
        (at, c) if c.is_alphabetic() => (&text[..at], c.to_ascii_uppercase()),
        _ => (text, ' '),
    };
    let whole = body.bytes().all(|b| b.is_ascii_digit());
    match suffix {
        'F' | 'D' | 'B' => decimal(body),
        ' ' if !whole => decimal(body),
        ' ' | 'L' if whole && body.len() > 1 && body.starts_with('0') => integer(&body[1..], 8),
        ' ' | 'L' if whole => integer(body, 10),
        'H' if whole => body.parse().ok().map(Token::Big),
        _ => None,
    }
}

fn integer(digits: &str, radix: u32) -> Option<Token> {
    let value = i128::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with(['+', '-']))?;
    Some(i64::try_from(value).map_or(Token::Big(value), Token::Integer))
}

fn decimal(text: &str) -> Option<Token> {
    text.parse().ok().filter(|value: &f64| value.is_finite()).map(Token::Decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(source: &str) -> Vec<Token> {
        let mut found: Vec<Token> =
            lex(source, &Switches::default()).unwrap().into_iter().map(|lexeme| lexeme.token).collect();
        assert_eq!(found.pop(), Some(Token::End));
        found
    }

    fn name(text: &str) -> Token {
        Token::Name(text.to_owned())
    }

    fn text(value: &str) -> Token {
        Token::Text(value.to_owned())
    }

    #[test]
    fn names() {
        assert_eq!(tokens("a"), [name("a")]);
        assert_eq!(tokens("$a_1 Ünï"), [name("$a_1"), name("Ünï")]);
        assert_eq!(tokens(r"a.b\.c"), [name("a"), Token::Symbol("."), name("b.c")]);
        assert_eq!(tokens("${total price}"), [Token::Wrapped("total price".to_owned())]);
        assert_eq!(tokens(r"${a\.b}"), [Token::Wrapped(r"a\.b".to_owned())]);
    }

    #[test]
    fn texts_keep_most_backslashes() {
        let check = |source: &str, expected: &str| assert_eq!(tokens(source), [text(expected)], "{source}");
        check(r#""a""#, "a");
        check("'a\"b'", "a\"b");
        check(r#""a\"b""#, "a\"b");
        check(r"'it\'s'", "it's");
        check(r#""\.""#, r"\.");
        check(r#""\\.""#, r"\.");
        check(r#""\n""#, r"\n");
        check(r#""\u00e9\u0041""#, "éA");
        check(r#""\u12""#, r"\u12");
        check(r#""\uD83D""#, r"\uD83D");
        check("\"${NAME}\"", "${NAME}");
        check("\"two\nlines\"", "two\nlines");
    }

    #[test]
    fn numbers() {
        let check = |source: &str, expected: Token| assert_eq!(tokens(source), [expected], "{source}");
        check("42", Token::Integer(42));
        check("42L", Token::Integer(42));
        check("0", Token::Integer(0));
        check("017", Token::Integer(15));
        check("0x1F", Token::Integer(31));
        check("0xFL", Token::Integer(15));
        check("4.2", Token::Decimal(4.2));
        check("4.2e3", Token::Decimal(4200.0));
        check("4e-1", Token::Decimal(0.4));
        check("1F", Token::Decimal(1.0));
        check("1.5d", Token::Decimal(1.5));
        check("2.5B", Token::Decimal(2.5));
        check("7H", Token::Big(7));
        check("9223372036854775808", Token::Big(9_223_372_036_854_775_808));
        assert_eq!(tokens("1..5"), [Token::Integer(1), Token::Symbol(".."), Token::Integer(5)]);
        let index = [name("a"), Token::Symbol("."), Token::Integer(0), Token::Symbol("."), Token::Integer(1)];
        assert_eq!(tokens("a.0.1"), index);
    }

    #[test]
    fn symbols_are_read_longest_first() {
        assert_eq!(tokens("a!=b"), [name("a"), Token::Symbol("!="), name("b")]);
        assert_eq!(tokens("a !$ b"), [name("a"), Token::Symbol("!$"), name("b")]);
        assert_eq!(tokens("!$b"), [Token::Symbol("!"), name("$b")]);
        assert_eq!(tokens("x->x"), [name("x"), Token::Symbol("->"), name("x")]);
    }

    #[test]
    fn comments_are_blanks() {
        assert_eq!(tokens("a // x\n ## y\n /* z\n */ b"), [name("a"), name("b")]);
    }

    #[test]
    fn faults_have_a_place() {
        let check = |source: &str, start: usize, end: usize| {
            assert_eq!(
                lex(source, &Switches::default()).unwrap_err().span,
                Span::new(start, end),
                "{source}"
            );
        };
        check("a + 'b", 4, 6);
        check("${a", 0, 3);
        check("a /* b", 2, 6);
        check("1 + 12abc", 4, 9);
        check("089", 0, 3);
        check("a # b", 2, 3);
        check("a @ b", 2, 3);
        assert_eq!(tokens(&"é".repeat(4096)).len(), 1);
        check(&"a".repeat(4097), 0, 4097);
    }
}
