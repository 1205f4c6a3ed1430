//! Signals in the stream, and the rows of incremental snapshots that go into it.

use std::time::Duration;

use tokio::sync::mpsc;
use walcast_wire::pgoutput::{Message, Relation};

use super::Reader;
use super::blocking::OnDemand;
use crate::config::{SignalConfig, TableName};
use crate::error::{EngineError, Result};
use crate::incremental::collection::Collection;
use crate::incremental::identity::{Touched, touched};
use crate::incremental::window::Rows;
use crate::incremental::worker::Report;
use crate::incremental::{Incremental, key, watermark};
use crate::notify::Notifier;
use crate::signal::request::{Request, Tables, Unfit, expand};
use crate::signal::{Channel, Signal, row};
use crate::snapshot::copy_text::Row;

/// What a stream needs for signals.
pub(crate) struct Signals {
    pub(crate) config: SignalConfig,
    /// Whether `signal.enabled.channels` holds `source`: rows of the signal table are signals.
    pub(crate) source: bool,
    pub(crate) incremental: Incremental,
    pub(crate) on_demand: OnDemand,
    pub(crate) notifier: Notifier,
    /// Signals of other channels than the signal table.
    pub(crate) waiting: mpsc::Receiver<Signal>,
    /// The signal table's OID, once the stream announced it.
    pub(crate) relation: Option<u32>,
}

impl Signals {
    /// The next signal of another channel.
    pub(super) async fn next(waiting: &mut mpsc::Receiver<Signal>) -> Signal {
        match waiting.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    fn is_table(&self, relation: &Relation<'_>) -> bool {
        let is = |t: &TableName| t.schema == relation.schema && t.name == relation.name;
        self.config.table.as_ref().is_some_and(is)
    }
}

impl Reader<'_> {
    /// A relation was learnt.
    pub(super) fn announced(&mut self, relation: &Relation<'_>) {
        if self.signals.is_table(relation) {
            self.signals.relation = Some(relation.oid);
        }
        if let Some(table) = self.relations.table(relation.oid) {
            self.signals.incremental.announced(table);
        }
    }

    /// The signal that a change of the signal table is.
    pub(super) fn signal_in(&self, message: &Message<'_>) -> Option<Signal> {
        let relation = match message {
            Message::Insert(insert) => insert.relation,
            Message::Delete(delete) => delete.relation,
            _ => return None,
        };
        let is_signal = self.signals.relation == Some(relation);
        let signal = is_signal.then(|| row::read(message, self.signals.config.watermarks))??;
        // The engine's own watermarks count, whatever the channels.
        (self.signals.source || watermark::is_kind(&signal.kind)).then_some(signal)
    }

    /// A change will be emitted: rows of the window at hand that it touches are left out.
    pub(super) fn touches(&mut self, message: &Message<'_>) {
        if !self.signals.incremental.is_open() {
            return;
        }
        match message {
            Message::Insert(insert) => self.touch(insert.relation, message),
            Message::Update(update) => self.touch(update.relation, message),
            Message::Delete(delete) => self.touch(delete.relation, message),
            Message::Truncate(truncate) => {
                truncate
                    .relations()
                    .for_each(|oid| self.touch(oid, message));
            }
            _ => {}
        }
    }

    fn touch(&mut self, relation: u32, message: &Message<'_>) {
        let incremental = &mut self.signals.incremental;
        let Some(xid) = self.cursor.xid() else { return };
        let Some(table) = self.relations.table(relation) else {
            return;
        };
        let touched = match incremental.columns(table) {
            Some(_) if matches!(message, Message::Truncate(_)) => Touched::All,
            Some(columns) => touched(message, columns),
            None => return,
        };
        incremental.changed(relation, xid, touched);
    }

    /// Acts on a signal. One that cannot be understood is left out with a warning.
    pub(super) async fn signal(&mut self, signal: &Signal) -> Result<()> {
        let done = match Request::read(signal) {
            Ok(request) => self.act(signal, request).await?,
            Err(unfit) => Err(unfit),
        };
        if let Err(unfit) = done {
            let Signal { id, kind, data, .. } = signal;
            tracing::warn!(id, kind, data, "the signal is left out: {unfit}");
        }
        self.tell()
    }

