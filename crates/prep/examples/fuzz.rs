//! Mutates the corpus and looks for a panic, a fault outside its text, two results for one record, or slowness:
//! `fuzz parse|eval SECONDS SEED`. A panic or a failed check ends it, with the text printed.

use std::time::{Duration, Instant};

use fastrand::Rng;
use prep::{Context, Expression};
use vocab::{Millis, Tape};

/// Longest time for one expression on one record: far above what its fuel buys, in a build with optimisation.
const SLOW: Duration = Duration::from_secs(1);

/// One to eight changes: parts cut, doubled, taken from another text, replaced by a character.
fn mutate(corpus: &[Vec<char>], random: &mut Rng) -> String {
    const CHARACTERS: &[char] = &[
        '(', ')', '[', ']', '{', '}', '"', '\'', ',', '.', '*', '+', '-', '9', '$', '\\', ' ', 'a', 'é',
        '\u{0}',
    ];
    let mut text = corpus[random.usize(..corpus.len())].clone();
    for _ in 0..=random.usize(..8) {
        let start = random.usize(..text.len() + 1);
        let end = start + random.usize(..text.len() + 1 - start);
        match random.usize(..4) {
            0 => drop(text.drain(start..end)),
            1 => {
                let part: Vec<char> = text[start..end].repeat(1 + random.usize(..40));
                text.splice(start..start, part.into_iter().take(4096));
            }
            2 => {
                let other = &corpus[random.usize(..corpus.len())];
                text.splice(start..end, other[random.usize(..other.len())..].iter().copied());
            }
            _ => text.insert(start, CHARACTERS[random.usize(..CHARACTERS.len())]),
        }
        text.truncate(5000);
    }
    text.into_iter().collect()
}

#[expect(clippy::disallowed_methods, reason = "a run has a length, and slowness is a finding")]
fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, seconds, seed] = arguments.as_slice() else {
        return Err("usage: fuzz parse|eval SECONDS SEED".to_owned());
    };
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
    let (length, mut random) = (Duration::from_secs(number(seconds)?), Rng::with_seed(number(seed)?));
    let corpus: Vec<Vec<char>> =
        include_str!("../tests/corpus.txt").lines().map(|line| line.chars().collect()).collect();
    let list = "0,".repeat(9_999);
    let record = format!(
        r#"{{"a":{{"b":2}},"c":"X","s":"{}","t":"2024-02-03 04:05:06","list":[{list}0]}}"#,
        "a".repeat(1000)
    );
    let record = Tape::of(record.as_bytes()).map_err(|error| error.to_string())?;
    let context = Context { now: Millis(0), seed: 1 };
    let start = Instant::now();
    let (mut runs, mut parsed, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    while start.elapsed() < length {
        let text = mutate(&corpus, &mut random);
        let begun = Instant::now();
        let outcome = std::panic::catch_unwind(|| match Expression::parse(&text) {
            Err(fault) => text.get(fault.span.start..fault.span.end).map(|_| false),
            Ok(expression) if what == "eval" => {
                let first = expression.evaluate(record.root(), &context);
                (first == expression.evaluate(record.root(), &context)).then_some(true)
            }
            Ok(_) => Some(true),
        });
        let took = begun.elapsed();
        slowest = slowest.max(took);
        match outcome {
            Err(_) => return Err(format!("a panic: {text:?}")),
            Ok(None) => return Err(format!("a span outside the text, or two results: {text:?}")),
            Ok(Some(_)) if took > SLOW => return Err(format!("{took:?}: {text:?}")),
            Ok(Some(good)) => parsed += u64::from(good),
        }
        runs += 1;
    }
    println!("{runs} texts, {parsed} of them expressions; the slowest took {slowest:?}");
    Ok(())
}
