//! Variables that look like settings of this role and are not.
//!
//! They are warned of and not refused: Kubernetes sets `WALCAST_API_PORT` and the like for a service
//! named `walcast-api`, and clients of the API have variables of their own.

const PREFIX: &str = "WALCAST_API_";

/// Logs each variable with our prefix that is not in `known`.
pub(super) fn warn_of_unknown(known: &[&str]) {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| is_unknown(name, known)) {
        tracing::warn!("{name} is not a setting of `walcast api` and does nothing; see its --help");
    }
}

fn is_unknown(name: &str, known: &[&str]) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let from_kubernetes =
        rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_");
    rest != "CONFIG" && !from_kubernetes && !known.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::is_unknown;

    #[test]
    fn a_typing_error_is_seen_and_kubernetes_variables_are_not() {
        let known = ["WALCAST_API_LISTEN"];
        for name in ["WALCAST_API_LISTN", "WALCAST_API_"] {
            assert!(is_unknown(name, &known), "{name}");
        }
        let others = [
            "WALCAST_API_PORT",
            "WALCAST_API_PORT_8000_TCP",
            "WALCAST_API_SERVICE_HOST",
        ];
        for name in others
            .iter()
            .chain(&["WALCAST_API_LISTEN", "WALCAST_API_CONFIG", "PATH"])
        {
            assert!(!is_unknown(name, &known), "{name}");
        }
    }
}
