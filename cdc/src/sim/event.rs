//! What a record tells: enough of it to tell each change from every other.

use serde::Deserialize;

use super::pgoutput::NAMES;
use crate::batch::Published;

/// A record that must come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Event {
    /// The topic, without its prefix.
    pub(super) topic: String,
    pub(super) kind: Kind,
    pub(super) xid: Option<u64>,
    pub(super) lsn: u64,
    /// The row's key; 0 for what is no row.
    pub(super) id: i64,
    /// The row's value, where the record has it.
    pub(super) value: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Create,
    Update,
    Delete,
    /// Comes after the delete that is the same but for this.
    Tombstone,
    Message,
    /// Of the transaction's metadata.
    Begin,
    End,
}

pub(super) const PREFIX: &str = "sim.";
pub(super) const MESSAGES: &str = "message";
pub(super) const TRANSACTIONS: &str = "transaction";

#[derive(Deserialize)]
struct Envelope {
    before: Option<RowPart>,
    after: Option<RowPart>,
    source: Source,
    op: String,
}

#[derive(Deserialize)]
struct RowPart {
    id: i64,
    v: Option<i64>,
}

#[derive(Deserialize)]
struct Source {
    lsn: u64,
    #[serde(rename = "txId")]
    xid: Option<u64>,
}

#[derive(Deserialize)]
struct Boundary {
    status: String,
    id: String,
}

impl Event {
    /// A record of a row.
    pub(super) fn row(
        table: usize,
        kind: Kind,
        (xid, lsn): (u32, u64),
        (id, value): (i64, Option<i64>),
    ) -> Self {
        Self {
            topic: format!("public.{}", NAMES[table]),
            kind,
            xid: Some(xid.into()),
            lsn,
            id,
            value,
        }
    }

    /// A record of a transaction's metadata.
    pub(super) fn boundary(kind: Kind, xid: u32) -> Self {
        Self {
            topic: TRANSACTIONS.to_owned(),
            kind,
            xid: Some(xid.into()),
            lsn: 0,
            id: 0,
            value: None,
        }
    }

    pub(super) fn message(lsn: u64) -> Self {
        Self {
            topic: MESSAGES.to_owned(),
            kind: Kind::Message,
            xid: None,
            lsn,
            id: 0,
            value: None,
        }
    }

    pub(super) fn tombstone(&self) -> Self {
        Self {
            kind: Kind::Tombstone,
            value: None,
            ..self.clone()
        }
    }

    /// Reads a record that comes after `before`; none for a heartbeat.
    pub(super) fn read(
        record: &Published<'_>,
        before: Option<&Self>,
    ) -> Result<Option<Self>, String> {
        let Some(topic) = record.topic().strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let Some(value) = record.value() else {
            let before = before.ok_or("a tombstone has nothing before it")?;
            return Ok(Some(before.tombstone()));
        };
        let text = || format!("{topic}: {}", String::from_utf8_lossy(value));
        if topic == TRANSACTIONS {
            let told: Boundary =
                serde_json::from_slice(value).map_err(|e| format!("{e}: {}", text()))?;
            let xid = told.id.split(':').next().and_then(|xid| xid.parse().ok());
            let kind = match &*told.status {
                "BEGIN" => Kind::Begin,
                _ => Kind::End,
            };
            return Ok(Some(Self::boundary(kind, xid.ok_or_else(text)?)));
        }
        let told: Envelope =
            serde_json::from_slice(value).map_err(|e| format!("{e}: {}", text()))?;
        if topic == MESSAGES {
            return Ok(Some(Self::message(told.source.lsn)));
        }
        let kind = match &*told.op {
            "c" => Kind::Create,
            "u" => Kind::Update,
            _ => Kind::Delete,
        };
        let row = told.after.or(told.before).ok_or_else(text)?;
        Ok(Some(Self {
            topic: topic.to_owned(),
            kind,
            xid: told.source.xid,
            lsn: told.source.lsn,
            id: row.id,
            value: row.v,
        }))
    }
}
