//! Paths: `a.b.c`, `list[2].x`, `list[*].x`, `dotted\.name.x`. Parsed once; read without building text.

use vocab::{Look, Read};

use crate::budget::Budget;
use crate::failure::Failure;
use crate::fault::{ExpressionError, Fault, Span};
use crate::fields::{Fields, Reach, Record};
use crate::lexer::{is_name_part, is_name_start};
use crate::limits;
use crate::value::{Raw, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
    /// `[*]`
    Each,
}

/// Splits the text of a path into its steps.
pub(crate) fn steps(text: &str) -> Result<Vec<Step>, ExpressionError> {
    let mut reader = PathReader { text, at: 0, steps: Vec::new() };
    reader.read()?;
    Ok(reader.steps)
}

struct PathReader<'t> {
    text: &'t str,
    at: usize,
    steps: Vec<Step>,
}

impl PathReader<'_> {
    fn fail<T>(&self, reason: &'static str) -> Result<T, ExpressionError> {
        Err(ExpressionError::new(
            Fault::Path { reason },
            Span::new(self.at.min(self.text.len()), self.text.len()),
        ))
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn read(&mut self) -> Result<(), ExpressionError> {
        if self.text.chars().count() > limits::PATH_CHARS_MAX {
            let fault = Fault::TooLong { max: limits::PATH_CHARS_MAX };
            return Err(ExpressionError::new(fault, Span::new(0, self.text.len())));
        }
        if self.text.trim().is_empty() {
            return self.fail("the path is empty");
        }
        loop {
            self.name()?;
            while self.rest().starts_with('[') {
                self.bracket()?;
            }
            if self.steps.len() > limits::PATH_STEPS_MAX {
                return self.fail("the path has too many steps");
            }
            match self.rest().chars().next() {
                None => return Ok(()),
                Some('.') => self.at += 1,
                Some(_) => return self.fail("after `]` only `.` or `[` may follow"),
            }
        }
    }

    fn name(&mut self) -> Result<(), ExpressionError> {
        let mut name = String::new();
        let mut chars = self.rest().char_indices().peekable();
        let mut length = self.rest().len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if chars.peek().is_some_and(|(_, next)| matches!(next, '.' | '[' | ']')) => {
                    name.extend(chars.next().map(|(_, next)| next));
                }
                '.' | '[' => {
                    length = at;
                    break;
                }
                ']' => return self.fail("`]` has no `[` before it"),
                c => name.push(c),
            }
        }
        if name.trim().is_empty() {
            return self.fail("a step of the path has no name");
        }
        self.at += length;
        self.steps.push(Step::Name(name));
        Ok(())
    }

    fn bracket(&mut self) -> Result<(), ExpressionError> {
        let Some(length) = self.rest().find(']') else {
            return self.fail("`[` is not closed");
        };
        let step = match self.rest()[1..length].trim() {
            "*" => Step::Each,
            digits => match digits.parse() {
                Ok(index) if digits.bytes().all(|b| b.is_ascii_digit()) => Step::Index(index),
                _ => return self.fail("between `[` and `]` stands a number or `*`"),
            },
        };
        self.at += length + 1;
        self.steps.push(step);
        Ok(())
    }
}

