"""Waiting for a condition, with a deadline.

In: a check that returns None while the condition does not hold. Out: its first other result.
"""

import http.client
import time

# A look at the system that fails because a part of it is just coming up again.
_NOT_YET = (OSError, http.client.HTTPException)


def wait_for(what, check, deadline_s=30.0, every_s=0.02):
    """Calls `check` until it returns something else than None; raises TimeoutError that names `what` past the deadline."""
    end = time.monotonic() + deadline_s
    failure = None
    while True:
        try:
            result = check()
            if result is not None:
                return result
            failure = None
        except _NOT_YET as error:
            failure = error
        if time.monotonic() >= end:
            raise TimeoutError(f"{what}: not within {deadline_s:g} s" + (f" ({failure})" if failure else ""))
        time.sleep(every_s)
