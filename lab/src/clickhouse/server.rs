//! A ClickHouse server that is installed on the machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::config;
use crate::service::Spec;

/// The `clickhouse` on the path.
pub(crate) fn find() -> Option<PathBuf> {
    config::on_path("clickhouse")
}

pub(crate) fn spec(program: PathBuf, dir: &Path, http: u16, native: u16) -> Result<Spec> {
    let file = dir.join("config.xml");
    fs::write(&file, settings(dir, http, native))
        .with_context(|| format!("write {}", file.display()))?;
    let users = dir.join("users.xml");
    fs::write(&users, USERS).with_context(|| format!("write {}", users.display()))?;
    Ok(Spec::new("clickhouse", program, dir)
        .arg("server")
        .arg(format!("--config-file={}", file.display())))
}

fn settings(dir: &Path, http: u16, native: u16) -> String {
    let dir = dir.display();
    format!(
        "<clickhouse>\n\
         <logger><level>warning</level><console>1</console></logger>\n\
         <listen_host>127.0.0.1</listen_host>\n\
         <http_port>{http}</http_port><tcp_port>{native}</tcp_port>\n\
         <path>{dir}/data/</path><tmp_path>{dir}/tmp/</tmp_path>\n\
         <user_directories><users_xml><path>{dir}/users.xml</path></users_xml></user_directories>\n\
         <mark_cache_size>268435456</mark_cache_size>\n\
         </clickhouse>\n"
    )
}

/// One user, from loopback only.
const USERS: &str = "\
<clickhouse>
<profiles><default/></profiles>
<quotas><default/></quotas>
<users><default>
<password></password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota>
</default></users>
</clickhouse>
";
