//! Random records that a schema accepts. The same seed gives the same record.

use std::collections::HashSet;

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value, json};
use vocab::Json;

use crate::compile::Schema;
use crate::java;
use crate::limits::{SAMPLE_FIELDS_MAX, SAMPLE_LENGTH_MAX, SCHEMA_DEPTH_MAX, VIOLATIONS_KEPT};
use crate::pattern::Pattern;
use crate::types::{Bound, Constraints, Field, ObjectType, Type};

/// Tries for a value that has to match or differ.
const TRIES: usize = 50;

/// Why there is no sample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    #[error("no value found for the required field {path}: {reason}")]
    NoValue { path: String, reason: String },
    #[error("no valid record found: {reason}")]
    Invalid { reason: String },
}

/// A record with every required field and some of the others.
pub fn sample(schema: &Schema, seed: u64) -> Result<Value, SampleError> {
    let mut maker = Maker { random: Random(seed), optional: SAMPLE_FIELDS_MAX };
    let record = Value::Object(maker.object(schema.root(), "", 0)?);
    let text = record.to_string();
    let invalid = |reason: String| SampleError::Invalid { reason };
    let parsed = Json::parse(text.as_bytes()).map_err(|error| invalid(error.to_string()))?;
    match schema.validate(&parsed, VIOLATIONS_KEPT).list.first() {
        None => Ok(record),
        Some(first) => Err(invalid(format!("{}: {}", first.pointer, first.message))),
    }
}

/// SplitMix64: small, and a seed is all its state.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below a bound; 0 when the bound is.
    fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next() % bound as u64) as usize }
    }

    fn within(&mut self, low: i64, high: i64) -> i64 {
        let span = i128::from(high) - i128::from(low) + 1;
        if span <= 0 {
            return low;
        }
        let offset = i128::from(self.next()) % span;
        i64::try_from(i128::from(low) + offset).unwrap_or(low)
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn word(&mut self) -> String {
        const WORDS: [&str; 12] = [
            "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "island", "juniper",
            "kestrel", "lagoon",
        ];
        WORDS[self.below(WORDS.len())].to_owned()
    }
}

struct Maker {
    random: Random,
    /// Optional fields that may still be made.
    optional: usize,
}

impl Maker {
    fn object(
        &mut self,
        ty: &ObjectType,
        path: &str,
        depth: usize,
    ) -> Result<Map<String, Value>, SampleError> {
        let mut out = Map::new();
        // Of four optional fields; deeper ones are rarer, so that a record stays small.
        let kept = 4 - (depth + 1).min(3);
        for (at, field) in ty.fields.iter().enumerate() {
            let required = ty.required.contains(&at);
            if !required && (self.optional == 0 || self.random.below(4) >= kept) {
                continue;
            }
            self.optional = self.optional.saturating_sub(1);
            let path = format!("{path}/{}", field.name);
            match self.value(field, &path, depth + 1) {
                Ok(value) => {
                    out.insert(field.name.clone(), value);
                }
                // What has no value may be left out.
                Err(_) if !required => {}
                Err(error) => return Err(error),
            }
        }
        // An empty object is no value.
        let first = ty.fields.iter().filter(|_| out.is_empty());
        let made = first.filter_map(|field| {
            let path = format!("{path}/{}", field.name);
            Some((field.name.clone(), self.value(field, &path, depth + 1).ok()?))
        });
        if let Some((name, value)) = made.take(1).next() {
            out.insert(name, value);
        }
        Ok(out)
    }

