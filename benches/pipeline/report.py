"""Numbers to a report: percentiles, a Markdown table, and the machine they were taken on.

In: samples and counts. Out: `benches/results/<name>.json` and `.md`. A number that was not measured is empty, never estimated.
"""

import json
import math
import os
import platform
import subprocess
from datetime import datetime, timezone

from . import ROOT

RESULTS = ROOT / "benches" / "results"


def percentiles(samples_s):
    """Returns count, p50, p90, p99, p99.9 and max in milliseconds, by the nearest rank."""
    if not samples_s:
        return {"count": 0}
    ranked = sorted(samples_s)

    def at(share):
        return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)] * 1000, 3)

    return {"count": len(ranked), "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99), "p99_9_ms": at(0.999), "max_ms": at(1)}


def machine():
    """Returns what the numbers depend on: commit, time, processor, memory, kernel."""
    model = next((line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory = next((int(line.split()[1]) // 1024 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), None)
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit.stdout.strip() or None,
        "processor": model,
        "cores": os.cpu_count(),
        "memory_mib": memory,
        "kernel": platform.release(),
    }


def table(head, rows):
    """Returns a Markdown table; None is an empty cell."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def save(name, result, markdown):
    """Writes both files; returns their common path without suffix."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    (RESULTS / f"{name}.md").write_text(markdown + "\n")
    return RESULTS / name


def machine_line(facts):
    """Returns the machine's facts as one line of text."""
    return f"{facts['at']}, commit {facts['commit']}, {facts['cores']} × {facts['processor']}, {facts['memory_mib']} MiB, Linux {facts['kernel']}"


def _lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.readlines()
    except OSError:
        return []
