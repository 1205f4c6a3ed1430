#!/usr/bin/env python3
"""Measures the whole pipeline at a fixed rate: API write, commit to Kafka, API write to a row that a query returns.

    python3 benches/pipeline_latency.py --ready-file ready.json
    python3 benches/pipeline_latency.py --ready-file ready.json --rate 200 --seconds 60 --assert-limits

In: a running system. Out: a table, benches/results/pipeline_latency.{json,md}; exit code 1 when an event was lost or doubled or,
with --assert-limits, when a limit was missed. docs/src/measure.md says how to read the numbers.
"""

import argparse
import sys

from pipeline import audit, population, process, report, watch
from pipeline.load import OpenLoop, write_last

from clients import target
from clients.rest import RestClient
from clients.wait import wait_for

CONNECTOR = "experiments-postgres-connector"
MEMORY_LIMIT_MB = 60


def main():
    arguments = parse()
    sys.setswitchinterval(0.0005)
    where = target.from_arguments(arguments)
    exactly_once = delivery(where)
    people = population.make(where, arguments.users)
    loop = OpenLoop(where, people, arguments.rate, arguments.seconds, arguments.warm_up, retry_seconds=10)
    memory = process.PeakMemory(where, "connect").start() if where.ready_file else None
    kafka = watch.KafkaWatcher(where, people).start()
    clickhouse = watch.ClickHouseWatcher(where, people, loop.writes, arguments.poll_ms / 1000).start()
    try:
        writes = loop.run()
        unseen = wait_until_seen(clickhouse, arguments.drain_seconds)
    finally:
        kafka.stop()
        clickhouse.stop()
        peak = memory.stop() if memory else None
    topic = audit.TopicCount(where, kafka.start_offsets, people)
    acknowledged = [write.event_id for write in writes if write.answered_s is not None]
    last = write_last(where, people)
    unrest = topic.wait_for_rest(last, arguments.drain_seconds) + unseen
    counts = audit.counts(where, people, [*acknowledged, last], topic.found)
    latencies = measure(writes, kafka, clickhouse)
    result = {
        "machine": report.machine(),
        "settings": {name: getattr(arguments, name) for name in ("rate", "seconds", "warm_up", "users", "poll_ms")},
        "exactly_once": exactly_once,
        "writes": {"due": len(writes), "acknowledged": len(acknowledged), "sent_again": sum(write.attempts > 1 for write in writes)},
        "latency": latencies,
        "connect_peak_rss_mb": None if peak is None else round(peak / 1e6, 1),
        "counts": [count.as_dict() for count in counts],
        "not_at_rest": unrest,
    }
    markdown, missed = render(result)
    path = report.save("pipeline_latency", result, markdown)
    print(markdown, f"\nSaved {path}.json and .md")
    exact = all(count.exact() for count in counts) and not unrest and len(acknowledged) == len(writes)
    return 0 if exact and not (arguments.assert_limits and missed) else 1


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    target.add_arguments(parser)
    parser.add_argument("--rate", type=float, default=200, help="events per second (default 200)")
    parser.add_argument("--seconds", type=float, default=60, help="length of the measured part (default 60)")
    parser.add_argument("--warm-up", type=float, default=5, help="seconds before it, at the same rate, counted but not timed (default 5)")
    parser.add_argument("--users", type=int, default=50, help="users the events come from (default 50)")
    parser.add_argument("--poll-ms", type=float, default=50, help="how often ClickHouse is asked; visible-latencies are at most this much too high (default 50)")
    parser.add_argument("--drain-seconds", type=float, default=60, help="how long to wait for the last event (default 60)")
    parser.add_argument("--assert-limits", action="store_true", help="exit 1 when a limit is missed")
    return parser.parse_args()


def delivery(where):
    """Returns whether the connector delivers exactly once, as its configuration says."""
    connect = RestClient(where.connect_url)
    status, config = connect.call("GET", f"/connectors/{CONNECTOR}/config")
    connect.close()
    if status != 200:
        raise SystemExit(f"GET /connectors/{CONNECTOR}/config answered {status}: {config}")
    return config.get("exactly.once.support") == "required"


def wait_until_seen(clickhouse, seconds):
    """Waits until ClickHouse has shown every event; returns what did not happen, as a list of text."""
    try:
        wait_for("every event in ClickHouse", lambda: clickhouse.all_seen() or clickhouse.failed() or None, seconds, every_s=0.1)
    except TimeoutError as error:
        return [str(error)]
    return []


def measure(writes, kafka, clickhouse):
    """Returns each latency's percentiles over the measured writes; warm-up is left out."""
    timed = [write for write in writes if not write.warm_up]
    answered = [write for write in timed if write.answered_s is not None]
    readable = kafka.commit_to_readable_s
    return {
        "api_write": report.percentiles([write.answered_s - write.due_s for write in answered]),
        "commit_to_kafka": report.percentiles([readable[write.event_id] for write in timed if write.event_id in readable]),
        "write_to_clickhouse": report.percentiles([clickhouse.seen_s[write.event_id] - write.due_s for write in timed if write.event_id in clickhouse.seen_s]),
    }


def render(result):
    """Returns the report as Markdown and the names of the limits that were missed."""
    kafka_p99 = 60 if result["exactly_once"] else 20
    limits = (
        ("API write", "api_write", {"p99_ms": 25}),
        ("Commit → readable in Kafka", "commit_to_kafka", {"p99_ms": kafka_p99}),
        ("API write → row in ClickHouse", "write_to_clickhouse", {"p50_ms": 300, "p99_ms": 1000}),
    )
    rows, missed = [], []
    for name, key, limit in limits:
        measured = result["latency"][key]
        broken = [f"{name} {percentile}" for percentile, most in limit.items() if measured.get(percentile, most) >= most]
        missed += broken
        wanted = ", ".join(f"{percentile[:-3]} < {most}" for percentile, most in limit.items())
        rows.append([name] + [measured.get(key) for key in ("count", "p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms")] + [wanted, "missed" if broken else "held"])
    peak = result["connect_peak_rss_mb"]
    if peak is not None and peak >= MEMORY_LIMIT_MB:
        missed.append("connect's peak memory")
    settings, writes = result["settings"], result["writes"]
    lines = [
        "# Pipeline latency",
        "",
        f"{settings['rate']:g} events/s for {settings['seconds']:g} s, open loop, delivery {'exactly once' if result['exactly_once'] else 'at least once'}. {report.machine_line(result['machine'])}.",
        "",
        report.table(["ms", "events", "p50", "p90", "p99", "p99.9", "max", "limit", ""], rows),
        "",
        f"{writes['acknowledged']} of {writes['due']} writes acknowledged, {writes['sent_again']} sent more than once. Peak memory of connect: {'not measured' if peak is None else f'{peak} MB'} (limit {MEMORY_LIMIT_MB} MB).",
        "",
        report.table(["place", "expected", "found", "lost", "doubled", "unknown"], [[count[key] for key in ("place", "expected", "found", "missing", "doubled", "unknown")] for count in result["counts"]]),
        *(f"\nNot at rest: {what}" for what in result["not_at_rest"]),
    ]
    return "\n".join(lines), missed


if __name__ == "__main__":
    sys.exit(main())
