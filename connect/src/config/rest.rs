//! The REST API's part of the worker's configuration.

use walcast_wire::usage::UsageError;

use super::answers::{self, CrossOrigin, HeaderRule};
use super::basic_auth::{self, User};
use super::listeners::Listeners;
use super::reader::Reader;
use super::tls::TlsSettings;

/// Where the REST API listens, who may use it, and what its answers carry.
#[derive(Debug, Clone)]
pub struct RestConfig {
    /// Addresses, and the name others use.
    pub listeners: Listeners,
    /// TLS of the ordinary listeners, when one of them is https.
    pub tls: Option<TlsSettings>,
    /// TLS of the listeners that serve only `/admin`, when one of them is https.
    pub admin_tls: Option<TlsSettings>,
    /// Who may use the API; `None` lets everybody.
    pub users: Option<Vec<User>>,
    /// Headers of every answer of the ordinary listeners.
    pub headers: Vec<HeaderRule>,
    /// What other sites' pages may ask the ordinary listeners for.
    pub cross_origin: Option<CrossOrigin>,
}

impl RestConfig {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, UsageError> {
        let listeners = Listeners::read(reader)?;
        let tls = |needed: bool, prefix| {
            needed
                .then(|| TlsSettings::read(reader, prefix))
                .transpose()
        };
        Ok(Self {
            tls: tls(listeners.ordinary_https(), "listeners.https.")?,
            admin_tls: tls(listeners.admin_https(), "admin.listeners.https.")?,
            users: basic_auth::read(reader, super::env::var)?,
            headers: answers::header_rules(reader)?,
            cross_origin: answers::cross_origin(reader)?,
            listeners,
        })
    }

    /// What was accepted though it has no effect.
    pub(super) fn warnings(&self) -> Vec<(String, String)> {
        let tls = [&self.tls, &self.admin_tls].into_iter().flatten();
        tls.flat_map(|tls| tls.warnings.clone()).collect()
    }
}
