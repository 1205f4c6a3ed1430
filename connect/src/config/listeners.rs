//! Where the REST API listens, and under which name others reach it.
//!
//! `listeners`, `admin.listeners` and `rest.advertised.*` of Kafka Connect 4.1 (`RestServerConfig`,
//! and `RestServer.advertisedUrl` for what follows from them).

use std::fmt;

use walcast_wire::usage::UsageError;

use super::reader::Reader;

/// Plain or encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// One place where the REST API listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Plain or encrypted.
    pub scheme: Scheme,
    /// Host name or address; empty listens on all.
    pub host: String,
    /// TCP port; 0 takes a free one.
    pub port: u16,
}

/// Where `/admin` is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminListeners {
    /// On the ordinary listeners: `admin.listeners` is not given.
    Ordinary,
    /// Nowhere: it is given and empty.
    Disabled,
    /// On these, which serve nothing else.
    Own(Vec<Listener>),
}

/// All listeners of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listeners {
    /// `listeners`; at least one.
    pub ordinary: Vec<Listener>,
    /// `admin.listeners`.
    pub admin: AdminListeners,
    /// `rest.advertised.host.name`, when given.
    pub advertised_host: Option<String>,
    /// `rest.advertised.port`, when given.
    pub advertised_port: Option<u16>,
    /// `rest.advertised.listener`, or what Connect takes without it: http before https.
    pub advertised_scheme: Scheme,
}

impl Listeners {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, UsageError> {
        let ordinary = reader.text_or("listeners", "http://:8083");
        let ordinary = list("listeners", &ordinary)?;
        let admin = match reader.given("admin.listeners").map(str::trim) {
            None => AdminListeners::Ordinary,
            Some("") => AdminListeners::Disabled,
            Some(text) => AdminListeners::Own(list("admin.listeners", text)?),
        };
        let http = ordinary.iter().any(|l| l.scheme == Scheme::Http);
        let advertised_scheme = match reader.text("rest.advertised.listener") {
            None if http => Scheme::Http,
            None => Scheme::Https,
            Some(name) => scheme(name).ok_or_else(|| {
                UsageError::new(format!(
                    "rest.advertised.listener={name}: give http or https"
                ))
            })?,
        };
        Ok(Self {
            ordinary,
            admin,
            advertised_host: reader.text("rest.advertised.host.name").map(str::to_owned),
            advertised_port: reader.number("rest.advertised.port")?,
            advertised_scheme,
        })
    }

    /// Which of [`Self::ordinary`] others are sent to: the first of the advertised scheme. Without
    /// one (a proxy may speak TLS for us) it is the first of all.
    #[must_use]
    pub fn advertised_index(&self) -> usize {
        let wanted = |l: &Listener| l.scheme == self.advertised_scheme;
        self.ordinary.iter().position(wanted).unwrap_or(0)
    }

    /// The URL under which other workers and clients reach this worker, without a path.
    /// `bound_port` is the port that the advertised listener got, which counts where its
    /// configured port is 0.
    #[must_use]
    pub fn advertised_url(&self, bound_port: u16) -> AdvertisedUrl {
        let listener = self.ordinary.get(self.advertised_index());
        let host = self.advertised_host.clone().unwrap_or_else(|| {
            match listener.map_or("", |l| l.host.as_str()) {
                "" | "0.0.0.0" | "::" => rustix::system::uname()
                    .nodename()
                    .to_string_lossy()
                    .into_owned(),
                host => host.to_owned(),
            }
        });
        AdvertisedUrl {
            scheme: self.advertised_scheme,
            host,
            port: self.advertised_port.unwrap_or(bound_port),
        }
    }

    /// Whether a listener needs the settings under `listeners.https.`.
    pub(super) fn ordinary_https(&self) -> bool {
        self.ordinary.iter().any(|l| l.scheme == Scheme::Https)
    }

    /// Whether a listener needs the settings under `admin.listeners.https.`.
    pub(super) fn admin_https(&self) -> bool {
        matches!(&self.admin, AdminListeners::Own(own) if own.iter().any(|l| l.scheme == Scheme::Https))
    }
}

/// `scheme://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertisedUrl {
    /// Plain or encrypted.
    pub scheme: Scheme,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl AdvertisedUrl {
    /// `host:port`, as statuses name the worker.
    #[must_use]
    pub fn worker_id(&self) -> String {
        if self.host.contains(':') && !self.host.starts_with('[') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for AdvertisedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.worker_id())
    }
}

fn scheme(text: &str) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
}

fn list(name: &str, text: &str) -> Result<Vec<Listener>, UsageError> {
    let wrong = |why: &str| UsageError::new(format!("{name}={text}: {why}"));
    text.split(',')
        .map(|url| {
            let url = url.trim().trim_end_matches('/');
            let form = "give each as http://host:port or https://host:port";
            let (given, address) = url.split_once("://").ok_or_else(|| wrong(form))?;
            let scheme = scheme(given).ok_or_else(|| wrong(form))?;
            let (host, port) = address.rsplit_once(':').ok_or_else(|| wrong(form))?;
            let port = port
                .parse()
                .map_err(|_| wrong("a port is not a number from 0 to 65535"))?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            Ok(Listener {
                scheme,
                host: host.to_owned(),
                port,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Properties;

    fn read(pairs: &[(&str, &str)]) -> Result<Listeners, UsageError> {
        let props: Properties = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Listeners::read(&Reader { props: &props })
    }

    fn url(pairs: &[(&str, &str)]) -> String {
        read(pairs).unwrap().advertised_url(7).to_string()
    }

    #[test]
    fn several_listeners_of_both_schemes_are_read() {
        let got = read(&[("listeners", " HTTP://:1 ,https://[::1]:2/")]).unwrap();
        let expected = [(Scheme::Http, "", 1), (Scheme::Https, "::1", 2)];
        let got: Vec<_> = got
            .ordinary
            .iter()
            .map(|l| (l.scheme, l.host.as_str(), l.port))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn admin_listeners_are_the_ordinary_ones_none_or_their_own() {
        assert_eq!(read(&[]).unwrap().admin, AdminListeners::Ordinary);
        let none = read(&[("admin.listeners", " ")]).unwrap();
        assert_eq!(none.admin, AdminListeners::Disabled);
        let own = read(&[("admin.listeners", "https://a:1")]).unwrap();
        assert!(own.admin_https() && !own.ordinary_https());
    }

    #[test]
    fn the_advertised_url_follows_connects_rules() {
        let both = ("listeners", "https://a:0,http://b:0");
        assert_eq!(url(&[both]), "http://b:7");
        let https = ("rest.advertised.listener", "HTTPS");
        assert_eq!(url(&[both, https]), "https://a:7");
        assert_eq!(url(&[("listeners", "https://a:1")]), "https://a:7");
        let proxy = [
            ("listeners", "http://a:1"),
            https,
            ("rest.advertised.host.name", "x.example"),
            ("rest.advertised.port", "443"),
        ];
        assert_eq!(url(&proxy), "https://x.example:443");
        assert_eq!(url(&[("listeners", "http://[::1]:0")]), "http://[::1]:7");
    }

    #[test]
    fn what_is_no_listener_is_refused_by_name() {
        for text in [
            "nonsense",
            "ftp://a:1",
            "http://a",
            "http://a:99999",
            "http://a:1,",
            ",",
        ] {
            for name in ["listeners", "admin.listeners"] {
                let error = read(&[(name, text)]).unwrap_err().to_string();
                assert!(error.starts_with(name), "{error}");
            }
        }
        assert!(read(&[("rest.advertised.listener", "ftp")]).is_err());
    }
}
