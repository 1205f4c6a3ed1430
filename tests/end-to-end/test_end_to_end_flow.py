#!/usr/bin/env python3
"""One user's journey through a running system, from the API to the analytics, counted at every stage.

    python3 tests/end-to-end/test_end_to_end_flow.py --ready-file ready.json
    python3 tests/end-to-end/test_end_to_end_flow.py --api-url http://127.0.0.1:8000 --api-token wc_…

In: the system's addresses (`clients/target.py`). Out: a line for each stage with its time, `N passed, N failed`, exit code 0 or 1.
It makes the demo's experiment when that is missing, and a new user on each run, so it may run again and beside other traffic.
Python's standard library only.
"""

import argparse
import json
import sys
import time
import unittest
import uuid
from datetime import datetime, timedelta, timezone

import demo_data
import stages
from clients import outbox, target
from clients.kafka import TopicReader
from clients.postgres import Connection
from clients.rest import ClickHouse, RestClient
from clients.wait import wait_for

CONNECTOR = "experiments-postgres-connector"
TOPIC = "experiments_events"
CONTROL_ID = 2
DEADLINE_S = 60.0

# What the user does, in the order of time: event type and properties.
JOURNEY = (
    ("exposure", {"page": "/landing"}),
    ("page_view", {"page": "/product", "duration": 15}),
    ("click", {"element": "buy-now", "value": 1.0}),
    ("conversion", {"value": 39.99, "currency": "USD", "score": 88}),
)


