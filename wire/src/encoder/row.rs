//! Rows and keys into JSON, by walking over a plan.

use super::{EncodeError, Work};
use crate::pgoutput::{Datum, Tuple};
use crate::plan::{ColumnPlan, RelationPlan};
use crate::value::{Origin, Scratch, Unfit};

impl RelationPlan {
    fn fault(&self, column: &ColumnPlan) -> EncodeError {
        let label = String::from_utf8_lossy(&column.label);
        let column = label.trim_matches(|c| matches!(c, '"' | ':')).to_owned();
        EncodeError::Value {
            table: self.table_id.clone(),
            column,
        }
    }
}

impl Work {
    /// Writes the new row and its key; untouched values come from `old` where it has them.
    pub(super) fn new_row<'d>(
        &mut self,
        plan: &RelationPlan,
        row: impl Iterator<Item = Datum<'d>> + Clone,
        old: Option<Tuple<'d>>,
        origin: Origin,
    ) -> Result<(), EncodeError> {
        let mut out = std::mem::take(&mut self.after);
        let mut key = std::mem::take(&mut self.new_key);
        let written = match old {
            None => self.row_and_key(plan, row, origin, &mut out, &mut key),
            Some(old) => {
                let row = Patched {
                    new: row,
                    old: Some(old.datums()),
                };
                self.row_and_key(plan, row, origin, &mut out, &mut key)
            }
        };
        (self.after, self.new_key) = (out, key);
        written
    }

    /// Writes the old row and its key.
    pub(super) fn old_row(
        &mut self,
        plan: &RelationPlan,
        row: Tuple<'_>,
    ) -> Result<(), EncodeError> {
        let mut out = std::mem::take(&mut self.before);
        let mut key = std::mem::take(&mut self.old_key);
        let written = self.row_and_key(plan, row.datums(), Origin::Stream, &mut out, &mut key);
        (self.before, self.old_key) = (out, key);
        written
    }

    fn row_and_key<'d>(
        &mut self,
        plan: &RelationPlan,
        row: impl Iterator<Item = Datum<'d>> + Clone,
        origin: Origin,
        out: &mut Vec<u8>,
        key: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.write_key(plan, row.clone(), origin, key)?;
        out.clear();
        out.push(b'{');
        let mut columns = plan.columns.iter();
        let mut count = 0;
        for datum in row {
            count += 1;
            let Some(column) = columns.next() else {
                continue;
            };
            let Some(column) = column else { continue };
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(&column.label);
            value(column, datum, origin, &mut self.scratch, out)
                .map_err(|Malformed| plan.fault(column))?;
        }
        out.push(b'}');
        if count != plan.columns.len() {
            let table = plan.table_id.clone();
            return Err(EncodeError::ColumnCount {
                table,
                row: count,
                plan: plan.columns.len(),
            });
        }
        Ok(())
    }

    /// Writes the key's payload: its columns in key order, whatever their order in the row.
    fn write_key<'d>(
        &mut self,
        plan: &RelationPlan,
        row: impl Iterator<Item = Datum<'d>>,
        origin: Origin,
        key: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        key.clear();
        if !plan.has_key {
            return Ok(());
        }
        self.key_parts.clear();
        self.key_spans.clear();
        self.key_spans.resize(plan.key.len(), 0..0);
        for (index, datum) in row.enumerate().take(plan.key_reach) {
            for (field, span) in plan.key.iter().zip(&mut self.key_spans) {
                if field.index != index {
                    continue;
                }
                let start = self.key_parts.len();
                value(
                    &field.column,
                    datum,
                    origin,
                    &mut self.scratch,
                    &mut self.key_parts,
                )
                .map_err(|Malformed| plan.fault(&field.column))?;
                *span = start..self.key_parts.len();
            }
        }
        key.push(b'{');
        for (field, span) in plan.key.iter().zip(&self.key_spans) {
            if key.len() > 1 {
                key.push(b',');
            }
            key.extend_from_slice(&field.column.label);
            key.extend_from_slice(self.key_parts.get(span.clone()).unwrap_or_default());
        }
        key.extend_from_slice(&plan.key_extra);
        key.push(b'}');
        Ok(())
    }

    /// Makes the new row's key the record's.
    pub(super) fn new_key_to_record(&mut self, plan: &RelationPlan) {
        wrap_key(plan, &self.new_key, &mut self.key);
    }

    /// Makes the old row's key the record's.
    pub(super) fn old_key_to_record(&mut self, plan: &RelationPlan) {
        wrap_key(plan, &self.old_key, &mut self.key);
    }
}

fn wrap_key(plan: &RelationPlan, payload: &[u8], key: &mut Vec<u8>) {
    key.clear();
    key.extend_from_slice(&plan.key_head);
    key.extend_from_slice(payload);
    if plan.key_wrapped {
        key.push(b'}');
    }
}

/// A value that is not in its type's text form.
struct Malformed;

/// Appends one value, or what stands for it.
fn value(
    column: &ColumnPlan,
    datum: Datum<'_>,
    origin: Origin,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let text = match datum {
        Datum::Text(text) => text,
        Datum::Null => {
            out.extend_from_slice(&column.null);
            return Ok(());
        }
        Datum::UnchangedToast => {
            out.extend_from_slice(column.toast.as_ref().unwrap_or(&column.null));
            return Ok(());
        }
        Datum::Binary(_) => return Err(Malformed),
    };
    let start = out.len();
    match column.codec.write(text, origin, scratch, out) {
        Ok(()) => {
            if let Some(mapping) = &column.mapping {
                mapping.apply(text, start, out);
            }
            Ok(())
        }
        Err(Unfit::AsNull) => {
            out.truncate(start);
            out.extend_from_slice(&column.null);
            Ok(())
        }
        Err(Unfit::Malformed) => Err(Malformed),
    }
}

/// A new row whose untouched values are looked up in the old one.
#[derive(Clone)]
struct Patched<N, O> {
    new: N,
    old: Option<O>,
}

impl<'d, N, O> Iterator for Patched<N, O>
where
    N: Iterator<Item = Datum<'d>>,
    O: Iterator<Item = Datum<'d>>,
{
    type Item = Datum<'d>;

    fn next(&mut self) -> Option<Datum<'d>> {
        let new = self.new.next()?;
        let old = self.old.as_mut().and_then(Iterator::next);
        match (new, old) {
            (Datum::UnchangedToast, Some(old @ (Datum::Text(_) | Datum::Binary(_)))) => Some(old),
            (new, _) => Some(new),
        }
    }
}
