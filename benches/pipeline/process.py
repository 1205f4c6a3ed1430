"""Looks at and kills the system's processes, by the pids of the ready file.

In: the target and a role. Out: peak memory, and a role that was killed and is there again. It touches no process that the
ready file does not name.
"""

import os
import signal
import threading

from clients.wait import wait_for


class PeakMemory:
    """The peak resident memory of a role over all its incarnations, sampled until stopped."""

    def __init__(self, where, role, every_s=0.25):
        self.peak_bytes = 0
        self._where, self._role, self._every_s = where, role, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"memory-{role}")

    def start(self):
        """Starts sampling; returns self."""
        self._thread.start()
        return self

    def stop(self):
        """Takes a last sample; returns the peak in bytes."""
        self._stop.set()
        self._thread.join()
        self._sample()
        return self.peak_bytes

    def _run(self):
        while not self._stop.wait(self._every_s):
            self._sample()

    def _sample(self):
        self.peak_bytes = max(self.peak_bytes, peak_bytes(self._where.pid(self._role)) or 0)


def peak_bytes(pid):
    """Returns the kernel's high-water mark of resident memory (VmHWM, all pages, also of the executable), or None when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None  # a zombie has no memory


def kill(where, roles, deadline_s=60.0):
    """Sends SIGKILL to the roles' present processes at once, then waits until each has a new one. Returns the killed pids."""
    pids = {role: _alive(where, role, deadline_s) for role in roles}
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    for role, old in pids.items():
        wait_for(f"{role} to be started again", lambda role=role, old=old: _other(where, role, old), deadline_s, every_s=0.05)
    return pids


def _alive(where, role, deadline_s):
    return wait_for(f"{role} to be alive", lambda: _other(where, role, None), deadline_s, every_s=0.05)


def _other(where, role, old):
    pid = where.pid(role)
    return pid if pid != old and peak_bytes(pid) is not None else None
