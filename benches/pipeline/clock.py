"""One clock for a run: seconds that only grow, which can be named as time of day.

In: nothing. Out: `now_s()` and its wall-clock meaning, fixed once, so a step of the system's clock cannot bend an interval.
"""

import time
from datetime import datetime, timezone

now_s = time.monotonic
_WALL_OFFSET_S = time.time() - time.monotonic()


def wall_s(moment_s):
    """Returns the Unix time of a moment of `now_s()`."""
    return moment_s + _WALL_OFFSET_S


def rfc3339(moment_s):
    """Returns a moment of `now_s()` as RFC 3339 in UTC with microseconds."""
    return datetime.fromtimestamp(wall_s(moment_s), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
