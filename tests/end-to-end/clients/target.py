"""Where the running system is: from a ready file, the environment or arguments.

In: `--ready-file F` (as `cargo xtask up --ready-file F` writes it), or one URL for each component; flags win over the file,
the file over the environment, the environment over docker-compose.yml's ports. Out: one `Target`.
"""

import argparse
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLES = (
    ("api_url", "WALCAST_API_URL", "http://127.0.0.1:8000", "the API"),
    ("api_token", "WALCAST_API_TOKEN", "", "a Bearer token with scope admin"),
    ("connect_url", "WALCAST_CONNECT_URL", "http://127.0.0.1:8083", "the Connect REST API"),
    ("sink_url", "WALCAST_SINK_URL", "http://127.0.0.1:8084", "the sink's health and metrics"),
    ("kafka_bootstrap", "WALCAST_KAFKA_BOOTSTRAP", "127.0.0.1:9092", "Kafka, host:port[,host:port]"),
    ("postgres_url", "WALCAST_POSTGRES_URL", "postgres://postgres:postgres@127.0.0.1:5432/experiments", "PostgreSQL"),
    ("clickhouse_url", "WALCAST_CLICKHOUSE_URL", "http://127.0.0.1:8123", "ClickHouse over HTTP"),
    ("clickhouse_database", "WALCAST_CLICKHOUSE_DATABASE", "experiments", "its database"),
    ("clickhouse_user", "WALCAST_CLICKHOUSE_USER", "default", "its user"),
    ("clickhouse_password", "WALCAST_CLICKHOUSE_PASSWORD", "", "that user's password"),
)


@dataclass
class Target:
    """The running system's addresses and, where it was started on this machine, its processes."""

    api_url: str
    api_token: str
    connect_url: str
    sink_url: str
    kafka_bootstrap: str
    postgres_url: str
    clickhouse_url: str
    clickhouse_database: str
    clickhouse_user: str
    clickhouse_password: str = field(repr=False)
    ready_file: Path | None = None

    def pid(self, role):
        """Returns the role's present pid: the ready file is read anew, for it changes when a role is restarted."""
        if self.ready_file is None:
            raise SystemExit("this needs --ready-file: only it says which process is which role")
        return int(json.loads(self.ready_file.read_text())["pids"][role])


def add_arguments(parser):
    """Adds `--ready-file` and a flag for each address to an argparse parser."""
    parser.add_argument("--ready-file", type=Path, default=os.environ.get("WALCAST_READY_FILE"), help="JSON that `cargo xtask up --ready-file` wrote (env WALCAST_READY_FILE)")
    for name, variable, default, what in _VARIABLES:
        parser.add_argument("--" + name.replace("_", "-"), help=f"{what} (env {variable}; default {default!r})")


def from_arguments(arguments):
    """Returns the Target that the parsed arguments, the ready file and the environment name."""
    ready_file = Path(arguments.ready_file) if arguments.ready_file else None
    from_file = _from_ready_file(ready_file) if ready_file else {}
    values = {}
    for name, variable, default, _ in _VARIABLES:
        flag = getattr(arguments, name)
        values[name] = flag if flag is not None else from_file.get(name) or os.environ.get(variable) or default
    return Target(**values, ready_file=ready_file)


def from_environment():
    """Returns the Target that the environment alone names."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return from_arguments(parser.parse_args([]))


def _from_ready_file(path):
    try:
        ready = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"--ready-file {path}: {error}") from error
    clickhouse = ready["clickhouse"]
    return {
        "api_url": ready["api"]["url"],
        "api_token": ready["api"]["token"],
        "connect_url": ready["connect"]["url"],
        "sink_url": ready.get("sink", {}).get("url"),
        "kafka_bootstrap": ready["kafka"]["bootstrap"],
        "postgres_url": ready["postgres"]["url"],
        "clickhouse_url": clickhouse["url"],
        "clickhouse_database": clickhouse["database"],
        "clickhouse_user": clickhouse.get("user"),
        "clickhouse_password": clickhouse.get("password"),
    }
