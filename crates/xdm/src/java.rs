//! Regular expressions as Java writes them, which is how patterns and expressions come, in the spelling of the engine here.
//!
//! `\d`, `\w`, `\s` and the named classes are ASCII in Java; `\h`, `\Z`, `\Q…\E`, `\uXXXX` have other spellings here.
//! The rest is the same in both.

/// Whether a translated pattern needs the engine that goes back: for look-around, back-references, atomic groups and possessive
/// repetition.
pub fn backtracks(pattern: &str) -> bool {
    let bytes = pattern.as_bytes();
    ["(?=", "(?!", "(?<=", "(?<!", "(?>", "\\k", "\\G", "*+", "++", "?+", "}+"]
        .iter()
        .any(|part| pattern.contains(part))
        || bytes.windows(2).any(|pair| pair[0] == b'\\' && matches!(pair[1], b'1'..=b'9'))
}

/// Java's spelling to that of this engine.
pub fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut in_class = 0usize;
    let mut chars = pattern.chars().peekable();
    let mut at_class_start = false;
    while let Some(c) = chars.next() {
        let was_class_start = std::mem::take(&mut at_class_start);
        match c {
            '\\' => escape(&mut out, &mut chars, in_class > 0),
            '[' => {
                in_class += 1;
                at_class_start = true;
                out.push(c);
                if chars.peek() == Some(&'^') {
                    out.extend(chars.next());
                }
            }
            // A bracket first in a class is itself.
            ']' if in_class > 0 && was_class_start => out.push_str("\\]"),
            ']' if in_class > 0 => {
                in_class -= 1;
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

type Chars<'p> = std::iter::Peekable<std::str::Chars<'p>>;

fn escape(out: &mut String, chars: &mut Chars<'_>, in_class: bool) {
    let Some(c) = chars.next() else {
        out.push_str("\\\\");
        return;
    };
    let class = |inside: &str| if in_class { inside.to_owned() } else { format!("[{inside}]") };
    match c {
        'd' => out.push_str(&class("0-9")),
        'w' => out.push_str(&class("a-zA-Z0-9_")),
        's' => out.push_str(&class(" \\t\\n\\x0B\\f\\r")),
        'h' => out
            .push_str(&class(" \\t\\u{a0}\\u{1680}\\u{180e}\\u{2000}-\\u{200a}\\u{202f}\\u{205f}\\u{3000}")),
        'D' => out.push_str("[^0-9]"),
        'W' => out.push_str("[^a-zA-Z0-9_]"),
        'S' => out.push_str("[^ \\t\\n\\x0B\\f\\r]"),
        'R' if !in_class => out.push_str("(?:\\r\\n|[\\n\\x0B\\f\\r\\u{85}\\u{2028}\\u{2029}])"),
        'Z' if !in_class => out.push_str("(?=\\n?\\z)"),
        'e' => out.push_str("\\x1B"),
        'Q' => quote(out, chars),
        'E' => {}
        // Word boundaries here, plain characters in Java.
        '<' | '>' => out.push(c),
        'u' => {
            let hex: String = chars.clone().take(4).collect();
            if hex.len() == 4 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                out.push_str(&format!("\\x{{{hex}}}"));
                let _ = chars.nth(3);
            } else {
                out.push_str("\\u");
            }
        }
        'p' | 'P' => property(out, chars, c == 'P', in_class),
        c => {
            out.push('\\');
            out.push(c);
        }
    }
}

/// `\Q…\E` is taken as it stands.
fn quote(out: &mut String, chars: &mut Chars<'_>) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'E') {
            let _ = chars.next();
            return;
        }
        if !c.is_alphanumeric() && c.is_ascii() && !c.is_ascii_whitespace() {
            out.push('\\');
        }
        out.push(c);
    }
}

/// Java's names for ASCII classes; other properties have the same name in both.
fn property(out: &mut String, chars: &mut Chars<'_>, negated: bool, in_class: bool) {
    const ASCII: &[(&str, &str)] = &[
        ("{Lower}", "a-z"),
        ("{Upper}", "A-Z"),
        ("{Alpha}", "a-zA-Z"),
        ("{Digit}", "0-9"),
        ("{Alnum}", "a-zA-Z0-9"),
        ("{Punct}", "!-/:-@\\[-`{-~"),
        ("{Graph}", "!-~"),
        ("{Print}", " -~"),
        ("{Blank}", " \\t"),
        ("{Cntrl}", "\\x00-\\x1F\\x7F"),
        ("{XDigit}", "0-9a-fA-F"),
        ("{Space}", " \\t\\n\\x0B\\f\\r"),
        ("{ASCII}", "\\x00-\\x7F"),
    ];
    let rest: String = chars.clone().take("{XDigit}".len()).collect();
    match ASCII.iter().find(|(name, _)| rest.starts_with(name)) {
        Some((name, inside)) => {
            let _ = chars.nth(name.len() - 1);
            match (negated, in_class) {
                (true, _) => out.push_str(&format!("[^{inside}]")),
                (false, true) => out.push_str(inside),
                (false, false) => out.push_str(&format!("[{inside}]")),
            }
        }
        None => out.push_str(if negated { "\\P" } else { "\\p" }),
    }
}

/// Why the engine does not take a pattern: it draws the pattern over several lines, of which the last is the reason.
pub fn reason(error: &fancy_regex::Error) -> String {
    let text = error.to_string();
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
}
