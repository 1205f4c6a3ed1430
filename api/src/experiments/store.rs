//! Experiments in PostgreSQL, and a short-lived copy of those that are in use.
//!
//! The copy may be stale: every statement that relies on one compares its `version`, and a change
//! of version is a reason to read again, never to write.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio_postgres::Row;

use super::body::{Experiment, ExperimentChange, NewExperiment, NewVariant, VariantChange};
use super::lifecycle::{Status, Step};
use crate::ids::ExperimentRef;
use crate::postgres::{Params, Postgres};
use crate::problem::Problem;

/// Reads and writes experiments.
pub(crate) struct Experiments {
    postgres: Postgres,
    lately: Cache<ExperimentRef, Arc<Experiment>>,
}

/// All of an experiment; the callers add which.
macro_rules! select_experiment {
    ($rest:literal) => {
        concat!(
            "SELECT x.id, x.key, x.name, x.description, x.status, x.traffic_allocation, x.salt, x.version, \
             utc_text(x.created_at) AS created_at, utc_text(x.updated_at) AS updated_at, \
             utc_text(x.started_at) AS started_at, utc_text(x.completed_at) AS completed_at, \
             coalesce((SELECT jsonb_agg(jsonb_build_object('id', v.id, 'key', v.key, \
                 'weight', v.weight, 'is_control', v.is_control, 'config', v.config) ORDER BY v.id) \
                 FROM variants v WHERE v.experiment_id = x.id), '[]')::text AS variants \
             FROM experiments x ",
            $rest
        )
    };
}

const BY_ID: &str = select_experiment!("WHERE x.id = $1");
const BY_KEY: &str = select_experiment!("WHERE x.key = $1");
const LIST: &str = select_experiment!(
    "WHERE x.id > $1 AND ($2::text IS NULL OR x.status = $2) ORDER BY x.id LIMIT $3"
);

// The key is looked for first, so that a conflict does not use up an id.
const CREATE: &str = "\
WITH created AS (
    INSERT INTO experiments (key, name, description, traffic_allocation, salt)
    SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT FROM experiments WHERE key = $1)
    ON CONFLICT (key) DO NOTHING RETURNING id
), varied AS (
    INSERT INTO variants (experiment_id, key, weight, is_control, config)
    SELECT c.id, v.key, v.weight, v.is_control, v.config::jsonb
    FROM created c, unnest($6::text[], $7::float8[], $8::bool[], $9::text[])
        WITH ORDINALITY AS v (key, weight, is_control, config, place)
    ORDER BY v.place
), audited AS (
    INSERT INTO audit_log (actor, action, entity_type, entity_id)
    SELECT $10, 'create', 'experiment', id::text FROM created
)
SELECT id FROM created";

/// A change of an experiment that is still at version `$2`, with its line in the audit log.
macro_rules! change_experiment {
    ($set:literal, $action:literal) => {
        concat!(
            "WITH changed AS (UPDATE experiments SET version = version + 1, updated_at = now(), ",
            $set,
            " WHERE id = $1 AND version = $2 RETURNING *), audited AS (\
             INSERT INTO audit_log (actor, action, entity_type, entity_id, detail) \
             SELECT $3, ",
            $action,
            ", 'experiment', id::text, jsonb_build_object('version', version, 'status', status, \
             'traffic_allocation', traffic_allocation) FROM changed) SELECT 1 FROM changed"
        )
    };
}

const CHANGE: &str = change_experiment!(
    "name = coalesce($4, name), description = coalesce($5, description), \
     traffic_allocation = coalesce($6, traffic_allocation)",
    "'change'"
);
const STEP: &str = change_experiment!(
    "status = $5, started_at = CASE WHEN $5 = 'running' THEN coalesce(started_at, now()) ELSE started_at END, \
     completed_at = CASE WHEN $5 = 'completed' THEN now() END",
    "$4::text"
);

/// A change of a draft's variants: bumps the version, then does the rest.
macro_rules! change_variants {
    ($rest:literal, $action:literal) => {
        concat!(
            "WITH changed AS (UPDATE experiments SET version = version + 1, updated_at = now() \
             WHERE id = $1 AND version = $2 AND status = 'draft' RETURNING id), done AS (",
            $rest,
            "), audited AS (INSERT INTO audit_log (actor, action, entity_type, entity_id) \
             SELECT $3, ",
            $action,
            ", 'variant', id::text FROM done) SELECT 1 FROM done"
        )
    };
}

const ADD_VARIANT: &str = change_variants!(
    "INSERT INTO variants (experiment_id, key, weight, is_control, config) \
     SELECT id, $4, $5, $6, $7::text::jsonb FROM changed RETURNING id",
    "'create'"
);
const CHANGE_VARIANT: &str = change_variants!(
    "UPDATE variants v SET weight = coalesce($5, v.weight), config = coalesce($6::text::jsonb, v.config) \
     FROM changed c WHERE v.experiment_id = c.id AND v.id = $4 RETURNING v.id",
    "'change'"
);
const REMOVE_VARIANT: &str = change_variants!(
    "DELETE FROM variants v USING changed c WHERE v.experiment_id = c.id AND v.id = $4 RETURNING v.id",
    "'remove'"
);

impl Experiments {
    pub(crate) fn new(postgres: Postgres) -> Self {
        let lately = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(Duration::from_secs(10))
            .build();
        Self { postgres, lately }
    }

    /// The experiment as it was up to ten seconds ago.
    pub(crate) async fn lately(&self, which: &ExperimentRef) -> Result<Arc<Experiment>, Problem> {
        match self.lately.get(which) {
            Some(experiment) => Ok(experiment),
            None => self.now(which).await,
        }
    }