class EndToEndFlow(unittest.TestCase):
    """The stages, in order; each builds on the one before."""

    where: target.Target | None = None
    note = ""
    stopped_at = None

    @classmethod
    def setUpClass(cls):
        cls.where = cls.where or target.from_environment()
        cls.run_id = uuid.uuid4().hex[:12]
        cls.user_id = f"user-{cls.run_id}"
        cls.session_id = f"session-{cls.run_id}"
        cls.event_ids = {event_type: f"{event_type}-{cls.run_id}" for event_type, _ in JOURNEY}
        cls.api = RestClient(cls.where.api_url, cls.where.api_token)
        cls.topic = TopicReader(cls.where.kafka_bootstrap, TOPIC)
        cls.clickhouse = ClickHouse(cls.where.clickhouse_url, cls.where.clickhouse_database, cls.where.clickhouse_user, cls.where.clickhouse_password)

    @classmethod
    def tearDownClass(cls):
        cls.api.close()
        cls.topic.close()

    def run(self, result=None):
        failed_before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > failed_before and EndToEndFlow.stopped_at is None:
            EndToEndFlow.stopped_at = self.shortDescription()

    def setUp(self):
        if EndToEndFlow.stopped_at:
            self.fail(f"not reached: stopped at {EndToEndFlow.stopped_at!r}")

    def test_1_connector_runs(self):
        """Connect says that the connector and its task are RUNNING"""
        connect = RestClient(self.where.connect_url)

        def running():
            status, body = connect.call("GET", f"/connectors/{CONNECTOR}/status")
            if status != 200 or body["connector"]["state"] != "RUNNING":
                return None
            return [task["state"] for task in body["tasks"]] == ["RUNNING"] or None

        wait_for(f"connector {CONNECTOR} RUNNING with one RUNNING task", running, DEADLINE_S)
        connect.close()

    def test_2_experiment_is_there(self):
        """API: experiment 1 runs, with variant 1 treatment and variant 2 control"""
        experiment = demo_data.ensure(self.api)
        self.assertEqual("running", experiment["status"])
        self.topic.seek(self.topic.end_offsets())

    def test_3_user_is_assigned(self):
        """API: user made and assigned to experiment 1, variant 2 control"""
        status, body = self.api.call("POST", "/v1/users", {"id": self.user_id, "attributes": {"plan": "free"}})
        self.assertEqual((201, self.user_id), (status, body["id"]), body)
        wanted = {"experiment_id": demo_data.EXPERIMENT_ID, "user_id": self.user_id, "variant_id": CONTROL_ID}
        status, first = self.api.call("POST", "/v1/assignments", wanted)
        self.assertEqual(201, status, first)
        self.assertEqual((CONTROL_ID, "control"), (first["variant_id"], first["variant_key"]))
        status, again = self.api.call("POST", "/v1/assignments", wanted)
        self.assertEqual((200, first["id"]), (status, again["id"]), "an assignment asked for twice is the same one")

    def test_4_events_are_written(self):
        """API: exposure, page view, click and conversion written, one of them twice"""
        began = datetime.now(timezone.utc)
        events = [self._event(began, order, *step) for order, step in enumerate(JOURNEY)]
        # Sent out of order: the journey must come back in the order of occurred_at, not of arrival.
        for at in (0, 2, 1, 3):
            status, body = self.api.call("POST", "/v1/events", events[at])
            self.assertEqual(201, status, body)
        status, body = self.api.call("POST", "/v1/events", events[2])
        self.assertEqual(200, status, f"the same event again is known, not new: {body}")
        EndToEndFlow.written_at = time.monotonic()

    def test_5_outbox_has_each_write_once(self):
        """PostgreSQL: exactly 5 outbox rows, written with what they tell of"""
        with Connection(self.where.postgres_url) as postgres:
            rows = postgres.query("SELECT aggregate_type, aggregate_id, event_type FROM outbox_events WHERE payload->>'user_id' = $1 ORDER BY id", self.user_id)
            stored = postgres.query("SELECT count(*) FROM events WHERE user_id = $1", self.user_id)
        self.assertEqual(5, len(rows), rows)
        self.assertEqual(("assignment", "ASSIGNMENT_CREATED"), (rows[0][0], rows[0][2]))
        self.assertEqual({("event", event_id, "EVENT_CREATED") for event_id in self.event_ids.values()}, set(rows[1:]))
        self.assertEqual([("4",)], stored)

    def test_6_kafka_has_each_row_once(self):
        """Kafka: exactly 5 new records, as Debezium writes them"""
        mine, others = [], 0

        def five():
            nonlocal others
            for record in self.topic.poll():
                if (found := self._of_this_user(record)) is not None:
                    mine.append((record, *found))
                else:
                    others += 1
            return True if len(mine) >= 5 else None

        wait_for("5 records of this user", five, DEADLINE_S)
        self.note = f"{(time.monotonic() - self.written_at) * 1000:.0f} ms after the last write" + (f", {others} other records" if others else "")
        self.assertEqual(5, len(mine))
        for record, envelope, _ in mine:
            self._check_envelope(record, envelope)
        events = {payload["id"]: payload for _, envelope, payload in mine if envelope["after"]["aggregate_type"] == "event"}
        self.assertEqual(set(self.event_ids.values()), set(events))
        conversion = events[self.event_ids["conversion"]]
        self.assertEqual(JOURNEY[3][1], json.loads(conversion["properties"]), "properties travel as JSON text")

    def test_7_clickhouse_has_each_record_once(self):
        """ClickHouse: exactly 4 rows in events, their columns extracted, and 1 in assignments"""
        wait_for("4 events and 1 assignment of this user", lambda: self._landed() or None, DEADLINE_S)
        self.note = f"{(time.monotonic() - self.written_at) * 1000:.0f} ms after the last write"
        columns = "id, experiment_id, user_id, variant_id, variant_key, event_type, session_id, page, value, score, currency, duration, is_exposure, is_click, is_conversion"
        rows = self.clickhouse.dicts(f"SELECT {columns} FROM events WHERE user_id = {{user:String}} ORDER BY occurred_at", user=self.user_id)
        self.assertEqual([self._expected_row(*step) for step in JOURNEY], rows)
        assigned = self.clickhouse.rows("SELECT experiment_id, variant_id, variant_key FROM assignments WHERE user_id = {user:String}", user=self.user_id)
        self.assertEqual([[demo_data.EXPERIMENT_ID, CONTROL_ID, "control"]], assigned)

    def test_8_journey_is_told_in_order_of_time(self):
        """API: the journey in order of time, 40.99 in all, conversion score 88, one session"""
        status, body = self.api.call("GET", f"/v1/experiments/{demo_data.EXPERIMENT_ID}/analytics/journeys/{self.user_id}")
        self.assertEqual(200, status, body)
        self.assertEqual([event_type for event_type, _ in JOURNEY], [step["event_type"] for step in body["journey"]])
        self.assertEqual((self.user_id, "control", 4), (body["user_id"], body["variant_key"], body["total_events"]))
        self.assertAlmostEqual(40.99, body["total_value"], places=9)
        self.assertEqual(88, body["conversion_score"])
        self.assertEqual(1, body["sessions"])

    def test_9_nothing_came_twice(self):
        """Kafka and ClickHouse: still exactly as many, with all read to the end"""
        late = self.topic.read_to(self.topic.end_offsets(), time.monotonic() + DEADLINE_S)
        self.assertEqual([], [record for record in late if self._of_this_user(record) is not None])
        self.assertTrue(self._landed())

    def _event(self, began, order, event_type, properties):
        occurred_at = began + timedelta(milliseconds=order)
        return {
            "id": self.event_ids[event_type],
            "experiment_id": demo_data.EXPERIMENT_ID,
            "user_id": self.user_id,
            "event_type": event_type,
            "properties": properties,
            "session_id": self.session_id,
            "occurred_at": occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        }

    def _of_this_user(self, record):
        """Returns (envelope, payload) when the record tells of this run's user, else None."""
        if (written := outbox.written(record)) is None:
            return None
        envelope, row = written
        payload = json.loads(row["payload"])
        return (envelope, payload) if payload.get("user_id") == self.user_id else None

    def _check_envelope(self, record, envelope):
        self.assertEqual("c", envelope["op"])
        self.assertIsNone(envelope["before"])
        source = envelope["source"]
        self.assertEqual(("postgresql", "experiments"), (source["connector"], source["name"]))
        self.assertEqual(("public", "outbox_events"), (source["schema"], source["table"]))
        self.assertEqual({"id": envelope["after"]["id"]}, json.loads(record.key))

    def _landed(self):
        """Whether this user's counts are 4 and 1; more than that fails at once."""
        counts = [int(self.clickhouse.column(f"SELECT count() FROM {table} WHERE user_id = {{user:String}}", user=self.user_id)[0]) for table in ("events", "assignments")]
        self.assertLessEqual(counts[0], 4)
        self.assertLessEqual(counts[1], 1)
        return counts == [4, 1]

    def _expected_row(self, event_type, properties):
        return {
            "id": self.event_ids[event_type],
            "experiment_id": demo_data.EXPERIMENT_ID,
            "user_id": self.user_id,
            "variant_id": CONTROL_ID,
            "variant_key": "control",
            "event_type": event_type,
            "session_id": self.session_id,
            "page": properties.get("page", ""),
            "value": properties.get("value"),
            "score": properties.get("score"),
            "currency": properties.get("currency", ""),
            "duration": properties.get("duration"),
            "is_exposure": int(event_type == "exposure"),
            "is_click": int(event_type == "click"),
            "is_conversion": int(event_type == "conversion"),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    target.add_arguments(parser)
    EndToEndFlow.where = target.from_arguments(parser.parse_args())
    return stages.run(EndToEndFlow)


if __name__ == "__main__":
    sys.exit(main())
