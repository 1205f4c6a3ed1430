//! Query parameters, read as Connect's HTTP layer reads them: percent-decoded, the first of several
//! counts, and a switch is on when its value is `true` in any letter case.

/// The parameters of one request.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The first value of a parameter.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// A switch; without a value it is as it is by default.
    pub(super) fn switch(&self, name: &str, default: bool) -> bool {
        let given = self.first(name).filter(|value| !value.is_empty());
        given.map_or(default, |value| value.eq_ignore_ascii_case("true"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_connect_reads_them() {
        let query = Query::parse(Some("a=%69nfo&a=b&on=TRUE&off=1&blank=&bare"));
        assert_eq!(query.first("a"), Some("info"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["info", "b"]);
        assert_eq!(query.first("bare"), Some(""));
        assert!(query.switch("on", false) && !query.switch("off", true));
        assert!(query.switch("blank", true) && query.switch("none", true));
        assert_eq!(Query::parse(None).first("a"), None);
    }
}
