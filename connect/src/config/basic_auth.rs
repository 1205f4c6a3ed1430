//! Who may use the REST API: Kafka Connect's `BasicAuthSecurityRestExtension`.
//!
//! Its users come from a properties file of names and passwords. Which one, Connect is told by
//! JAAS: `-Djava.security.auth.login.config=FILE` in `KAFKA_OPTS`, and in that file
//! `KafkaConnect { …PropertyFileLoginModule required file="…"; };`. Walcast reads that, and has
//! `walcast.rest.basic.auth.file` for those who have no JVM to tell.

use std::path::{Path, PathBuf};

use walcast_wire::usage::UsageError;

use super::jaas;
use super::properties;
use super::reader::Reader;
use super::secret::Secret;

const CLASSES: &str = "rest.extension.classes";
const FILE: &str = "walcast.rest.basic.auth.file";
const EXTENSION: &str =
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";
const MODULE: &str = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule";
const OPTION: &str = "-Djava.security.auth.login.config=";

/// Variables whose options a JVM of Kafka Connect would have been started with.
const JVM_OPTIONS: [&str; 3] = ["KAFKA_OPTS", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"];

/// A user of the REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Secret,
}

/// The users that may use the API; `None` lets everybody.
pub(super) fn read(
    reader: &Reader<'_>,
    var: impl Fn(&str) -> Option<String>,
) -> Result<Option<Vec<User>>, UsageError> {
    let wanted = extension(reader)?;
    if let Some(file) = reader.text(FILE) {
        return users(FILE, Path::new(file)).map(Some);
    }
    if !wanted {
        return Ok(None);
    }
    let file = credentials_file(var)?;
    users("the login module's file", &file).map(Some)
}

/// Whether the one extension Walcast has is asked for.
fn extension(reader: &Reader<'_>) -> Result<bool, UsageError> {
    let text = reader.text(CLASSES).unwrap_or_default();
    let mut wanted = false;
    for class in text.split(',').map(str::trim).filter(|c| !c.is_empty()) {
        if class != EXTENSION && Some(class) != EXTENSION.rsplit('.').next() {
            return Err(UsageError::new(format!(
                "{CLASSES}: {class} is a Java class and cannot run here; Walcast has {EXTENSION}; remove the other, and put a proxy in front for what it did"
            )));
        }
        wanted = true;
    }
    Ok(wanted)
}

/// The file that the JAAS configuration names.
fn credentials_file(var: impl Fn(&str) -> Option<String>) -> Result<PathBuf, UsageError> {
    let cure = format!("or name the file of users in {FILE}");
    let options = JVM_OPTIONS.iter().find_map(|name| {
        let text = var(name)?;
        text.split_whitespace()
            .filter_map(|option| option.trim_matches(['"', '\'']).strip_prefix(OPTION))
            .next_back()
            .map(|path| {
                path.trim_start_matches('=')
                    .trim_matches(['"', '\''])
                    .to_owned()
            })
    });
    let path = options.ok_or_else(|| {
        UsageError::new(format!(
            "{CLASSES}: the users are not told; set KAFKA_OPTS={OPTION}FILE as for Kafka Connect, {cure}"
        ))
    })?;
    let path = PathBuf::from(path.strip_prefix("file:").unwrap_or(&path));
    let wrong =
        |why: String| UsageError::new(format!("{}: {why}; mend it, {cure}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let modules = jaas::modules(&text, "KafkaConnect").map_err(&wrong)?;
    let [module] = modules.as_slice() else {
        return Err(wrong(format!(
            "KafkaConnect has {} login modules, and Walcast takes one",
            modules.len()
        )));
    };
    if module.class != MODULE {
        return Err(wrong(format!(
            "{} is a Java class and cannot run here; Walcast has {MODULE}",
            module.class
        )));
    }
    let file = module.options.get("file").filter(|f| !f.trim().is_empty());
    let file = file.ok_or_else(|| wrong("PropertyFileLoginModule has no option file".into()))?;
    Ok(PathBuf::from(file))
}

/// Reads names and passwords. Java reads such a file as ISO 8859-1, so it is read so here.
fn users(what: &str, path: &Path) -> Result<Vec<User>, UsageError> {
    let wrong = |why: String| UsageError::new(format!("{what}: {}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let text: String = bytes.into_iter().map(char::from).collect();
    let pairs = properties::parse(&text).map_err(|e| wrong(e.to_string()))?;
    if pairs.is_empty() {
        // Connect lets everybody in then, with a warning. That is never what was meant.
        return Err(wrong("holds no user; write lines of name=password, or remove the setting to let everybody in".into()));
    }
    let mut users: Vec<User> = Vec::new();
    for (name, password) in pairs {
        users.retain(|user| user.name != name);
        users.push(User {
            name,
            password: Secret::new(password),
        });
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Properties;

    fn read(
        pairs: &[(&str, &str)],
        options: Option<&str>,
    ) -> Result<Option<Vec<User>>, UsageError> {
        let props: Properties = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let var = |name: &str| options.filter(|_| name == "KAFKA_OPTS").map(str::to_owned);
        super::read(&Reader { props: &props }, var)
    }

    fn user(name: &str, password: &str) -> User {
        User {
            name: name.into(),
            password: Secret::new(password),
        }
    }

    #[test]
    fn users_come_from_the_file_that_jaas_names() {
        let dir = tempfile::tempdir().unwrap();
        let (jaas, users) = (
            dir.path().join("jaas.conf"),
            dir.path().join("users.properties"),
        );
        std::fs::write(&users, b"ann=old\nbob: p w\nann=n\xe4w\n").unwrap();
        let entry = format!(
            "KafkaConnect {{\n  {MODULE} required\n  file=\"{}\";\n}};\n",
            users.display()
        );
        std::fs::write(&jaas, entry).unwrap();
        let options = format!("-Xmx1g {OPTION}{} -Dx=y", jaas.display());
        let got = read(&[(CLASSES, EXTENSION)], Some(&options)).unwrap();
        assert_eq!(got, Some(vec![user("bob", "p w"), user("ann", "n\u{e4}w")]));
        assert_eq!(read(&[], Some(&options)).unwrap(), None);
    }

    #[test]
    fn walcasts_own_property_needs_no_jaas() {
        let dir = tempfile::tempdir().unwrap();
        let users = dir.path().join("users");
        std::fs::write(&users, "a=b").unwrap();
        let got = read(&[(FILE, users.to_str().unwrap())], None).unwrap();
        assert_eq!(got, Some(vec![user("a", "b")]));
        std::fs::write(&users, "# none\n").unwrap();
        assert!(read(&[(FILE, users.to_str().unwrap())], None).is_err());
    }

    #[test]
    fn what_would_leave_the_api_open_is_refused() {
        let other = read(&[(CLASSES, "x.Auth")], None).unwrap_err().to_string();
        assert!(other.contains("x.Auth"), "{other}");
        let untold = read(&[(CLASSES, EXTENSION)], Some("-Xmx1g"))
            .unwrap_err()
            .to_string();
        assert!(untold.contains("KAFKA_OPTS"), "{untold}");
        let dir = tempfile::tempdir().unwrap();
        let jaas = dir.path().join("jaas.conf");
        let options = format!("{OPTION}{}", jaas.display());
        for entry in [
            "Other { x required; };",
            "KafkaConnect { com.x.Ldap required; };",
            "KafkaConnect {",
        ] {
            std::fs::write(&jaas, entry).unwrap();
            assert!(
                read(&[(CLASSES, EXTENSION)], Some(&options)).is_err(),
                "{entry}"
            );
        }
    }
}
