//! The steps of a case, as `steps.json` writes them: `{"do": "wait", "for": "streaming"}`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::patterns::Pattern;

/// One step. Text of all of them may hold placeholders.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(super) enum Step {
    /// POST the connector.
    Create(Configure),
    /// PUT the connector's configuration.
    PutConfig(Configure),
    /// Any request.
    Rest(Box<Request>),
    /// Run statements.
    Sql(Script),
    /// Run a query and record its rows.
    Query(Query),
    /// Wait until a query's answer is this.
    WaitQuery(WaitQuery),
    /// Wait for a state of the connector or its slot.
    Wait(Wait),
    /// Wait for a number of records.
    WaitRecords(WaitRecords),
    /// Wait until no record has come for a while.
    Quiet(Quiet),
    /// Let time pass, where nothing tells that something is over.
    Sleep(Sleep),
    /// Record a connector's status.
    Status(Status),
    /// Produce a record.
    Kafka(Produce),
    /// Create a topic.
    KafkaTopic(Topic),
}

/// How to create or change the connector.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Configure {
    /// Settings to put over those of connector.json.
    #[serde(default)]
    pub(super) set: Map<String, Value>,
    /// Settings to leave out.
    #[serde(default)]
    pub(super) unset: Vec<String>,
    /// Another name for the connector.
    pub(super) name: Option<String>,
    /// Record the answer instead of asking for success.
    #[serde(default)]
    pub(super) record: bool,
    /// The recording's name.
    pub(super) id: Option<String>,
}

/// A request to the REST interface.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// The recording's name; else method and path.
    pub(super) id: Option<String>,
    /// GET, PUT, …
    pub(super) method: String,
    /// The path and query.
    pub(super) path: String,
    /// A JSON body.
    pub(super) body: Option<Value>,
    /// A body as it is, instead.
    pub(super) raw: Option<String>,
    /// The body's media type.
    pub(super) ctype: Option<String>,
    /// The `Accept` header.
    pub(super) accept: Option<String>,
    /// What of the answer is kept; all if not given.
    pub(super) reduce: Option<Reduce>,
    /// `has`: texts to look for. `validate`: keep the names of all settings.
    #[serde(default)]
    pub(super) names: Names,
    /// `validate`: settings whose whole definition is kept.
    #[serde(default)]
    pub(super) defs: Vec<String>,
    /// Response headers to keep.
    #[serde(default)]
    pub(super) headers: Vec<String>,
    /// A connector that this creates.
    pub(super) track: Option<String>,
    /// Ask again until status and body hold this text.
    pub(super) until: Option<String>,
    /// For how many seconds.
    pub(super) until_timeout: Option<f64>,
    /// Take an answer that tells of a rebalance too.
    #[serde(default)]
    pub(super) noretry: bool,
    /// Whether the answer is recorded.
    #[serde(default = "yes")]
    pub(super) record: bool,
}

/// What is kept of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reduce {
    /// No body.
    StatusOnly,
    /// The errors and groups of a validation.
    Validate,
    /// The name or class of each element.
    Names,
    /// The plug-ins of this engine.
    Debezium,
    /// Whether texts occur in it.
    Has,
}

/// `true`, or a list of names.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Names {
    /// All or none.
    All(bool),
    /// These.
    These(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::All(false)
    }
}

/// Statements from a file of the case, or as they stand here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// The file's name.
    pub(super) file: Option<String>,
    /// The statements.
    pub(super) text: Option<String>,
    /// Another database than the case's.
    pub(super) db: Option<String>,
}

/// A query whose rows are recorded.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The recording's name.
    pub(super) id: String,
    /// The query.
    pub(super) sql: String,
    /// Another database than the case's.
    pub(super) db: Option<String>,
}

/// A query that is asked again until its answer is as wished.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    /// The query.
    pub(super) sql: String,
    /// Its rows, `|` between columns.
    pub(super) result: String,
    /// For how many seconds (30).
    pub(super) timeout: Option<f64>,
}

