//! The Groovy that conditions of `Filter` and `ContentBasedRouter` are written in: a part of it.
//!
//! An expression enters, when the configuration is read, and a record for each evaluation; a value
//! leaves. Understood are
//!
//! - the names `value`, `key`, `topic`, `header`, `valueSchema` and `keySchema`;
//! - fields: `value.after.id`, `value.after?.id`, `value.after.'odd name'`, `header['a-b'].value`;
//! - texts `'…'` and `"…"` (without `$`), numbers, `true`, `false`, `null`, lists `[1, 2]`;
//! - `==`, `!=`, `<`, `<=`, `>`, `>=`, `&&`, `||`, `!`, parentheses, `a ? b : c`, `a ?: b`;
//! - `in` and `!in` a list, `=~` and `==~` with a literal pattern, `+` of texts and whole numbers;
//! - methods of texts: `startsWith`, `endsWith`, `contains`, `equals`, `equalsIgnoreCase`, `matches`,
//!   `isEmpty`, `length`, `size`, `toLowerCase`, `toUpperCase`, `trim`, `toString`; of lists:
//!   `contains`, `isEmpty`, `size`; of structs: `get` and `getStruct`, `getString` and so on; of
//!   `header`: `get`, `containsKey`; of schemas: `name`, `field`.
//!
//! Anything else is refused when the configuration is read, with its place.

mod decimal;
mod eval;
mod lexer;
mod method;
mod parser;
mod tree;
mod value;

use super::super::TransformError;
use crate::data::DataRecord;
pub(super) use value::Val;

/// A parsed expression.
#[derive(Debug)]
pub(super) struct Script {
    text: String,
    tree: tree::Expr,
}

impl Script {
    /// Parses an expression; the error says what is not understood, and where.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Ok(Self {
            text: text.to_owned(),
            tree: parser::parse(text)?,
        })
    }

    /// Its value for a record.
    pub(super) fn eval<'r>(&'r self, record: &'r DataRecord) -> Result<Val<'r>, TransformError> {
        eval::eval(&self.tree, record).map_err(|why| self.error(record, &why))
    }

    /// An error of an evaluation.
    pub(super) fn error(&self, record: &DataRecord, why: &str) -> TransformError {
        TransformError(format!(
            "Error while evaluating expression '{}' for a record of topic `{}`: {why}",
            self.text, record.topic
        ))
    }
}

#[cfg(test)]
mod tests;
