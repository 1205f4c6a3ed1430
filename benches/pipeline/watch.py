"""Watches events arrive, live: in Kafka as a read_committed reader sees them, and in ClickHouse as a query does.

In: the target and the run's writes. Out: the moment at which each event was first seen, in Kafka counted from its commit.
Both are upper bounds: the moment is taken when the answer is here. ClickHouse is asked again and again (`poll_s`), and only
for what is not seen yet, so watching stays cheap.
"""

import threading
import time

from clients import outbox
from clients.kafka import TopicReader
from clients.rest import ClickHouse

from .clock import now_s, wall_s

TOPIC = "experiments_events"


class Watcher:
    """A thread that runs until it is told to stop; its error is raised by `stop`."""

    def __init__(self, name):
        self._stop = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._guarded, name=name)

    def start(self):
        """Starts watching; returns self."""
        self._thread.start()
        return self

    def stop(self):
        """Stops, and raises what went wrong while watching."""
        self._stop.set()
        self._thread.join()
        if self._error:
            raise self._error

    def failed(self):
        """Whether watching ended by itself, with an error that `stop` raises."""
        return self._error is not None

    def _guarded(self):
        try:
            while not self._stop.is_set():
                self._look()
        except Exception as error:  # handed to stop(), which raises it
            self._error = error

    def _look(self):
        raise NotImplementedError


class KafkaWatcher(Watcher):
    """`commit_to_readable_s`: event id → from its commit in PostgreSQL to its first sight in Kafka."""

    def __init__(self, where, population):
        super().__init__("kafka-watcher")
        self.commit_to_readable_s = {}
        self._prefix = f"bench-{population.run_id}-"
        self._reader = TopicReader(where.kafka_bootstrap, TOPIC)
        self.start_offsets = self._reader.end_offsets()
        self._reader.seek(self.start_offsets)

    def _look(self):
        records = self._reader.poll(max_wait_ms=500)
        arrived_s = wall_s(now_s())
        for record in records:
            if (written := outbox.written(record)) is None:
                continue
            envelope, row = written
            if (event_id := outbox.event_id(row, self._prefix)) is not None:
                self.commit_to_readable_s.setdefault(event_id, arrived_s - envelope["source"]["ts_us"] / 1e6)



class ClickHouseWatcher(Watcher):
    """`seen_s`: event id → the moment at which a query first returned it."""

    def __init__(self, where, population, writes, poll_s):
        super().__init__("clickhouse-watcher")
        self.seen_s = {}
        self._clickhouse = ClickHouse(where.clickhouse_url, where.clickhouse_database, where.clickhouse_user, where.clickhouse_password)
        self._experiment_id = population.experiment_id
        self._writes = writes
        self._poll_s = poll_s
        self._oldest = 0

    def all_seen(self):
        """Whether every event has been seen."""
        return len(self.seen_s) == len(self._writes)

    def _look(self):
        began = now_s()
        if self._oldest < len(self._writes) and self._writes[self._oldest].due_s < began:
            self._ask()
        time.sleep(max(0.0, self._poll_s - (now_s() - began)))

    def _ask(self):
        since_us = int(wall_s(self._writes[self._oldest].due_s) * 1e6)
        sql = "SELECT id FROM events WHERE experiment_id = {experiment:Int64} AND occurred_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')"
        event_ids = self._clickhouse.column(sql, experiment=self._experiment_id, since=since_us)
        visible_s = now_s()
        for event_id in event_ids:
            self.seen_s.setdefault(event_id, visible_s)
        while self._oldest < len(self._writes) and self._writes[self._oldest].event_id in self.seen_s:
            self._oldest += 1