/// A path into the record that is mapped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SourcePath {
    pub(crate) steps: Vec<Step>,
    /// The whole path as one name: tried at the top of the record when the nested reading finds nothing.
    flat: Option<String>,
    /// Where its names are among the fields of the set. A path that was made alone is followed from the top.
    places: Option<Places>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Places {
    /// How many names the path begins with, and the place of the last.
    names: usize,
    at: usize,
    /// The place of the whole path as one name.
    flat: Option<usize>,
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub(crate) enum Found<'e> {
    Missing,
    One(Value<'e>),
    /// What the rest of the path found in each element of an array.
    Each(Vec<Found<'e>>),
}

impl SourcePath {
    pub(crate) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let trimmed = text.trim();
        let wrapped = trimmed.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let before = text.len() - text.trim_start().len() + wrapped.map_or(0, |_| "${".len());
        steps(wrapped.unwrap_or(trimmed)).map(Self::new).map_err(|error| {
            let Span { start, end } = error.span;
            ExpressionError::new(error.fault, Span::new(before + start, before + end))
        })
    }

    /// The name, when the path is nothing else.
    pub(crate) fn only_name(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [Step::Name(name)] => Some(name),
            _ => None,
        }
    }

    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let names: Option<Vec<&str>> = steps.iter().map(Step::name).collect();
        let flat = names.filter(|names| names.len() > 1).map(|names| names.join("."));
        Self { steps, flat, places: None }
    }

    /// The name of the last field on the path.
    pub(crate) fn leaf(&self) -> Option<&str> {
        self.steps.iter().rev().find_map(Step::name)
    }

    /// Whether every name is one that an expression could hold without `${}`; a hyphen, `@`, `:` and `#` inside a name
    /// count as such here, since nobody subtracts without spaces in what may be a column's name.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |name: &str| {
            name.chars().next().is_some_and(|c| is_name_start(c) || c == '@')
                && name.chars().all(|c| is_name_part(c) || matches!(c, '-' | '@' | ':' | '#' | '.'))
        };
        self.steps.iter().filter_map(Step::name).all(plain)
            && !matches!(self.steps.as_slice(), [Step::Name(name)] if matches!(name.as_str(), "true" | "false" | "null"))
    }

    /// Gives the path its places among the fields that a set reads in one walk.
    pub(crate) fn placed(mut self, fields: &mut Fields) -> Self {
        let names: Vec<&str> = self.steps.iter().map_while(Step::name).collect();
        let at = fields.place(&names);
        let flat = self.flat.as_deref().map(|flat| fields.place(&[flat]));
        // Where there was no room for one of them, the path is followed by itself.
        if let (Some(at), Some(flat)) = (at, flat.map_or(Some(None), |place| place.map(Some))) {
            self.places = Some(Places { names: names.len(), at, flat });
        }
        self
    }

    /// Follows the path. A name that meets an array is looked up in each element.
    pub(crate) fn read<'e>(&self, record: &Record<'e>, budget: &Budget) -> Result<Found<'e>, Failure> {
        let found = match self.places {
            None => follow(&self.steps, record.raw, budget)?,
            Some(places) => match record.reach(places.at) {
                Reach::Nothing => Found::Missing,
                Reach::Value(raw) => follow(&self.steps[places.names..], raw, budget)?,
                Reach::Array { raw, names } => follow(&self.steps[names..], raw, budget)?,
            },
        };
        let (Found::Missing, Some(flat)) = (&found, &self.flat) else {
            return Ok(found);
        };
        let raw = match self.places.and_then(|places| places.flat) {
            None => member(record.raw, flat, budget)?,
            Some(place) => match record.reach(place) {
                Reach::Value(raw) => Some(raw),
                Reach::Nothing | Reach::Array { .. } => None,
            },
        };
        Ok(raw.map_or(Found::Missing, |raw| Found::One(Value::from_raw(raw))))
    }

    /// The path as text, dots in names escaped.
    pub(crate) fn spelling(&self) -> String {
        spelling(&self.steps)
    }
}

impl Step {
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Step::Name(name) => Some(name),
            Step::Index(_) | Step::Each => None,
        }
    }
}

/// Steps as the text of a path.
pub(crate) fn spelling(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Name(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&name.replace('.', "\\."));
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Each => text.push_str("[*]"),
        }
    }
    text
}

/// Follows steps from a value.
pub(crate) fn follow<'e>(steps: &[Step], from: Raw<'e>, budget: &Budget) -> Result<Found<'e>, Failure> {
    let mut at = from;
    for (done, step) in steps.iter().enumerate() {
        let next = match (step, at.look()) {
            (Step::Name(name), Look::Object(_)) => member(at, name, budget)?,
            (Step::Index(index), Look::Array(mut items)) => {
                budget.touch(*index)?;
                items.nth(*index)
            }
            (Step::Name(_), Look::Array(items)) => return each(&steps[done..], items, budget),
            (Step::Each, Look::Array(items)) => return each(&steps[done + 1..], items, budget),
            (_, Look::Null) | (Step::Name(_) | Step::Index(_), _) => None,
            // A feed that drops the brackets around a single element still means a list of one.
            (Step::Each, _) => return each(&steps[done + 1..], std::iter::once(at), budget),
        };
        match next {
            Some(next) => at = next,
            None => return Ok(Found::Missing),
        }
    }
    Ok(Found::One(Value::from_raw(at)))
}

fn each<'e>(
    steps: &[Step],
    items: impl ExactSizeIterator<Item = Raw<'e>>,
    budget: &Budget,
) -> Result<Found<'e>, Failure> {
    budget.work(items.len())?;
    items.map(|item| follow(steps, item, budget)).collect::<Result<_, _>>().map(Found::Each)
}

