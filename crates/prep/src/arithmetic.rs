//! What the operators do: the arithmetic of Apache Commons JEXL 3, which is lenient about nulls and about texts that
//! spell numbers.

use std::borrow::Cow;
use std::cmp::Ordering;

use vocab::Read;

use crate::budget::Budget;
use crate::date;
use crate::failure::{Failure, excerpt};
use crate::limits;
use crate::operators::Op;
use crate::regexes::Regex;
use crate::switches::{IntegerDivision, Switches};
use crate::value::{Value, parse_number};

type Outcome<'e> = Result<Value<'e>, Failure>;

/// Applies a binary operator whose two sides are both evaluated. `regex` is the right side compiled, if it was a text
/// of the expression.
pub(crate) fn binary<'e>(
    op: Op,
    left: Value<'e>,
    right: Value<'e>,
    regex: Option<&Result<Regex, Failure>>,
    budget: &Budget,
) -> Outcome<'e> {
    let not = |value: bool| Ok(Value::Boolean(!value));
    match op {
        Op::Equal => Ok(equal(&left, &right, budget)?.into()),
        Op::NotEqual => not(equal(&left, &right, budget)?),
        Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => {
            relation(op, &left, &right, &budget.switches).map(Value::from)
        }
        Op::Matches => matches(&left, &right, regex, budget).map(Value::from),
        Op::NotMatches => not(matches(&left, &right, regex, budget)?),
        Op::Starts | Op::NotStarts | Op::Ends | Op::NotEnds => edge(op, left, right).map(Value::from),
        Op::Range => range(&left, &right, budget),
        Op::Add => add(left, right, budget),
        Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder => {
            calculate(op, &left, &right, &budget.switches)
        }
        Op::BitOr | Op::BitXor | Op::BitAnd => bits(op, &left, &right),
        // The evaluator decides these itself, since they need not evaluate both sides.
        Op::Choose => Ok(if left.truth() { left } else { right }),
        Op::Coalesce if left.is_null() => Ok(right),
        Op::Coalesce => Ok(left),
        Op::Or => Ok((left.truth() || right.truth()).into()),
        Op::And => Ok((left.truth() && right.truth()).into()),
        Op::Not | Op::Complement | Op::Negate | Op::Plus | Op::Empty | Op::Size => {
            unary(op, right, &budget.switches)
        }
    }
}

/// Applies a unary operator.
pub(crate) fn unary<'e>(op: Op, operand: Value<'e>, switches: &Switches) -> Outcome<'e> {
    match op {
        Op::Not => Ok((!operand.truth()).into()),
        Op::Empty => Ok(operand.is_empty().into()),
        Op::Size => {
            switches.text_units.size(&operand).map(Value::from).ok_or(operands(&operand, &operand, "counted"))
        }
        _ if operand.is_null() => Ok(Value::Null),
        Op::Negate => calculate(Op::Subtract, &Value::Integer(0), &operand, switches),
        Op::Complement => {
            integer(&operand).map(|value| (!value).into()).ok_or(operands(&operand, &operand, "flipped"))
        }
        _ => number(&operand).map(Number::into_value).ok_or(operands(&operand, &operand, "numbers")),
    }
}

fn operands(left: &Value<'_>, right: &Value<'_>, operation: &'static str) -> Failure {
    Failure::Operands { left: left.kind(), right: right.kind(), operation }
}

/// A number in calculations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i128),
    Decimal(f64),
}

impl Number {
    pub(crate) fn decimal(self) -> f64 {
        match self {
            Number::Integer(value) => value as f64,
            Number::Decimal(value) => value,
        }
    }

    pub(crate) fn into_value<'e>(self) -> Value<'e> {
        match self {
            Number::Integer(value) => i64::try_from(value).map_or(Value::Big(value), Value::Integer),
            Number::Decimal(value) => Value::Decimal(value),
        }
    }

    fn order(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Integer(one), Number::Integer(other)) => one.cmp(&other),
            // Neither side is ever not-a-number: no operation yields it.
            _ => self.decimal().partial_cmp(&other.decimal()).unwrap_or(Ordering::Equal),
        }
    }
}

/// The number that a value is or spells.
pub(crate) fn number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Boolean(value) => Some(Number::Integer(i128::from(*value))),
        Value::Text(text) => parse_number(text).and_then(|value| plain_number(&value)),
        other => plain_number(other),
    }
}

fn plain_number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Integer(value) => Some(Number::Integer(i128::from(*value))),
        Value::Big(value) => Some(Number::Integer(*value)),
        Value::Decimal(value) => Some(Number::Decimal(*value)),
        Value::Exact(digits) => digits.parse().ok().map(Number::Decimal),
        _ => None,
    }
}

fn is_number(value: &Value<'_>) -> bool {
    plain_number(value).is_some()
}

/// A whole number within 64 bits.
pub(crate) fn integer(value: &Value<'_>) -> Option<i64> {
    match number(value)? {
        Number::Integer(value) => i64::try_from(value).ok(),
        // Above 2^53 a decimal no longer says which integer it means.
        Number::Decimal(value) if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => {
            Some(value as i64)
        }
        Number::Decimal(_) => None,
    }
}

