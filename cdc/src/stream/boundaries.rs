//! What is no change of a row: where transactions begin and end, logical messages, heartbeats.

use walcast_wire::connect_offset::Offset;
use walcast_wire::encoder::{EncodeError, Encoder, Outcome};
use walcast_wire::lsn::Lsn;
use walcast_wire::pgoutput::{LogicalMessage, Message};

use super::Reader;
use crate::checkpoint::MESSAGE;
use crate::error::{EngineError, Result};
use crate::guard::message::PREFIX as HEARTBEAT_PREFIX;

/// How Debezium names the offset's counts of a transaction that is not complete.
const COUNTS: &str = "transaction_data_collection_order_";

/// Says in `offset` how much of an open transaction was told, as Debezium does.
pub(super) fn describe(encoder: &Encoder, offset: &mut Offset) {
    offset.transaction_id = None;
    offset.extra.retain(|name, _| !name.starts_with(COUNTS));
    if let Some((xid, tables)) = encoder.open_transaction() {
        offset.transaction_id = Some(xid.to_string());
        for (table, events) in tables {
            let count = (*events).into();
            offset.extra.insert(format!("{COUNTS}{table}"), count);
        }
    }
}

/// Goes on with the counts of the transaction that `offset` stands in.
pub(crate) fn restore(encoder: &mut Encoder, offset: &Offset) {
    let xid = offset.transaction_id.as_deref();
    let Some(xid) = xid.and_then(|text| text.parse().ok()) else {
        return;
    };
    let counts = offset
        .extra
        .iter()
        .filter_map(|(name, count)| Some((name.strip_prefix(COUNTS)?.to_owned(), count.as_u64()?)));
    encoder.restore_transaction(xid, counts);
}

impl Reader<'_> {
    /// A transaction begins. Its record waits for the first LSN in it, which Debezium shows.
    pub(super) fn begin(&mut self) {
        let told = self.relations.encoder().has_transaction_metadata();
        self.begin_waits = told && !self.cursor.is_dropping();
    }

    /// Emits the `BEGIN` that waits, if one does.
    pub(super) fn tell_begin(&mut self, lsn: Lsn) -> Result<()> {
        if !std::mem::take(&mut self.begin_waits) {
            return Ok(());
        }
        let context = self.cursor.context_at(lsn, self.now_ns);
        let encoder = self.relations.encoder();
        let begun = encoder.begin_transaction(&context, &mut self.batch);
        if begun.map_err(|e| refused("BEGIN", lsn, e))?.records > 0 {
            self.cursor.tell();
        }
        Ok(())
    }

    /// Emits the `END` of the current transaction, whose commit ends at `end`.
    pub(super) fn end(&mut self, end: Lsn) -> Result<()> {
        self.tell_begin(end)?;
        if self.cursor.is_dropping() {
            return Ok(());
        }
        let context = self.cursor.context_at(end, self.now_ns);
        let encoder = self.relations.encoder();
        let ended = encoder.end_transaction(&context, &mut self.batch);
        ended.map(|_| ()).map_err(|e| refused("END", end, e))
    }

    /// A message of `pg_logical_emit_message`.
    pub(super) fn logical_message(&mut self, message: &LogicalMessage<'_>) -> Result<()> {
        let lsn = message.lsn;
        if message.prefix == HEARTBEAT_PREFIX {
            // The guard's own, whatever the lists of prefixes say: it only moves the slot.
            if !message.transactional {
                self.cursor.keepalive(lsn);
            }
            return Ok(());
        }
        if message.transactional {
            self.tell_begin(lsn)?;
            if self.cursor.change(lsn) {
                return Ok(());
            }
            let outcome = self.encode(&Message::Message(*message));
            return self.emitted(lsn, MESSAGE, outcome);
        }
        if self.cursor.message_outside(lsn) {
            return Ok(());
        }
        let outcome = self.encode_outside(message).map_err(|e| {
            EngineError::definite(format!("a message at {lsn} cannot be encoded: {e}")).because(e)
        })?;
        if outcome.records > 0 {
            self.cursor.message_emitted(lsn);
            self.streamed = true;
        }
        self.changes.count(outcome.records > 0);
        Ok(())
    }

    fn encode_outside(&mut self, message: &LogicalMessage<'_>) -> Result<Outcome, EncodeError> {
        let context = self.cursor.context_at(message.lsn, self.now_ns);
        let encoder = self.relations.encoder();
        encoder.change(&Message::Message(*message), &context, &mut self.batch)
    }

    /// Emits a heartbeat when one is due.
    pub(super) fn beat(&mut self) -> Result<()> {
        let due = self.heartbeat.as_mut().is_some_and(|beat| beat.take_due());
        if due {
            let now = self.clock.now_ns();
            let encoder = self.relations.encoder();
            let beaten = encoder.heartbeat(now, &mut self.batch);
            beaten.map_err(|e| {
                EngineError::definite(format!("a heartbeat cannot be emitted: {e}")).because(e)
            })?;
            self.cursor.tell();
        }
        Ok(())
    }
}

fn refused(what: &str, lsn: Lsn, error: EncodeError) -> EngineError {
    EngineError::definite(format!(
        "the {what} record of the transaction at {lsn} cannot be emitted: {error}"
    ))
    .because(error)
}

#[cfg(test)]
mod tests {
    use walcast_wire::config::EncoderConfig;

    use super::*;

    #[test]
    fn an_open_transaction_survives_a_restart() {
        let config = || EncoderConfig {
            transaction_topic: Some("p.transaction".into()),
            ..EncoderConfig::default()
        };
        let json = br#"{"lsn":6,"transaction_id":"5","transaction_data_collection_order_a.b":2}"#;
        let stored = Offset::parse(json).unwrap();
        let mut encoder = Encoder::new(config());
        restore(&mut encoder, &stored);
        assert_eq!(
            encoder.open_transaction(),
            Some((5, &[("a.b".to_owned(), 2)][..]))
        );
        let mut again = Offset {
            lsn: Some(6),
            ..Offset::default()
        };
        describe(&encoder, &mut again);
        assert_eq!(again, stored);
        describe(&Encoder::new(config()), &mut again);
        assert_eq!(again.to_json(), br#"{"lsn":6}"#);
    }
}
