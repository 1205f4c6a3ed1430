#!/usr/bin/env python3
"""Checks the clients and the audit against known bytes and counts; needs no server.

    python3 tests/end-to-end/test_clients.py

In: bytes that a Kafka 4.1 broker and the LZ4 reference library made. Out: a line for each check, `N passed, N failed`.
"""

import base64
import sys
import unittest
from collections import Counter
from pathlib import Path

import stages
import yaml_subset
from clients.kafka_records import KafkaError, decode_batches
from clients.lz4 import Lz4Error, decompress_frame

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches"))
from pipeline import audit, report

FRAME = base64.b64decode("BCJNGGxA7AAAAAAAAAC9MAAAAP8ReyJiZWZvcmUiOm51bGwsImFmdGVyIjp7ImlkIjoxfX0gAI0fYQEAE1BhYWFhYQAAAAC4fugF")
CONTENT = b'{"before":null,"after":{"id":1}}' * 6 + b"a" * 44

# Offsets 1 to 5 of a partition: a commit marker, `dropped`, its abort marker, `kept too`, its commit marker. Producer 29 aborted from 2.
FETCHED = base64.b64decode(
    "AAAAAAAAAAEAAABCAAAAAALI/FzmADAAAAAAAAABogpf4rAAAAGiCl/isAAAAAAAAAAdAAD/////AAAAASAAAAAIAAAAAQwAAAAAAAAAAAAAAA"
    "AAAAIAAABEAAAAAAIfjuFIABAAAAAAAAABi8/laAAAAAGLz+VoAAAAAAAAAAAdAAAAAAABAAAAASQAAAACaw5kcm9wcGVkAgJoAjEAAAAAAAAA"
    "AwAAAEIAAAAAAqZJxc8AMAAAAAAAAAGiCl/i2wAAAaIKX+LbAAAAAAAAAB0AAP////8AAAABIAAAAAgAAAAADAAAAAAAAAAAAAAAAAAABAAAAE"
    "UAAAAAAty0NpAAEAAAAAAAAAGLz+VoAAAAAYvP5WgAAAAAAAAAAB0AAAAAAAIAAAABJgAAAAJrEGtlcHQgdG9vAgJoAjEAAAAAAAAABQAAAEIA"
    "AAAAAut/OdkAMAAAAAAAAAGiCl/jCAAAAaIKX+MIAAAAAAAAAB0AAP////8AAAABIAAAAAgAAAABDAAAAAAAAAA="
)
ABORTED = [(29, 2)]


class Bytes(unittest.TestCase):
    """Bytes in, values out."""

    def test_lz4_frame(self):
        """LZ4: a frame gives its content; every shorter one is refused"""
        self.assertEqual(CONTENT, decompress_frame(FRAME))
        for length in range(len(FRAME) - 4):
            with self.assertRaises(Lz4Error, msg=f"{length} bytes"):
                decompress_frame(FRAME[:length])

    def test_read_committed_skips_what_was_aborted(self):
        """Kafka: read_committed skips an aborted record and every marker, and goes on behind them"""
        records, resume = decode_batches(0, FETCHED, ABORTED, 1, read_committed=True)
        self.assertEqual([(4, b"kept too")], [(record.offset, record.value) for record in records])
        self.assertEqual(6, resume)
        self.assertEqual((b"k", 1700000000000, [("h", b"1")]), (records[0].key, records[0].timestamp_ms, records[0].headers))
        everything, _ = decode_batches(0, FETCHED, ABORTED, 1, read_committed=False)
        self.assertEqual([b"dropped", b"kept too"], [record.value for record in everything])

    def test_position_is_kept_inside_a_fetch(self):
        """Kafka: records below the position are left out; a batch cut short waits for the next fetch"""
        records, resume = decode_batches(0, FETCHED, [], 4, read_committed=True)
        self.assertEqual([4], [record.offset for record in records])
        _, resume = decode_batches(0, FETCHED[:-1], ABORTED, 1, read_committed=True)
        self.assertEqual(5, resume)

    def test_unknown_compression_is_named(self):
        """Kafka: snappy and zstd are refused by name"""
        for codec, name in ((2, "snappy"), (4, "zstd")):
            batch = bytearray(FETCHED[78:158])
            batch[22] |= codec
            with self.assertRaisesRegex(KafkaError, name):
                decode_batches(0, batch, [], 1, read_committed=False)

    def test_yaml_that_is_not_read_is_refused(self):
        """YAML: what the reader does not know is refused with its line"""
        self.assertEqual({"a": {"b": ["1", "x y"]}, "c": [{"d": "e"}]}, yaml_subset.load("a:\n  b: [1, 'x y'] # z\nc:\n  - d: e\n"))
        for text in ("a: |\n  x", "a: {b: 1}", "a: 1\na: 2", "a: 1\n   b: 2", "just text"):
            with self.assertRaises(yaml_subset.YamlError, msg=text):
                yaml_subset.load(text)


class Numbers(unittest.TestCase):
    """What the benchmarks count and rank."""

    def test_audit_finds_what_is_wrong(self):
        """audit: missing, doubled and unknown ids are told apart"""
        found = audit.count("Kafka", ["a", "b", "c"], Counter({"a": 1, "b": 2, "x": 1}))
        self.assertEqual((3, 4, 1, 1, 1), (found.expected, found.found, found.missing, found.doubled, found.unknown))
        self.assertEqual(["b", "c", "x"], found.examples)
        self.assertFalse(found.exact())
        self.assertTrue(audit.count("Kafka", ["a"], Counter("a")).exact())

    def test_percentiles_are_samples(self):
        """report: percentiles are samples, by the nearest rank"""
        self.assertEqual({"count": 0}, report.percentiles([]))
        ranked = report.percentiles([number / 1000 for number in range(100, 0, -1)])
        self.assertEqual((50, 90, 99, 100, 100), tuple(ranked[key] for key in ("p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms")))


if __name__ == "__main__":
    sys.exit(stages.run(Bytes, Numbers))
