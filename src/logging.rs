//! Options of every subcommand that say what is logged, and how.

use clap::Args;
use walcast_connect::logging::{self, LogFormat};

/// What is logged, and how.
#[derive(Debug, Args)]
pub(crate) struct LoggingArgs {
    /// What is logged: a level, or targets with levels, as in `info,walcast_cdc=debug`
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "WALCAST_LOG",
        default_value = "info"
    )]
    log: String,
    /// How log lines look
    #[arg(
        long,
        global = true,
        value_enum,
        env = "WALCAST_LOG_FORMAT",
        default_value = "plain"
    )]
    log_format: LogFormat,
}

/// Starts logging to standard error for the whole process.
pub(crate) fn init(args: &LoggingArgs) -> anyhow::Result<()> {
    logging::start(&args.log, args.log_format).map_err(Into::into)
}
