//! A set of components that starts together and ends together.

use std::path::Path;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Result, anyhow};

use crate::bring::need::{Need, ensure};
use crate::clickhouse::ClickHouse;
use crate::debezium::Debezium;
use crate::dir::LabDir;
use crate::kafka::Kafka;
use crate::postgres::Postgres;
use crate::redis::Redis;

/// Running components. Dropping it stops them and removes their folder.
pub struct Lab {
    pub(crate) components: Components,
    // Last: the folder goes when nothing runs in it any more.
    pub(crate) dir: LabDir,
}

/// What runs. Debezium stands before Kafka, so that it ends first.
pub(crate) struct Components {
    pub(crate) postgres: Vec<Postgres>,
    pub(crate) debezium: Option<Debezium>,
    pub(crate) kafka: Option<Kafka>,
    pub(crate) clickhouse: Option<ClickHouse>,
    pub(crate) redis: Option<Redis>,
}

/// Which components a lab has.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    postgres: Vec<u8>,
    kafka: bool,
    debezium: bool,
    clickhouse: bool,
    redis: bool,
}

impl Lab {
    /// Begins a lab; its folder's name begins with `name`.
    pub fn builder(name: &str) -> Builder {
        Builder {
            name: name.into(),
            postgres: Vec::new(),
            kafka: false,
            debezium: false,
            clickhouse: false,
            redis: false,
        }
    }

    /// The first PostgreSQL that was asked for.
    ///
    /// # Panics
    /// When none was asked for; so do the other components' functions.
    pub fn postgres(&self) -> &Postgres {
        asked_for("PostgreSQL", self.components.postgres.first())
    }

    /// The PostgreSQL of one major version.
    pub fn postgres_version(&self, version: u8) -> &Postgres {
        let mut all = self.components.postgres.iter();
        let found = all.find(|postgres| postgres.version == version);
        asked_for("this PostgreSQL", found)
    }

    /// Kafka.
    pub fn kafka(&self) -> &Kafka {
        asked_for("Kafka", self.components.kafka.as_ref())
    }

    /// Kafka Connect with Debezium.
    pub fn debezium(&self) -> &Debezium {
        asked_for("Debezium", self.components.debezium.as_ref())
    }

    /// ClickHouse.
    pub fn clickhouse(&self) -> &ClickHouse {
        asked_for("ClickHouse", self.components.clickhouse.as_ref())
    }

    /// Redis.
    pub fn redis(&self) -> &Redis {
        asked_for("Redis", self.components.redis.as_ref())
    }

    /// The lab's folder, with all logs. It goes with the lab.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Builder {
    /// Adds PostgreSQL of a major version (15 or 18); may be asked for more than once.
    pub fn postgres(mut self, version: u8) -> Self {
        self.postgres.push(version);
        self
    }

    /// Adds a Kafka broker.
    pub fn kafka(mut self) -> Self {
        self.kafka = true;
        self
    }

    /// Adds Kafka Connect with the real Debezium, and Kafka.
    pub fn debezium(mut self) -> Self {
        self.debezium = true;
        self.kafka()
    }

    /// Adds ClickHouse.
    pub fn clickhouse(mut self) -> Self {
        self.clickhouse = true;
        self
    }

    /// Adds Redis.
    pub fn redis(mut self) -> Self {
        self.redis = true;
        self
    }

    /// Brings what is missing, without starting anything. [`Builder::start`] does this too.
    ///
    /// # Errors
    /// What is missing and cannot be installed or downloaded.
    pub fn bring(&self) -> Result<()> {
        ensure(&self.needs()?)?;
        for &version in &self.postgres {
            Postgres::bring(version)?;
        }
        if self.kafka {
            Kafka::bring()?;
        }
        if self.debezium {
            Debezium::bring()?;
        }
        if self.clickhouse {
            ClickHouse::bring()?;
        }
        Ok(())
    }

    /// Brings what is missing, starts all at once and waits until all answer.
    ///
    /// # Errors
    /// What is missing and cannot be installed, or the component that did not start, with the end
    /// of its log. Nothing is left running then.
    pub fn start(&self) -> Result<Lab> {
        ensure(&self.needs()?)?;
        let dir = LabDir::create(&self.name)?;
        let components = self.start_in(&dir)?;
        Ok(Lab { components, dir })
    }

    fn start_in(&self, dir: &LabDir) -> Result<Components> {
        thread::scope(|scope| {
            let postgres = self.postgres.iter();
            let postgres: Vec<_> = postgres
                .map(|&version| scope.spawn(move || Postgres::start(version, dir)))
                .collect();
            let clickhouse = self
                .clickhouse
                .then(|| scope.spawn(|| ClickHouse::start(dir)));
            let redis = self.redis.then(|| scope.spawn(|| Redis::start(dir)));
            let kafka = self.kafka.then(|| Kafka::start(dir)).transpose()?;
            let debezium = match &kafka {
                Some(kafka) if self.debezium => Some(Debezium::start(dir, kafka)?),
                _ => None,
            };
            Ok(Components {
                postgres: postgres.into_iter().map(joined).collect::<Result<_>>()?,
                debezium,
                kafka,
                clickhouse: clickhouse.map(joined).transpose()?,
                redis: redis.map(joined).transpose()?,
            })
        })
    }

    fn needs(&self) -> Result<Vec<Need>> {
        let mut needs: Vec<Need> = Vec::new();
        for &version in &self.postgres {
            needs.extend(Postgres::needs(version)?);
        }
        if self.kafka {
            needs.extend(Kafka::needs());
        }
        if self.clickhouse {
            needs.extend(ClickHouse::needs());
        }
        if self.redis {
            needs.extend(Redis::needs());
        }
        Ok(needs)
    }
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .map_err(|_| anyhow!("a thread that starts a component panicked"))
        .flatten()
}

fn asked_for<'a, T>(name: &str, component: Option<&'a T>) -> &'a T {
    match component {
        Some(component) => component,
        None => panic!("the lab was built without {name}"),
    }
}
