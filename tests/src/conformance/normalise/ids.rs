//! LSNs, transaction ids and run ids of a run, and their order.
//!
//! A first pass over all records collects them; a second one replaces each by its rank.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use super::SLACK_MS;
use super::scalar::Shape;

/// Whose LSN it is. Each kind is ranked for itself, since only changes are at the same places of the
/// log in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    /// A streamed change.
    Change,
    /// A snapshot's record.
    Snapshot,
    /// The commit that `sequence` names first.
    Commit,
    /// A transaction's end.
    End,
    /// A message outside of transactions.
    Message,
}

/// How many kinds of [`Log`] there are.
const LOGS: usize = 5;

/// What a pass does with what it meets.
pub(super) enum Pass<'a> {
    /// Collects it.
    Survey(&'a mut Survey),
    /// Gives its placeholder.
    Mask(&'a Ranks),
}

/// All ids of a run.
#[derive(Debug, Default)]
pub(super) struct Survey {
    lsns: [BTreeSet<i128>; LOGS],
    tx_ids: BTreeSet<i128>,
    run_ids: BTreeSet<String>,
}

/// The same, sorted.
#[derive(Debug)]
pub(super) struct Ranks {
    lsns: [Vec<i128>; LOGS],
    tx_ids: Vec<i128>,
    run_ids: Vec<String>,
    /// The times that lie in the run, in milliseconds since 1970.
    window: [i64; 2],
}

impl Log {
    fn name(self) -> &'static str {
        match self {
            Self::Change => "lsn",
            Self::Snapshot => "snaplsn",
            Self::Commit => "commitlsn",
            Self::End => "endlsn",
            Self::Message => "msglsn",
        }
    }
}

impl Ranks {
    pub(super) fn new(survey: Survey, window: [i64; 2]) -> Self {
        Self {
            lsns: survey.lsns.map(|lsns| lsns.into_iter().collect()),
            tx_ids: survey.tx_ids.into_iter().collect(),
            run_ids: survey.run_ids.into_iter().collect(),
            window: [window[0] - SLACK_MS, window[1] + SLACK_MS],
        }
    }

    /// Whether an instant lies in the run.
    pub(super) fn holds(&self, milliseconds: i128) -> bool {
        let [begin, end] = self.window.map(i128::from);
        (begin..=end).contains(&milliseconds)
    }
}

impl Pass<'_> {
    /// The placeholder of an LSN; `None` while surveying, as in the other functions.
    pub(super) fn lsn(&mut self, log: Log, lsn: i128, shape: Shape) -> Option<String> {
        match self {
            Self::Survey(survey) => {
                survey.lsns[log as usize].insert(lsn);
                None
            }
            Self::Mask(ranks) => {
                let own = rank(&ranks.lsns[log as usize], &lsn);
                let place = match log {
                    Log::Change => String::new(),
                    _ => format!("@{}", rank(&ranks.lsns[Log::Change as usize], &lsn)),
                };
                Some(format!("<{}:{shape}#{own}{place}>", log.name()))
            }
        }
    }

    /// The placeholder of a transaction id.
    pub(super) fn tx_id(&mut self, id: i128, shape: Shape) -> Option<String> {
        match self {
            Self::Survey(survey) => {
                survey.tx_ids.insert(id);
                None
            }
            Self::Mask(ranks) => Some(format!("<txid:{shape}#{}>", rank(&ranks.tx_ids, &id))),
        }
    }

    /// The placeholder of a run id that was made at an instant.
    pub(super) fn run_id(&mut self, id: &str, milliseconds: i128) -> Option<String> {
        match self {
            Self::Survey(survey) => {
                survey.run_ids.insert(id.to_owned());
                None
            }
            Self::Mask(ranks) => {
                let rank = rank(&ranks.run_ids, id);
                let flaw = outside(ranks, milliseconds);
                Some(format!("<runid:uuid7#{rank}{flaw}>"))
            }
        }
    }

    /// What is wrong with an instant; `None` while surveying.
    pub(super) fn time_flaw(&self, milliseconds: i128) -> Option<&'static str> {
        match self {
            Self::Survey(_) => None,
            Self::Mask(ranks) => Some(outside(ranks, milliseconds)),
        }
    }

    /// A placeholder that is the same for all.
    pub(super) fn constant(&self, placeholder: String) -> Option<String> {
        match self {
            Self::Survey(_) => None,
            Self::Mask(_) => Some(placeholder),
        }
    }
}

fn outside(ranks: &Ranks, milliseconds: i128) -> &'static str {
    if ranks.holds(milliseconds) {
        ""
    } else {
        "!outside run window"
    }
}

/// How many are smaller.
fn rank<T, Q>(sorted: &[T], value: &Q) -> usize
where
    T: Borrow<Q>,
    Q: Ord + ?Sized,
{
    sorted.partition_point(|other| other.borrow() < value)
}
