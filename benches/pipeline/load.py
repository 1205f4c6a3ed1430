"""Writes events through the API at a fixed rate, whatever the system does: an open loop.

In: the target, a population, rate and length. Out: one `Write` per event. An event is due at its place in the schedule, and
its latency counts from there, so a stall delays and charges every event behind it (no coordinated omission). A write that
gets no answer or a 5xx is sent again with the same id, when asked for, as a careful client would.
"""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field

from clients.rest import RestClient
from clients.wait import wait_for

from .clock import now_s, rfc3339

_RETRY_S_FIRST, _RETRY_S_MAX = 0.05, 1.0
_STEPS = (
    ("exposure", {"page": "/landing"}),
    ("page_view", {"page": "/product", "duration": 15}),
    ("click", {"element": "buy-now", "value": 1.0}),
    ("conversion", {"value": 39.99, "currency": "USD", "score": 88}),
)


@dataclass
class Write:
    """One event's way through the API; moments in seconds of the run's clock."""

    event_id: str
    due_s: float
    warm_up: bool
    sent_s: float = 0.0
    answered_s: float | None = None
    attempts: int = 0
    failures: list = field(default_factory=list)


class OpenLoop:
    """A schedule of writes and the threads that keep it."""

    def __init__(self, where, population, rate, seconds, warm_up_seconds=0, threads=24, retry_seconds=0.0):
        self._where = where
        self._population = population
        self._retry_seconds = retry_seconds
        self._threads = threads
        start = now_s() + 0.5
        count = int(rate * (seconds + warm_up_seconds))
        prefix = f"bench-{population.run_id}"
        self.writes = [Write(f"{prefix}-{number:07}", start + number / rate, number < rate * warm_up_seconds) for number in range(count)]
        self.starts_s, self.ends_s = start, start + count / rate
        self._next = iter(range(count))
        self._lock = threading.Lock()
        self._errors = []

    def run(self):
        """Writes everything; returns when each write is answered or given up. Raises what a writing thread raised."""
        threads = [threading.Thread(target=self._work, name=f"writer-{number}") for number in range(self._threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return self.writes

    def _work(self):
        api = RestClient(self._where.api_url, self._where.api_token)
        try:
            while (number := self._take()) is not None:
                self._write(api, number)
        except Exception as error:  # handed to run(), which raises it
            self._errors.append(error)
        finally:
            api.close()

    def _take(self):
        with self._lock:
            return None if self._errors else next(self._next, None)

    def _write(self, api, number):
        write = self.writes[number]
        body = _body(self._population, number, write.event_id, write.due_s)
        if (early := write.due_s - now_s()) > 0:
            time.sleep(early)
        write.sent_s = now_s()
        pause = _RETRY_S_FIRST
        while True:
            write.attempts += 1
            failure = _send(api, body)
            if failure is None:
                write.answered_s = now_s()
                return
            write.failures.append(failure)
            if now_s() + pause > write.due_s + self._retry_seconds:
                return
            time.sleep(pause)
            pause = min(2 * pause, _RETRY_S_MAX)


def write_last(where, population, deadline_s=60.0):
    """Writes one event behind all others, trying until it is stored; returns its id."""
    event_id = f"bench-{population.run_id}-last"
    body = _body(population, 0, event_id, now_s())
    api = RestClient(where.api_url, where.api_token)
    wait_for("the last event to be stored", lambda: True if _send(api, body) is None else None, deadline_s, every_s=0.1)
    api.close()
    return event_id


def _body(population, number, event_id, occurred_s):
    users = population.user_ids
    event_type, properties = _STEPS[number // len(users) % len(_STEPS)]
    user_id = users[number % len(users)]
    event = {
        "id": event_id,
        "experiment_id": population.experiment_id,
        "user_id": user_id,
        "event_type": event_type,
        "properties": properties,
        "session_id": f"session-{user_id}",
        "occurred_at": rfc3339(occurred_s),
    }
    return json.dumps(event).encode()


def _send(api, body):
    """Returns None when the event is stored, else what happened; raises on an answer that a retry cannot change."""
    try:
        status, answer = api.send("POST", "/v1/events", body)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}"
    if status in (200, 201):
        return None
    if status == 429 or status >= 500:
        return f"HTTP {status}"
    raise SystemExit(f"POST /v1/events answered {status}: {answer.decode(errors='replace')[:300]}")
