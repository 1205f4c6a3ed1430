#!/usr/bin/env python3
"""Asks every query of the dashboard and of the alerts of a real Prometheus that scraped a real run: none may come back empty.

    python3 tests/end-to-end/test_observability.py --ready-file ready.json

In: a running system, and `prometheus` on the path (apt-get install prometheus). Out: a line for each check, `N passed, N failed`.
It writes a few events itself, so that rates and latencies are numbers. Prometheus runs in a folder of its own and is stopped.
"""

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid
from pathlib import Path
from urllib.parse import quote

import compose
import demo_data
import stages
import test_deployment
import yaml_subset
from clients import target
from clients.rest import ClickHouse, RestClient
from clients.wait import wait_for

# Metrics that appear with the first fault: a healthy run has none, and no panel or alert of theirs can have a value.
QUIET = (
    "walcast_api_analytics_errors_total",
    "walcast_cdc_offset_mismatch_total",
    "walcast_cdc_records_skipped_total",
    "walcast_cdc_restarts_total",
    "walcast_sink_dead_letters_total",
    "walcast_sink_retries_total",
)
# What Grafana fills in.
RATE_INTERVAL, TIME_FILTER = "1m", "occurred_at >= now() - INTERVAL 1 HOUR"
SCRAPED = (
    'min(sum_over_time(up{job=~"walcast-.*"}[1m])) >= 10 and count(up{job=~"walcast-.*"}) == 3 '
    "and sum(rate(walcast_sink_commit_to_queryable_seconds_count[1m])) > 0"
)
ALERT_LIMIT = re.compile(r"\s(?:==|>|<)\s[\d.* ]+$")


class Observability(unittest.TestCase):
    """The queries, each on the data of the same run."""

    where: target.Target | None = None

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="walcast-prometheus-"))
        port = test_deployment.free_port()
        (cls.folder / "prometheus.yml").write_text(json.dumps(cls._config()))
        command = ["prometheus", f"--config.file={cls.folder}/prometheus.yml", f"--storage.tsdb.path={cls.folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
        with (cls.folder / "log").open("w") as log:
            cls.process = subprocess.Popen(command, stdout=log, stderr=log)
        cls.prometheus = RestClient(f"http://127.0.0.1:{port}")
        try:
            cls._run_system()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        cls.process.wait(timeout=30)
        shutil.rmtree(cls.folder)

    def test_panels_have_data(self):
        """dashboard: every panel of Prometheus has a number"""
        asked = [(panel["title"], query["expr"].replace("$__rate_interval", RATE_INTERVAL)) for panel in dashboard() for query in panel.get("targets", []) if "expr" in query]
        self.assertEqual([], [question for question in asked if not self._has_number(question[1])])

    def test_alerts_have_data(self):
        """alerts: each expression has a number on the left of its limit, and none fires"""
        rules = {rule["alert"]: rule["expr"] for rule in test_deployment.alerts()}
        measured = {name: ALERT_LIMIT.sub("", expression) for name, expression in rules.items()}
        self.assertEqual([], [name for name in rules if measured[name] == rules[name]], "these compare nothing")
        self.assertEqual([], [name for name in rules if not self._has_number(measured[name])], "these measure nothing")
        firing = self._query('ALERTS{alertstate="firing"}')
        self.assertEqual([], [sample["metric"]["alertname"] for sample in firing], "these fire on a healthy run")

    def test_tables_have_rows(self):
        """dashboard: every panel of ClickHouse has rows"""
        where = self.where
        clickhouse = ClickHouse(where.clickhouse_url, where.clickhouse_database, where.clickhouse_user, where.clickhouse_password)
        for panel in dashboard():
            for query in panel.get("targets", []):
                if "rawSql" in query:
                    sql = query["rawSql"].replace("$__timeFilter(occurred_at)", TIME_FILTER).replace("experiments.", f"{where.clickhouse_database}.")
                    self.assertNotEqual([], clickhouse.rows(sql), panel["title"])

    def _has_number(self, expression):
        values = [float(sample["value"][1]) for sample in self._query(expression)]
        return any(not math.isnan(value) for value in values) or any(metric in expression for metric in QUIET)

    @classmethod
    def _query(cls, expression):
        status, body = cls.prometheus.call("GET", f"/api/v1/query?query={quote(expression)}")
        if status != 200:
            raise AssertionError(f"{expression}: {body}")
        return body["data"]["result"]

    @classmethod
    def _config(cls):
        """The shipped configuration, with the run's addresses and quicker."""
        config = yaml_subset.load((compose.ROOT / "deploy/prometheus/prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(compose.ROOT / "deploy/prometheus/rules/*.yml")]
        urls = {"walcast-api": cls.where.api_url, "walcast-connect": cls.where.connect_url, "walcast-sink": cls.where.sink_url}
        config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in urls]
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": [urls[job["job_name"]].removeprefix("http://")]}]
        return config

    @classmethod
    def _run_system(cls):
        """Writes events until every role has been scraped often enough for rates, and the events are seen to arrive."""
        wait_for("Prometheus to be ready", lambda: True if cls.prometheus.send("GET", "/-/ready")[0] == 200 else None, 30)
        api = RestClient(cls.where.api_url, cls.where.api_token)
        demo_data.ensure(api)
        user_id = f"observed-{uuid.uuid4().hex[:10]}"
        api.call("POST", "/v1/users", {"id": user_id, "attributes": {}})
        api.call("POST", "/v1/assignments", {"experiment_id": demo_data.EXPERIMENT_ID, "user_id": user_id})

        def scraped():
            event = {"experiment_id": demo_data.EXPERIMENT_ID, "user_id": user_id, "event_type": "click", "properties": {"value": 1}, "session_id": user_id}
            status, body = api.call("POST", "/v1/events", event)
            if status != 201:
                raise AssertionError(f"POST /v1/events answered {status}: {body}")
            return True if cls._query(SCRAPED) else None

        wait_for(f"in Prometheus {SCRAPED}", scraped, 120, every_s=0.25)
        api.close()


def dashboard():
    """Returns the dashboard's panels."""
    return json.loads((compose.ROOT / "deploy/grafana/dashboards/pipeline.json").read_text())["panels"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    target.add_arguments(parser)
    Observability.where = target.from_arguments(parser.parse_args())
    if shutil.which("prometheus") is None:
        raise SystemExit("prometheus is not on the path: apt-get install prometheus brings it")
    return stages.run(Observability)


if __name__ == "__main__":
    sys.exit(main())
