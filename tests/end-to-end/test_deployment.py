#!/usr/bin/env python3
"""Checks what a container engine would run, without one.

    python3 tests/end-to-end/test_deployment.py
    python3 tests/end-to-end/test_deployment.py --walcast target/debug/walcast --ready-file ready.json

In: docker-compose.yml and deploy/; with --walcast and --ready-file also our binary and running components, and then each of our
services is started natively with compose's own command and variables. Out: a line for each check, `N passed, N failed`.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import unittest
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import compose
import stages
import yaml_subset
from clients.postgres import Connection
from clients.rest import ClickHouse
from clients.wait import wait_for

DEPLOY = compose.ROOT / "deploy"
PORTS = {"api": "8000", "connect": "8083", "kafka-ui": "8080", "grafana": "3000"}
METRIC = re.compile(r"\b(?:walcast|debezium_metrics|kafka_connect)_\w+")


class Files(unittest.TestCase):
    """What the files say, compared with each other and with the sources."""

    @classmethod
    def setUpClass(cls):
        cls.compose = compose.load()
        cls.services = cls.compose["services"]

    def test_images_are_pinned(self):
        """compose, Dockerfile: every image has a full version, none is ZooKeeper"""
        dockerfile = (DEPLOY / "Dockerfile").read_text()
        images = [service["image"] for service in self.services.values()] + re.findall(r"^FROM (\S+)", dockerfile, re.M)
        for image in images:
            self.assertNotIn("zookeeper", image)
            if image != compose.OUR_IMAGE:
                self.assertRegex(image, r":v?\d+\.\d+\.\d+|:18\.\d+-|:trixie-\d{8}-", f"{image} is not pinned")
        channel = re.search(r'channel = "(.+)"', (compose.ROOT / "rust-toolchain.toml").read_text())[1]
        self.assertIn(f"FROM rust:{channel}-", dockerfile)

    def test_image_is_built_in_stages_and_runs_without_root(self):
        """Dockerfile: two stages, the last one not as root; compose: read-only, without capabilities"""
        dockerfile = (DEPLOY / "Dockerfile").read_text()
        last = dockerfile[dockerfile.rindex("\nFROM ") :]
        self.assertEqual(2, dockerfile.count("\nFROM "))
        self.assertRegex(last, r"\nUSER [1-9]\d*:[1-9]\d*\n")
        self.assertIn("COPY --from=build", last)
        for name, service in compose.ours(self.services).items():
            self.assertEqual(("true", ["ALL"]), (service["read_only"], service["cap_drop"]), name)
            self.assertEqual({"context": ".", "dockerfile": "deploy/Dockerfile"}, service["build"], name)

    def test_services_wait_for_what_they_need(self):
        """compose: health checks, dependencies, ports, volumes and mounts fit together"""
        for name, service in self.services.items():
            one_shot = service["restart"] == "no"
            self.assertNotEqual(one_shot, "healthcheck" in service, f"{name}: a health check, or it ends by itself")
            for needed, how in service.get("depends_on", {}).items():
                ends = self.services[needed]["restart"] == "no"
                wanted = "service_completed_successfully" if ends else "service_healthy"
                self.assertEqual(wanted, how["condition"], f"{name} waits for {needed}")
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                known = (compose.ROOT / source).is_dir() if source.startswith("./") else source in self.compose["volumes"]
                self.assertTrue(known, f"{name} mounts {volume}")
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name} opens {port} to the network")
        for name, port in PORTS.items():
            self.assertIn(f"127.0.0.1:{port}:{port}", self.services[name]["ports"])

    def test_connector_fits_the_system(self):
        """connector JSON: it reaches compose's PostgreSQL and feeds the sink's topic"""
        connector = json.loads((DEPLOY / "connectors/experiments-postgres-connector.json").read_text())
        postgres = self.services["postgres"]["environment"]
        expected = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "postgres",
            "database.user": postgres["POSTGRES_USER"],
            "database.password": postgres["POSTGRES_PASSWORD"],
            "database.dbname": postgres["POSTGRES_DB"],
            "topic.prefix": "experiments",
            "slot.name": "experiments_slot",
            "exactly.once.support": "required",
        }
        self.assertEqual(expected, {key: connector[key] for key in expected})
        self.assertTrue(all(isinstance(value, str) for value in connector.values()))
        table = f"{connector['topic.prefix']}.{connector['table.include.list']}"
        topic = re.sub(connector["transforms.route.regex"], connector["transforms.route.replacement"], table)
        self.assertEqual("experiments_events", topic)
        self.assertEqual("enabled", self.services["connect"]["environment"]["CONNECT_EXACTLY_ONCE_SOURCE_SUPPORT"])

    def test_prometheus_scrapes_every_role(self):
        """Prometheus: each role's own port is a target; each alert has a runbook in the book"""
        config = yaml_subset.load((DEPLOY / "prometheus/prometheus.yml").read_text())
        targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
        for role in ("api", "connect", "sink"):
            port = self.services[role]["ports"][0].rsplit(":", 1)[1]
            self.assertEqual([f"{role}:{port}"], targets[f"walcast-{role}"])
        headings = {_anchor(line) for line in (compose.ROOT / "docs/src/operate.md").read_text().splitlines() if line.startswith("#")}
        for rule in alerts():
            self.assertIn(rule["annotations"]["runbook_url"].rsplit("#", 1)[1], headings, rule["alert"])

    def test_book_is_whole(self):
        """book: every link leads somewhere, every connector property is named"""
        pages = {path.name: path.read_text() for path in (compose.ROOT / "docs/src").glob("*.md")}
        for name, text in pages.items():
            for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
                self.assertIn(link, pages, name)
            self.assertTrue(name == "SUMMARY.md" or f"({name})" in pages["SUMMARY.md"], f"{name} is in no chapter")
        table = (compose.ROOT / "cdc/src/config/properties.rs").read_text()
        properties = re.findall(r"\(\s*\"([\w.]+)\",\s*(?:Honoured|NoEffect|Only)", table)
        self.assertGreater(len(properties), 100)
        self.assertEqual([], [name for name in properties if f"`{name}" not in pages["configure-connector.md"]])

    def test_promtool_takes_the_rules(self):
        """promtool: the rules are valid"""
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool is not on the path: apt-get install prometheus brings it")
        rules = sorted(str(path) for path in (DEPLOY / "prometheus/rules").glob("*.yml"))
        checked = subprocess.run([promtool, "check", "rules", *rules], capture_output=True, text=True, check=False)
        self.assertEqual(0, checked.returncode, checked.stdout + checked.stderr)

    def test_metrics_are_ones_that_we_export(self):
        """dashboards, alerts: every metric they ask for is named in the sources"""
        sources = "".join(path.read_text() for crate in ("api", "cdc", "connect", "sink") for path in (compose.ROOT / crate / "src").rglob("*.rs"))
        asked = set(METRIC.findall(" ".join(rule["expr"] for rule in alerts())))
        dashboard = json.loads((DEPLOY / "grafana/dashboards/pipeline.json").read_text())
        asked |= set(METRIC.findall(" ".join(target.get("expr", "") for panel in dashboard["panels"] for target in panel.get("targets", []))))
        missing = sorted(metric for metric in asked if f'"{re.sub("_(bucket|sum|count)$", "", metric)}"' not in sources)
        self.assertEqual([], missing)

    def test_dashboard_uses_provisioned_sources(self):
        """Grafana: panels have ids of their own and data sources that are provisioned"""
        sources = yaml_subset.load((DEPLOY / "grafana/provisioning/datasources/walcast.yml").read_text())["datasources"]
        known = {source["uid"]: source["type"] for source in sources}
        panels = json.loads((DEPLOY / "grafana/dashboards/pipeline.json").read_text())["panels"]
        self.assertEqual(len(panels), len({panel["id"] for panel in panels}))
        for panel in panels:
            for target in panel.get("targets", []):
                self.assertEqual(known[target["datasource"]["uid"]], target["datasource"]["type"], panel["title"])


