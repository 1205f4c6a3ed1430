//! An engine that does what a connector's `fake.*` properties say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, mpsc};
use walcast_connect::engine::{
    ConfigChange, Control, Engine, Ownership, Problem, Refused, RestartPolicy, RunningTask,
    SignalRequest, SnapshotReport, TableAdded, TableRequest, TaskEvent,
};

/// What the fake has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// How often each connector's task was started.
    pub(crate) starts: BTreeMap<String, usize>,
    /// Whose tasks run now.
    pub(crate) running: BTreeSet<String>,
    /// The properties of each connector's last start.
    pub(crate) props: BTreeMap<String, BTreeMap<String, String>>,
    /// The signals that were handed in.
    pub(crate) signals: Vec<SignalRequest>,
    /// The tables that were asked for.
    pub(crate) tables: Vec<TableRequest>,
    /// The run that each connector's last start belongs to.
    pub(crate) runs: BTreeMap<String, String>,
}

/// The fake engine. Properties:
/// `fake.problem=NAME:TEXT` is a problem of a property; `fake.fail=TRACE` fails the task;
/// `fake.topics=a,b` are topics in use; `fake.refuse=STATUS:TEXT` refuses signals and tables, and with
/// `fake.sql` names that cure; `fake.restarts` is how often a failed task may be started again; a table that `table.include.list` lacks is to be added to it; `fake.slow.stop=true` stops only when [`Fake::let_go`].
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) seen: Arc<Mutex<Seen>>,
    release: Arc<Notify>,
}

impl Fake {
    /// How often the task of `connector` was started.
    pub(crate) fn starts(&self, connector: &str) -> usize {
        self.seen
            .lock()
            .unwrap()
            .starts
            .get(connector)
            .copied()
            .unwrap_or_default()
    }

    /// The run that the last start of `connector` belongs to.
    pub(crate) fn run_of(&self, connector: &str) -> String {
        self.seen.lock().unwrap().runs[connector].clone()
    }

    /// Whether the task of `connector` runs.
    pub(crate) fn runs(&self, connector: &str) -> bool {
        self.seen.lock().unwrap().running.contains(connector)
    }

    /// Lets a slow stop end.
    pub(crate) fn let_go(&self) {
        self.release.notify_one();
    }
}

#[async_trait]
impl Engine for Fake {
    fn version(&self) -> &str {
        "9.9.9"
    }

    fn check(&self, props: &BTreeMap<String, String>) -> Vec<Problem> {
        let problem = props
            .get("fake.problem")
            .and_then(|text| text.split_once(':'));
        let problem = problem.map(|(property, message)| Problem {
            property: property.into(),
            message: message.into(),
        });
        problem.into_iter().collect()
    }

    async fn validate(&self, props: &BTreeMap<String, String>) -> Vec<Problem> {
        self.check(props)
    }

    fn start(
        &self,
        name: &str,
        props: &BTreeMap<String, String>,
        _ownership: Arc<dyn Ownership>,
        resumed: Option<String>,
        events: mpsc::Sender<TaskEvent>,
    ) -> Result<Box<dyn RunningTask>, Vec<Problem>> {
        let problems = self.check(props);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut seen = self.seen.lock().unwrap();
        *seen.starts.entry(name.into()).or_default() += 1;
        assert!(
            seen.running.insert(name.into()),
            "two tasks of {name} at once"
        );
        seen.props.insert(name.into(), props.clone());
        let run_id = resumed.unwrap_or_else(|| format!("run of start {}", seen.starts[name]));
        seen.runs.insert(name.into(), run_id.clone());
        let get = |key: &str| props.get(key).map(String::as_str).unwrap_or_default();
        let fails = get("fake.fail");
        if fails.is_empty() {
            events.try_send(TaskEvent::Running).unwrap();
        } else {
            events
                .try_send(TaskEvent::Failed {
                    trace: fails.into(),
                })
                .unwrap();
        }
        for topic in get("fake.topics")
            .split(',')
            .filter(|topic| !topic.is_empty())
        {
            events
                .try_send(TaskEvent::TopicUsed {
                    topic: topic.into(),
                })
                .unwrap();
        }
        let slow = (get("fake.slow.stop") == "true").then(|| Arc::clone(&self.release));
        Ok(Box::new(FakeTask {
            name: name.into(),
            seen: Arc::clone(&self.seen),
            slow,
            props: props.clone(),
            run_id,
            restarts: get("fake.restarts").parse().unwrap_or_default(),
            _events: events,
        }))
    }
}

struct FakeTask {
    name: String,
    seen: Arc<Mutex<Seen>>,
    slow: Option<Arc<Notify>>,
    props: BTreeMap<String, String>,
    run_id: String,
    restarts: u32,
    _events: mpsc::Sender<TaskEvent>,
}

#[async_trait]
impl RunningTask for FakeTask {
    fn control(&self) -> Arc<dyn Control> {
        Arc::new(FakeControl {
            seen: Arc::clone(&self.seen),
            props: self.props.clone(),
        })
    }

    fn run_id(&self) -> String {
        self.run_id.clone()
    }

    fn restart_policy(&self) -> RestartPolicy {
        RestartPolicy {
            max_attempts: Some(self.restarts),
            delay_initial: Duration::from_millis(50),
            delay_max: Duration::from_millis(50),
        }
    }

    async fn stop(self: Box<Self>) {
        if let Some(release) = &self.slow {
            release.notified().await;
        }
        self.seen.lock().unwrap().running.remove(&self.name);
    }
}

struct FakeControl {
    seen: Arc<Mutex<Seen>>,
    props: BTreeMap<String, String>,
}

impl FakeControl {
    fn refusal(&self) -> Result<(), Refused> {
        let Some((status, message)) = self
            .props
            .get("fake.refuse")
            .and_then(|t| t.split_once(':'))
        else {
            return Ok(());
        };
        Err(Refused {
            status: status.parse().unwrap(),
            message: message.into(),
            sql: self.props.get("fake.sql").cloned(),
            change: None,
        })
    }
}

#[async_trait]
impl Control for FakeControl {
    async fn signal(&self, signal: SignalRequest) -> Result<String, Refused> {
        self.refusal()?;
        let id = signal.id.clone().unwrap_or_else(|| "made".into());
        self.seen.lock().unwrap().signals.push(signal);
        Ok(id)
    }

    async fn add_table(&self, request: TableRequest) -> Result<TableAdded, Refused> {
        self.refusal()?;
        if let Some(list) = self.props.get("table.include.list")
            && !list.contains(&request.table)
        {
            return Err(Refused {
                status: 409,
                message: "not in the list".into(),
                change: Some(ConfigChange {
                    property: "table.include.list",
                    add: request.table,
                }),
                ..Refused::default()
            });
        }
        let added = TableAdded {
            table: request.table.clone(),
            publication: "added",
            signal: request.backfill.then(|| "s".into()),
            notes: Vec::new(),
        };
        self.seen.lock().unwrap().tables.push(request);
        Ok(added)
    }

    fn snapshot(&self) -> SnapshotReport {
        SnapshotReport {
            state: "RUNNING",
            rows: 7,
            ..SnapshotReport::default()
        }
    }
}
