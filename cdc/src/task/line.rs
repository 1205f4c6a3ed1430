//! The line that the lanes of one attempt start from.
//!
//! Lane 0 decides where all begin. When nothing was streamed yet it makes the slots, tells the others
//! the point of its own start, and waits until each has a checkpoint there; so once lane 0 has a
//! checkpoint, all have. They stream when what lane 0 read at that point is durable. Later, each goes
//! on from its own checkpoint.

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use walcast_wire::connect_offset::Offset;

/// What lane 0 has said.
#[derive(Debug, Clone, Default)]
enum Word {
    #[default]
    Wait,
    /// Write this checkpoint, and wait.
    From(Box<Offset>),
    /// Stream.
    Go,
}

/// A lane's place at the line.
pub(super) enum Line {
    /// The connector's only lane.
    Alone,
    First(First),
    Further(Further),
}

/// Lane 0's.
pub(super) struct First {
    word: watch::Sender<Word>,
    ready: mpsc::Receiver<()>,
    others: usize,
}

/// That of another lane.
pub(super) struct Further {
    word: watch::Receiver<Word>,
    ready: mpsc::Sender<()>,
}

/// Where a lane begins.
pub(super) enum Begin {
    /// At its own checkpoint.
    Stored,
    /// There, whatever its checkpoint says.
    At(Box<Offset>),
}

impl Line {
    /// The places of `count` lanes, lane 0 first.
    pub(super) fn draw(count: usize) -> Vec<Self> {
        let others = count.saturating_sub(1);
        if others == 0 {
            return vec![Self::Alone];
        }
        let (ready, all_ready) = mpsc::channel(others);
        let (word, heard) = watch::channel(Word::default());
        let first = Self::First(First {
            word,
            ready: all_ready,
            others,
        });
        let further = || {
            Self::Further(Further {
                word: heard.clone(),
                ready: ready.clone(),
            })
        };
        let all = std::iter::once(first);
        all.chain((0..others).map(|_| further())).collect()
    }

    /// Where this lane begins; `None` when stopped, or lane 0 has ended, before that is known.
    pub(super) async fn begin(&mut self, stop: &CancellationToken) -> Option<Begin> {
        let Self::Further(further) = self else {
            return Some(Begin::Stored);
        };
        let told = further.word.wait_for(|word| !matches!(word, Word::Wait));
        let told = or_stop(told, stop).await?.ok()?;
        Some(match &*told {
            Word::From(offset) => Begin::At(offset.clone()),
            Word::Wait | Word::Go => Begin::Stored,
        })
    }
}

impl First {
    /// Has the others begin at `offset`; whether all have it for a checkpoint.
    pub(super) async fn line_up(&mut self, offset: Offset, stop: &CancellationToken) -> bool {
        self.word.send_replace(Word::From(Box::new(offset)));
        for _ in 0..self.others {
            let ready = or_stop(self.ready.recv(), stop).await;
            if ready.flatten().is_none() {
                return false;
            }
        }
        true
    }

    /// Has the others stream.
    pub(super) fn go(&self) {
        self.word.send_replace(Word::Go);
    }
}

impl Further {
    /// Tells lane 0 that the checkpoint is durable.
    pub(super) async fn ready(&self) {
        // Lane 0 that has ended waits for nobody.
        let _told = self.ready.send(()).await;
    }

    /// Waits for the word to stream; whether it came.
    pub(super) async fn go(&mut self, stop: &CancellationToken) -> bool {
        let told = self.word.wait_for(|word| matches!(word, Word::Go));
        or_stop(told, stop).await.is_some_and(|told| told.is_ok())
    }
}

/// What `waited` brings; `None` when stopped before.
pub(super) async fn or_stop<T>(
    waited: impl Future<Output = T>,
    stop: &CancellationToken,
) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        waited = waited => Some(waited),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> (First, Vec<Line>) {
        let mut lines = Line::draw(3);
        let Line::First(first) = lines.remove(0) else {
            panic!("lane 0 is first");
        };
        (first, lines)
    }

    fn at(lsn: u64) -> Offset {
        Offset {
            lsn: Some(lsn),
            ..Offset::default()
        }
    }

    #[tokio::test]
    async fn nobody_streams_before_all_have_a_checkpoint_and_the_word() {
        let (mut first, mut lines) = three();
        let stop = CancellationToken::new();
        let others = async {
            for line in &mut lines {
                let Some(Begin::At(offset)) = line.begin(&stop).await else {
                    panic!("lane 0 says where");
                };
                assert_eq!(*offset, at(7));
                let Line::Further(further) = line else {
                    panic!("a further lane");
                };
                further.ready().await;
            }
        };
        let (all, ()) = tokio::join!(first.line_up(at(7), &stop), others);
        assert!(all);
        first.go();
        for line in &mut lines {
            let Line::Further(further) = line else {
                panic!("a further lane");
            };
            assert!(further.go(&stop).await);
        }
    }

    #[tokio::test]
    async fn a_lane_goes_on_from_its_own_checkpoint_when_lane_0_does() {
        let (first, mut lines) = three();
        first.go();
        let begun = lines[0].begin(&CancellationToken::new()).await;
        assert!(matches!(begun, Some(Begin::Stored)));
    }

    #[tokio::test]
    async fn a_stop_or_the_end_of_a_lane_ends_the_waiting() {
        let (mut first, mut lines) = three();
        let stop = CancellationToken::new();
        lines.truncate(1);
        let (all, ()) = tokio::join!(first.line_up(at(7), &stop), async { stop.cancel() });
        assert!(!all, "one never was ready");
        let stop = CancellationToken::new();
        drop(lines);
        assert!(!first.line_up(at(7), &stop).await, "the others have ended");
        let (first, mut lines) = three();
        drop(first);
        assert!(lines[0].begin(&stop).await.is_none());
    }

    #[test]
    fn one_lane_has_no_line() {
        assert!(matches!(Line::draw(1)[..], [Line::Alone]));
    }
}
