//! `walcast`: one binary, a subcommand for each role.

mod logging;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use walcast_wire::usage::UsageError;

/// Native change data capture for PostgreSQL, and the experimentation platform it was born in.
#[derive(Parser)]
#[command(name = "walcast", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    logging: logging::LoggingArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the worker: Kafka Connect's REST API over the engine
    Connect(walcast_connect::ConnectArgs),
    /// Run one connector in the foreground
    Cdc(walcast_cdc::CdcArgs),
    /// Run the sink: Kafka to ClickHouse, exactly once
    Sink(walcast_sink::SinkArgs),
    /// Run the experimentation API
    Api(walcast_api::ApiArgs),
    /// Look at everything a connector needs, before it runs
    Check(walcast_cdc::check::CheckArgs),
    /// Bring a database's schema up to date
    #[command(subcommand)]
    Migrate(Migrate),
    /// Administer the API's bearer tokens
    Token(walcast_api::token::TokenArgs),
}

#[derive(Subcommand)]
enum Migrate {
    /// The API's PostgreSQL schema
    Postgres(walcast_api::migrate::MigratePostgresArgs),
    /// The sink's ClickHouse schema
    Clickhouse(walcast_sink::migrate::MigrateClickhouseArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match logging::init(&cli.logging) {
        Ok(()) => dispatch(cli.command).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

async fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Connect(args) => Box::pin(walcast_connect::run(args)).await,
        Command::Cdc(args) => match args.server()? {
            Some(file) => Box::pin(walcast_connect::run_server(file)).await,
            None => Box::pin(walcast_cdc::run(args)).await,
        },
        Command::Sink(args) => Box::pin(walcast_sink::run(args)).await,
        Command::Api(args) => Box::pin(walcast_api::run(args)).await,
        Command::Check(args) => Box::pin(walcast_cdc::check::run(args)).await,
        Command::Migrate(Migrate::Postgres(args)) => {
            Box::pin(walcast_api::migrate::run(args)).await
        }
        Command::Migrate(Migrate::Clickhouse(args)) => {
            Box::pin(walcast_sink::migrate::run(args)).await
        }
        Command::Token(args) => Box::pin(walcast_api::token::run(args)).await,
    }
}

/// Prints the error with its causes; 2 is bad usage or configuration, 1 anything else.
#[expect(
    clippy::print_stderr,
    reason = "the one place that tells the user why the program failed"
)]
fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("walcast: {error:#}");
    let usage = error.chain().any(|cause| cause.is::<UsageError>());
    ExitCode::from(if usage { 2 } else { 1 })
}