    async fn act(&mut self, signal: &Signal, request: Request) -> Result<Result<(), Unfit>> {
        let id = &*signal.id;
        match request {
            Request::Incremental(tables) => return self.execute(signal, &tables).await,
            Request::Blocking(tables) => {
                let captured = self.relations.names().await?;
                if let Err(unfit) = expand(&tables.collections, &captured) {
                    return Ok(Err(unfit));
                }
                tracing::info!(id, tables = ?tables.collections, "a blocking snapshot is asked for");
                self.signals.on_demand.waiting.push(tables);
            }
            Request::Stop { collections } => {
                let left = self.signals.incremental.tables();
                let stopping = match collections.is_empty() {
                    true => left,
                    false => match expand(&collections, &left) {
                        Ok(stopping) => stopping,
                        Err(unfit) => return Ok(Err(unfit)),
                    },
                };
                self.cursor.touch();
                self.signals.incremental.stop(stopping)?;
            }
            Request::Pause => self.signals.incremental.pause(),
            Request::Resume => self.signals.incremental.resume()?,
            Request::Log(message) => self.log(&message),
            Request::WindowOpen => self.signals.incremental.opened(id),
            Request::WindowClose => {
                // The worker reported the chunk before it wrote the watermark.
                while let Some(report) = self.signals.incremental.ready() {
                    self.signals.incremental.take(report)?;
                }
                if self.signals.incremental.closes(id) {
                    self.close_window().await?;
                }
            }
        }
        Ok(Ok(()))
    }

    async fn execute(&mut self, signal: &Signal, tables: &Tables) -> Result<Result<(), Unfit>> {
        let captured = self.relations.names().await?;
        let names = match expand(&tables.collections, &captured) {
            Ok(names) => names,
            Err(unfit) => return Ok(Err(unfit)),
        };
        tracing::info!(
            signal = signal.id,
            ?names,
            surrogate = tables.surrogate,
            "an incremental snapshot is asked for"
        );
        let collection = |id: String| {
            let mut conditions = tables.conditions.iter();
            let condition = conditions.find(|one| one.collection.matches(&id));
            let condition = condition.filter(|one| !one.filter.is_empty());
            Collection {
                condition: condition.map(|one| format!("({})", one.filter)),
                surrogate: tables.surrogate.clone(),
                correlation: Some(signal.id.clone()).filter(|id| !id.is_empty()),
                id,
            }
        };
        let collections = names.into_iter().map(collection).collect();
        // As the definition of a new table does, it waits until a script that asks for it is over.
        let wait = match signal.channel {
            Channel::Source => self.left_to_settle(),
            _ => Duration::ZERO,
        };
        self.cursor.touch();
        let done = self
            .signals
            .incremental
            .execute(&signal.id, collections, wait);
        done.map(Ok)
    }

    fn log(&mut self, message: &str) {
        let mut offset = self.cursor.offset().clone();
        self.describe(&mut offset);
        let text = message.replacen("{}", &offset.to_string(), 1);
        tracing::info!("{text}");
    }

    /// Takes what the reader of chunks tells.
    pub(super) async fn report(&mut self, report: Report) -> Result<()> {
        self.signals.incremental.take(report)?;
        self.cursor.touch();
        if self.window_ends() {
            self.close_window().await?;
        }
        self.tell()
    }

    /// Whether the window at hand ends here: one without watermarks of its own does where the stream
    /// has brought all its query saw.
    pub(super) fn window_ends(&self) -> bool {
        let position = self.cursor.boundary();
        position.is_some_and(|position| self.signals.incremental.ends_at(position))
    }

    /// Ends it.
    pub(super) async fn end_window(&mut self) -> Result<()> {
        self.close_window().await?;
        self.tell()
    }

    /// Emits the rows of the window at hand, and asks for the next chunk.
    async fn close_window(&mut self) -> Result<()> {
        self.tell()?;
        if let Some(rows) = self.signals.incremental.close() {
            let before = self.relations.replace(&rows.table).await?;
            self.emit_rows(&rows).await?;
            if let Some(before) = before {
                self.relations.replace(&before).await?;
            }
            self.signals.incremental.sent(rows.last);
            self.cursor.touch();
        }
        self.signals.incremental.next(Duration::ZERO)
    }

    async fn emit_rows(&mut self, rows: &Rows) -> Result<()> {
        let mut row = Row::default();
        for line in rows.lines() {
            row.parse(line);
            let context = self.cursor.context_beside(self.clock.now_ns());
            let encoder = self.relations.encoder();
            let oid = rows.table.oid;
            let done = encoder.snapshot_row(oid, row.data(), &context, &mut self.batch);
            done.map_err(|e| {
                let table = &rows.table.name;
                EngineError::definite(format!(
                    "a row that the incremental snapshot read of {table} cannot be encoded: {e}"
                ))
                .because(e)
            })?;
            if self.batch.is_full() {
                let sent = key::of(row.data(), &rows.columns.order, &rows.table);
                self.signals.incremental.sent(sent);
                self.cursor.touch();
                // With the publisher gone the run ends by itself, and what is left is read again.
                if !self.hand_on().await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sends the notifications that wait.
    fn tell(&mut self) -> Result<()> {
        for (id, notice) in self.signals.incremental.notices() {
            let encoder = self.relations.encoder();
            let notifier = &mut self.signals.notifier;
            match id {
                Some(id) => notifier.send_as(&id, encoder, &mut self.batch, &notice)?,
                None => notifier.send(encoder, &mut self.batch, &notice)?,
            }
        }
        Ok(())
    }
}
