//! JSON Lines on standard output: one object per record, for `walcast cdc --publish stdout`.
//!
//! Key and value appear as the JSON they are; the checkpoint is kept in a file, written atomically
//! after the lines it covers were flushed.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use walcast_wire::connect_offset::Offset;

use super::{Durable, Publisher, Wiring};
use crate::batch::{Batch, Published};
use crate::error::{EngineError, Result};
use crate::postgres::server::System;
use crate::progress::Stage;

/// Publishes to standard output.
pub(crate) struct Stdout {
    file: PathBuf,
    /// The system that the offsets are of, until it stands beside them.
    system: Option<System>,
    line: Vec<u8>,
}

/// Reads the offset file; `None` when it does not exist.
pub(crate) fn load(file: &Path) -> Result<Option<Offset>> {
    let cure = "remove it to start anew";
    match std::fs::read(file) {
        Ok(text) => Offset::parse(&text).map(Some).map_err(|e| {
            EngineError::definite(format!("{} holds no offset; {cure}", file.display())).because(e)
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(EngineError::definite(format!("cannot read {}", file.display())).because(e)),
    }
}

/// Reads which system the offset is of, from the file beside it; `None` when that does not exist.
pub(crate) fn load_system(file: &Path) -> Result<Option<System>> {
    let file = beside(file);
    match std::fs::read_to_string(&file) {
        Ok(text) => text.trim().parse().map(Some).map_err(|e| {
            EngineError::definite(format!("{} cannot be read; remove it", file.display()))
                .because(e)
        }),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(EngineError::definite(format!("cannot read {}", file.display())).because(e)),
    }
}

/// The offset stays as Debezium writes it, so its system has a file of its own.
fn beside(file: &Path) -> PathBuf {
    file.with_extension("system")
}

impl Stdout {
    /// Keeps offsets of `system` in `file`.
    pub(crate) fn new(file: PathBuf, system: Option<System>) -> Self {
        Self {
            file,
            system,
            line: Vec::new(),
        }
    }

    async fn run_on(mut self, mut wiring: Wiring) -> Result<()> {
        while let Some(batch) = wiring.input.recv().await {
            self.write(&batch)
                .map_err(|e| EngineError::definite("cannot write to standard output").because(e))?;
            wiring.chain.advance(Stage::Published, batch.seq)?;
            wiring.chain.advance(Stage::Acked, batch.seq)?;
            wiring.metrics.published(batch.len(), batch.bytes());
            if batch.commit_us != 0 {
                wiring.metrics.acked(batch.commit_us);
            }
            if let Some(mark) = &batch.mark {
                self.store(&mark.offset)?;
                wiring.chain.advance(Stage::Checkpointed, batch.seq)?;
                wiring.durable.send_replace(Durable {
                    seq: batch.seq,
                    confirm: mark.confirm,
                });
            }
        }
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for record in batch.iter() {
            self.line.clear();
            render(&record, &mut self.line)?;
            out.write_all(&self.line)?;
        }
        out.flush()
    }

    fn store(&mut self, offset: &Offset) -> Result<()> {
        let text = offset.to_json();
        let part = self.file.with_extension("part");
        let place = |text: &[u8], file: &Path| {
            std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, file))
        };
        let mut written = place(&text, &self.file);
        if let (Ok(()), Some(system)) = (&written, self.system) {
            written = place(system.to_string().as_bytes(), &beside(&self.file));
            self.system = None;
        }
        written.map_err(|e| {
            EngineError::definite(format!(
                "cannot write {}; check its folder",
                self.file.display()
            ))
            .because(e)
        })
    }
}

fn render(record: &Published<'_>, line: &mut Vec<u8>) -> io::Result<()> {
    line.extend_from_slice(b"{\"topic\":");
    serde_json::to_writer(&mut *line, &**record.topic())?;
    for (name, number) in [
        ("partition", record.partition().map(i64::from)),
        ("timestamp", record.timestamp()),
    ] {
        if let Some(number) = number {
            write!(line, ",\"{name}\":{number}")?;
        }
    }
    line.extend_from_slice(b",\"key\":");
    part(record.key(), line)?;
    line.extend_from_slice(b",\"value\":");
    part(record.value(), line)?;
    line.extend_from_slice(b",\"headers\":[");
    for (index, (name, value)) in record.headers().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        let value = value.map(String::from_utf8_lossy);
        serde_json::to_writer(&mut *line, &(name, value))?;
    }
    line.extend_from_slice(b"]}\n");
    Ok(())
}

/// A key or value: JSON as it is, anything else (a converter may write text or bytes) as a string.
fn part(bytes: Option<&[u8]>, line: &mut Vec<u8>) -> io::Result<()> {
    let bytes = bytes.unwrap_or(b"null");
    if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
        line.extend_from_slice(bytes);
        return Ok(());
    }
    serde_json::to_writer(line, &String::from_utf8_lossy(bytes))?;
    Ok(())
}

impl Publisher for Stdout {
    fn run(
        self: Box<Self>,
        wiring: Wiring,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>> {
        Box::pin(self.run_on(wiring))
    }
}
