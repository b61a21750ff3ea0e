//! How many arguments of which kind a function takes.

use crate::functions::Kind;

/// One parameter in the entry of a function or method.
#[derive(Debug)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
    pub need: Need,
}

/// How often an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Once,
    /// Once or not at all.
    Optional,
    /// Any number of times, at least once. Neighbours repeat together, as in key, value, key, value.
    Repeated,
    /// Any number of times, also none.
    Rest,
}

pub(crate) const fn arg(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, need: Need::Once }
}

pub(crate) const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, need: Need::Optional }
}

pub(crate) const fn repeated(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, need: Need::Repeated }
}

pub(crate) const fn rest(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, need: Need::Rest }
}

/// What a function or method of no arguments is described by where a parameter is asked for.
static ANY: Parameter = arg("value", Kind::Any);

impl Parameter {
    fn count(parameters: &[Parameter], need: Need) -> usize {
        parameters.iter().filter(|parameter| parameter.need == need).count()
    }

    /// Whether so many arguments can be given.
    pub(crate) fn accept(parameters: &[Parameter], count: usize) -> bool {
        let count_of = |need| Self::count(parameters, need);
        let Some(more) = count.checked_sub(count_of(Need::Once)) else {
            return false;
        };
        let (optional, repeated) = (count_of(Need::Optional), count_of(Need::Repeated));
        if repeated > 0 {
            return more >= repeated && more % repeated <= optional;
        }
        count_of(Need::Rest) > 0 || more <= optional
    }

    /// The parameter that the argument at a position stands for.
    pub(crate) fn at(parameters: &[Parameter], position: usize) -> &Parameter {
        parameters.get(position).or_else(|| parameters.last()).unwrap_or(&ANY)
    }

    /// `2 arguments`, `1 or 2 arguments`, `at least 1 argument`, …
    pub(crate) fn counts(parameters: &[Parameter]) -> String {
        let count_of = |need| Self::count(parameters, need);
        let (once, optional, repeated) =
            (count_of(Need::Once), count_of(Need::Optional), count_of(Need::Repeated));
        let plural = |count: usize| if count == 1 { "argument" } else { "arguments" };
        match (repeated, count_of(Need::Rest), optional) {
            (2.., _, _) if once == 0 => "arguments in pairs".to_owned(),
            (2.., _, 0) => format!("{once} {} and then pairs", plural(once)),
            (2.., _, _) => format!("{once} {}, then pairs, then perhaps one more", plural(once)),
            (1, _, _) => format!("at least {} {}", once + 1, plural(once + 1)),
            (0, 1.., _) => format!("at least {once} {}", plural(once)),
            (0, 0, 0) if once == 0 => "no arguments".to_owned(),
            (0, 0, 0) => format!("{once} {}", plural(once)),
            (0, 0, 1) => format!("{once} or {} arguments", once + 1),
            (0, 0, _) => format!("{once} to {} arguments", once + optional),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting() {
        let check = |parameters: &[Parameter], text: &str, accepted: &[usize]| {
            assert_eq!(Parameter::counts(parameters), text);
            for count in 0..8 {
                assert_eq!(Parameter::accept(parameters, count), accepted.contains(&count), "{text} {count}");
            }
        };
        let one = || arg("a", Kind::Any);
        check(&[], "no arguments", &[0]);
        check(&[one()], "1 argument", &[1]);
        check(&[one(), optional("b", Kind::Any)], "1 or 2 arguments", &[1, 2]);
        check(&[one(), optional("b", Kind::Any), optional("c", Kind::Any)], "1 to 3 arguments", &[1, 2, 3]);
        check(&[repeated("a", Kind::Any)], "at least 1 argument", &[1, 2, 3, 4, 5, 6, 7]);
        check(&[one(), rest("b", Kind::Any)], "at least 1 argument", &[1, 2, 3, 4, 5, 6, 7]);
        let pairs = || [repeated("k", Kind::Any), repeated("v", Kind::Any)];
        check(&pairs(), "arguments in pairs", &[2, 4, 6]);
        let [key, value] = pairs();
        let decode = [one(), key, value, optional("d", Kind::Any)];
        check(&decode, "1 argument, then pairs, then perhaps one more", &[3, 4, 5, 6, 7]);
    }
}
