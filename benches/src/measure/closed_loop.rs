//! Writers that each begin the next write when the one before is answered.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// What came of it.
pub(super) struct Written {
    /// How long each answer took, in milliseconds, in order of length.
    pub(super) answers_ms: Vec<f64>,
    /// How long the whole took.
    pub(super) seconds: f64,
}

/// Lets all `writers` write for so long. A writer is given the number of its write.
pub(super) fn run<W>(writers: Vec<W>, length: Duration) -> Result<Written>
where
    W: FnMut(u64) -> Result<()> + Send,
{
    let begun = Instant::now();
    let mut answers_ms = thread::scope(|scope| {
        let writers = writers.into_iter();
        let threads: Vec<_> = writers
            .map(|writer| scope.spawn(move || write(writer, begun, length)))
            .collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow!("a writer panicked"))??);
        }
        anyhow::Ok(all)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    answers_ms.sort_by(f64::total_cmp);
    Ok(Written {
        answers_ms,
        seconds,
    })
}

fn write(
    mut writer: impl FnMut(u64) -> Result<()>,
    begun: Instant,
    length: Duration,
) -> Result<Vec<f64>> {
    let mut answers_ms = Vec::new();
    for number in 0.. {
        let sent = Instant::now();
        if sent - begun >= length {
            break;
        }
        writer(number)?;
        answers_ms.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(answers_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_counted_and_an_error_ends_it() -> Result<()> {
        let writers: Vec<_> = (0..3).map(|_| |_| Ok(())).collect();
        let written = run(writers, Duration::from_millis(5))?;
        assert!(written.answers_ms.len() > 3 && written.answers_ms.is_sorted());
        let failing = vec![|number| {
            if number < 2 {
                Ok(())
            } else {
                Err(anyhow!("no"))
            }
        }];
        assert!(run(failing, Duration::from_secs(60)).is_err());
        Ok(())
    }
}