/// A member of an object, its search paid for.
fn member<'e>(object: Raw<'e>, name: &str, budget: &Budget) -> Result<Option<Raw<'e>>, Failure> {
    match object.look() {
        Look::Object(members) => {
            budget.touch(members.size_hint().0)?;
            Ok(object.get(name))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use vocab::Tape;

    use super::*;

    fn shape(text: &str) -> Result<String, String> {
        steps(text).map(|steps| format!("{steps:?}")).map_err(|error| error.to_string())
    }

    #[test]
    fn steps_of_a_path() {
        let check = |text: &str, expected: &[Step]| assert_eq!(steps(text).unwrap(), expected, "{text}");
        let name = |text: &str| Step::Name(text.to_owned());
        check("a", &[name("a")]);
        check("a.b.c", &[name("a"), name("b"), name("c")]);
        check("a.list[2].x", &[name("a"), name("list"), Step::Index(2), name("x")]);
        check("a[*].b[*]", &[name("a"), Step::Each, name("b"), Step::Each]);
        check(r"order\.id", &[name("order.id")]);
        check("Full Name", &[name("Full Name")]);
        check("Price (USD).value", &[name("Price (USD)"), name("value")]);
        check("_acme.geo", &[name("_acme"), name("geo")]);
        check(r"a\[0\]", &[name("a[0]")]);
    }

    #[test]
    fn bad_paths_say_why() {
        let check = |text: &str, expected: &str| assert_eq!(shape(text), Err(expected.to_owned()), "{text}");
        check("", "the path is empty");
        check("  ", "the path is empty");
        check("a..b", "a step of the path has no name");
        check(".a", "a step of the path has no name");
        check("a.", "a step of the path has no name");
        check("a[x]", "between `[` and `]` stands a number or `*`");
        check("a[-1]", "between `[` and `]` stands a number or `*`");
        check("a[", "`[` is not closed");
        check("a]", "`]` has no `[` before it");
        check("a[0]b", "after `]` only `.` or `[` may follow");
        check("[0]", "a step of the path has no name");
        check(&"a.".repeat(3000), "the text is longer than 4096 characters");
        check(&"a.".repeat(100), "the path has too many steps");
    }

    fn found(found: &Found<'_>) -> String {
        match found {
            Found::Missing => "-".to_owned(),
            Found::One(value) => {
                value.clone().into_json(&Budget::new(Default::default())).unwrap().to_string()
            }
            Found::Each(items) => {
                format!("({})", items.iter().map(self::found).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn reading() {
        let text = br#"{"a":{"b":{"c":1},"n":null},"l":[{"x":1},{"x":2},{}],"m":[{"k":[1,2]},{"k":[3]}],
            "order.id":"flat","q.r":2,"q":{"s":1},"single":{"x":9}}"#;
        let (tape, read) = Tape::default().parse(text);
        read.unwrap();
        let check = |path: &str, expected: &str| {
            let path = SourcePath::parse(path).unwrap();
            let mut fields = Fields::default();
            // By itself, and among the fields of a set.
            for path in [path.clone(), path.placed(&mut fields)] {
                let record = fields.open(tape.root(), &Budget::new(Default::default()));
                let read = path.read(&record, &Budget::new(Default::default())).unwrap();
                assert_eq!(found(&read), expected, "{path:?}");
            }
        };
        check("a.b.c", "1");
        check("a.n", "null");
        check("a.n.x", "-");
        check("a.zz", "-");
        check("l[1].x", "2");
        check("l[7].x", "-");
        check("l[*].x", "(1 2 -)");
        check("l.x", "(1 2 -)");
        check("m[*].k[*]", "((1 2) (3))");
        check("m.k[0]", "(1 3)");
        check(r"order\.id", "\"flat\"");
        check("order.id", "\"flat\"");
        check("q.r", "2");
        check("${a.b.c}", "1");
        check("single[*].x", "(9)");
        check("a.b.c.d", "-");
        check("l", r#"[{"x":1},{"x":2},{}]"#);
    }

    #[test]
    fn spelling_is_the_inverse_of_reading() {
        for text in ["a.b", r"a\.b.c[0][*].d", "Full Name"] {
            assert_eq!(SourcePath::parse(text).unwrap().spelling(), text);
        }
    }
}