    /// The experiment as it is.
    pub(crate) async fn now(&self, which: &ExperimentRef) -> Result<Arc<Experiment>, Problem> {
        let row = match which {
            ExperimentRef::Id(id) => self.postgres.query_opt(BY_ID, &[id]).await?,
            ExperimentRef::Key(key) if key.contains('\0') => None,
            ExperimentRef::Key(key) => self.postgres.query_opt(BY_KEY, &[key]).await?,
        };
        let row = row.ok_or_else(|| Problem::not_found("experiment", which))?;
        let experiment = Arc::new(from_row(&row)?);
        self.lately.insert(which.clone(), Arc::clone(&experiment));
        Ok(experiment)
    }

    /// Up to `limit` experiments with ids above `after`, of one status or of any.
    pub(crate) async fn list(
        &self,
        after: i64,
        status: Option<Status>,
        limit: i64,
    ) -> Result<Vec<Experiment>, Problem> {
        let status = status.map(Status::as_str);
        let rows = self
            .postgres
            .query(LIST, &[&after, &status, &limit])
            .await?;
        rows.iter().map(from_row).collect()
    }

    /// Makes a draft; `None` when its key is taken.
    pub(crate) async fn create(
        &self,
        new: &NewExperiment,
        salt: &str,
        actor: &str,
    ) -> Result<Option<Arc<Experiment>>, Problem> {
        let key = new.key.as_str();
        let name = new.name.as_deref().unwrap_or(key);
        let of = &new.variants;
        let keys: Vec<&str> = of.iter().map(|variant| variant.key.as_str()).collect();
        let weights: Vec<f64> = of.iter().map(|variant| variant.weight).collect();
        let controls: Vec<bool> = of.iter().map(|variant| variant.is_control).collect();
        let configs: Vec<&str> = of.iter().map(|variant| variant.config.as_str()).collect();
        let (description, allocation) = (&new.description, new.traffic_allocation);
        let params: Params<'_> = &[
            &key,
            &name,
            description,
            &allocation,
            &salt,
            &keys,
            &weights,
            &controls,
            &configs,
            &actor,
        ];
        let Some(row) = self.postgres.query_opt(CREATE, params).await? else {
            return Ok(None);
        };
        self.now(&ExperimentRef::Id(row.try_get(0)?))
            .await
            .map(Some)
    }

    /// Changes fields of `old`; false when it has changed meanwhile.
    pub(crate) async fn change(
        &self,
        old: &Experiment,
        change: &ExperimentChange,
        actor: &str,
    ) -> Result<bool, Problem> {
        let ExperimentChange {
            name,
            description,
            traffic_allocation,
        } = change;
        let params: Params<'_> = &[
            &old.id,
            &old.version,
            &actor,
            name,
            description,
            traffic_allocation,
        ];
        self.apply(CHANGE, params).await
    }

    /// Brings `old` to `status`; false when it has changed meanwhile.
    pub(crate) async fn step(
        &self,
        old: &Experiment,
        step: Step,
        status: Status,
        actor: &str,
    ) -> Result<bool, Problem> {
        let params: Params<'_> = &[
            &old.id,
            &old.version,
            &actor,
            &step.as_str(),
            &status.as_str(),
        ];
        self.apply(STEP, params).await
    }

    /// Adds a variant to the draft `old`; false when it has changed meanwhile.
    pub(crate) async fn add_variant(
        &self,
        old: &Experiment,
        new: &NewVariant,
        is_control: bool,
        actor: &str,
    ) -> Result<bool, Problem> {
        let (key, config) = (new.key.as_str(), new.config.as_str());
        let params: Params<'_> = &[
            &old.id,
            &old.version,
            &actor,
            &key,
            &new.weight,
            &is_control,
            &config,
        ];
        self.apply(ADD_VARIANT, params).await
    }

    /// Changes a variant of the draft `old`; false when it has changed meanwhile.
    pub(crate) async fn change_variant(
        &self,
        old: &Experiment,
        variant_id: i64,
        change: &VariantChange,
        actor: &str,
    ) -> Result<bool, Problem> {
        let config = change.config.as_ref().map(|config| config.as_str());
        let params: Params<'_> = &[
            &old.id,
            &old.version,
            &actor,
            &variant_id,
            &change.weight,
            &config,
        ];
        self.apply(CHANGE_VARIANT, params).await
    }

    /// Removes a variant of the draft `old`; false when it has changed meanwhile.
    pub(crate) async fn remove_variant(
        &self,
        old: &Experiment,
        variant_id: i64,
        actor: &str,
    ) -> Result<bool, Problem> {
        self.apply(
            REMOVE_VARIANT,
            &[&old.id, &old.version, &actor, &variant_id],
        )
        .await
    }

    async fn apply(&self, sql: &str, params: Params<'_>) -> Result<bool, Problem> {
        Ok(self.postgres.query_opt(sql, params).await?.is_some())
    }
}

fn from_row(row: &Row) -> Result<Experiment, Problem> {
    let status: String = row.try_get("status")?;
    let variants: String = row.try_get("variants")?;
    let unknown = || Problem::internal(anyhow::anyhow!("experiments.status is {status:?}"));
    Ok(Experiment {
        id: row.try_get("id")?,
        key: row.try_get("key")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        status: Status::parse(&status).ok_or_else(unknown)?,
        traffic_allocation: row.try_get("traffic_allocation")?,
        salt: row.try_get("salt")?,
        version: row.try_get("version")?,
        variants: serde_json::from_str(&variants).map_err(Problem::internal)?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        started_at: row.try_get("started_at")?,
        completed_at: row.try_get("completed_at")?,
    })
}