    fn value(&mut self, field: &Field, path: &str, depth: usize) -> Result<Value, SampleError> {
        let none = |reason: &str| SampleError::NoValue { path: path.to_owned(), reason: reason.to_owned() };
        if depth > SCHEMA_DEPTH_MAX {
            return Err(none("it is nested too deep"));
        }
        let unconstrained = Constraints::default();
        let constraints = field.constraints.as_deref().unwrap_or(&unconstrained);
        if let Some(allowed) = &constraints.allowed {
            let at = self.random.below(allowed.len());
            return allowed.get(at).cloned().ok_or_else(|| none("its enum is empty"));
        }
        Ok(match &field.ty {
            Type::String => {
                json!(self.text(constraints).ok_or_else(|| none("no text matches its constraints"))?)
            }
            Type::Boolean => json!(self.random.below(2) == 1),
            Type::Byte | Type::Short | Type::Int | Type::Long => {
                json!(self.integer(&field.ty, constraints).ok_or_else(|| none("its range is empty"))?)
            }
            Type::Double => json!(self.number(constraints).ok_or_else(|| none("its range is empty"))?),
            Type::Date => json!(self.date()),
            Type::DateTime => json!(self.date_time()),
            Type::Json => json!({ self.random.word(): self.random.word() }),
            Type::Object(ty) => Value::Object(self.object(ty, path, depth)?),
            Type::Array(item) => self.array(item, constraints, path, depth)?,
            Type::Map(value) => {
                // Namespaces are the keys of the one map that every event has.
                let key = if field.name == "identityMap" { "ECID".to_owned() } else { self.random.word() };
                json!({ key: self.value(value, path, depth + 1)? })
            }
        })
    }

    fn array(
        &mut self,
        item: &Field,
        constraints: &Constraints,
        path: &str,
        depth: usize,
    ) -> Result<Value, SampleError> {
        let none = |reason: &str| SampleError::NoValue { path: path.to_owned(), reason: reason.to_owned() };
        let least = constraints.min_items.unwrap_or(0);
        if least > SAMPLE_LENGTH_MAX {
            return Err(none("its minItems is too large"));
        }
        let wanted = (least.max(1) + self.random.below(2)).min(constraints.max_items.unwrap_or(usize::MAX));
        let mut seen = HashSet::new();
        let mut items = Vec::new();
        let mut tries = wanted + TRIES;
        while items.len() < wanted && tries > 0 {
            tries -= 1;
            match self.value(item, path, depth + 1) {
                Ok(value) if !constraints.unique_items || seen.insert(value.to_string()) => items.push(value),
                Ok(_) => {}
                Err(_) if items.len() >= least => break,
                Err(error) => return Err(error),
            }
        }
        if items.len() < least {
            return Err(none("its items cannot all be different"));
        }
        Ok(Value::Array(items))
    }

    fn integer(&mut self, ty: &Type, constraints: &Constraints) -> Option<i64> {
        let (mut low, mut high) = ty.integer_range()?;
        if let Some(Bound { value, exclusive }) = constraints.minimum {
            let least = if exclusive { value.floor() + 1.0 } else { value.ceil() };
            low = low.max(least as i64);
        }
        if let Some(Bound { value, exclusive }) = constraints.maximum {
            let most = if exclusive { value.ceil() - 1.0 } else { value.floor() };
            high = high.min(most as i64);
        }
        if low > high {
            return None;
        }
        // Small numbers where they are allowed: those are what people count.
        let (small_low, small_high) = (low.max(0), high.min(1000));
        if small_low <= small_high {
            (low, high) = (small_low, small_high)
        }
        Some(self.random.within(low, high))
    }

    fn number(&mut self, constraints: &Constraints) -> Option<f64> {
        let (low, high) = match (constraints.minimum, constraints.maximum) {
            (Some(low), Some(high)) => (low.value, high.value),
            (Some(low), None) => (low.value, low.value.abs().mul_add(2.0, low.value + 1000.0)),
            (None, Some(high)) => (high.value - high.value.abs() - 1000.0, high.value),
            (None, None) => (0.0, 1000.0),
        };
        let inside = |value: f64| {
            let above = constraints
                .minimum
                .is_none_or(|low| value > low.value || (value == low.value && !low.exclusive));
            let under = constraints
                .maximum
                .is_none_or(|high| value < high.value || (value == high.value && !high.exclusive));
            above && under
        };
        let rounded = ((low + (high - low) * self.random.fraction()) * 100.0).round() / 100.0;
        [rounded, low + (high - low) / 2.0, low].into_iter().find(|value| value.is_finite() && inside(*value))
    }

    fn date(&mut self) -> String {
        let (year, month, day) =
            (2015 + self.random.below(12), 1 + self.random.below(12), 1 + self.random.below(28));
        format!("{year:04}-{month:02}-{day:02}")
    }

    fn date_time(&mut self) -> String {
        let date = self.date();
        let (hour, minute, second) = (self.random.below(24), self.random.below(60), self.random.below(60));
        format!("{date}T{hour:02}:{minute:02}:{second:02}Z")
    }

