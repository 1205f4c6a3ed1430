"""Record batches to records: what a fetch response's `records` bytes hold.

In: the bytes of one partition and the aborted transactions that came with them.
Out: the records a `read_committed` (or `read_uncommitted`) reader sees, and the offset to go on from.
Format: https://kafka.apache.org/documentation/#recordbatch (magic 2 only). The CRC is not verified.
"""

import struct
import zlib
from collections import namedtuple

from .lz4 import decompress_frame

Record = namedtuple("Record", "partition offset timestamp_ms key value headers")

_BATCH = struct.Struct(">qiibIhiqqqhii")
_CONTROL, _TRANSACTIONAL = 0x20, 0x10
_ABORT = 0


class KafkaError(Exception):
    """The broker answered with an error, or with something this client does not read."""


def decode_batches(partition, data, aborted, next_offset, read_committed):
    """Returns (records at or after `next_offset`, the offset after the last whole batch).

    `aborted` lists (producer_id, first_offset) as the broker sends it with the fetch.
    """
    waiting = sorted(aborted, key=lambda transaction: transaction[1])
    open_aborted = set()
    records, at, resume = [], 0, next_offset
    while at + _BATCH.size <= len(data):
        head = _BATCH.unpack_from(data, at)
        base, length, magic, attributes, last_delta = head[0], head[1], head[3], head[5], head[6]
        base_ms, producer = head[7], head[9]
        end = at + 12 + length
        if end > len(data):
            break
        if magic != 2:
            raise KafkaError(f"record batch with magic {magic}: only 2 is read")
        last = base + last_delta
        while waiting and waiting[0][1] <= last:
            open_aborted.add(waiting.pop(0)[0])
        body = data[at + _BATCH.size : end]
        if attributes & _CONTROL:
            if _is_abort(body):
                open_aborted.discard(producer)
        elif not (read_committed and attributes & _TRANSACTIONAL and producer in open_aborted):
            batch = _records(partition, base, base_ms, _decompress(body, attributes & 7), head[12])
            records.extend(record for record in batch if record.offset >= next_offset)
        at, resume = end, max(resume, last + 1)
    return records, resume


def _is_abort(body):
    """A control record's key is version int16, type int16: 0 abort, 1 commit."""
    (control,) = _records(0, 0, 0, body, 1)
    return struct.unpack_from(">hh", control.key)[1] == _ABORT


def _decompress(body, codec):
    if codec == 0:
        return body
    if codec == 1:
        return zlib.decompress(body, wbits=31)
    if codec == 3:
        return decompress_frame(body)
    name = {2: "snappy", 4: "zstd"}.get(codec, codec)
    raise KafkaError(f"batch compressed with {name}: this reader knows none, gzip and lz4; set the producer's compression.type to one of them")


def _records(partition, base_offset, base_ms, body, count):
    at, records = 0, []
    for _ in range(count):
        length, at = _varint(body, at)
        end = at + length
        at += 1
        delta_ms, at = _varint(body, at)
        delta, at = _varint(body, at)
        key, at = _bytes(body, at)
        value, at = _bytes(body, at)
        header_count, at = _varint(body, at)
        headers = []
        for _ in range(header_count):
            name, at = _bytes(body, at)
            content, at = _bytes(body, at)
            headers.append((name.decode(), content))
        if at != end:
            raise KafkaError(f"record at offset {base_offset + delta} is {end - at} bytes off its length")
        records.append(Record(partition, base_offset + delta, base_ms + delta_ms, key, value, headers))
    return records


def _bytes(body, at):
    length, at = _varint(body, at)
    if length < 0:
        return None, at
    return bytes(body[at : at + length]), at + length


def _varint(body, at):
    shift = result = 0
    while True:
        byte = body[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (result >> 1) ^ -(result & 1), at
        shift += 7
