"""A reader of one Kafka topic: Metadata v4, ListOffsets v2, Fetch v4, over plain TCP.

In: bootstrap servers and a topic. Out: its records, as a `read_committed` reader sees them by default.
It joins no group, commits nothing, and has no TLS or SASL. Errors are raised; the caller decides whether to try again.
"""

import itertools
import socket
import struct
import time

from .kafka_records import KafkaError, Record, decode_batches

__all__ = ["KafkaError", "Record", "TopicReader"]

_FETCH, _LIST_OFFSETS, _METADATA = (1, 4), (2, 2), (3, 4)
_LATEST, _EARLIEST = -1, -2
_UNKNOWN_TOPIC = 3
_ERRORS = {1: "OFFSET_OUT_OF_RANGE", 3: "UNKNOWN_TOPIC_OR_PARTITION", 5: "LEADER_NOT_AVAILABLE", 6: "NOT_LEADER_OR_FOLLOWER", 29: "TOPIC_AUTHORIZATION_FAILED", 76: "UNSUPPORTED_COMPRESSION_TYPE"}


class TopicReader:
    """Reads every partition of a topic from given offsets on."""

    def __init__(self, bootstrap, topic, read_committed=True, timeout_s=10.0):
        self.topic = topic
        self.read_committed = read_committed
        self._bootstrap = [_address(server) for server in bootstrap.split(",")]
        self._timeout_s = timeout_s
        self._connections = {}
        self._leaders = {}
        self._next = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes every connection; the positions stay, so reading can go on afterwards."""
        for connection in self._connections.values():
            connection.close()
        self._connections, self._leaders = {}, {}

    def end_offsets(self):
        """Returns {partition: offset after the last record that this reader may see}; {} when there is no such topic."""
        return self._list_offsets(_LATEST)

    def start_offsets(self):
        """Returns {partition: first offset that the broker still has}; {} when there is no such topic."""
        return self._list_offsets(_EARLIEST)

    def seek(self, offsets):
        """Reads from `offsets` on; partitions that are not named, and those made later, from their start."""
        self._next = dict(offsets)

    def positions(self):
        """Returns {partition: next offset to read} of the partitions seen so far."""
        return dict(self._next)

    def poll(self, max_wait_ms=250, max_bytes=8 << 20):
        """Returns the next records, or [] when there are none within `max_wait_ms`."""
        leaders = self._current_leaders()
        if not leaders:
            time.sleep(max_wait_ms / 1000)
            return []
        new = [partition for partition in leaders if partition not in self._next]
        if new:
            starts = self.start_offsets()
            self._next.update({partition: starts[partition] for partition in new})
        records = []
        for leader in set(leaders.values()):
            partitions = [partition for partition, at in leaders.items() if at == leader]
            records += self._fetch(leader, partitions, max_wait_ms, max_bytes)
        return records

    def read_to(self, end_offsets, deadline_s):
        """Reads until every partition of `end_offsets` is there; raises TimeoutError past `deadline_s` (monotonic)."""
        records = []
        while any(self._next.get(partition, 0) < end for partition, end in end_offsets.items()):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"topic {self.topic}: read to {self._next}, not to {end_offsets}, in time")
            records += self.poll()
        return records

    def _current_leaders(self):
        if not self._leaders:
            self._refresh()
        return self._leaders

    def _refresh(self):
        """Asks any broker that answers who leads which partition."""
        last_error = None
        for address in self._bootstrap:
            try:
                response = self._connection(address).call(_METADATA, struct.pack(">i", 1) + string(self.topic) + b"\0")
                break
            except OSError as error:
                self._connections.pop(address, None)
                last_error = error
        else:
            raise KafkaError(f"no broker of {self._bootstrap} answers: {last_error}") from last_error
        response.int32()
        brokers = {}
        for _ in range(response.int32()):
            node, host, port = response.int32(), response.string(), response.int32()
            response.string()
            brokers[node] = (host, port)
        response.string(), response.int32()
        self._leaders = self._leaders_of(response, brokers)

    def _leaders_of(self, response, brokers):
        leaders = {}
        for _ in range(response.int32()):
            error = response.int16()
            response.string(), response.int8()
            if error not in (0, _UNKNOWN_TOPIC, 5):
                raise _error(error, f"metadata of topic {self.topic}")
            for _ in range(response.int32()):
                error, partition, leader = response.int16(), response.int32(), response.int32()
                for _ in range(2):
                    response.skip(4 * response.int32())
                if leader not in brokers:
                    raise _error(error or 5, f"{self.topic}-{partition}")
                leaders[partition] = brokers[leader]
        return leaders

    def _list_offsets(self, when):
        offsets = {}
        leaders = self._current_leaders()
        for leader in set(leaders.values()):
            partitions = [partition for partition, at in leaders.items() if at == leader]
            body = struct.pack(">ibi", -1, self.read_committed, 1) + string(self.topic) + struct.pack(">i", len(partitions))
            body += b"".join(struct.pack(">iq", partition, when) for partition in partitions)
            response = self._call(leader, _LIST_OFFSETS, body)
            response.int32()
            for _ in range(response.int32()):
                response.string()
                for _ in range(response.int32()):
                    partition, error = response.int32(), response.int16()
                    response.int64()
                    if error:
                        raise self._stale(error, partition)
                    offsets[partition] = response.int64()
        return offsets

    def _fetch(self, leader, partitions, max_wait_ms, max_bytes):
        body = struct.pack(">iiiibi", -1, max_wait_ms, 1, max_bytes, self.read_committed, 1)
        body += string(self.topic) + struct.pack(">i", len(partitions))
        body += b"".join(struct.pack(">iqi", partition, self._next[partition], max_bytes) for partition in partitions)
        response = self._call(leader, _FETCH, body)
        response.int32()
        records = []
        for _ in range(response.int32()):
            response.string()
            for _ in range(response.int32()):
                records += self._partition_records(response)
        return records

    def _partition_records(self, response):
        partition, error = response.int32(), response.int16()
        response.skip(16)
        aborted = [(response.int64(), response.int64()) for _ in range(max(0, response.int32()))]
        data = response.bytes()
        if error:
            raise self._stale(error, partition)
        records, self._next[partition] = decode_batches(partition, data, aborted, self._next[partition], self.read_committed)
        return records

    def _stale(self, error, partition):
        self._leaders = {}
        return _error(error, f"{self.topic}-{partition}")

    def _call(self, address, api, body):
        try:
            return self._connection(address).call(api, body)
        except OSError:
            self.close()
            raise

    def _connection(self, address):
        if address not in self._connections:
            self._connections[address] = Connection(address, self._timeout_s)
        return self._connections[address]


def open_connection(bootstrap, timeout_s=10.0):
    """Returns a connection to the first of the bootstrap servers that takes one."""
    refused = None
    for server in bootstrap.split(","):
        try:
            return Connection(_address(server), timeout_s)
        except OSError as error:
            refused = error
    raise KafkaError(f"no broker of {bootstrap} answers: {refused}") from refused


class Connection:
    """One TCP connection that carries one request at a time."""

    def __init__(self, address, timeout_s):
        self._socket = socket.create_connection(address, timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._correlation = itertools.count()

    def call(self, api, body):
        """Sends one request of `api` (key, version) and returns its response."""
        correlation = next(self._correlation)
        request = struct.pack(">hhi", *api, correlation) + string("walcast-test-reader") + body
        self._socket.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", self._receive(4))
        response = _Response(self._receive(size))
        if response.int32() != correlation:
            raise KafkaError("the broker answered another request than the last one")
        return response

    def close(self):
        """Closes the socket."""
        self._socket.close()

    def _receive(self, size):
        data = bytearray(size)
        view, at = memoryview(data), 0
        while at < size:
            count = self._socket.recv_into(view[at:])
            if count == 0:
                raise ConnectionResetError("the broker closed the connection")
            at += count
        return data


class _Response:
    """A cursor over a response's body, in Kafka's non-flexible encoding."""

    def __init__(self, data):
        self._data, self._at = memoryview(data), 0

    def int8(self):
        return self._take(">b", 1)

    def int16(self):
        return self._take(">h", 2)

    def int32(self):
        return self._take(">i", 4)

    def int64(self):
        return self._take(">q", 8)

    def string(self):
        length = self.int16()
        return None if length < 0 else bytes(self._slice(length)).decode()

    def bytes(self):
        return self._slice(max(0, self.int32()))

    def skip(self, count):
        self._at += count

    def _take(self, form, size):
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += size
        return value

    def _slice(self, length):
        self._at += length
        return self._data[self._at - length : self._at]


def _address(server):
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"bootstrap server {server!r}: write host:port")
    return host, int(port)


def string(text):
    """Returns `text` in Kafka's non-flexible encoding."""
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def _error(code, what):
    return KafkaError(f"{what}: Kafka error {code} {_ERRORS.get(code, '')}".rstrip())
