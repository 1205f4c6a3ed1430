//! Signals from a file: one as JSON on each line.
//!
//! The file is looked at every `signal.poll.interval.ms` and emptied when its signals were handed
//! on; a crash in between takes them again. What is appended meanwhile is taken before it is emptied.

use std::io;
use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Channel, Signal};
use crate::config::FileSignals;

/// A larger file is taken for another one.
const BYTES_MAX: u64 = 1024 * 1024;

/// Reads the file until `closing`, or until nobody takes signals any more.
pub(super) fn spawn(
    tasks: &mut JoinSet<()>,
    config: &FileSignals,
    signals: mpsc::Sender<Signal>,
    closing: CancellationToken,
) {
    tracing::info!(path = %config.path.display(), "reading signals from a file");
    let mut look = tokio::time::interval(config.poll_interval);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut channel = FileChannel::new(config.path.clone(), signals);
    tasks.spawn(async move {
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled() => return,
                _ = look.tick() => {}
            }
            tokio::select! {
                biased;
                () = closing.cancelled() => return,
                () = channel.look() => {}
            }
        }
    });
}

struct FileChannel {
    path: PathBuf,
    signals: mpsc::Sender<Signal>,
    /// Bytes from the file's start that were handed on.
    taken: usize,
    /// The file's length when its last line seemed to be in the making.
    unfinished: Option<usize>,
    /// What was last wrong.
    trouble: String,
}

impl FileChannel {
    fn new(path: PathBuf, signals: mpsc::Sender<Signal>) -> Self {
        Self {
            path,
            signals,
            taken: 0,
            unfinished: None,
            trouble: String::new(),
        }
    }

    /// Takes what there is.
    async fn look(&mut self) {
        let text = match self.take().await {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        if !text.is_empty() && text != self.trouble {
            let path = self.path.display();
            tracing::warn!(%path, error = text, "the file of signals cannot be read and emptied; trying again");
        }
        self.trouble = text;
    }

    async fn take(&mut self) -> io::Result<()> {
        loop {
            let Some(text) = self.read().await? else {
                self.taken = 0;
                return Ok(());
            };
            if text.len() < self.taken {
                self.taken = 0;
            }
            let new = text.get(self.taken..).unwrap_or_default();
            let (lines, rest) = new.split_at(complete(new));
            for line in lines.split(|byte| *byte == b'\n') {
                self.hand_on(line).await?;
            }
            self.taken += lines.len();
            if !rest.is_empty() && self.unfinished.replace(text.len()) != Some(text.len()) {
                return Ok(());
            }
            if !rest.is_empty() {
                self.hand_on(rest).await?;
                self.taken += rest.len();
            }
            self.unfinished = None;
            if self.taken == 0 || self.empty().await? {
                return Ok(());
            }
        }
    }

    /// What is in the file; `None` when there is none.
    async fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let facts = match tokio::fs::metadata(&self.path).await {
            Ok(facts) if facts.is_dir() => return Ok(None),
            Ok(facts) => facts,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if facts.len() > BYTES_MAX {
            return Err(io::Error::other(
                "it is larger than 1 MiB; does signal.file name the right file?",
            ));
        }
        tokio::fs::read(&self.path).await.map(Some)
    }

    async fn hand_on(&self, line: &[u8]) -> io::Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        match Signal::read(line, Channel::File) {
            Ok(signal) => {
                let sent = self.signals.send(signal).await;
                sent.map_err(|_| io::Error::other("the stream has ended"))
            }
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%path, %error, "a line that is no signal is passed over; write {{\"id\":…,\"type\":…,\"data\":{{…}}}}");
                Ok(())
            }
        }
    }

    /// Empties the file, unless it has grown since it was read.
    async fn empty(&mut self) -> io::Result<bool> {
        let mut options = tokio::fs::OpenOptions::new();
        let file = options.write(true).open(&self.path).await?;
        let length = file.metadata().await?.len();
        if usize::try_from(length).ok() != Some(self.taken) {
            return Ok(false);
        }
        file.set_len(0).await?;
        self.taken = 0;
        Ok(true)
    }
}

/// Bytes of whole lines; a last line without its end counts when it is a signal already.
fn complete(text: &[u8]) -> usize {
    let ended = text.iter().rposition(|byte| *byte == b'\n');
    let ended = ended.map_or(0, |place| place + 1);
    let rest = text.get(ended..).unwrap_or_default();
    match Signal::read(rest, Channel::File) {
        Ok(_) => text.len(),
        Err(_) => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct World {
        path: PathBuf,
        channel: FileChannel,
        received: mpsc::Receiver<Signal>,
    }

    impl World {
        fn new() -> Self {
            let name = format!("walcast-signals-{}", uuid::Uuid::now_v7().simple());
            let path = std::env::temp_dir().join(name);
            let (signals, received) = mpsc::channel(8);
            Self {
                channel: FileChannel::new(path.clone(), signals),
                path,
                received,
            }
        }

        fn append(&self, text: &str) {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.append(true).create(true).open(&self.path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        async fn look(&mut self) -> Vec<String> {
            self.channel.look().await;
            assert_eq!(self.channel.trouble, "");
            std::iter::from_fn(|| self.received.try_recv().ok().map(|signal| signal.id)).collect()
        }

        fn left(&self) -> String {
            std::fs::read_to_string(&self.path).unwrap()
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            let _gone = std::fs::remove_file(&self.path);
        }
    }

    const ONE: &str = "{\"id\":\"1\",\"type\":\"t\",\"data\":{}}";

    #[tokio::test]
    async fn lines_are_taken_and_the_file_is_emptied() {
        let mut world = World::new();
        assert!(world.look().await.is_empty(), "no file yet");
        world.append(&format!(
            "{ONE}\n\nnot a signal\n{{\"id\":\"2\",\"type\":\"t\"}}\n"
        ));
        assert_eq!(world.look().await, ["1", "2"]);
        assert_eq!(world.left(), "");
        world.append(ONE);
        assert_eq!(world.look().await, ["1"], "without the line's end");
        assert_eq!(world.left(), "");
        assert!(world.look().await.is_empty());
    }

    #[tokio::test]
    async fn a_line_in_the_making_is_waited_for_once() {
        let mut world = World::new();
        let (head, tail) = ONE.split_at(9);
        world.append(&format!("{ONE}\n{head}"));
        assert_eq!(world.look().await, ["1"]);
        assert_ne!(world.left(), "");
        world.append(&format!("{tail}\n"));
        assert_eq!(world.look().await, ["1"]);
        assert_eq!(world.left(), "");
        world.append(head);
        assert!(world.look().await.is_empty());
        assert!(world.look().await.is_empty());
        assert_eq!(world.left(), "", "what never becomes a line is passed over");
    }
}