/// Equality: null equals only null, a boolean is compared with the truth of the other side, a number with the number
/// that the other side spells; the rest by content.
pub(crate) fn equal(left: &Value<'_>, right: &Value<'_>, budget: &Budget) -> Result<bool, Failure> {
    budget.work(1)?;
    Ok(match (left, right) {
        _ if left.is_null() || right.is_null() => left.is_null() && right.is_null(),
        (Value::Boolean(_), _) | (_, Value::Boolean(_)) => left.truth() == right.truth(),
        _ if is_number(left) || is_number(right) => match (number(left), number(right)) {
            (Some(left), Some(right)) => left.order(right) == Ordering::Equal,
            _ => false,
        },
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Date(left), Value::Date(right)) => left.timestamp() == right.timestamp(),
        (Value::Date(date), Value::Text(text)) | (Value::Text(text), Value::Date(date)) => {
            date::read(text, &budget.switches).is_ok_and(|other| other.timestamp() == date.timestamp())
        }
        _ => equal_containers(left, right, budget)?,
    })
}

fn equal_containers(left: &Value<'_>, right: &Value<'_>, budget: &Budget) -> Result<bool, Failure> {
    if left.size() != right.size() {
        return Ok(false);
    }
    if let (Some(left), Some(right)) = (left.elements(budget)?, right.elements(budget)?) {
        for (left, right) in left.iter().zip(&right) {
            if !equal(left, right, budget)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    if !right.is_object() {
        return Ok(false);
    }
    let Some(members) = left.members(budget)? else {
        return Ok(false);
    };
    for (key, value) in &members {
        if !has_key(right, key, budget)? || !equal(value, &right.member(key, budget)?, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether an object has a member of that name.
pub(crate) fn has_key(object: &Value<'_>, name: &str, budget: &Budget) -> Result<bool, Failure> {
    budget.touch(object.size().unwrap_or(0))?;
    Ok(match object {
        Value::Object(members) => members.iter().any(|(key, _)| key == name),
        Value::Json(raw) => raw.get(name).is_some(),
        _ => false,
    })
}

fn relation(op: Op, left: &Value<'_>, right: &Value<'_>, switches: &Switches) -> Result<bool, Failure> {
    if left.is_null() || right.is_null() {
        return Ok(matches!(op, Op::LessOrEqual | Op::GreaterOrEqual) && left.is_null() && right.is_null());
    }
    let order = order(left, right, switches)?;
    Ok(match op {
        Op::Less => order.is_lt(),
        Op::LessOrEqual => order.is_le(),
        Op::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}

/// The order of two values, neither of them null.
pub(crate) fn order(left: &Value<'_>, right: &Value<'_>, switches: &Switches) -> Result<Ordering, Failure> {
    let unordered = || operands(left, right, "compared");
    Ok(match (left, right) {
        _ if is_number(left) || is_number(right) => {
            number(left).ok_or_else(unordered)?.order(number(right).ok_or_else(unordered)?)
        }
        // Java compares texts by their UTF-16 units.
        (Value::Text(left), Value::Text(right)) => left.encode_utf16().cmp(right.encode_utf16()),
        (Value::Date(left), Value::Date(right)) => left.timestamp().cmp(&right.timestamp()),
        (Value::Date(left), Value::Text(right)) => {
            left.timestamp().cmp(&date::read(right, switches)?.timestamp())
        }
        (Value::Text(left), Value::Date(right)) => {
            date::read(left, switches)?.timestamp().cmp(&right.timestamp())
        }
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        _ => return Err(unordered()),
    })
}

fn matches(
    left: &Value<'_>,
    right: &Value<'_>,
    regex: Option<&Result<Regex, Failure>>,
    budget: &Budget,
) -> Result<bool, Failure> {
    if let Some(items) = right.elements(budget)? {
        for item in &items {
            if equal(left, item, budget)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    if left.is_null() || right.is_null() {
        return Ok(false);
    }
    let Some(text) = left.clone().into_text() else {
        return Err(operands(left, right, "matched"));
    };
    match (right, regex) {
        (Value::Object(_) | Value::Json(_), _) => has_key(right, &text, budget),
        (_, Some(regex)) => regex.as_ref().map_err(Clone::clone)?.is_match(&text, budget),
        (Value::Text(pattern), None) => Regex::whole_in_record(pattern, budget)?.is_match(&text, budget),
        _ => Err(operands(left, right, "matched")),
    }
}

fn edge(op: Op, left: Value<'_>, right: Value<'_>) -> Result<bool, Failure> {
    let failure = operands(&left, &right, "compared as texts");
    if left.is_null() || right.is_null() {
        return Ok(matches!(op, Op::NotStarts | Op::NotEnds));
    }
    let (Some(left), Some(right)) = (left.into_text(), right.into_text()) else {
        return Err(failure);
    };
    Ok(match op {
        Op::Starts => left.starts_with(right.as_ref()),
        Op::NotStarts => !left.starts_with(right.as_ref()),
        Op::Ends => left.ends_with(right.as_ref()),
        _ => !left.ends_with(right.as_ref()),
    })
}

fn range<'e>(left: &Value<'e>, right: &Value<'e>, budget: &Budget) -> Outcome<'e> {
    let failure = || operands(left, right, "the ends of a range");
    let (from, to) = (integer(left).ok_or_else(failure)?, integer(right).ok_or_else(failure)?);
    let length = usize::try_from(i128::from(to).abs_diff(i128::from(from)) + 1).unwrap_or(usize::MAX);
    if length > limits::ELEMENTS_MAX {
        return Err(Failure::ValueTooLarge { max: limits::ELEMENTS_MAX });
    }
    budget.work(length)?;
    Ok(Value::array(if from <= to {
        (from..=to).map(Value::Integer).collect()
    } else {
        (to..=from).rev().map(Value::Integer).collect()
    }))
}

/// Two texts are put together, even when both spell numbers; otherwise numbers are added, and what is none makes the
/// whole a text.
fn add<'e>(left: Value<'e>, right: Value<'e>, budget: &Budget) -> Outcome<'e> {
    let texts = matches!((&left, &right), (Value::Text(_), Value::Text(_)));
    if !texts && let Some(result) = calculate_if_numbers(Op::Add, &left, &right, &budget.switches)? {
        return Ok(result);
    }
    let failure = operands(&left, &right, "added");
    let (Some(left), Some(right)) = (left.into_text(), right.into_text()) else {
        return Err(failure);
    };
    budget.touch(left.len() + right.len())?;
    if left.len() + right.len() > limits::TEXT_BYTES_MAX {
        return Err(Failure::ValueTooLarge { max: limits::TEXT_BYTES_MAX });
    }
    let mut text = left.into_owned();
    text.push_str(&right);
    Ok(Value::Text(Cow::Owned(text)))
}

fn calculate<'e>(op: Op, left: &Value<'e>, right: &Value<'e>, switches: &Switches) -> Outcome<'e> {
    if let Some(result) = calculate_if_numbers(op, left, right, switches)? {
        return Ok(result);
    }
    match [left, right].into_iter().find(|side| number(side).is_none() && !side.is_null()) {
        Some(Value::Text(text)) => Err(Failure::NotANumber { text: excerpt(text) }),
        _ => Err(operands(left, right, "calculated with")),
    }
}

/// Null counts as zero beside a number; null with null is null.
fn calculate_if_numbers<'e>(
    op: Op,
    left: &Value<'e>,
    right: &Value<'e>,
    switches: &Switches,
) -> Result<Option<Value<'e>>, Failure> {
    if left.is_null() && right.is_null() {
        return Ok(Some(Value::Null));
    }
    let side = |value: &Value<'_>| if value.is_null() { Some(Number::Integer(0)) } else { number(value) };
    let (Some(left), Some(right)) = (side(left), side(right)) else {
        return Ok(None);
    };
    let decimals = op == Op::Divide && switches.integer_division == IntegerDivision::Decimal;
    let result = match (left, right) {
        (Number::Integer(left), Number::Integer(right)) if !decimals => whole(op, left, right)?,
        _ => decimal(op, left.decimal(), right.decimal())?,
    };
    Ok(Some(result.into_value()))
}

fn whole(op: Op, left: i128, right: i128) -> Result<Number, Failure> {
    if right == 0 && matches!(op, Op::Divide | Op::Remainder) {
        return Err(Failure::DivisionByZero);
    }
    let result = match op {
        Op::Add => left.checked_add(right),
        Op::Subtract => left.checked_sub(right),
        Op::Multiply => left.checked_mul(right),
        Op::Divide => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result.map(Number::Integer).ok_or(Failure::Overflow)
}

fn decimal(op: Op, left: f64, right: f64) -> Result<Number, Failure> {
    if right == 0.0 && matches!(op, Op::Divide | Op::Remainder) {
        return Err(Failure::DivisionByZero);
    }
    let result = match op {
        Op::Add => left + right,
        Op::Subtract => left - right,
        Op::Multiply => left * right,
        Op::Divide => left / right,
        _ => left % right,
    };
    if result.is_finite() { Ok(Number::Decimal(result)) } else { Err(Failure::Overflow) }
}

fn bits<'e>(op: Op, left: &Value<'e>, right: &Value<'e>) -> Outcome<'e> {
    if left.is_null() && right.is_null() {
        return Ok(Value::Null);
    }
    let side = |value: &Value<'_>| if value.is_null() { Some(0) } else { integer(value) };
    let (Some(one), Some(other)) = (side(left), side(right)) else {
        return Err(operands(left, right, "combined by their bits"));
    };
    Ok(Value::Integer(match op {
        Op::BitOr => one | other,
        Op::BitXor => one ^ other,
        _ => one & other,
    }))
}
