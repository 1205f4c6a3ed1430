//! A sink in a process of its own, which a test can stop as an operating system does.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};
use tokio_util::sync::CancellationToken;
use walcast_sink::hook::{Step, StepHook, Verdict};
use walcast_sink::{Config, SinkArgs};

use crate::support::Case;

const STOP_AT: &str = "WALCAST_SINK_TEST_STOP_AT";

/// A child process; killed when it is dropped.
pub(crate) struct ChildSink(Child);

impl ChildSink {
    /// Starts a sink on `case` that stops itself, with SIGSTOP, when it first reaches `step`.
    pub(crate) fn start(case: &Case, step: Step) -> Self {
        let args = case.sink_args();
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "child::sink_in_a_child_process",
                "--nocapture",
            ])
            .env(STOP_AT, step.to_string())
            .env("WALCAST_SINK_LISTEN", "127.0.0.1:0")
            .env(
                "WALCAST_SINK_BOOTSTRAP_SERVERS",
                args.bootstrap_servers.unwrap(),
            )
            .env("WALCAST_SINK_GROUP_ID", args.group_id.unwrap())
            .env("WALCAST_SINK_TOPICS", args.topics.unwrap().join(","))
            .env(
                "WALCAST_SINK_DEAD_LETTER_TOPIC",
                args.dead_letter_topic.unwrap(),
            )
            .env("WALCAST_SINK_CLICKHOUSE_URL", args.clickhouse_url.unwrap())
            .env(
                "WALCAST_SINK_CLICKHOUSE_DATABASE",
                args.clickhouse_database.unwrap(),
            )
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap())
    }

    /// Whether it is stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let (_, after_name) = stat.rsplit_once(") ").unwrap();
        after_name.starts_with('T')
    }

    pub(crate) fn resume(&self) {
        kill(self.pid(), Signal::SIGCONT).unwrap();
    }
}

impl Drop for ChildSink {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    sink: SinkArgs,
}

struct StopAt {
    step: String,
    done: AtomicBool,
}

impl StepHook for StopAt {
    fn reached(&self, step: Step, _: &str, _: i32) -> Verdict {
        if step.to_string() == self.step && !self.done.swap(true, Ordering::SeqCst) {
            kill(getpid(), Signal::SIGSTOP).unwrap();
        }
        Verdict::Continue
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "other tests run it as a child process"]
#[allow(
    clippy::disallowed_methods,
    reason = "how a test tells its child what to do"
)]
async fn sink_in_a_child_process() {
    let step = std::env::var(STOP_AT).expect("only run by other tests");
    let timeouts = [
        "--kafka=session.timeout.ms=6000",
        "--kafka=heartbeat.interval.ms=1000",
    ];
    let cli = Cli::parse_from(["sink"].into_iter().chain(timeouts));
    let hook = StopAt {
        step,
        done: AtomicBool::new(false),
    };
    let config = Config::load(cli.sink).unwrap();
    walcast_sink::serve(config, CancellationToken::new(), Arc::new(hook))
        .await
        .unwrap();
}
