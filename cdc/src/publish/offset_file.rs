//! Offsets in a file, as Kafka's `FileOffsetBackingStore` keeps them: Debezium Server's default.
//!
//! Key and value are those of the offsets topic; other connectors' pairs in the file stay. The file is
//! replaced whole, so that it is never half written. Which database system the offset is of stands in
//! a file beside it, where Debezium does not look.

use std::io;
use std::path::{Path, PathBuf};

use walcast_wire::connect_offset::{self, Offset};

use super::offsets::Stored;
use super::serialized_map::{self, Pairs};
use crate::error::{EngineError, Result};
use crate::postgres::server::System;

/// Where one connector's offset is kept.
pub(crate) struct OffsetFile {
    path: PathBuf,
    key: Vec<u8>,
    /// The system that the offsets are of, until it stands beside them.
    system: Option<System>,
}

impl OffsetFile {
    /// Offsets of `connector`, whose LSNs are those of `system`.
    pub(crate) fn new(path: &Path, connector: &str, server: &str, system: Option<System>) -> Self {
        Self {
            path: path.to_owned(),
            key: connect_offset::key(connector, server),
            system,
        }
    }

    /// Reads the offset; `None` when there is none.
    ///
    /// # Errors
    /// Definite when the file cannot be read or holds something else.
    pub(crate) fn load(&self) -> Result<Option<Stored>> {
        let found = self.pairs()?.into_iter().find(|(key, _)| *key == self.key);
        let Some((_, Some(value))) = found else {
            return Ok(None);
        };
        let offset = Offset::parse(&value).map_err(|e| {
            let path = self.path.display();
            EngineError::definite(format!("{path} holds an offset that cannot be read; correct it, or remove the file to start anew"))
                .because(e)
        })?;
        Ok(Some(Stored {
            offset,
            system: self.load_system()?,
        }))
    }

    /// Puts the offset in the place of the one before.
    ///
    /// # Errors
    /// Definite when the file cannot be written.
    pub(crate) fn write(&mut self, offset: &Offset) -> Result<()> {
        let mut pairs = self.pairs()?;
        let value = Some(offset.to_json());
        match pairs.iter_mut().find(|(key, _)| *key == self.key) {
            Some((_, old)) => *old = value,
            None => pairs.push((self.key.clone(), value)),
        }
        self.replace(&self.path, &serialized_map::write(&pairs))?;
        if let Some(system) = self.system {
            self.replace(&self.beside(), system.to_string().as_bytes())?;
            self.system = None;
        }
        Ok(())
    }

    /// What is in the file. Java takes an empty one as new.
    fn pairs(&self) -> Result<Pairs> {
        let bytes = read(&self.path)?.filter(|bytes| !bytes.is_empty());
        let Some(bytes) = bytes else {
            return Ok(Pairs::new());
        };
        serialized_map::read(&bytes).map_err(|e| {
            let path = self.path.display();
            EngineError::definite(format!("{path} is not a file of offsets; name another one in offset.storage.file.filename, or remove it to start anew"))
                .because(e)
        })
    }

    fn load_system(&self) -> Result<Option<System>> {
        let path = self.beside();
        let Some(bytes) = read(&path)? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&bytes);
        text.trim().parse().map(Some).map_err(|e| {
            EngineError::definite(format!("{} cannot be read; remove it", path.display()))
                .because(e)
        })
    }

    fn beside(&self) -> PathBuf {
        with_ending(&self.path, ".system")
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let part = with_ending(path, ".part");
        let replaced = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
        replaced.map_err(|e| {
            EngineError::definite(format!("cannot write {}; check its folder", path.display()))
                .because(e)
        })
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(EngineError::definite(format!("cannot read {}", path.display())).because(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_put_beside_those_of_others_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("offsets.dat");
        let java: &[u8] = include_bytes!("testdata/offsets-java17.dat");
        std::fs::write(&path, java).unwrap();
        let system = "7/1".parse().ok();
        let mut file = OffsetFile::new(&path, "kafka", "p", system);
        assert!(file.load().unwrap().is_none());
        let offset = Offset {
            lsn: Some(42),
            ..Offset::default()
        };
        file.write(&offset).unwrap();
        let stored = file.load().unwrap().unwrap();
        assert_eq!((stored.offset, stored.system), (offset, system));
        let other = OffsetFile::new(&path, "kafka5", "p", None).load().unwrap();
        assert_eq!(other.unwrap().offset.lsn, Some(5));
        assert!(
            OffsetFile::new(&path, "kafka4", "p", None)
                .load()
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn what_is_no_file_of_offsets_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("offsets.dat");
        let mut file = OffsetFile::new(&path, "kafka", "p", None);
        assert!(file.load().unwrap().is_none());
        std::fs::write(&path, b"").unwrap();
        assert!(file.load().unwrap().is_none());
        std::fs::write(&path, b"{}").unwrap();
        assert!(file.load().is_err() && file.write(&Offset::default()).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
    }
}
