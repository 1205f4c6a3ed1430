"""A record of the outbox topic to the outbox row that it carries.

In: a record. Out: its envelope and row; None for a tombstone and for a delete, which pruning the outbox leaves in the topic.
"""

import json


def written(record):
    """Returns (envelope, row) of a row that was written, or None."""
    if record.value is None:
        return None
    envelope = json.loads(record.value)
    return None if envelope["after"] is None else (envelope, envelope["after"])


def event_id(row, prefix):
    """Returns the id of the event that the row tells of, or None when it is no event or another run's."""
    ours = row["aggregate_type"] == "event" and row["aggregate_id"].startswith(prefix)
    return row["aggregate_id"] if ours else None