class Native(unittest.TestCase):
    """Our services with compose's commands and variables, as processes on this machine."""

    walcast: str | None = None
    ready_file: str | None = None

    @classmethod
    def setUpClass(cls):
        if not (cls.walcast and cls.ready_file):
            raise unittest.SkipTest("give --walcast and --ready-file to start the services natively")
        cls.services = compose.load()["services"]
        cls.ready = json.loads(Path(cls.ready_file).read_text())
        cls.name = f"deployment_{uuid.uuid4().hex[:8]}"
        with Connection(cls.ready["postgres"]["url"]) as postgres:
            postgres.query(f"CREATE DATABASE {cls.name}")
        base, _, _ = cls.ready["postgres"]["url"].partition("?")
        cls.postgres_url = base.rsplit("/", 1)[0] + "/" + cls.name

    @classmethod
    def tearDownClass(cls):
        with Connection(cls.ready["postgres"]["url"]) as postgres:
            postgres.query(f"DROP DATABASE {cls.name} WITH (FORCE)")
        clickhouse = cls.ready["clickhouse"]
        ClickHouse(clickhouse["url"], "default", clickhouse["user"], clickhouse["password"]).execute(f"DROP DATABASE IF EXISTS {cls.name}")

    def test_1_migrations_run(self):
        """native: both migrations end with 0, and again"""
        for name in ("migrate-postgres", "migrate-clickhouse") * 2:
            arguments, variables = self._service(name, 0)
            ended = subprocess.run([self.walcast, *arguments], env=variables, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(0, ended.returncode, f"{name}: {ended.stderr}")

    def test_2_connect_starts_and_stops(self):
        """native: connect is healthy and ends cleanly"""
        self._start_and_stop("connect")

    def test_3_sink_starts_and_stops(self):
        """native: sink is ready and ends cleanly"""
        self._start_and_stop("sink")

    def test_4_api_starts_and_stops(self):
        """native: api is ready and ends cleanly"""
        self._start_and_stop("api")

    def _start_and_stop(self, name):
        port = free_port()
        arguments, variables = self._service(name, port)
        url = re.sub(r":\d+/", f":{port}/", compose.probe_url(self.services[name]))
        process = subprocess.Popen([self.walcast, *arguments], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(f"{name} at {url}", lambda: _answers(process, url), 30, every_s=0.1)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
            self.assertEqual(0, process.returncode, errors[-2000:])
        finally:
            if process.poll() is None:
                process.kill()
                print(process.communicate()[1][-2000:])

    def _service(self, name, port):
        clickhouse = self.ready["clickhouse"]
        exchanged = {
            "kafka:29092": self.ready["kafka"]["bootstrap"],
            "postgres://postgres:postgres@postgres:5432/experiments": self.postgres_url,
            "http://clickhouse:8123": clickhouse["url"],
            "redis://redis:6379": self.ready["redis"]["url"],
            **{f"0.0.0.0:{inside}": f"127.0.0.1:{port}" for inside in ("8000", "8083", "8084")},
        }
        arguments, variables = compose.native(self.services[name], exchanged)
        for variable in variables:
            if variable.endswith("_CLICKHOUSE_DATABASE"):
                variables[variable] = self.name
            elif variable.endswith("_CLICKHOUSE_USER"):
                variables[variable] = clickhouse["user"]
            elif variable.endswith("_CLICKHOUSE_PASSWORD"):
                variables[variable] = clickhouse["password"]
            elif variable.endswith(("_TOPIC", "_GROUP_ID")):
                variables[variable] = f"{self.name}-{variables[variable]}"
        if name == "sink":
            # A group of its own, so that the running sink keeps its partitions.
            variables["WALCAST_SINK_GROUP_ID"] = self.name
        return arguments, {"PATH": os.environ["PATH"], **variables}


def alerts():
    """Returns the rules of every alert."""
    files = sorted((DEPLOY / "prometheus/rules").glob("*.yml"))
    return [rule for path in files for group in yaml_subset.load(path.read_text())["groups"] for rule in group["rules"]]


def _anchor(heading):
    """A heading's anchor, as GitHub and mdBook make it."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def _answers(process, url):
    if process.poll() is not None:
        raise AssertionError(f"it ended with {process.returncode}: {process.stderr.read()[-2000:]}")
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return True if response.status == 200 else None
    except urllib.error.HTTPError:
        return None


def free_port():
    """Returns a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--walcast", help="our binary, to start the services with")
    parser.add_argument("--ready-file", help="JSON that `cargo xtask up --ready-file` wrote")
    arguments = parser.parse_args()
    Native.walcast, Native.ready_file = arguments.walcast, arguments.ready_file
    return stages.run(Files, Native)


if __name__ == "__main__":
    sys.exit(main())