/// What to wait for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// The state.
    pub(super) r#for: State,
    /// For how many seconds (60).
    pub(super) timeout: Option<f64>,
    /// Another connector than the case's.
    pub(super) name: Option<String>,
}

/// A state of a connector or of the case's slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum State {
    /// Connector and tasks run, and the server sends to the slot.
    #[serde(rename = "streaming")]
    Streaming,
    /// The slot exists without a reader.
    #[serde(rename = "slot_inactive")]
    SlotInactive,
    /// The slot has a reader.
    #[serde(rename = "slot_active")]
    SlotActive,
    /// There is no slot.
    #[serde(rename = "slot_gone")]
    SlotGone,
    /// The connector and all its tasks run; so on.
    #[serde(rename = "RUNNING")]
    Running,
    #[serde(rename = "FAILED")]
    Failed,
    #[serde(rename = "PAUSED")]
    Paused,
    #[serde(rename = "STOPPED")]
    Stopped,
    /// There are tasks, and all have failed.
    #[serde(rename = "TASKS_FAILED")]
    TasksFailed,
    /// There are tasks, and all run.
    #[serde(rename = "TASKS_RUNNING")]
    TasksRunning,
    /// The connector has no task.
    #[serde(rename = "NO_TASKS")]
    NoTasks,
    /// There is no such connector.
    #[serde(rename = "GONE")]
    Gone,
}

/// A number of records to wait for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitRecords {
    /// How many.
    pub(super) count: usize,
    /// Only in topics like this.
    pub(super) topic: Option<Pattern>,
    /// For how many seconds (45).
    pub(super) timeout: Option<f64>,
}

/// Silence to wait for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quiet {
    /// How many seconds (3).
    pub(super) s: Option<f64>,
    /// For how many seconds (60); then the step is over all the same.
    pub(super) timeout: Option<f64>,
}

/// Time to let pass.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sleep {
    /// How many seconds.
    pub(super) s: f64,
}

/// A status to record.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    /// The recording's name.
    pub(super) id: String,
    /// Another connector than the case's.
    pub(super) name: Option<String>,
}

/// A record to produce.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Produce {
    /// Its topic.
    pub(super) topic: String,
    /// Its key.
    pub(super) key: Option<String>,
    /// Its value.
    pub(super) value: Option<String>,
}

/// A topic to create.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    /// Its name.
    pub(super) topic: String,
    /// Its partitions (1).
    pub(super) partitions: Option<i32>,
}

fn yes() -> bool {
    true
}

impl Step {
    /// Its name in steps.json.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::PutConfig(_) => "put_config",
            Self::Rest(_) => "rest",
            Self::Sql(_) => "sql",
            Self::Query(_) => "query",
            Self::WaitQuery(_) => "wait_query",
            Self::Wait(_) => "wait",
            Self::WaitRecords(_) => "wait_records",
            Self::Quiet(_) => "quiet",
            Self::Sleep(_) => "sleep",
            Self::Status(_) => "status",
            Self::Kafka(_) => "kafka",
            Self::KafkaTopic(_) => "kafka_topic",
        }
    }
}

/// What a case without `steps.json` does.
pub(super) fn usual() -> Vec<Step> {
    let wait = Wait {
        r#for: State::Streaming,
        timeout: None,
        name: None,
    };
    let stream = Script {
        file: Some("stream.sql".into()),
        text: None,
        db: None,
    };
    vec![
        Step::Create(Configure::default()),
        Step::Wait(wait),
        Step::Sql(stream),
    ]
}

impl Request {
    /// A request whose whole answer is recorded.
    pub(super) fn plain(id: String, method: &str, path: &str) -> Self {
        Self {
            id: Some(id),
            method: method.into(),
            path: path.into(),
            body: None,
            raw: None,
            ctype: None,
            accept: None,
            reduce: None,
            names: Names::default(),
            defs: Vec::new(),
            headers: Vec::new(),
            track: None,
            until: None,
            until_timeout: None,
            noretry: false,
            record: true,
        }
    }
}
