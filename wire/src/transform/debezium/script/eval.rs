//! The value of an expression for a record.

use super::method;
use super::tree::{Comparison, Expr, Extent, Root, Safe};
use super::value::{Val, Width};
use crate::data::{DataRecord, Schema, Value};

/// Evaluates an expression; the error is what went wrong.
pub(super) fn eval<'r>(expr: &'r Expr, record: &'r DataRecord) -> Result<Val<'r>, String> {
    let is_true = |expr| eval(expr, record).map(|value| value.is_true());
    Ok(match expr {
        Expr::Null => Val::Null,
        Expr::Bool(value) => Val::Bool(*value),
        Expr::Text(text) => Val::Text(text.as_str().into()),
        Expr::Whole(number, width) => Val::Whole(*number, *width),
        Expr::Decimal(number) => Val::Decimal(number.clone()),
        Expr::Float(number) => Val::Float(*number),
        Expr::List(items) => Val::List(all(items, record)?),
        Expr::Root(root) => named(*root, record),
        Expr::Property(of, name, safe) => match (eval(of, record)?, safe) {
            (Val::Null, Safe::Yes) => Val::Null,
            (of, _) => of.property(name)?,
        },
        Expr::Call(of, method, arguments, safe) => match (eval(of, record)?, safe) {
            (Val::Null, Safe::Yes) => Val::Null,
            (of, _) => method::call(of, *method, all(arguments, record)?)?,
        },
        Expr::Not(inner) => Val::Bool(!is_true(inner)?),
        Expr::And(left, right) => Val::Bool(is_true(left)? && is_true(right)?),
        Expr::Or(left, right) => Val::Bool(is_true(left)? || is_true(right)?),
        Expr::Compare(comparison, left, right) => {
            let (left, right) = (eval(left, record)?, eval(right, record)?);
            Val::Bool(compared(*comparison, &left, &right)?)
        }
        Expr::Add(left, right) => added(&eval(left, record)?, &eval(right, record)?)?,
        Expr::In(item, list) => {
            let (item, list) = (eval(item, record)?, eval(list, record)?);
            let items = list.items();
            let items = items.ok_or_else(|| format!("`in` needs a list, not {}", list.kind()))?;
            Val::Bool(items.iter().any(|other| other.equals(&item)))
        }
        Expr::Regex(of, regex, extent) => {
            let of = eval(of, record)?;
            let whole = *extent == Extent::Whole;
            let found = match of {
                Val::Null if whole => false,
                of => regex
                    .is_match(&of.joined()?)
                    .map_err(|error| error.to_string())?,
            };
            if whole {
                Val::Bool(found)
            } else {
                Val::Matcher(found)
            }
        }
        Expr::Choice(condition, yes, no) => {
            eval(if is_true(condition)? { yes } else { no }, record)?
        }
        Expr::Elvis(first, second) => match eval(first, record)? {
            value if value.is_true() => value,
            _ => eval(second, record)?,
        },
    })
}

fn all<'r>(items: &'r [Expr], record: &'r DataRecord) -> Result<Vec<Val<'r>>, String> {
    items.iter().map(|item| eval(item, record)).collect()
}

fn named(root: Root, record: &DataRecord) -> Val<'_> {
    fn half<'r>(schema: Option<&'r Schema>, value: &'r Value) -> Val<'r> {
        match (schema, value) {
            (Some(schema), value) => Val::of(schema, value),
            (None, Value::String(text)) => Val::Text(text.as_str().into()),
            (None, _) => Val::Null,
        }
    }
    fn whole(schema: Option<&Schema>) -> Val<'_> {
        schema.map_or(Val::Null, Val::Schema)
    }
    let (key_schema, value_schema) = (record.key_schema.as_deref(), record.value_schema.as_deref());
    match root {
        Root::Key => half(key_schema, &record.key),
        Root::Value => half(value_schema, &record.value),
        Root::KeySchema => whole(key_schema),
        Root::ValueSchema => whole(value_schema),
        Root::Topic => Val::Text((&*record.topic).into()),
        Root::Header => Val::Headers(record),
    }
}

fn compared(comparison: Comparison, left: &Val<'_>, right: &Val<'_>) -> Result<bool, String> {
    match comparison {
        Comparison::Equal => return Ok(left.is_equal(right)),
        Comparison::NotEqual => return Ok(!left.is_equal(right)),
        _ => {}
    }
    let order = left.compare(right)?;
    Ok(order.is_some_and(|order| match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

fn added<'r>(left: &Val<'_>, right: &Val<'_>) -> Result<Val<'r>, String> {
    match (left, right) {
        (Val::Text(_), _) | (_, Val::Text(_)) => {
            Ok(Val::Text((left.joined()? + &right.joined()?).into()))
        }
        (Val::Whole(left, Width::Long), Val::Whole(right, _))
        | (Val::Whole(left, _), Val::Whole(right, Width::Long)) => {
            Ok(Val::Whole(left.wrapping_add(*right), Width::Long))
        }
        (Val::Whole(left, _), Val::Whole(right, _)) => {
            let [a, b, c, d, ..] = left.wrapping_add(*right).to_le_bytes();
            Ok(Val::Whole(
                i32::from_le_bytes([a, b, c, d]).into(),
                Width::Int,
            ))
        }
        _ => Err(format!(
            "{} + {} is not supported: join texts or add whole numbers",
            left.kind(),
            right.kind()
        )),
    }
}
