//! Log lines on standard error: `WALCAST_LOG` filters, the format is plain or JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use walcast_wire::usage::UsageError;

use crate::config::LogFormat;

/// Starts logging; a second start in the same process keeps the first.
pub(crate) fn start(format: LogFormat) -> Result<(), UsageError> {
    let filter = EnvFilter::builder()
        .with_env_var("WALCAST_LOG")
        .with_default_directive(tracing::Level::INFO.into())
        .from_env()
        .map_err(|error| UsageError::new(format!("WALCAST_LOG: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Plain => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging has been started before");
    }
    Ok(())
}
