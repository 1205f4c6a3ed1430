//! Expressions.

use fancy_regex::Regex;

use super::decimal::Decimal;
use super::method::Method;
use super::value::Width;

/// An expression.
#[derive(Debug)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Text(String),
    Whole(i64, Width),
    Decimal(Decimal),
    Float(f64),
    List(Vec<Expr>),
    Root(Root),
    Property(Box<Expr>, String, Safe),
    Call(Box<Expr>, Method, Vec<Expr>, Safe),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Add(Box<Expr>, Box<Expr>),
    In(Box<Expr>, Box<Expr>),
    Regex(Box<Expr>, Box<Regex>, Extent),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    Elvis(Box<Expr>, Box<Expr>),
}

/// What a script can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Key,
    Value,
    KeySchema,
    ValueSchema,
    Topic,
    Header,
}

/// Whether something of null is null (`?.`) or an error (`.`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safe {
    Yes,
    No,
}

/// How much of a text a pattern must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// `=~`
    Part,
    /// `==~`
    Whole,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Root {
    /// A root by its name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "key" => Self::Key,
            "value" => Self::Value,
            "keySchema" => Self::KeySchema,
            "valueSchema" => Self::ValueSchema,
            "topic" => Self::Topic,
            "header" => Self::Header,
            _ => return None,
        })
    }
}

impl Comparison {
    /// A comparison by its sign.
    pub(super) fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }
}
