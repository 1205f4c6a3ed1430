//! `topic.creation.*`: how topics that do not exist yet are made (KIP-158).

use std::collections::BTreeMap;

use walcast_wire::pattern::Pattern;

use super::reader::Reader;

const PREFIX: &str = "topic.creation.";

/// How a missing topic is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicCreation {
    /// `partitions`; -1 takes the broker's default.
    pub partitions: i32,
    /// `replication.factor`; -1 takes the broker's default.
    pub replication_factor: i32,
    /// Any other topic setting, such as `cleanup.policy`.
    pub configs: BTreeMap<String, String>,
}

/// The groups of `topic.creation.groups`, and the default for all other topics.
#[derive(Debug, Clone)]
pub struct TopicGroups {
    groups: Vec<TopicGroup>,
    default: TopicCreation,
}

/// Topics that are created alike.
#[derive(Debug, Clone)]
struct TopicGroup {
    include: Pattern,
    exclude: Option<Pattern>,
    creation: TopicCreation,
}

impl TopicGroups {
    /// How `topic` is created: by the first group it is in.
    pub fn of(&self, topic: &str) -> &TopicCreation {
        let found = self.groups.iter().find(|group| group.has(topic));
        found.map_or(&self.default, |group| &group.creation)
    }
}

impl TopicGroup {
    fn has(&self, topic: &str) -> bool {
        let excluded = |pattern: &Pattern| pattern.matches(topic);
        self.include.matches(topic) && !self.exclude.as_ref().is_some_and(excluded)
    }
}

/// Reads them; `None` when topics are left to the broker.
pub(super) fn read_topic_creation(r: &mut Reader<'_>) -> Option<TopicGroups> {
    if r.with_prefix(PREFIX).is_empty() {
        return None;
    }
    let broker = TopicCreation {
        partitions: -1,
        replication_factor: -1,
        configs: BTreeMap::new(),
    };
    for required in ["partitions", "replication.factor"] {
        r.required(&format!("{PREFIX}default.{required}"));
    }
    let default = creation(r, "default", &broker);
    let names = r.text(&format!("{PREFIX}groups")).unwrap_or_default();
    let names: Vec<_> = names.split(',').map(str::trim).collect();
    let wanted = |name: &&&str| !name.is_empty() && **name != "default";
    let groups = names.iter().filter(wanted);
    let groups: Vec<_> = groups.map(|name| group(r, name, &default)).collect();
    refuse_unlisted(r, &names);
    Some(TopicGroups {
        groups: groups.into_iter().flatten().collect(),
        default,
    })
}

fn group(r: &mut Reader<'_>, name: &str, default: &TopicCreation) -> Option<TopicGroup> {
    let include = format!("{PREFIX}{name}.include");
    r.required(&include);
    Some(TopicGroup {
        creation: creation(r, name, default),
        exclude: pattern(r, &format!("{PREFIX}{name}.exclude")),
        include: pattern(r, &include)?,
    })
}

/// A list of expressions for whole topics; Kafka knows no comma inside of one.
fn pattern(r: &mut Reader<'_>, property: &str) -> Option<Pattern> {
    let list = r.text(property)?;
    let parts: Vec<_> = list.split(',').map(str::trim).collect();
    Pattern::with_case(&parts.join("|"))
        .map_err(|error| {
            r.problem(
                property,
                format!("Invalid value {list} for configuration {property}: {error}"),
            );
        })
        .ok()
}

/// One group's settings; what it leaves out of the first two is the default group's.
fn creation(r: &mut Reader<'_>, group: &str, default: &TopicCreation) -> TopicCreation {
    let prefix = format!("{PREFIX}{group}.");
    let mut configs = r.with_prefix(&prefix);
    for own in ["partitions", "replication.factor", "include", "exclude"] {
        configs.remove(own);
    }
    let mut number = |name: &str, default: i32| {
        let property = format!("{prefix}{name}");
        let value = r.parse_or(&property, default);
        if value != -1 && value < 1 {
            r.problem(
                &property,
                "must be -1 for the broker's default, or at least 1",
            );
        }
        value
    };
    TopicCreation {
        partitions: number("partitions", default.partitions),
        replication_factor: number("replication.factor", default.replication_factor),
        configs,
    }
}

/// Settings of a group that `topic.creation.groups` does not name would do nothing.
fn refuse_unlisted(r: &mut Reader<'_>, groups: &[&str]) {
    for rest in r.with_prefix(PREFIX).into_keys() {
        let group = rest.split_once('.').map_or(&*rest, |(group, _)| group);
        let known = matches!(&*rest, "groups" | "enable") || group == "default";
        if !known && !groups.contains(&group) {
            let message = format!("no group {group} is named by {PREFIX}groups; add it there");
            r.problem(&format!("{PREFIX}{rest}"), message);
        }
    }
}
