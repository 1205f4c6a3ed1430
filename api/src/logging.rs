//! Log lines to standard error, plain or JSON; the level comes from `WALCAST_LOG`.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use walcast_wire::usage::UsageError;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Plain,
    /// One JSON object a line.
    Json,
}

/// Installs the process's subscriber; one that is there already is kept.
///
/// # Errors
/// `WALCAST_LOG` is not a filter such as `info` or `walcast_api=debug,warn`.
pub(crate) fn init(format: LogFormat) -> Result<(), UsageError> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var("WALCAST_LOG")
        .from_env()
        .map_err(|e| UsageError::new(format!("WALCAST_LOG is not a log filter: {e}")))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Plain => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if installed.is_err() {
        tracing::debug!("a log subscriber is installed already; it is kept");
    }
    Ok(())
}
