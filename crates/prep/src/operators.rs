//! The operators as data: symbol, precedence, name, description and examples in one entry each.

/// One operator of the language.
#[derive(Debug)]
pub struct Operator {
    pub symbol: &'static str,
    /// The word that may stand for the symbol.
    pub word: Option<&'static str>,
    /// The name under which the operator is listed.
    pub method: &'static str,
    pub operands: u8,
    pub doc: &'static str,
    /// An expression and the JSON text of its result.
    pub example: (&'static str, &'static str),
    pub(crate) op: Op,
    /// How tightly a binary operator binds; higher is tighter. Operators of one level associate to the left.
    pub(crate) level: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Choose,
    Coalesce,
    Or,
    And,
    BitOr,
    BitXor,
    BitAnd,
    Equal,
    NotEqual,
    Range,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    NotMatches,
    Starts,
    NotStarts,
    Ends,
    NotEnds,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Not,
    Complement,
    Negate,
    Plus,
    Empty,
    Size,
}

pub(crate) const LOWEST: u8 = 1;

const fn binary(
    level: u8,
    op: Op,
    symbol: &'static str,
    word: Option<&'static str>,
    method: &'static str,
    doc: &'static str,
    example: (&'static str, &'static str),
) -> Operator {
    Operator { symbol, word, method, operands: 2, doc, example, op, level }
}

const fn unary(
    op: Op,
    symbol: &'static str,
    word: Option<&'static str>,
    method: &'static str,
    doc: &'static str,
    example: (&'static str, &'static str),
) -> Operator {
    Operator { symbol, word, method, operands: 1, doc, example, op, level: 0 }
}

/// Every operator, loosest first.
pub static OPERATORS: &[Operator] = &[
    // The parser reads the parts of this one by itself.
    Operator {
        symbol: "?:",
        word: None,
        method: "ternary",
        operands: 3,
        doc: "`a ? b : c` is b when a holds, else c; `a ?: c` is a when it holds, else c.",
        example: ("2 > 1 ? \"y\" : \"n\"", "\"y\""),
        op: Op::Choose,
        level: 0,
    },
    binary(
        1,
        Op::Coalesce,
        "??",
        None,
        "coalesce",
        "The left side unless it is null, else the right.",
        ("null ?? 3", "3"),
    ),
    binary(
        2,
        Op::Or,
        "||",
        Some("or"),
        "or",
        "True when either side is; the right side is read only if needed.",
        ("false || 1", "true"),
    ),
    binary(
        3,
        Op::And,
        "&&",
        Some("and"),
        "and",
        "True when both sides are; the right side is read only if needed.",
        ("true && \"\"", "false"),
    ),
    binary(4, Op::BitOr, "|", None, "or", "Bits set in either integer.", ("6 | 1", "7")),
    binary(5, Op::BitXor, "^", None, "xor", "Bits set in exactly one of two integers.", ("6 ^ 3", "5")),
    binary(6, Op::BitAnd, "&", None, "and", "Bits set in both integers.", ("6 & 3", "2")),
    binary(
        7,
        Op::Equal,
        "==",
        Some("eq"),
        "equals",
        "Equality. A number equals the text that spells it; null equals only null.",
        ("\"5\" == 5", "true"),
    ),
    binary(7, Op::NotEqual, "!=", Some("ne"), "ne", "The opposite of ==.", ("\"a\" != \"A\"", "true")),
    binary(
        7,
        Op::Range,
        "..",
        None,
        "createRange",
        "The integers from the left to the right one.",
        ("1 .. 3", "[1,2,3]"),
    ),
    binary(
        8,
        Op::Less,
        "<",
        Some("lt"),
        "lessThan",
        "Less than: numbers, dates or texts.",
        ("2 < 10", "true"),
    ),
    binary(
        8,
        Op::LessOrEqual,
        "<=",
        Some("le"),
        "lessThanOrEqual",
        "Less than or equal.",
        ("2 <= 2", "true"),
    ),
    binary(8, Op::Greater, ">", Some("gt"), "greaterThan", "Greater than.", ("\"b\" > \"a\"", "true")),
    binary(
        8,
        Op::GreaterOrEqual,
        ">=",
        Some("ge"),
        "greaterThanOrEqual",
        "Greater than or equal.",
        ("1 >= 2", "false"),
    ),
    binary(
        8,
        Op::Matches,
        "=~",
        None,
        "contains",
        "In a list or among the keys of an object; with a text on the right, matches it whole as a regular expression.",
        ("2 =~ [1, 2]", "true"),
    ),
    binary(
        8,
        Op::NotMatches,
        "!~",
        None,
        "notContains",
        "The opposite of =~.",
        ("\"ab\" !~ \"a.\"", "false"),
    ),
    binary(
        8,
        Op::Starts,
        "=^",
        None,
        "startsWith",
        "The left text starts with the right.",
        ("\"ab\" =^ \"a\"", "true"),
    ),
    binary(
        8,
        Op::NotStarts,
        "!^",
        None,
        "notStartsWith",
        "The opposite of =^.",
        ("\"ab\" !^ \"a\"", "false"),
    ),
    binary(
        8,
        Op::Ends,
        "=$",
        None,
        "endsWith",
        "The left text ends with the right.",
        ("\"ab\" =$ \"b\"", "true"),
    ),
    binary(8, Op::NotEnds, "!$", None, "notEndsWith", "The opposite of =$.", ("\"ab\" !$ \"b\"", "false")),
    binary(
        9,
        Op::Add,
        "+",
        None,
        "add",
        "The sum when both sides are numbers or one of them spells a number; otherwise the two texts put together.",
        ("1 + 2", "3"),
    ),
    binary(9, Op::Subtract, "-", None, "subtract", "The difference.", ("5 - 7", "-2")),
    binary(10, Op::Multiply, "*", None, "multiply", "The product.", ("4 * 2.5", "10.0")),
    binary(
        10,
        Op::Divide,
        "/",
        Some("div"),
        "divide",
        "The quotient; of two integers the whole part. Dividing by zero is an error.",
        ("7 / 2", "3"),
    ),
    binary(10, Op::Remainder, "%", Some("mod"), "mod", "The remainder.", ("7 % 4", "3")),
    unary(
        Op::Not,
        "!",
        Some("not"),
        "not",
        "True when the operand is false, zero, empty text or null.",
        ("!false", "true"),
    ),
    unary(Op::Complement, "~", None, "complement", "All bits of an integer flipped.", ("~5", "-6")),
    unary(Op::Negate, "-", None, "negate", "The number with its sign changed.", ("-(3)", "-3")),
    unary(Op::Plus, "+", None, "positivize", "The number itself.", ("+3", "3")),
    unary(
        Op::Empty,
        "empty",
        None,
        "empty",
        "True for null and for an empty text, array or object.",
        ("empty []", "true"),
    ),
    unary(
        Op::Size,
        "size",
        None,
        "size",
        "Elements of an array, members of an object or characters of a text.",
        ("size \"abc\"", "3"),
    ),
];

/// The binary operator that a symbol or word stands for.
pub(crate) fn binary_operator(spelling: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.operands == 2 && (o.symbol == spelling || o.word == Some(spelling)))
}

/// The unary operator that a symbol or word stands for.
pub(crate) fn unary_operator(spelling: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|o| o.operands == 1 && (o.symbol == spelling || o.word == Some(spelling)))
}
