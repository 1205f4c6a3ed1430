//! Sorts what PostgreSQL and its drivers report into transient and definite errors.

use tokio_postgres::error::SqlState;

use super::replication::SessionError;
use crate::error::EngineError;

/// An error of an ordinary session. `doing` completes "while …".
pub(crate) fn sql(doing: &str, error: tokio_postgres::Error) -> EngineError {
    let text = match error.as_db_error() {
        Some(db) => format!("while {doing}: {}: {}", db.severity(), db.message()),
        None => format!("while {doing}: {error}"),
    };
    let definite = error.code().is_some_and(is_definite);
    let made = if definite {
        EngineError::definite(text)
    } else {
        EngineError::transient(text)
    };
    made.because(error)
}

/// An error of the replication session.
pub(crate) fn replication(doing: &str, error: SessionError) -> EngineError {
    let text = format!("while {doing}: {error}");
    let definite = match &error {
        SessionError::Auth(_) | SessionError::Tls(_) => true,
        _ => error.state().is_some_and(|state| is_definite(&state)),
    };
    let made = if definite {
        EngineError::definite(text)
    } else {
        EngineError::transient(text)
    };
    made.because(error)
}

/// Whether trying again cannot help until someone changes something.
///
/// Classes are those of PostgreSQL's appendix "Error Codes": network (08), resources (53),
/// operator intervention (57) and system errors (58) pass; a slot in use (55006) passes when the
/// other reader goes; the rest is configuration.
fn is_definite(state: &SqlState) -> bool {
    let code = state.code();
    let passing = ["08", "40", "53", "57", "58", "XX"];
    !(passing.iter().any(|class| code.starts_with(class)) || code == "55006" || code == "55P03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_decide() {
        for (code, definite) in [
            ("28P01", true),
            ("42501", true),
            ("57P01", false),
            ("55006", false),
            ("08006", false),
        ] {
            assert_eq!(is_definite(&SqlState::from_code(code)), definite, "{code}");
        }
    }
}
