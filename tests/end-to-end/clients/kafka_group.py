"""What a consumer group has committed: FindCoordinator v1 and OffsetFetch v5.

In: bootstrap servers, group, topic. Out: {partition: committed offset}. It never joins the group.
"""

import struct

from .kafka import KafkaError, open_connection, string

_FIND_COORDINATOR, _OFFSET_FETCH = (10, 1), (9, 5)


def committed_offsets(bootstrap, group, topic, partitions):
    """Returns {partition: offset}; -1 where nothing is committed. Raises KafkaError or OSError while there is no coordinator."""
    host, port = _coordinator(bootstrap, group)
    connection = open_connection(f"{host}:{port}")
    try:
        body = string(group) + struct.pack(">i", 1) + string(topic) + struct.pack(">i", len(partitions))
        response = connection.call(_OFFSET_FETCH, body + b"".join(struct.pack(">i", partition) for partition in partitions))
    finally:
        connection.close()
    response.int32()
    offsets = {}
    for _ in range(response.int32()):
        response.string()
        for _ in range(response.int32()):
            partition, offset = response.int32(), response.int64()
            response.int32(), response.string(), response.int16()
            offsets[partition] = offset
    error = response.int16()
    if error:
        raise KafkaError(f"offsets of group {group}: Kafka error {error}")
    return offsets


def _coordinator(bootstrap, group):
    connection = open_connection(bootstrap)
    try:
        response = connection.call(_FIND_COORDINATOR, string(group) + b"\0")
    finally:
        connection.close()
    response.int32()
    error, message = response.int16(), response.string()
    if error:
        raise KafkaError(f"coordinator of group {group}: Kafka error {error} {message or ''}")
    response.int32()
    return response.string(), response.int32()
