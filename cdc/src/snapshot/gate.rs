//! The order between streams that read at the same time: the first row of the snapshot comes before
//! all others, the first row of a table before the table's others, as Debezium has it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// What is known of the tables' first rows.
pub(crate) struct Gate {
    /// Whether somebody has a table's first row.
    taken: Vec<AtomicBool>,
    /// Whether the table's first row is handed on, or there is none.
    open: Mutex<Vec<bool>>,
    changed: watch::Sender<()>,
}

impl Gate {
    pub(crate) fn new(tables: usize) -> Self {
        Self {
            taken: (0..tables).map(|_| AtomicBool::new(false)).collect(),
            open: Mutex::new(vec![false; tables]),
            changed: watch::Sender::new(()),
        }
    }

    /// Whether the row in hand is the table's first.
    pub(crate) fn take_first(&self, table: usize) -> bool {
        let taken = self.taken.get(table);
        taken.is_some_and(|taken| !taken.swap(true, Ordering::AcqRel))
    }

    /// Others may hand on rows of `table`.
    pub(crate) fn open(&self, table: usize) {
        let mut open = self
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(flag) = open.get_mut(table)
            && !std::mem::replace(flag, true)
        {
            self.changed.send_replace(());
        }
    }

    /// Waits until rows of `table` may be handed on; `first` when its first row is among them.
    pub(crate) async fn pass(&self, table: usize, first: bool) {
        let mut changed = self.changed.subscribe();
        let needed = if first { 0 } else { table };
        if first && table == 0 {
            return;
        }
        while !self.is_open(needed) {
            // The sender lives as long as `self`.
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    fn is_open(&self, table: usize) -> bool {
        let open = self
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        open.get(table).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn others_wait_for_the_first_row() {
        let gate = Gate::new(2);
        assert!(gate.take_first(0) && !gate.take_first(0) && gate.take_first(1));
        assert!(
            gate.pass(0, true).now_or_never().is_some(),
            "the very first waits for nobody"
        );
        assert!(gate.pass(0, false).now_or_never().is_none());
        assert!(
            gate.pass(1, true).now_or_never().is_none(),
            "a table's first waits for the very first"
        );
        gate.open(0);
        assert!(gate.pass(0, false).now_or_never().is_some());
        assert!(gate.pass(1, true).now_or_never().is_some());
        assert!(gate.pass(1, false).now_or_never().is_none());
        gate.open(1);
        assert!(gate.pass(1, false).now_or_never().is_some());
    }
}
