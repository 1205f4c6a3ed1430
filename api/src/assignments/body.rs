//! Assignments as callers write and read them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::UserId;

/// A user to be assigned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAssignment {
    pub(crate) experiment_id: i64,
    pub(crate) user_id: UserId,
    /// Puts the user into this variant, past gate and hash; by hash when left out.
    pub(crate) variant_id: Option<i64>,
}

/// Users to be assigned, all to one experiment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAssignments {
    pub(crate) experiment_id: i64,
    #[schema(min_items = 1, max_items = 1000)]
    pub(crate) user_ids: Vec<UserId>,
}

/// A user's place in an experiment; all `null` but the first two members when the traffic
/// allocation keeps the user out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Assignment {
    pub(crate) experiment_id: i64,
    pub(crate) user_id: String,
    pub(crate) id: Option<i64>,
    pub(crate) variant_id: Option<i64>,
    pub(crate) variant_key: Option<String>,
    /// RFC 3339, UTC, microseconds.
    pub(crate) assigned_at: Option<String>,
}

/// What became of each user, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentResults {
    pub(crate) results: Vec<AssignmentResult>,
}

/// What became of one user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentResult {
    pub(crate) user_id: String,
    /// 201 new, 200 known or kept out, else why not.
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) assignment: Option<Assignment>,
    /// Problem details, if there is a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) error: Option<serde_json::Value>,
}

impl Assignment {
    /// The answer for a user whom the gate keeps out.
    pub(crate) fn none(experiment_id: i64, user_id: &str) -> Self {
        let user_id = user_id.to_owned();
        Self {
            experiment_id,
            user_id,
            id: None,
            variant_id: None,
            variant_key: None,
            assigned_at: None,
        }
    }
}
