//! Which lane has which table, or which rows of it.

use std::collections::BTreeMap;

use super::split::{self, Candidate};
use crate::config::{ConnectorConfig, SlotsConfig, Split};
use crate::error::Result;
use crate::postgres::catalog::{self, CapturedTable};
use crate::postgres::connect::Session;
use crate::postgres::fault;

/// A table by schema and name.
pub(super) type TableId = (String, String);

/// The tables of a publication, each with its row filter.
pub(super) type Published = BTreeMap<TableId, Option<String>>;

/// The oldest version whose publications have row filters.
const ROW_FILTERS_SINCE: i32 = 15;

const TREES: &str = "select c.oid, c.relispartition, \
    coalesce(pg_catalog.pg_partition_root(c.oid)::oid, c.oid) \
    from pg_catalog.pg_class c where c.oid = any($1)";

/// `$2` is whether old rows are looked at: then a filter may use only what they hold.
const CANDIDATES: &str = "select a.attname::text, a.atttypid, a.attcollation, a.attnotnull, \
    a.attgenerated = '' and (not $2 or case c.relreplident when 'f' then true when 'n' then false else \
      exists (select from pg_catalog.pg_index i where i.indrelid = c.oid \
        and case c.relreplident when 'i' then i.indisreplident else i.indisprimary end \
        and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])) end) \
    from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid \
    where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped";

/// What of a table is where.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// All of it in one lane.
    Whole(u32),
    /// Its rows in all lanes, by this hash.
    Rows(String),
}

/// A table's place in a tree of partitions.
struct Tree {
    is_partition: bool,
    /// The tree's root; the table itself where it has none.
    root: u32,
}

/// Places the captured tables: what each lane's publication is to hold. `present` is what they hold
/// now; `None` for one that does not exist. `old_rows` is whether one publishes updates or deletes.
///
/// # Errors
/// When the catalog cannot be read.
pub(super) async fn place(
    session: &Session,
    config: &ConnectorConfig,
    captured: &[CapturedTable],
    present: &[Option<Published>],
    old_rows: bool,
) -> Result<Vec<Published>> {
    let trees = trees(session, captured).await?;
    let mut places = Vec::with_capacity(captured.len());
    match config.slots.split {
        Split::Tables => {
            let lanes = spread(captured, &trees, present);
            places.extend(lanes.into_iter().map(Place::Whole));
        }
        Split::Rows => {
            for table in captured {
                let tree = trees.get(&table.oid);
                places.push(rows(session, config, table, tree, old_rows).await?);
            }
        }
    }
    let lanes = 0..config.slots.count;
    let of_lane = |number| published(captured, &places, number, config.slots.count);
    Ok(lanes.map(of_lane).collect())
}

/// What lane `number` has.
fn published(captured: &[CapturedTable], places: &[Place], number: u32, count: u32) -> Published {
    let placed = captured.iter().zip(places);
    let entry = |(table, place): (&CapturedTable, &Place)| {
        let filter = match place {
            Place::Whole(lane) => (*lane == number).then_some(None)?,
            Place::Rows(hash) => Some(split::filter(hash, number, count)),
        };
        Some(((table.schema.clone(), table.name.clone()), filter))
    };
    placed.filter_map(entry).collect()
}

async fn trees(session: &Session, captured: &[CapturedTable]) -> Result<BTreeMap<u32, Tree>> {
    let oids: Vec<u32> = captured.iter().map(|table| table.oid).collect();
    let rows = session
        .query(TREES, &[&oids])
        .await
        .map_err(|e| fault::sql("reading which tables are partitions", e))?;
    let tree = |row: &tokio_postgres::Row| {
        let (is_partition, root) = (row.get(1), row.get(2));
        (row.get(0), Tree { is_partition, root })
    };
    Ok(rows.iter().map(tree).collect())
}

/// The place of a table whose rows may be split. Without `publish.via.partition.root` a filter cannot
/// stand at a partitioned table, and partitions that are made later would have none.
async fn rows(
    session: &Session,
    config: &ConnectorConfig,
    table: &CapturedTable,
    tree: Option<&Tree>,
    old_rows: bool,
) -> Result<Place> {
    let whole = Place::Whole(0);
    let via_root = config.publication.via_partition_root;
    if tree.is_none_or(|tree| tree.is_partition) || table.partitioned && !via_root {
        return Ok(whole);
    }
    let Some(facts) = catalog::table(session, table.oid).await? else {
        return Ok(whole);
    };
    let rows = session
        .query(CANDIDATES, &[&table.oid, &old_rows])
        .await
        .map_err(|e| fault::sql("reading a table's key", e))?;
    let candidate = |row: &tokio_postgres::Row| Candidate {
        name: row.get(0),
        type_oid: row.get(1),
        collation: row.get(2),
        not_null: row.get(3),
        usable: row.get(4),
    };
    let candidates: Vec<_> = rows.iter().map(candidate).collect();
    let id = table.id();
    let key = config.encoder.message_key_columns.names(&id, &facts);
    Ok(match split::hash(&key, &candidates) {
        Some(hash) => Place::Rows(hash),
        None => {
            tracing::warn!(
                table = id,
                "no column of the key of this table's records can be split by: it has a type without a hash, or is not in the replica identity. The whole table comes by the first slot"
            );
            whole
        }
    })
}

