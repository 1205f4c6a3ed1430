//! Kafka's config providers: `${file:/path:key}`, `${env:NAME}`, `${dir:/path:name}`.
//!
//! Properties with references enter, properties with the values leave. Only the providers that the
//! worker's `config.providers` names are consulted, so that a connector's JSON cannot read files
//! that nobody offered. The values are never logged and never written to a topic.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use regex::Regex;

use super::properties;
use super::worker::Properties;

/// The providers of one worker, by alias.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    by_alias: IndexMap<String, Provider>,
}

#[derive(Debug, Clone)]
enum Provider {
    File { allowed: Vec<PathBuf> },
    Env { allowed: Option<Regex> },
    Directory { allowed: Vec<PathBuf> },
}

/// A provider that cannot be set up, or a reference that cannot be resolved; says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProviderError(String);

impl Providers {
    /// Reads `config.providers` and `config.providers.ALIAS.*`.
    ///
    /// # Errors
    /// A provider class that Walcast does not have, or a parameter that cannot be read.
    pub fn from_worker(props: &Properties) -> Result<Self, ProviderError> {
        let list = props
            .get("config.providers")
            .map(String::as_str)
            .unwrap_or_default();
        let mut by_alias = IndexMap::new();
        for alias in list.split(',').map(str::trim).filter(|a| !a.is_empty()) {
            let get = |key: &str| props.get(&format!("config.providers.{alias}.{key}"));
            let class = get("class").map(|c| c.trim()).unwrap_or_default();
            let paths = || allowed_paths(alias, get("param.allowed.paths"));
            let provider = match class.rsplit('.').next().unwrap_or_default() {
                "FileConfigProvider" => Provider::File { allowed: paths()? },
                "DirectoryConfigProvider" => Provider::Directory { allowed: paths()? },
                "EnvVarConfigProvider" => {
                    let pattern = get("param.allowlist.pattern");
                    let compile = |p: &String| Regex::new(&format!("^(?:{p})$"));
                    Provider::Env {
                        allowed: pattern.map(compile).transpose().map_err(|e| {
                            ProviderError(format!(
                                "config.providers.{alias}.param.allowlist.pattern: {e}"
                            ))
                        })?,
                    }
                }
                _ => {
                    return Err(ProviderError(format!(
                        "config.providers.{alias}.class={class}: Walcast has FileConfigProvider, DirectoryConfigProvider and EnvVarConfigProvider; use one of these"
                    )));
                }
            };
            by_alias.insert(alias.to_owned(), provider);
        }
        Ok(Self { by_alias })
    }

    /// Properties under `config.providers.` that nothing reads: name and why.
    pub(super) fn unread(&self, props: &Properties) -> Vec<(String, String)> {
        let unread = |name: &String| {
            let (alias, key) = name.strip_prefix("config.providers.")?.split_once('.')?;
            let known = match self.by_alias.get(alias) {
                Some(Provider::File { .. } | Provider::Directory { .. }) => "param.allowed.paths",
                Some(Provider::Env { .. }) => "param.allowlist.pattern",
                None => {
                    return Some(format!(
                        "has no effect: config.providers does not list {alias}"
                    ));
                }
            };
            let read = key == "class" || key == known;
            (!read).then(|| format!("has no effect: this provider reads class and {known}"))
        };
        props
            .keys()
            .filter_map(|name| Some((name.clone(), unread(name)?)))
            .collect()
    }

    /// Replaces every `${alias:…}` whose alias is known; other text stays as it is.
    ///
    /// # Errors
    /// The first reference that names a file, key or variable that is not there.
    pub fn resolve(&self, props: &Properties) -> Result<Properties, ProviderError> {
        if self.by_alias.is_empty() {
            return Ok(props.clone());
        }
        let resolved = props.iter().map(|(key, value)| {
            let value = self.resolve_value(value);
            value
                .map(|v| (key.clone(), v))
                .map_err(|e| ProviderError(format!("{key}: {e}")))
        });
        resolved.collect()
    }