    fn text(&mut self, constraints: &Constraints) -> Option<String> {
        let least = constraints.min_length.unwrap_or(0).max(usize::from(constraints.not_empty));
        let most = constraints.max_length.unwrap_or(usize::MAX);
        if least > SAMPLE_LENGTH_MAX || most == 0 {
            return None;
        }
        if let Some(pattern) = &constraints.pattern {
            return self.matching(pattern, least, most);
        }
        let word = self.random.word();
        let number = self.random.below(1_000_000);
        let mut text = match constraints.format.as_deref() {
            Some("email") => format!("{word}@example.com"),
            Some("uri" | "url") => format!("https://example.com/{word}/{number}"),
            Some("uri-reference") => format!("/{word}/{number}"),
            Some("ipv4") => format!("192.0.2.{}", number % 255),
            Some("ipv6") => format!("2001:db8::{:x}", number % 0xffff),
            Some("time") => format!("{:02}:{:02}:{:02}Z", number % 24, number % 60, number % 59),
            _ if constraints.not_empty => format!("{word}-{number}"),
            _ => word,
        };
        while text.chars().count() < least {
            text.push('x');
        }
        Some(text.chars().take(most).collect())
    }

    /// A text that a pattern matches.
    fn matching(&mut self, pattern: &Pattern, least: usize, most: usize) -> Option<String> {
        let fits = |text: &str| {
            let length = text.chars().count();
            (least..=most).contains(&length) && pattern.find_in(text).is_ok()
        };
        // What looks around or back has no generator here; a plain word may do.
        let tree = regex_syntax::Parser::new().parse(&java::translate(&pattern.text)).ok();
        for _ in 0..TRIES {
            let mut text = String::new();
            match &tree {
                Some(tree) => self.write(tree, &mut text, 0)?,
                None => {
                    text = if self.random.below(2) == 0 {
                        self.random.word()
                    } else {
                        self.random.below(100_000).to_string()
                    }
                }
            }
            if fits(&text) {
                return Some(text);
            }
        }
        None
    }

    fn write(&mut self, tree: &Hir, out: &mut String, depth: usize) -> Option<()> {
        if depth > 2 * SCHEMA_DEPTH_MAX || out.len() > SAMPLE_LENGTH_MAX {
            return None;
        }
        match tree.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(class) => out.push(self.letter(class)?),
            HirKind::Capture(capture) => self.write(&capture.sub, out, depth + 1)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.write(part, out, depth + 1))?,
            HirKind::Alternation(parts) => {
                let at = self.random.below(parts.len());
                self.write(parts.get(at)?, out, depth + 1)?;
            }
            HirKind::Repetition(repetition) => {
                let least = repetition.min as usize;
                let most = repetition.max.map_or(least + 3, |max| max as usize).min(least + 3);
                for _ in 0..least + self.random.below(most - least + 1) {
                    self.write(&repetition.sub, out, depth + 1)?;
                }
            }
        }
        Some(())
    }

    /// A character of a class, an ordinary one where there is.
    fn letter(&mut self, class: &Class) -> Option<char> {
        let ranges: Vec<(u32, u32)> = match class {
            Class::Unicode(class) => {
                class.ranges().iter().map(|range| (range.start() as u32, range.end() as u32)).collect()
            }
            Class::Bytes(class) => class
                .ranges()
                .iter()
                .map(|range| (u32::from(range.start()), u32::from(range.end())))
                .collect(),
        };
        let within = |low: u32, high: u32| {
            let cut = ranges.iter().map(move |range| (range.0.max(low), range.1.min(high)));
            cut.filter(|range| range.0 <= range.1).collect::<Vec<_>>()
        };
        let letters = [
            (u32::from(b'0'), u32::from(b'9')),
            (u32::from(b'A'), u32::from(b'Z')),
            (u32::from(b'a'), u32::from(b'z')),
        ];
        let mut usable: Vec<(u32, u32)> =
            letters.iter().flat_map(|(low, high)| within(*low, *high)).collect();
        for (low, high) in [(0x21, 0x7e), (0x20, 0x20), (0, 0x10_ffff)] {
            if usable.is_empty() {
                usable = within(low, high);
            }
        }
        let (low, high) = *usable.get(self.random.below(usable.len()))?;
        char::from_u32(low + self.random.below((high - low + 1) as usize) as u32)
    }
}
