//! The names of one run of one case, and the placeholders that stand for them in its files.
//!
//! Enters: text with `${SLOT}` and the like. Leaves: text with this run's names; and the way back for
//! what the engine wrote, so that two runs can be compared.

use serde_json::Value;
use uuid::Uuid;

use super::target::Target;

/// The placeholders of one run.
#[derive(Debug)]
pub(super) struct Names {
    /// Names that no other run has. These are turned back in what the engine wrote.
    own: [(&'static str, String); 6],
    /// Where the servers are.
    places: [(&'static str, String); 3],
}

impl Names {
    /// Fresh names for a run on `target`. They hold only a-z and 0-9 and begin with a letter, so that
    /// every way to adjust names leaves them as they are.
    pub(super) fn fresh(target: &Target) -> Self {
        let run = Uuid::new_v4().simple().to_string();
        let run = run.get(..8).unwrap_or(&run);
        let own = |placeholder, letters: &str| (placeholder, format!("{letters}{run}"));
        Self {
            own: [
                own("${PREFIX}", "cfp"),
                own("${DB_NAME}", "cfd"),
                own("${SLOT}", "cfs"),
                own("${PUBLICATION}", "cfu"),
                own("${NAME}", "cfc"),
                own("${SIGTOPIC}", "cfg"),
            ],
            places: [
                ("${DB_HOST}", target.postgres.host.clone()),
                ("${DB_PORT}", target.postgres.port.to_string()),
                ("${BOOTSTRAP}", target.bootstrap.clone()),
            ],
        }
    }

    /// The topic prefix.
    pub(super) fn prefix(&self) -> &str {
        &self.own[0].1
    }

    /// The database.
    pub(super) fn database(&self) -> &str {
        &self.own[1].1
    }

    /// The replication slot.
    pub(super) fn slot(&self) -> &str {
        &self.own[2].1
    }

    /// The connector.
    pub(super) fn connector(&self) -> &str {
        &self.own[4].1
    }

    /// Replaces the placeholders.
    pub(super) fn fill(&self, text: &str) -> String {
        let all = self.own.iter().chain(&self.places);
        all.fold(text.to_owned(), |text, (placeholder, name)| {
            text.replace(placeholder, name)
        })
    }

    /// Replaces the placeholders in all strings of `value`.
    pub(super) fn fill_json(&self, value: &Value) -> Value {
        map_strings(value, &|text| self.fill(text))
    }

    /// Puts the placeholders of this run's own names back.
    pub(super) fn restore(&self, text: &str) -> String {
        let own = self.own.iter();
        own.fold(text.to_owned(), |text, (placeholder, name)| {
            text.replace(name, placeholder)
        })
    }

    /// Puts the placeholders back in all strings of `value`.
    pub(super) fn restore_json(&self, value: &Value) -> Value {
        map_strings(value, &|text| self.restore(text))
    }
}

/// Applies `map` to every string of `value`, names of fields too.
fn map_strings(value: &Value, map: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(map(text)),
        Value::Array(elements) => elements
            .iter()
            .map(|element| map_strings(element, map))
            .collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (map(name), map_strings(value, map)));
            Value::Object(fields.collect())
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_filled_in_and_turned_back() -> anyhow::Result<()> {
        let target = Target::example()?;
        let names = Names::fresh(&target);
        let value = json!({"${NAME}": ["${PREFIX}.public.a", 1, "${OTHER}"], "h": "${DB_HOST}"});
        let filled = names.fill_json(&value);
        assert_eq!(
            filled[names.connector()][0],
            format!("{}.public.a", names.prefix())
        );
        assert_eq!(filled[names.connector()][2], "${OTHER}");
        assert_eq!(filled["h"], "db.example");
        let mut back = names.restore_json(&filled);
        back["h"] = "${DB_HOST}".into();
        assert_eq!(back, value);
        Ok(())
    }
}
