//! Text to tokens.

use super::decimal::Decimal;
use super::value::Width;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or a keyword.
    Name(String),
    /// A text between quotes.
    Text(String),
    /// A pattern between slashes.
    Pattern(String),
    /// A whole number.
    Whole(i64, Width),
    /// A number with a fraction, or one too large for the others.
    Decimal(Decimal),
    /// A floating point number, marked as one.
    Float(f64),
    /// Anything else.
    Sign(&'static str),
    /// The end.
    End,
}

/// A token and where it begins, in characters from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

/// Signs, the longer before those that begin like them. Some are read only to be refused by name.
const SIGNS: [&str; 48] = [
    "===", "!==", "<=>", "==~", "!in", "...", "..<", ">>>", "<<", ">>", "**", "++", "--", "->",
    "::", "==", "!=", "=~", "<=", ">=", "&&", "||", "?.", "?:", "?[", "..", "*.", ".&", "<", ">",
    "!", "?", ":", "(", ")", "[", "]", ".", ",", "+", "-", ";", "*", "%", "&", "|", "=", "{",
];

/// All tokens of a text, with one [`Token::End`] after them.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, String> {
    let mut lexer = Lexer {
        rest: text,
        at: 1,
        found: Vec::new(),
    };
    while lexer.step()? {}
    lexer.push(Token::End, "");
    Ok(lexer.found)
}

struct Lexer<'t> {
    rest: &'t str,
    at: usize,
    found: Vec<Placed>,
}

impl<'t> Lexer<'t> {
    fn push(&mut self, token: Token, text: &str) {
        self.found.push(Placed { token, at: self.at });
        self.skip(text);
    }

    fn skip(&mut self, text: &str) {
        self.rest = self.rest.get(text.len()..).unwrap_or_default();
        self.at += text.chars().count();
    }

    /// Whether there was a token or space to step over.
    fn step(&mut self) -> Result<bool, String> {
        let rest = self.rest;
        let Some(first) = rest.chars().next() else {
            return Ok(false);
        };
        match first {
            _ if first.is_whitespace() => {
                self.skip(rest.get(..first.len_utf8()).unwrap_or_default());
            }
            '\'' | '"' => self.text(first)?,
            '/' if self.wants_operand() => self.pattern()?,
            '0'..='9' => self.number()?,
            '_' | '$' | 'a'..='z' | 'A'..='Z' => {
                let name = run(rest, |c| {
                    c.is_ascii_alphanumeric() || matches!(c, '_' | '$')
                });
                self.push(Token::Name(name.to_owned()), name);
            }
            _ => self.sign(first)?,
        }
        Ok(true)
    }

    /// Whether an operand can come here, so that `/` begins a pattern.
    fn wants_operand(&self) -> bool {
        match self.found.last().map(|placed| &placed.token) {
            None => true,
            Some(Token::Sign(sign)) => !matches!(*sign, ")" | "]"),
            Some(Token::Name(name)) => matches!(name.as_str(), "in" | "return"),
            Some(_) => false,
        }
    }

    fn sign(&mut self, first: char) -> Result<(), String> {
        let is_next = |sign: &&&str| {
            let rest = self.rest.strip_prefix(**sign);
            // `!in` only where no name goes on.
            rest.is_some_and(|rest| {
                **sign != "!in" || !rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            })
        };
        let Some(sign) = SIGNS.iter().find(is_next) else {
            return Err(format!(
                "`{first}` at character {} is not understood",
                self.at
            ));
        };
        self.push(Token::Sign(sign), sign);
        Ok(())
    }

    fn text(&mut self, quote: char) -> Result<(), String> {
        let at = self.at;
        let mut characters = self.rest.char_indices().skip(1).peekable();
        let mut text = String::new();
        while let Some((place, character)) = characters.next() {
            match character {
                '\\' => {
                    let escaped = characters.next().map(|(_, escaped)| escaped);
                    text.push(unescaped(escaped).ok_or_else(|| {
                        format!("The escape in the text at character {at} is not understood")
                    })?);
                }
                '$' if quote == '"' => return Err(interpolated(at)),
                _ if character == quote => {
                    let whole = self.rest.get(..=place).unwrap_or_default();
                    if whole.len() == 2
                        && self
                            .rest
                            .get(2..)
                            .is_some_and(|rest| rest.starts_with(quote))
                    {
                        return Err(format!(
                            "The text at character {at} has three quotes: use one"
                        ));
                    }
                    self.push(Token::Text(text), whole);
                    return Ok(());
                }
                _ => text.push(character),
            }
        }
        Err(format!("The text at character {at} has no end"))
    }

    fn pattern(&mut self) -> Result<(), String> {
        let at = self.at;
        let mut characters = self.rest.char_indices().skip(1).peekable();
        let mut pattern = String::new();
        while let Some((place, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            match (character, next) {
                ('\\', Some('/')) => {
                    characters.next();
                    pattern.push('/');
                }
                ('$', Some('{' | '_' | 'a'..='z' | 'A'..='Z')) => return Err(interpolated(at)),
                ('/', _) => {
                    let whole = self.rest.get(..=place).unwrap_or_default();
                    self.push(Token::Pattern(pattern), whole);
                    return Ok(());
                }
                _ => pattern.push(character),
            }
        }
        Err(format!("The pattern at character {at} has no end"))
    }

    fn number(&mut self) -> Result<(), String> {
        let (rest, at) = (self.rest, self.at);
        let mut whole = run(rest, |c| c.is_ascii_digit() || c == '_');
        let after = rest.get(whole.len()..).unwrap_or_default();
        if let Some(fraction) = after.strip_prefix('.') {
            let fraction = run(fraction, |c| c.is_ascii_digit());
            if !fraction.is_empty() {
                let end = whole.len() + 1 + fraction.len();
                whole = rest.get(..end).unwrap_or_default();
            }
        }
        let after = rest.get(whole.len()..).unwrap_or_default();
        let suffix = run(after, |c| c.is_ascii_alphanumeric() || c == '_');
        let digits = whole.replace('_', "");
        let is_whole = !digits.contains('.');
        let leading_zero = is_whole && digits.len() > 1 && digits.starts_with('0');
        let token = match suffix {
            _ if leading_zero => None,
            "" | "i" | "I" if is_whole && digits.parse::<i32>().is_ok() => digits
                .parse()
                .ok()
                .map(|number| Token::Whole(number, Width::Int)),
            "" | "l" | "L" if is_whole && digits.parse::<i64>().is_ok() => digits
                .parse()
                .ok()
                .map(|number| Token::Whole(number, Width::Long)),
            "d" | "D" => digits.parse().ok().map(Token::Float),
            "" if !is_whole => Decimal::parse(&digits).map(Token::Decimal),
            _ => None,
        };
        let token = token.ok_or_else(|| {
            format!("The number {digits}{suffix} at character {at} is not understood")
        })?;
        let length = whole.len() + suffix.len();
        self.push(token, rest.get(..length).unwrap_or_default());
        Ok(())
    }
}

fn interpolated(at: usize) -> String {
    format!("The text at character {at} has a `$`: join texts with + instead")
}

fn unescaped(escaped: Option<char>) -> Option<char> {
    Some(match escaped? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        same @ ('\\' | '\'' | '"' | '$') => same,
        _ => return None,
    })
}

/// The characters at the front that are all alike.
fn run(text: &str, like: impl Fn(char) -> bool) -> &str {
    let end = text.find(|character| !like(character));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}
