#!/usr/bin/env python3
"""Measures initial snapshots of one outbox table, engine after engine, on the same PostgreSQL and Kafka.

    snapshot.py --rows 10000000 --pg HOST:PORT --kafka HOST:PORT \\
        --engine debezium=http://127.0.0.1:18083,PID --engine walcast=http://127.0.0.1:8083,PID

An engine is any worker with Kafka Connect's REST interface, and the process that is measured. The table
(rows of about 350 bytes, 273 of them payload) is made once and kept with --keep. Of each engine: rows/s
from the first to the last record, CPU per row of its process, its peak memory; --conf NAME:KEY=VALUE
sets a property for one engine. One JSON line per engine, then a table.

Needs: pip install "psycopg[binary]" confluent-kafka
"""
import argparse
import json
import os
import sys
import time
import urllib.request

import psycopg
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

TICK = os.sysconf("SC_CLK_TCK")
DATABASE = "walcast_snapshot_bench"
TABLE = """create table outbox(id uuid primary key default gen_random_uuid(), aggregate_type text not null,
 aggregate_id text not null, event_type text not null, payload jsonb not null, created_at timestamptz not null default now())"""
ROWS = """insert into outbox(aggregate_type, aggregate_id, event_type, payload)
 select 'event', (i %% 1000)::text, 'EVENT_CREATED', jsonb_build_object('id', gen_random_uuid(), 'experiment_id', 1,
 'user_id', gen_random_uuid(), 'event_type', 'page_view', 'properties', jsonb_build_object('page', '/x', 'duration', 15.2),
 'session_id', gen_random_uuid(), 'ts_us', (extract(epoch from clock_timestamp()) * 1000000)::bigint)
 from generate_series(1, %s) i"""
# Debezium as its users tune it; Walcast gets the same connector.
TUNED = {
    "max.batch.size": "8192",
    "max.queue.size": "32768",
    "poll.interval.ms": "10",
    "producer.override.linger.ms": "5",
    "producer.override.batch.size": "524288",
    "producer.override.compression.type": "lz4",
}


def log(*words):
    print(time.strftime("%H:%M:%S"), *words, file=sys.stderr, flush=True)


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def reset_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="utf-8") as file:
        file.write("5")


def rest(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def prepare(pg, rows):
    host, port = pg.split(":")
    admin = psycopg.connect(host=host, port=port, user="postgres", password="postgres", dbname="postgres", autocommit=True)
    exists = admin.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone()
    if not exists:
        admin.execute(f"create database {DATABASE}")
    db = psycopg.connect(host=host, port=port, user="postgres", password="postgres", dbname=DATABASE, autocommit=True)
    there = db.execute("select to_regclass('public.outbox')").fetchone()[0]
    count = db.execute("select count(*) from outbox").fetchone()[0] if there else -1
    if count != rows:
        log(f"filling a table of {rows} rows")
        db.execute("drop table if exists outbox")
        db.execute(TABLE)
        for start in range(0, rows, 1_000_000):
            db.execute(ROWS, (min(1_000_000, rows - start),))
        db.execute("vacuum analyze outbox")
        db.execute("checkpoint")
    return admin, db


def end_offset(consumer, topic):
    try:
        return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[1]
    except Exception:  # the topic is not there yet
        return 0


def snapshot(options, name, url, pid, extra):
    # A name of its own, so that no earlier run's offsets are gone on from.
    tag = f"snapbench_{name}_{int(time.time())}".replace("-", "_")
    host, port = options.pg.split(":")
    topic = f"{tag}.public.outbox"
    config = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "plugin.name": "pgoutput", "tasks.max": "1",
        "database.hostname": host, "database.port": port, "database.user": "postgres", "database.password": "postgres",
        "database.dbname": DATABASE, "topic.prefix": tag, "slot.name": tag, "publication.name": tag,
        "publication.autocreate.mode": "filtered", "table.include.list": "public.outbox",
        "key.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schemas.enable": "false",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
        **TUNED, **extra,
    }
    consumer = Consumer({"bootstrap.servers": options.kafka, "group.id": tag})
    reset_peak(pid)
    before = cpu(pid)
    begun = time.time()
    rest("PUT", f"{url}/connectors/{tag}/config", config)
    first = None
    while (count := end_offset(consumer, topic)) < options.rows:
        if count and first is None:
            first = (time.time(), count)
        if time.time() - begun > options.timeout:
            raise SystemExit(f"{name}: {count} of {options.rows} rows after {options.timeout} s")
        time.sleep(0.05)
    ended = time.time()
    result = {
        "engine": name, "rows": options.rows, "seconds": round(ended - begun, 2),
        "rows_per_s": round((options.rows - first[1]) / (ended - first[0])) if first else None,
        "cpu_us_per_row": round((cpu(pid) - before) / options.rows * 1e6, 2), "peak_mb": round(peak_mb(pid), 1),
    }
    rest("DELETE", f"{url}/connectors/{tag}")
    consumer.close()
    return result, tag, topic


def clean(options, admin, db, tag, topic):
    for _ in range(100):
        gone = admin.execute("select not active from pg_replication_slots where slot_name = %s", (tag,)).fetchone()
        if gone is None or gone[0]:
            break
        time.sleep(0.2)
    admin.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s", (tag,))
    db.execute(f"drop publication if exists {tag}")
    kafka = AdminClient({"bootstrap.servers": options.kafka})
    kafka.delete_topics([topic])[topic].result()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the table (default 1000000)")
    parser.add_argument("--pg", required=True, metavar="HOST:PORT", help="PostgreSQL, user and password postgres")
    parser.add_argument("--kafka", required=True, metavar="HOST:PORT")
    parser.add_argument("--engine", action="append", required=True, metavar="NAME=URL,PID")
    parser.add_argument("--conf", action="append", default=[], metavar="NAME:KEY=VALUE", help="a property for one engine")
    parser.add_argument("--rounds", type=int, default=1, help="how often each engine runs, in turns (default 1)")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for one snapshot (default 1800)")
    parser.add_argument("--keep", action="store_true", help="keep the table for the next run")
    options = parser.parse_args()
    admin, db = prepare(options.pg, options.rows)
    results = []
    for _ in range(options.rounds):
        for engine in options.engine:
            name, rest_of = engine.split("=", 1)
            url, pid = rest_of.rsplit(",", 1)
            extra = dict(c.split(":", 1)[1].split("=", 1) for c in options.conf if c.split(":", 1)[0] == name)
            result, tag, topic = snapshot(options, name, url, int(pid), extra)
            clean(options, admin, db, tag, topic)
            print(json.dumps(result), flush=True)
            results.append(result)
    print("\n| engine | rows/s | CPU µs/row | peak MB |\n|---|---|---|---|")
    for result in results:
        print(f"| {result['engine']} | {result['rows_per_s']} | {result['cpu_us_per_row']} | {result['peak_mb']} |")
    if not options.keep:
        db.close()
        admin.execute(f"drop database {DATABASE} with (force)")


if __name__ == "__main__":
    main()