    fn resolve_value(&self, value: &str) -> Result<String, ProviderError> {
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else {
                break;
            };
            let (reference, after) = (
                &rest[start + 2..start + length],
                &rest[start + length + 1..],
            );
            out.push_str(&rest[..start]);
            match reference
                .split_once(':')
                .and_then(|(a, r)| Some((self.by_alias.get(a)?, r)))
            {
                Some((provider, reference)) => out.push_str(&provider.get(reference)?),
                None => out.push_str(&rest[start..=start + length]),
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

impl Provider {
    /// `reference` is what follows the alias: `key`, or `path:key`. As in Kafka's
    /// `ConfigTransformer` the path ends at the first colon.
    fn get(&self, reference: &str) -> Result<String, ProviderError> {
        let (path, key) = reference.split_once(':').unwrap_or(("", reference));
        match self {
            Self::File { allowed } => from_file(allowed, path, key),
            Self::Directory { allowed } => from_directory(allowed, path, key),
            Self::Env { .. } if !path.is_empty() => Err(ProviderError(format!(
                "{reference}: environment variables have no path; write ${{ALIAS:NAME}}"
            ))),
            Self::Env { allowed } => from_environment(allowed.as_ref(), key),
        }
    }
}

/// `allowed.paths`, each absolute and there, as Kafka's `AllowedPaths` demands.
fn allowed_paths(alias: &str, list: Option<&String>) -> Result<Vec<PathBuf>, ProviderError> {
    let given = list.map(String::as_str).unwrap_or_default().split(',');
    given
        .map(str::trim)
        .filter(|path| !path.is_empty())
        .map(|text| {
            let path = PathBuf::from(text);
            let why = if !path.is_absolute() {
                "is not absolute"
            } else if !path.exists() {
                "does not exist"
            } else {
                return Ok(path);
            };
            Err(ProviderError(format!(
                "config.providers.{alias}.param.allowed.paths: {text} {why}"
            )))
        })
        .collect()
}

fn from_file(allowed: &[PathBuf], path: &str, key: &str) -> Result<String, ProviderError> {
    check_allowed(allowed, Path::new(path))?;
    let text = read(Path::new(path))?;
    let pairs = properties::parse(&text).map_err(|e| ProviderError(format!("{path}: {e}")))?;
    let found = pairs.into_iter().rev().find(|(k, _)| k == key);
    found
        .map(|(_, v)| v)
        .ok_or_else(|| ProviderError(format!("{path} has no key {key}; add it")))
}

fn from_directory(allowed: &[PathBuf], path: &str, key: &str) -> Result<String, ProviderError> {
    if key.contains('/') || key == ".." {
        return Err(ProviderError(format!(
            "{key} is not the name of a file in {path}"
        )));
    }
    check_allowed(allowed, Path::new(path))?;
    read(&Path::new(path).join(key))
}

fn from_environment(allowed: Option<&Regex>, name: &str) -> Result<String, ProviderError> {
    if allowed.is_some_and(|pattern| !pattern.is_match(name)) {
        return Err(ProviderError(format!(
            "environment variable {name} is not in config.providers' allowlist.pattern; widen the pattern"
        )));
    }
    super::env::var(name)
        .ok_or_else(|| ProviderError(format!("environment variable {name} is not set; set it")))
}

fn read(path: &Path) -> Result<String, ProviderError> {
    std::fs::read_to_string(path)
        .map_err(|e| ProviderError(format!("{} cannot be read: {e}", path.display())))
}

/// With `allowed.paths` set, only files below them may be read; links are followed first.
fn check_allowed(allowed: &[PathBuf], path: &Path) -> Result<(), ProviderError> {
    if allowed.is_empty() {
        return Ok(());
    }
    let real = path.canonicalize();
    let real =
        real.map_err(|e| ProviderError(format!("{} cannot be read: {e}", path.display())))?;
    let inside = |root: &PathBuf| root.canonicalize().is_ok_and(|root| real.starts_with(root));
    if allowed.iter().any(inside) {
        return Ok(());
    }
    Err(ProviderError(format!(
        "{} is outside config.providers' allowed.paths",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(pairs: &[(&str, &str)]) -> Properties {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn file_provider(extra: &[(&str, &str)]) -> Providers {
        let mut props = worker(&[
            ("config.providers", "file"),
            (
                "config.providers.file.class",
                "org.apache.kafka.common.config.provider.FileConfigProvider",
            ),
        ]);
        props.extend(worker(extra));
        Providers::from_worker(&props).unwrap()
    }

    #[test]
    fn a_file_reference_takes_the_value_of_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.properties");
        std::fs::write(&path, "user=ann\npassword=p\\:w\n").unwrap();
        let reference = format!("x${{file:{}:password}}y${{other:z}}", path.display());
        let got = file_provider(&[])
            .resolve(&worker(&[("p", &reference)]))
            .unwrap();
        assert_eq!(got["p"], "xp:wy${other:z}");
    }

    #[test]
    fn a_missing_key_is_an_error_that_names_property_and_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.properties");
        std::fs::write(&path, "a=1").unwrap();
        let reference = format!("${{file:{}:b}}", path.display());
        let error = file_provider(&[])
            .resolve(&worker(&[("p", &reference)]))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("p: {} has no key b; add it", path.display())
        );
    }

    #[test]
    fn allowed_paths_fence_the_files() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = other.path().join("s.properties");
        std::fs::write(&path, "a=1").unwrap();
        let allowed = dir.path().display().to_string();
        let providers = file_provider(&[("config.providers.file.param.allowed.paths", &allowed)]);
        let reference = format!("${{file:{}:a}}", path.display());
        assert!(providers.resolve(&worker(&[("p", &reference)])).is_err());
    }

    #[test]
    fn allowed_paths_must_be_absolute_and_there() {
        for path in ["relative", "/no/such/folder"] {
            let props = worker(&[
                ("config.providers", "d"),
                ("config.providers.d.class", "DirectoryConfigProvider"),
                ("config.providers.d.param.allowed.paths", path),
            ]);
            let error = Providers::from_worker(&props).unwrap_err().to_string();
            assert!(error.contains(path), "{error}");
        }
    }

    #[test]
    fn a_directory_reference_takes_the_file_of_that_name_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("user"), "ann").unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let providers = Providers::from_worker(&worker(&[
            ("config.providers", "dir"),
            ("config.providers.dir.class", "DirectoryConfigProvider"),
        ]))
        .unwrap();
        let get = |key: &str| {
            let reference = format!("${{dir:{}:{key}}}", dir.path().display());
            providers.resolve(&worker(&[("p", &reference)]))
        };
        assert_eq!(get("user").unwrap()["p"], "ann");
        for key in ["sub", "../x", "..", "none"] {
            assert!(get(key).is_err(), "{key}");
        }
    }

    #[test]
    fn the_path_ends_at_the_first_colon_and_variables_have_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.properties");
        std::fs::write(&path, "a\\:b=1").unwrap();
        let reference = format!("${{file:{}:a:b}}", path.display());
        let got = file_provider(&[]).resolve(&worker(&[("p", &reference)]));
        assert_eq!(got.unwrap()["p"], "1");
        let env = Providers::from_worker(&worker(&[
            ("config.providers", "env"),
            ("config.providers.env.class", "EnvVarConfigProvider"),
        ]));
        let env = env.unwrap();
        assert!(env.resolve(&worker(&[("p", "${env:x:PATH}")])).is_err());
        assert!(!env.resolve(&worker(&[("p", "${env:PATH}")])).unwrap()["p"].is_empty());
    }

    #[test]
    fn what_no_provider_reads_is_told() {
        let props = worker(&[
            ("config.providers", "e"),
            ("config.providers.e.class", "EnvVarConfigProvider"),
            ("config.providers.e.param.allowlist.pattern", "A.*"),
            ("config.providers.e.param.ttl", "1"),
            ("config.providers.x.class", "y"),
        ]);
        let unread = Providers::from_worker(&props).unwrap().unread(&props);
        let names: Vec<_> = unread.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["config.providers.e.param.ttl", "config.providers.x.class"]
        );
    }

    #[test]
    fn without_providers_references_stay_as_they_are() {
        let props = worker(&[("p", "${file:/etc/passwd:x}")]);
        assert_eq!(Providers::default().resolve(&props).unwrap(), props);
    }

    #[test]
    fn an_unknown_provider_class_is_refused() {
        let props = worker(&[
            ("config.providers", "v"),
            ("config.providers.v.class", "com.x.Vault"),
        ]);
        assert!(
            Providers::from_worker(&props)
                .unwrap_err()
                .to_string()
                .contains("com.x.Vault")
        );
    }
}
