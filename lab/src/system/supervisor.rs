//! Starts again what has died, as an orchestrator would: at once, on the same port and data.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Part, System};

/// The least time between two starts of one part, so that one that cannot live does not spin.
const START_INTERVAL: Duration = Duration::from_millis(500);

/// Remembers when it started what.
#[derive(Debug, Default)]
pub struct Supervisor {
    started: HashMap<Part, Instant>,
}

impl Supervisor {
    /// Looks at each part once and starts those that have died. Gives their names and how they
    /// ended. To be called many times a second.
    ///
    /// # Errors
    /// When a program cannot be started at all.
    pub fn look(&mut self, system: &System) -> Result<Vec<(Part, String)>> {
        let mut restarted = Vec::new();
        for (part, service) in system.services() {
            let too_early = self
                .started
                .get(&part)
                .is_some_and(|started| started.elapsed() < START_INTERVAL);
            if too_early {
                continue;
            }
            if let Some(status) = service.exited()? {
                service.launch()?;
                self.started.insert(part, Instant::now());
                restarted.push((part, status.to_string()));
            }
        }
        Ok(restarted)
    }
}
