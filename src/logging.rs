//! Logs: one line per event on standard error, plain or JSON.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use walcast_wire::usage::UsageError;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people.
    Plain,
    /// One JSON object per line.
    Json,
}

/// Logging options of every subcommand.
#[derive(Debug, Args)]
pub(crate) struct LoggingArgs {
    /// What is logged: a level, or targets with levels, as in `info,walcast_cdc=debug`
    #[arg(long, global = true, value_name = "FILTER", env = "WALCAST_LOG", default_value = "info")]
    log: String,
    /// How log lines look
    #[arg(long, global = true, value_enum, env = "WALCAST_LOG_FORMAT", default_value = "plain")]
    log_format: LogFormat,
}

/// Starts logging for the whole process.
pub(crate) fn init(args: &LoggingArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&args.log)
        .map_err(|e| UsageError::new(format!("--log {}: {e}; write info, or target=level with commas between", args.log)))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match args.log_format {
        LogFormat::Plain => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|e| anyhow::anyhow!("logging cannot start: {e}"))
}
