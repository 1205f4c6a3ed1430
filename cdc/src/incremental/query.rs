//! The queries of a chunk.
//!
//! Rows are read in the order of a key, from behind the last one read, up to the table's greatest
//! key at the start; so rows that are added meanwhile do not keep a snapshot from ending.

use walcast_wire::catalog::Table;
use walcast_wire::config::EncoderConfig;

use super::key::Part;
use crate::postgres::quote::{ident, literal, qualified};

/// Which of a table's columns are used for what: their places in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Chunks follow each other in their order.
    pub(crate) order: Vec<usize>,
    /// They tell a row from all others, so that a change can take its place.
    pub(crate) identity: Vec<usize>,
}

impl Columns {
    /// The surrogate key orders, where one was given, else the table's key; `None` without any.
    ///
    /// A row is told from others by the table's own key where it has one: columns of
    /// `message.key.columns` need not be unique, and Debezium, which goes by them, then loses rows.
    pub(crate) fn of(
        table: &Table,
        surrogate: Option<&str>,
        config: &EncoderConfig,
    ) -> Option<Self> {
        let place = |name: &str| table.columns.iter().position(|column| column.name == name);
        let places = |names: &[&str]| -> Option<Vec<usize>> {
            let found: Vec<_> = names
                .iter()
                .map(|name| place(name))
                .collect::<Option<_>>()?;
            Some(found).filter(|found| !found.is_empty())
        };
        let own: Vec<&str> = table.key.iter().map(String::as_str).collect();
        let configured = || {
            let names: Vec<_> = table.columns.iter().map(|column| &*column.name).collect();
            let id = format!("{}.{}", table.schema, table.name);
            places(&config.message_key_columns.of(&id, &names))
        };
        let key = places(&own).or_else(configured);
        let order = match surrogate {
            Some(name) => places(&[name])?,
            None => key.clone()?,
        };
        let identity = key.unwrap_or_else(|| order.clone());
        Some(Self { order, identity })
    }
}

/// A table that is read in chunks.
pub(crate) struct Shape<'a> {
    pub(crate) table: &'a Table,
    /// The columns that order it.
    pub(crate) order: &'a [usize],
    /// The signal's condition, in parentheses.
    pub(crate) condition: Option<&'a str>,
}

impl Shape<'_> {
    fn names(&self) -> Vec<String> {
        let column = |place: &usize| self.table.columns.get(*place);
        let names = self.order.iter().filter_map(column);
        names.map(|column| ident(&column.name)).collect()
    }

    fn name(&self) -> String {
        qualified(&self.table.schema, &self.table.name)
    }

    /// The greatest key.
    pub(crate) fn maximum(&self) -> String {
        let names = self.names();
        let order: Vec<_> = names.iter().map(|name| format!("{name} DESC")).collect();
        let filter = self.condition.map(|c| format!(" WHERE {c}"));
        format!(
            "SELECT {} FROM {}{} ORDER BY {} LIMIT 1",
            names.join(", "),
            self.name(),
            filter.unwrap_or_default(),
            order.join(", ")
        )
    }

    /// At most `rows` rows behind `position`, up to `maximum`. As in Debezium, the first chunk has
    /// no end of its own.
    pub(crate) fn chunk(&self, position: Option<&[Part]>, maximum: &[Part], rows: u32) -> String {
        let mut filters = Vec::new();
        if let Some(position) = position {
            filters.push(self.behind(position));
            filters.push(self.up_to(maximum));
        }
        filters.extend(self.condition.map(str::to_owned));
        let filter = match filters.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", filters.join(" AND ")),
        };
        let columns: Vec<_> = self.table.columns.iter().map(|c| ident(&c.name)).collect();
        format!(
            "SELECT {} FROM {}{filter} ORDER BY {} LIMIT {rows}",
            columns.join(", "),
            self.name(),
            self.names().join(", ")
        )
    }

    fn has_nulls(&self) -> bool {
        let column = |place: &usize| self.table.columns.get(*place);
        let mut columns = self.order.iter().filter_map(column);
        columns.any(|column| !column.not_null)
    }

    fn behind(&self, key: &[Part]) -> String {
        match self.has_nulls() {
            true => self.behind_with_nulls(key),
            false => self.compared(">", key),
        }
    }

    fn up_to(&self, key: &[Part]) -> String {
        match self.has_nulls() {
            true => format!("NOT {}", self.behind_with_nulls(key)),
            false => self.compared("<=", key),
        }
    }

    /// A comparison of whole rows, which an index on the columns serves.
    fn compared(&self, operator: &str, key: &[Part]) -> String {
        let values: Vec<_> = key.iter().map(value).collect();
        let names = self.names();
        match (&*names, &*values) {
            ([name], [value]) => format!("{name} {operator} {value}"),
            _ => format!(
                "ROW({}) {operator} ROW({})",
                names.join(", "),
                values.join(", ")
            ),
        }
    }

    /// The same where columns may be null, which sort last: column by column.
    fn behind_with_nulls(&self, key: &[Part]) -> String {
        let names = self.names();
        let columns: Vec<_> = names.iter().zip(key).collect();
        let mut ways = Vec::new();
        for (place, (name, part)) in columns.iter().enumerate() {
            let equal = |(name, part): &(&String, &Part)| match part {
                Part::Null => format!("{name} IS NULL"),
                part => format!("{name} = {}", value(part)),
            };
            let mut way: Vec<_> = columns.iter().take(place).map(equal).collect();
            way.push(match part {
                Part::Null => "FALSE".to_owned(),
                part => format!("({name} > {} OR {name} IS NULL)", value(part)),
            });
            ways.push(format!("({})", way.join(" AND ")));
        }
        format!("({})", ways.join(" OR "))
    }
}

