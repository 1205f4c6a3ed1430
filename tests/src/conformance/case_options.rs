//! What is special about a case: `case.json`.

use serde::Deserialize;

use super::normalise::Rule;
use super::patterns::Pattern;

/// A case's options.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Options {
    /// What the case shows.
    pub(super) title: String,
    /// PostgreSQL's major versions that it holds for.
    pub(super) pg: Vec<u32>,
    /// More places whose values differ between runs.
    pub(super) volatile: Vec<Rule>,
    /// Topics whose number of records varies: only which ones occur is compared.
    pub(super) distinct_topics: Vec<Pattern>,
    /// Topics whose LSNs and transaction ids are not related to each other.
    pub(super) loose_topics: Vec<Pattern>,
    /// Topics whose order varies.
    pub(super) unordered_topics: Vec<Pattern>,
    /// Topics that are not looked at.
    pub(super) ignore_topics: Option<Pattern>,
    /// Do not compare which topics there are.
    pub(super) ignore_topic_list: bool,
    /// Repeats of a record are dropped (at least once).
    pub(super) allow_duplicates: bool,
    /// A large case: number and hash of the records are compared.
    pub(super) digest: bool,
    /// Silence after the last expected record, in seconds, that shows that no more come (1.2).
    pub(super) settle: f64,
    /// The same when the case was recorded, where the number is not known before.
    pub(super) quiet: f64,
    /// Records that had to come when it was recorded.
    pub(super) min_records: usize,
    /// Limit for the whole case in seconds.
    pub(super) timeout: Option<f64>,
    /// Roles that it creates, to drop afterwards.
    pub(super) roles: Vec<String>,
    /// The database's locale.
    pub(super) locale: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            title: String::new(),
            pg: vec![18],
            volatile: Vec::new(),
            distinct_topics: Vec::new(),
            loose_topics: Vec::new(),
            unordered_topics: Vec::new(),
            ignore_topics: None,
            ignore_topic_list: false,
            allow_duplicates: false,
            digest: false,
            settle: 1.2,
            quiet: 4.0,
            min_records: 0,
            timeout: None,
            roles: Vec::new(),
            locale: "C.UTF-8".into(),
        }
    }
}
