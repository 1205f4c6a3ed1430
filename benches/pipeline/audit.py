"""Counts, after a run: is every event in Kafka once and in ClickHouse once?

In: the ids that the API acknowledged. Out: what is missing, doubled or unknown in each place. It counts when the system is at
rest. To know that, one last event is written: the log is read in order, so whatever could still come, or come again, is in
Kafka before it; and then the sink's group must have committed the whole topic. Kafka is read by a read_committed reader,
ClickHouse without FINAL.
"""

from collections import Counter
from dataclasses import asdict, dataclass

from clients import outbox
from clients.kafka import KafkaError, TopicReader
from clients.kafka_group import committed_offsets
from clients.rest import ClickHouse
from clients.wait import wait_for

from .clock import now_s
from .watch import TOPIC

SINK_GROUP = "walcast-sink"
_EXAMPLES = 5


@dataclass
class Count:
    """One place's count against what was acknowledged."""

    place: str
    expected: int
    found: int
    missing: int
    doubled: int
    unknown: int
    examples: list

    def exact(self):
        """Whether each expected id was found once and no other."""
        return self.missing == self.doubled == self.unknown == 0

    def as_dict(self):
        """Returns the count for a JSON report."""
        return asdict(self)


def counts(where, population, acknowledged, in_kafka):
    """Returns the counts of Kafka, of ClickHouse's landing table and of its events."""
    clickhouse = in_clickhouse(where, population)
    return [count("Kafka", acknowledged, in_kafka)] + [count(f"ClickHouse {table}", acknowledged, found) for table, found in clickhouse.items()]


def count(place, expected, found):
    """Compares the ids `expected` with the Counter `found`."""
    expected = set(expected)
    missing = expected - found.keys()
    doubled = {event_id for event_id, times in found.items() if times > 1}
    unknown = found.keys() - expected
    examples = sorted(missing | doubled | unknown)[:_EXAMPLES]
    return Count(place, len(expected), found.total(), len(missing), len(doubled), len(unknown), examples)


class TopicCount:
    """`found`: how often a read_committed reader finds each event id of one run, from given offsets on."""

    def __init__(self, where, start_offsets, population):
        self.found = Counter()
        self._where = where
        self._prefix = f"bench-{population.run_id}-"
        self._reader = TopicReader(where.kafka_bootstrap, TOPIC)
        self._reader.seek(start_offsets)

    def wait_for_rest(self, last_event_id, deadline_s):
        """Reads on until the last event is found and the sink has committed it. Returns what did not come to rest in time."""
        unrest = []
        for what, check in (
            (f"the last event in {TOPIC}", lambda: self._has(last_event_id)),
            (f"group {SINK_GROUP} to commit all of {TOPIC}", lambda: _sink_is_done(self._where)),
        ):
            try:
                wait_for(what, check, deadline_s, every_s=0.2)
            except TimeoutError as error:
                unrest.append(str(error))
        self._count(self._reader.read_to(self._reader.end_offsets(), now_s() + deadline_s))
        self._reader.close()
        return unrest

    def _has(self, event_id):
        try:
            while records := self._reader.poll():
                self._count(records)
        except KafkaError:
            return None  # the broker is coming up again: ask anew until the deadline
        return True if event_id in self.found else None

    def _count(self, records):
        for record in records:
            if (written := outbox.written(record)) is None:
                continue
            if (event_id := outbox.event_id(written[1], self._prefix)) is not None:
                self.found[event_id] += 1


def in_clickhouse(where, population):
    """Returns {table: Counter of event ids} for the landing table and for events."""
    clickhouse = ClickHouse(where.clickhouse_url, where.clickhouse_database, where.clickhouse_user, where.clickhouse_password, timeout_s=60)
    events = clickhouse.rows("SELECT id, count() FROM events WHERE experiment_id = {experiment:Int64} GROUP BY id", experiment=population.experiment_id)
    landed = clickhouse.rows(
        "SELECT aggregate_id, count() FROM outbox_events WHERE aggregate_type = 'event' AND startsWith(aggregate_id, {prefix:String}) GROUP BY aggregate_id",
        prefix=f"bench-{population.run_id}-",
    )
    return {"events": Counter(dict(events)), "outbox_events": Counter(dict(landed))}


def worst_delay_s(where, population):
    """Returns the longest time between an event's due moment and its landing, in seconds."""
    clickhouse = ClickHouse(where.clickhouse_url, where.clickhouse_database, where.clickhouse_user, where.clickhouse_password)
    sql = "SELECT max(toUnixTimestamp64Micro(landed_at) - toUnixTimestamp64Micro(occurred_at)) / 1e6 FROM events WHERE experiment_id = {experiment:Int64}"
    return float(clickhouse.rows(sql, experiment=population.experiment_id)[0][0])


def _sink_is_done(where):
    """A transaction's end takes an offset of its own, so the last record may lie below the topic's end."""
    try:
        with TopicReader(where.kafka_bootstrap, TOPIC) as reader:
            ends = reader.end_offsets()
            committed = committed_offsets(where.kafka_bootstrap, SINK_GROUP, TOPIC, list(ends))
            if any(committed.get(partition, -1) < 0 for partition, end in ends.items() if end > 0):
                return None
            reader.seek({partition: max(0, committed.get(partition, 0)) for partition in ends})
            return True if not reader.read_to(ends, now_s() + 30) else None
    except KafkaError:
        return None  # the broker is coming up again: ask anew until the deadline
