//! Tokens to a syntax tree: a recursive descent with one loop for all binary operators, driven by their table.

use crate::fault::{ExpressionError, Fault, Hint, Span};
use crate::functions;
use crate::lexer::{Lexeme, Token, lex};
use crate::limits;
use crate::operators::{self, LOWEST, Op};
use crate::path::SourcePath;
use crate::switches::Switches;
use crate::syntax::{Literal, Suffix, SuffixKind, Syntax, SyntaxKind};

type Parsed<T = Syntax> = Result<T, ExpressionError>;

/// Words that start a statement of the scripting language from which this one is cut.
const STATEMENTS: &[&str] =
    &["var", "if", "else", "for", "while", "do", "new", "function", "return", "break", "continue"];

/// Words that are operators and so no bare names.
const OPERATOR_WORDS: &[&str] =
    &["or", "and", "eq", "ne", "lt", "le", "gt", "ge", "div", "mod", "not", "empty", "size", "_errors"];

/// Whether a bare name of this spelling cannot be a field.
pub(crate) fn is_reserved(word: &str) -> bool {
    STATEMENTS.contains(&word) || OPERATOR_WORDS.contains(&word)
}

/// Parses one whole expression.
pub(crate) fn parse(source: &str, switches: &Switches) -> Parsed {
    let lexemes = lex(source, switches)?;
    let mut parser = Parser { lexemes, at: 0, depth: 0 };
    if parser.token() == &Token::End {
        return Err(ExpressionError::new(Fault::Empty, Span::new(0, source.len())));
    }
    let tree = parser.expression()?;
    match parser.token() {
        Token::End => Ok(tree),
        Token::Symbol(";") => Err(parser.fault(Fault::Sequence)),
        Token::Symbol("=") => Err(parser.fault(Fault::Assignment)),
        _ => Err(parser.unexpected("an operator or the end", &tree)),
    }
}

struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn lexeme(&self, ahead: usize) -> &Lexeme {
        // The list ends with `End`, which is never taken, so it is never empty.
        &self.lexemes[(self.at + ahead).min(self.lexemes.len() - 1)]
    }

    fn token(&self) -> &Token {
        &self.lexeme(0).token
    }

    fn span(&self) -> Span {
        self.lexeme(0).span
    }

    /// The end of the last token taken.
    fn end(&self) -> Span {
        self.lexemes[self.at.saturating_sub(1)].span
    }

    fn take(&mut self) -> Lexeme {
        let lexeme = self.lexeme(0).clone();
        if lexeme.token != Token::End {
            self.at += 1;
        }
        lexeme
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.token(), Token::Symbol(found) if *found == symbol)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, symbol: &str, expected: &'static str) -> Parsed<()> {
        if self.accept(symbol) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn fault(&self, fault: Fault) -> ExpressionError {
        ExpressionError::new(fault, self.span())
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        match self.token() {
            Token::Symbol("=") => self.fault(Fault::Assignment),
            Token::Symbol(";") => self.fault(Fault::Sequence),
            token => self.fault(Fault::Unexpected { expected, found: describe(token), hint: Hint::none() }),
        }
    }

    /// Something follows a complete expression. Two names in a row are most often one name with a space in it.
    fn unexpected(&self, expected: &'static str, before: &Syntax) -> ExpressionError {
        let hint = match (self.token(), &before.kind) {
            (Token::Name(second), SyntaxKind::Name(first)) => {
                Hint::new(format!("a name with a space in it is written ${{{first} {second}}}"))
            }
            (Token::Symbol("("), _) => Hint::new("only a function or method can be called"),
            _ => Hint::none(),
        };
        self.fault(Fault::Unexpected { expected, found: describe(self.token()), hint })
    }

    /// Runs a parsing step one level deeper.
    fn nested<T>(&mut self, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == limits::EXPRESSION_DEPTH_MAX {
            return Err(self.fault(Fault::TooDeep { max: limits::EXPRESSION_DEPTH_MAX }));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Parsed {
        self.nested(|parser| if parser.at_lambda() { parser.lambda() } else { parser.conditional() })
    }

    fn conditional(&mut self) -> Parsed {
        let mut arms = Vec::new();
        let start = self.span();
        loop {
            let condition = self.binary(LOWEST)?;
            if self.accept("?:") {
                let otherwise = self.expression()?;
                let span = condition.span.to(otherwise.span);
                let kind = SyntaxKind::Elvis { value: Box::new(condition), otherwise: Box::new(otherwise) };
                return Ok(conditional(arms, Syntax { span, kind }, start));
            }
            if !self.accept("?") {
                return Ok(conditional(arms, condition, start));
            }
            let value = self.expression()?;
            self.expect(":", "`:` and what holds otherwise")?;
            arms.push((condition, value));
        }
    }

    /// Operators of at least this level and their operands.
    fn binary(&mut self, level: u8) -> Parsed {
        let mut left = self.unary()?;
        while let Some(operator) = self.binary_operator().filter(|operator| operator.level >= level) {
            self.at += 1;
            // The tree is as deep as the operators bind ever more tightly.
            let right = self.nested(|parser| parser.binary(operator.level + 1))?;
            left = chain(left, operator.level, operator.op, right);
        }
        Ok(left)
    }

    fn binary_operator(&self) -> Option<&'static operators::Operator> {
        match self.token() {
            Token::Symbol(symbol) => operators::binary_operator(symbol),
            Token::Name(word) => operators::binary_operator(word),
            _ => None,
        }
    }

    fn unary(&mut self) -> Parsed {
        let operator = match self.token() {
            Token::Symbol(symbol) => operators::unary_operator(symbol),
            Token::Name(word) => operators::unary_operator(word),
            _ => None,
        };
        let Some(operator) = operator else {
            return self.postfix();
        };
        let start = self.take().span;
        let operand = self.nested(Self::unary).map_err(|error| match (&error.fault, operator.op) {
            // A field called `size` or `empty`, not an operator without operand.
            (Fault::Unexpected { .. }, Op::Empty | Op::Size | Op::Not) if error.span == self.span() => {
                ExpressionError::new(
                    Fault::Reserved { word: operator.word.unwrap_or(operator.symbol).to_owned() },
                    start,
                )
            }
            _ => error,
        })?;
        let span = start.to(operand.span);
        Ok(Syntax { span, kind: SyntaxKind::Unary { op: operator.op, operand: Box::new(operand) } })
    }

    fn postfix(&mut self) -> Parsed {
        let base = self.primary()?;
        let mut steps = Vec::new();
        loop {
            let start = self.span();
            let kind = if self.accept(".") || self.accept("?.") {
                self.after_dot()?
            } else if self.accept("[") {
                self.after_bracket()?
            } else {
                break;
            };
            steps.push(Suffix { span: start.to(self.end()), kind });
        }
        if steps.is_empty() {
            return Ok(base);
        }
        let span = base.span.to(self.end());
        Ok(Syntax { span, kind: SyntaxKind::Postfix { base: Box::new(base), steps } })
    }

    fn after_dot(&mut self) -> Parsed<SuffixKind> {
        let name_span = self.span();
        let kind = match self.token().clone() {
            Token::Name(name) if self.lexeme(1).token == Token::Symbol("(") => {
                self.at += 2;
                return Ok(SuffixKind::Method { name, name_span, arguments: self.list(")")? });
            }
            Token::Name(name) | Token::Text(name) => SuffixKind::Member(name),
            Token::Wrapped(name) => SuffixKind::Member(name.replace("\\.", ".")),
            Token::Integer(index) => SuffixKind::Index(Syntax {
                span: name_span,
                kind: SyntaxKind::Literal(Literal::Integer(index)),
            }),
            _ => return Err(self.expected("the name of a member or method")),
        };
        self.at += 1;
        Ok(kind)
    }

    fn after_bracket(&mut self) -> Parsed<SuffixKind> {
        if self.is("*") && self.lexeme(1).token == Token::Symbol("]") {
            self.at += 2;
            return Ok(SuffixKind::Each);
        }
        let index = self.expression()?;
        self.expect("]", "`]`")?;
        Ok(SuffixKind::Index(index))
    }

    fn primary(&mut self) -> Parsed {
        let start = self.span();
        let literal = |literal| Ok(SyntaxKind::Literal(literal));
        let kind = match self.token().clone() {
            Token::Text(text) => self.step(|| literal(Literal::Text(text))),
            Token::Integer(value) => self.step(|| literal(Literal::Integer(value))),
            Token::Big(value) => self.step(|| literal(Literal::Big(value))),
            Token::Decimal(value) => self.step(|| literal(Literal::Decimal(value))),
            Token::Wrapped(inside) => self.step(|| wrapped(&inside, start)),
            Token::Name(name) => self.name(name),
            Token::Symbol("(") => return self.parenthesised(),
            Token::Symbol("[") => {
                self.at += 1;
                self.list("]").map(SyntaxKind::Array)
            }
            Token::Symbol("{") => self.map(),
            Token::Symbol(_) | Token::End => Err(self.expected("a value")),
        }?;
        Ok(Syntax { span: start.to(self.end()), kind })
    }

    fn step<T>(&mut self, result: impl FnOnce() -> T) -> T {
        self.at += 1;
        result()
    }

    fn name(&mut self, name: String) -> Parsed<SyntaxKind> {
        let name_span = self.span();
        if STATEMENTS.contains(&name.as_str()) {
            let alone = matches!(self.lexeme(1).token, Token::End | Token::Symbol("," | ")" | "."));
            let fault = if alone { Fault::Reserved { word: name } } else { Fault::Statement { word: name } };
            return Err(self.fault(fault));
        }
        if OPERATOR_WORDS.contains(&name.as_str()) {
            return Err(self.fault(Fault::Reserved { word: name }));
        }
        self.at += 1;
        match name.as_str() {
            "true" => return Ok(SyntaxKind::Literal(Literal::Boolean(true))),
            "false" => return Ok(SyntaxKind::Literal(Literal::Boolean(false))),
            "null" => return Ok(SyntaxKind::Literal(Literal::Null)),
            _ => {}
        }
        if self.accept("(") {
            return Ok(SyntaxKind::Call { name, name_span, arguments: self.list(")")? });
        }
        Ok(SyntaxKind::Name(name))
    }

    fn parenthesised(&mut self) -> Parsed {
        let start = self.take().span;
        let inner = self.expression()?;
        self.expect(")", "`)`")?;
        // A chain in brackets must stay one operand.
        let span = start.to(self.end());
        Ok(Syntax { span, kind: inner.kind })
    }

    /// Expressions up to a closing bracket, the opening one already taken.
    fn list(&mut self, close: &'static str) -> Parsed<Vec<Syntax>> {
        let mut items = Vec::new();
        if self.accept(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.accept(close) {
                return Ok(items);
            }
            self.expect(",", if close == ")" { "`,` or `)`" } else { "`,` or `]`" })?;
        }
    }

    fn map(&mut self) -> Parsed<SyntaxKind> {
        self.at += 1;
        let mut pairs = Vec::new();
        if self.accept("}") {
            return Ok(SyntaxKind::Map(pairs));
        }
        if self.accept(":") {
            self.expect("}", "`}`")?;
            return Ok(SyntaxKind::Map(pairs));
        }
        loop {
            let key = self.nested(|parser| parser.binary(LOWEST))?;
            if self.is(",") || self.is("}") {
                return Err(self.fault(Fault::Set));
            }
            self.expect(":", "`:` and the value of this key")?;
            pairs.push((key, self.expression()?));
            if self.accept("}") {
                return Ok(SyntaxKind::Map(pairs));
            }
            self.expect(",", "`,` or `}`")?;
        }
    }

    /// Whether a lambda starts here: `x ->`, `(x, y) ->`, `() ->`.
    fn at_lambda(&self) -> bool {
        match self.token() {
            Token::Name(_) => self.lexeme(1).token == Token::Symbol("->"),
            Token::Symbol("(") => {
                let mut ahead = 1;
                while matches!(self.lexeme(ahead).token, Token::Name(_) | Token::Symbol(",")) {
                    ahead += 1;
                }
                self.lexeme(ahead).token == Token::Symbol(")")
                    && self.lexeme(ahead + 1).token == Token::Symbol("->")
            }
            _ => false,
        }
    }

    fn lambda(&mut self) -> Parsed {
        let start = self.span();
        let mut parameters = Vec::new();
        if self.accept("(") {
            while !self.accept(")") {
                if !parameters.is_empty() {
                    self.expect(",", "`,` or `)`")?;
                }
                parameters.push(self.parameter()?);
            }
        } else {
            parameters.push(self.parameter()?);
        }
        self.expect("->", "`->`")?;
        let body = self.expression()?;
        Ok(Syntax {
            span: start.to(self.end()),
            kind: SyntaxKind::Lambda { parameters, body: Box::new(body) },
        })
    }

    fn parameter(&mut self) -> Parsed<String> {
        match self.token().clone() {
            Token::Name(name) if is_reserved(&name) => Err(self.fault(Fault::Reserved { word: name })),
            Token::Name(name) => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.expected("the name of a parameter")),
        }
    }
}