/// Spreads whole tables: a table stays where it is, and a new one goes to the lane that has the
/// fewest. All tables of one partition tree stay together, since a publication of one has them all.
fn spread(
    captured: &[CapturedTable],
    trees: &BTreeMap<u32, Tree>,
    present: &[Option<Published>],
) -> Vec<u32> {
    let root = |table: &CapturedTable| trees.get(&table.oid).map_or(table.oid, |tree| tree.root);
    let held = |table: &CapturedTable| {
        let id = (table.schema.clone(), table.name.clone());
        let holds = |lane: &Option<Published>| lane.as_ref().is_some_and(|l| l.contains_key(&id));
        present.iter().position(holds)
    };
    let mut lanes: BTreeMap<u32, usize> = BTreeMap::new();
    let mut filled = vec![0usize; present.len()];
    for table in captured {
        if let (Some(lane), false) = (held(table), lanes.contains_key(&root(table))) {
            lanes.insert(root(table), lane);
            filled[lane] += 1;
        }
    }
    let lane_of = |table: &CapturedTable| {
        let fewest = (0..filled.len()).min_by_key(|lane| filled[*lane]);
        let lane = *lanes.entry(root(table)).or_insert_with(|| {
            let lane = fewest.unwrap_or(0);
            filled[lane] += 1;
            lane
        });
        u32::try_from(lane).unwrap_or(0)
    };
    captured.iter().map(lane_of).collect()
}

/// Whether publications of the server have row filters.
pub(super) const fn has_row_filters(version: i32) -> bool {
    version >= ROW_FILTERS_SINCE
}

/// Why the server cannot split tables as configured.
pub(crate) fn unsupported(slots: SlotsConfig, version: i32) -> Option<String> {
    let splits_rows = slots.count > 1 && slots.split == Split::Rows;
    (splits_rows && !has_row_filters(version)).then(|| {
        format!(
            "walcast.slots.split=rows needs the row filters of PostgreSQL {ROW_FILTERS_SINCE} or later, and this is {version}: set walcast.slots.split=tables, or walcast.slots.count=1"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(oid: u32, name: &str) -> CapturedTable {
        CapturedTable {
            oid,
            schema: "s".into(),
            name: name.into(),
            partitioned: false,
        }
    }

    fn holds(names: &[&str]) -> Option<Published> {
        let id = |name: &&str| (("s".to_owned(), (*name).to_owned()), None);
        Some(names.iter().map(id).collect())
    }

    fn trees(of: &[(u32, u32)]) -> BTreeMap<u32, Tree> {
        let tree = |(oid, root): &(u32, u32)| {
            let is_partition = oid != root;
            (
                *oid,
                Tree {
                    is_partition,
                    root: *root,
                },
            )
        };
        of.iter().map(tree).collect()
    }

    #[test]
    fn tables_are_spread_evenly_and_trees_stay_together() {
        let captured = [table(1, "a"), table(2, "b"), table(3, "b_1"), table(4, "c")];
        let trees = trees(&[(1, 1), (2, 2), (3, 2), (4, 4)]);
        assert_eq!(spread(&captured, &trees, &[None, None]), [0, 1, 1, 0]);
    }

    #[test]
    fn a_table_stays_where_it_is() {
        let captured = [table(1, "a"), table(2, "b"), table(3, "c")];
        let trees = trees(&[(1, 1), (2, 2), (3, 3)]);
        let present = [holds(&[]), holds(&["a", "b"]), None];
        assert_eq!(spread(&captured, &trees, &present), [1, 1, 0]);
    }

    #[test]
    fn a_row_is_in_one_lane() {
        let captured = [table(1, "a"), table(2, "b")];
        let places = [Place::Rows("h".into()), Place::Whole(0)];
        let first = published(&captured, &places, 0, 2);
        let second = published(&captured, &places, 1, 2);
        let id = |name: &str| ("s".to_owned(), name.to_owned());
        assert_eq!(first.get(&id("b")), Some(&None));
        assert_eq!(second.get(&id("b")), None);
        assert_ne!(first.get(&id("a")), second.get(&id("a")));
        assert_eq!((first.len(), second.len()), (2, 1));
    }

    #[test]
    fn rows_need_row_filters() {
        let why = |count, split, version| unsupported(SlotsConfig { count, split }, version);
        assert!(why(2, Split::Rows, 14).is_some_and(|why| why.contains("tables")));
        assert_eq!(why(2, Split::Rows, 15), None);
        assert_eq!(why(2, Split::Tables, 13), None);
        assert_eq!(why(1, Split::Rows, 13), None);
    }
}
