//! Tokens to an expression. What is not understood is refused with its place.

use fancy_regex::Regex;

use super::lexer::{Placed, Token, tokens};
use super::method::Method;
use super::tree::{Comparison, Expr, Extent, Root, Safe};

/// How deep expressions may be nested, and how many tokens they may have: the program's stack must be
/// enough for any.
const DEEPEST: usize = 30;
const LONGEST: usize = 1000;

/// Parses a whole expression.
pub(super) fn parse(text: &str) -> Result<Expr, String> {
    let tokens = tokens(text)?;
    if tokens.len() > LONGEST {
        return Err(format!("The expression has more than {LONGEST} parts"));
    }
    let mut parser = Parser {
        tokens: tokens.into_iter().peekable(),
        depth: 0,
    };
    if parser.peek() == &Token::Name("return".into()) {
        parser.next();
    }
    let expression = parser.expression()?;
    while parser.take(";").is_some() {}
    match parser.next() {
        Placed {
            token: Token::End, ..
        } => Ok(expression),
        other => Err(unexpected(&other)),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Placed>>,
    depth: usize,
}

const END: Placed = Placed {
    token: Token::End,
    at: 0,
};

impl Parser {
    fn peek(&mut self) -> &Token {
        self.tokens
            .peek()
            .map_or(&Token::End, |placed| &placed.token)
    }

    fn next(&mut self) -> Placed {
        self.tokens.next().unwrap_or(END)
    }

    /// Where a sign is, if it comes next.
    fn take(&mut self, sign: &str) -> Option<usize> {
        match self.tokens.peek() {
            Some(Placed {
                token: Token::Sign(next),
                at,
            }) if *next == sign => {
                let at = *at;
                self.tokens.next();
                Some(at)
            }
            _ => None,
        }
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        match self.take(sign) {
            Some(_) => Ok(()),
            None => Err(format!(
                "{}; `{sign}` is missing there",
                unexpected(&self.next())
            )),
        }
    }

    fn expression(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!(
                "The expression is nested more than {DEEPEST} times"
            ));
        }
        // A chain of choices is no nesting.
        let mut choices = Vec::new();
        let mut last = self.or()?;
        while self.take("?").is_some() {
            let yes = self.expression()?;
            self.expect(":")?;
            choices.push((last, yes));
            last = self.or()?;
        }
        if self.take("?:").is_some() {
            last = Expr::Elvis(Box::new(last), Box::new(self.expression()?));
        }
        self.depth -= 1;
        let chain = choices.into_iter().rev();
        Ok(chain.fold(last, |no, (condition, yes)| {
            Expr::Choice(Box::new(condition), Box::new(yes), Box::new(no))
        }))
    }

    fn or(&mut self) -> Result<Expr, String> {
        let mut left = self.and()?;
        while self.take("||").is_some() {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, String> {
        let mut left = self.regex()?;
        while self.take("&&").is_some() {
            left = Expr::And(Box::new(left), Box::new(self.regex()?));
        }
        Ok(left)
    }

    fn regex(&mut self) -> Result<Expr, String> {
        let mut left = self.equality()?;
        loop {
            let extent = match self.peek() {
                Token::Sign("=~") => Extent::Part,
                Token::Sign("==~") => Extent::Whole,
                _ => return Ok(left),
            };
            self.next();
            let pattern = self.next();
            let (Token::Text(text) | Token::Pattern(text)) = &pattern.token else {
                return Err(format!(
                    "{}; a literal pattern is needed there",
                    unexpected(&pattern)
                ));
            };
            left = Expr::Regex(
                Box::new(left),
                Box::new(compiled(text, extent, pattern.at)?),
                extent,
            );
        }
    }

    fn equality(&mut self) -> Result<Expr, String> {
        let mut left = self.relation()?;
        while let Token::Sign(sign @ ("==" | "!=")) = *self.peek() {
            self.next();
            left = compared(sign, left, self.relation()?);
        }
        Ok(left)
    }

    fn relation(&mut self) -> Result<Expr, String> {
        let mut left = self.sum()?;
        loop {
            match self.peek().clone() {
                Token::Sign(sign @ ("<" | "<=" | ">" | ">=")) => {
                    self.next();
                    left = compared(sign, left, self.sum()?);
                }
                Token::Sign("!in") => {
                    self.next();
                    let found = Expr::In(Box::new(left), Box::new(self.sum()?));
                    left = Expr::Not(Box::new(found));
                }
                Token::Name(name) if name == "in" => {
                    self.next();
                    left = Expr::In(Box::new(left), Box::new(self.sum()?));
                }
                _ => return Ok(left),
            }
        }
    }

    fn sum(&mut self) -> Result<Expr, String> {
        let mut left = self.unary()?;
        while self.take("+").is_some() {
            left = Expr::Add(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        let mut negations = 0_usize;
        while self.take("!").is_some() {
            negations += 1;
        }
        let mut operand = match self.take("-") {
            Some(_) => self.negative()?,
            None => self.postfix()?,
        };
        for _ in 0..negations {
            operand = Expr::Not(Box::new(operand));
        }
        Ok(operand)
    }

    fn negative(&mut self) -> Result<Expr, String> {
        let number = self.next();
        match number.token {
            Token::Whole(number, width) => Ok(Expr::Whole(-number, width)),
            Token::Float(number) => Ok(Expr::Float(-number)),
            Token::Decimal(number) => Ok(Expr::Decimal(number.negated())),
            _ => Err(format!(
                "{}; only numbers can have a minus",
                unexpected(&number)
            )),
        }
    }

    fn postfix(&mut self) -> Result<Expr, String> {
        let mut of = self.primary()?;
        loop {
            if self.take("[").is_some() {
                let name = self.next();
                let Token::Text(text) = &name.token else {
                    return Err(format!("{}; a text is needed in [ ]", unexpected(&name)));
                };
                of = property(of, text, Safe::No, name.at)?;
                self.expect("]")?;
                continue;
            }
            let safe = match (self.take("."), self.take("?.")) {
                (Some(_), _) => Safe::No,
                (_, Some(_)) => Safe::Yes,
                (None, None) => return Ok(of),
            };
            let name = self.next();
            let (Token::Name(text) | Token::Text(text)) = &name.token else {
                return Err(format!("{}; a name is needed there", unexpected(&name)));
            };
            of = match self.take("(") {
                Some(_) => self.call(of, text, safe, name.at)?,
                None => property(of, text, safe, name.at)?,
            };
        }
    }

    fn call(&mut self, of: Expr, name: &str, safe: Safe, at: usize) -> Result<Expr, String> {
        let arguments = self.list(")")?;
        let method = Method::named(name, arguments.len()).ok_or_else(|| {
            format!(
                "The method `{name}` with {} arguments at character {at} is not supported",
                arguments.len()
            )
        })?;
        Ok(Expr::Call(Box::new(of), method, arguments, safe))
    }

    /// Expressions between commas up to a sign.
    fn list(&mut self, end: &str) -> Result<Vec<Expr>, String> {
        let mut items = Vec::new();
        if self.take(end).is_some() {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.take(",").is_none() {
                self.expect(end)?;
                return Ok(items);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, String> {
        let first = self.next();
        Ok(match first.token {
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                inner
            }
            Token::Sign("[") => Expr::List(self.list("]")?),
            Token::Text(text) | Token::Pattern(text) => Expr::Text(text),
            Token::Whole(number, width) => Expr::Whole(number, width),
            Token::Decimal(number) => Expr::Decimal(number),
            Token::Float(number) => Expr::Float(number),
            Token::Name(name) => match name.as_str() {
                "true" => Expr::Bool(true),
                "false" => Expr::Bool(false),
                "null" => Expr::Null,
                name => Expr::Root(Root::named(name).ok_or_else(|| {
                    format!(
                        "The name `{name}` at character {} is not known: use value, key, topic, \
                         header, valueSchema or keySchema",
                        first.at
                    )
                })?),
            },
            _ => return Err(unexpected(&first)),
        })
    }
}

fn compared(sign: &str, left: Expr, right: Expr) -> Expr {
    let comparison = Comparison::of(sign).unwrap_or(Comparison::Equal);
    Expr::Compare(comparison, Box::new(left), Box::new(right))
}

/// A property. Groovy takes some names for parts of the Java object, not for fields.
fn property(of: Expr, name: &str, safe: Safe, at: usize) -> Result<Expr, String> {
    if is_struct(&of) && matches!(name, "schema" | "values" | "class") {
        return Err(format!(
            "`{name}` at character {at} is not the field in Groovy, but a part of the Java object: \
             write get('{name}')"
        ));
    }
    Ok(Expr::Property(Box::new(of), name.to_owned(), safe))
}

/// Whether it is a part of the key or the value.
fn is_struct(of: &Expr) -> bool {
    match of {
        Expr::Root(root) => matches!(root, Root::Key | Root::Value),
        Expr::Property(of, ..) | Expr::Call(of, ..) => is_struct(of),
        _ => false,
    }
}

fn compiled(text: &str, extent: Extent, at: usize) -> Result<Regex, String> {
    let text = match extent {
        Extent::Part => text.to_owned(),
        Extent::Whole => format!("^(?:{text})$"),
    };
    Regex::new(&text).map_err(|error| format!("The pattern at character {at} is wrong: {error}"))
}

fn unexpected(placed: &Placed) -> String {
    let what = match &placed.token {
        Token::Name(name) => format!("`{name}`"),
        Token::Text(text) => format!("'{text}'"),
        Token::Pattern(pattern) => format!("/{pattern}/"),
        Token::Sign(sign) => format!("`{sign}`"),
        Token::Whole(..) | Token::Decimal(_) | Token::Float(_) => "a number".to_owned(),
        Token::End => return "The expression ends too early".to_owned(),
    };
    format!("{what} at character {} is not supported", placed.at)
}