fn value(part: &Part) -> String {
    let text = part.text();
    text.map_or_else(|| "NULL".to_owned(), |text| literal(&text))
}

#[cfg(test)]
mod tests {
    use walcast_wire::catalog::Column;
    use walcast_wire::filter::KeyColumns;

    use super::*;

    fn table(key: &[&str], nullable: &[&str]) -> Table {
        let column = |name: &str| Column {
            name: name.into(),
            not_null: !nullable.contains(&name),
            ..Column::default()
        };
        Table {
            schema: "public".into(),
            name: "t".into(),
            columns: ["id", "k", "v"].map(column).into(),
            key: key.iter().map(|&name| name.into()).collect(),
            ..Table::default()
        }
    }

    fn shape<'a>(table: &'a Table, order: &'a [usize], condition: Option<&'a str>) -> Shape<'a> {
        Shape {
            table,
            order,
            condition,
        }
    }

    #[test]
    fn one_column_is_compared_by_itself() {
        let table = table(&["id"], &[]);
        let shape = shape(&table, &[0], Some("(v > 5 OR TRUE)"));
        assert_eq!(
            shape.maximum(),
            r#"SELECT "id" FROM "public"."t" WHERE (v > 5 OR TRUE) ORDER BY "id" DESC LIMIT 1"#
        );
        let last = [Part::Integer(9)];
        assert_eq!(
            shape.chunk(None, &last, 3),
            r#"SELECT "id", "k", "v" FROM "public"."t" WHERE (v > 5 OR TRUE) ORDER BY "id" LIMIT 3"#
        );
        assert_eq!(
            shape.chunk(Some(&[Part::Integer(3)]), &last, 3),
            r#"SELECT "id", "k", "v" FROM "public"."t" WHERE "id" > '3' AND "id" <= '9' AND (v > 5 OR TRUE) ORDER BY "id" LIMIT 3"#
        );
    }

    #[test]
    fn several_columns_are_compared_as_a_row() {
        let table = table(&["k", "id"], &[]);
        let shape = shape(&table, &[1, 0], None);
        let key = [Part::Text("it's".into()), Part::Integer(3)];
        assert_eq!(
            shape.chunk(Some(&key), &key, 3),
            r#"SELECT "id", "k", "v" FROM "public"."t" WHERE ROW("k", "id") > ROW('it''s', '3') AND ROW("k", "id") <= ROW('it''s', '3') ORDER BY "k", "id" LIMIT 3"#
        );
    }

    #[test]
    fn nulls_sort_last() {
        let table = table(&["k", "v"], &["v"]);
        let shape = shape(&table, &[1, 2], None);
        let key = [Part::Text("a".into()), Part::Null];
        let sql = shape.chunk(Some(&key), &[Part::Text("z".into()), Part::Integer(1)], 3);
        assert!(
            sql.contains(
                r#"WHERE ((("k" > 'a' OR "k" IS NULL)) OR ("k" = 'a' AND FALSE)) AND NOT ((("k" > 'z' OR "k" IS NULL)) OR ("k" = 'z' AND ("v" > '1' OR "v" IS NULL)))"#
            ),
            "{sql}"
        );
    }

    #[test]
    fn a_row_is_told_by_its_own_key() {
        let check =
            |key: &[&str], surrogate, rules: &str, expected: Option<(&[usize], &[usize])>| {
                let config = EncoderConfig {
                    message_key_columns: KeyColumns::new(rules).unwrap(),
                    ..EncoderConfig::default()
                };
                let found = Columns::of(&table(key, &[]), surrogate, &config);
                let expected = expected.map(|(order, identity)| Columns {
                    order: order.to_vec(),
                    identity: identity.to_vec(),
                });
                assert_eq!(found, expected, "{key:?} {surrogate:?} {rules}");
            };
        check(&["k", "id"], None, "", Some((&[1, 0], &[1, 0])));
        check(&["id"], Some("v"), "", Some((&[2], &[0])));
        check(&[], Some("v"), "", Some((&[2], &[2])));
        check(&[], None, "", None);
        check(&["id"], Some("none"), "", None);
        check(&["id"], None, "public.t:v", Some((&[0], &[0])));
        check(&[], None, "public.t:v", Some((&[2], &[2])));
    }
}