/// Adds an operation to what stands on its left: to the same list when that is a chain of the same level.
fn chain(left: Syntax, level: u8, op: Op, right: Syntax) -> Syntax {
    let span = left.span.to(right.span);
    let same_level = |found: &[(Op, Syntax)]| {
        found.first().is_some_and(|(first, _)| {
            operators::OPERATORS.iter().any(|o| o.op == *first && o.operands == 2 && o.level == level)
        })
    };
    let kind = match left {
        // A chain in brackets starts before its first operand, and `a - (b - c)` never comes from the left.
        Syntax { kind: SyntaxKind::Chain { first, mut rest }, span: left }
            if left.start == first.span.start && same_level(&rest) =>
        {
            rest.push((op, right));
            SyntaxKind::Chain { first, rest }
        }
        left => SyntaxKind::Chain { first: Box::new(left), rest: vec![(op, right)] },
    };
    Syntax { span, kind }
}

fn conditional(arms: Vec<(Syntax, Syntax)>, otherwise: Syntax, start: Span) -> Syntax {
    if arms.is_empty() {
        return otherwise;
    }
    let span = start.to(otherwise.span);
    Syntax { span, kind: SyntaxKind::Conditional { arms, otherwise: Box::new(otherwise) } }
}

fn wrapped(inside: &str, span: Span) -> Parsed<SyntaxKind> {
    SourcePath::parse(inside)
        .map(SyntaxKind::Wrapped)
        .map_err(|error| ExpressionError::new(error.fault, span))
}

fn describe(token: &Token) -> String {
    match token {
        Token::Name(name) if functions::find(name).is_some() => format!("the function {name}"),
        Token::Name(name) => format!("the name {name}"),
        Token::Wrapped(inside) => format!("the name ${{{inside}}}"),
        Token::Text(text) if text.chars().count() > 20 => "a text".to_owned(),
        Token::Text(text) => format!("the text {text:?}"),
        Token::Integer(value) => format!("the number {value}"),
        Token::Big(value) => format!("the number {value}"),
        Token::Decimal(value) => format!("the number {value}"),
        Token::Symbol(symbol) => format!("`{symbol}`"),
        Token::End => "the end".to_owned(),
    }
}
