#!/usr/bin/env python3
"""Kills parts of the running system at random moments under load, then counts: is every event there exactly once?

    python3 benches/chaos_kill.py --ready-file ready.json
    python3 benches/chaos_kill.py --ready-file ready.json --faults connect,connect+sink --kills 5 --seconds 60 --seed 7

In: a system that `cargo xtask up --ready-file` keeps running: it starts again what is killed. Out: a table,
benches/results/chaos_kill.{json,md}; exit code 1 when an event is missing or doubled in Kafka or ClickHouse.
Each fault gets a round of its own: so many seconds of writes through the API, and `--kills` times kill -9 in them.
"""

import argparse
import random
import sys
import threading
import time

from pipeline import audit, population, process, report, watch
from pipeline.clock import now_s
from pipeline.load import OpenLoop, write_last

from clients import target
from clients.kafka import TopicReader

FAULTS = ("connect", "sink", "connect+sink", "kafka")
MEMORY_LIMIT_MB = 60


def main():
    arguments = parse()
    where = target.from_arguments(arguments)
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    memory = process.PeakMemory(where, "connect").start()
    try:
        rounds = [run_round(where, arguments, fault, chance) for fault in arguments.faults.split(",")]
    finally:
        peak = memory.stop()
    result = {
        "machine": report.machine(),
        "settings": {name: getattr(arguments, name) for name in ("rate", "seconds", "kills", "users")},
        "seed": seed,
        "connect_peak_rss_mb": round(peak / 1e6, 1),
        "rounds": rounds,
    }
    markdown = render(result)
    path = report.save("chaos_kill", result, markdown)
    print(markdown, f"\nSaved {path}.json and .md")
    return 0 if all(one["exact"] for one in rounds) else 1


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    target.add_arguments(parser)
    parser.add_argument("--faults", default=",".join(FAULTS), help=f"what to kill, one round each; + joins roles killed together (default {','.join(FAULTS)})")
    parser.add_argument("--kills", type=int, default=5, help="kills in each round (default 5)")
    parser.add_argument("--rate", type=float, default=200, help="events per second (default 200)")
    parser.add_argument("--seconds", type=float, default=60, help="length of a round's writes (default 60)")
    parser.add_argument("--users", type=int, default=50, help="users the events come from (default 50)")
    parser.add_argument("--rest-seconds", type=float, default=120, help="how long to wait until nothing is on its way (default 120)")
    parser.add_argument("--seed", type=int, help="repeats the moments of an earlier run (default: a new one, printed)")
    return parser.parse_args()


def run_round(where, arguments, fault, chance):
    """Writes, kills and counts; returns the round's result."""
    people = population.make(where, arguments.users)
    with TopicReader(where.kafka_bootstrap, watch.TOPIC) as reader:
        start_offsets = reader.end_offsets()
    loop = OpenLoop(where, people, arguments.rate, arguments.seconds, retry_seconds=arguments.rest_seconds)
    moments = sorted(chance.uniform(loop.starts_s, loop.ends_s) for _ in range(arguments.kills))
    killer = Killer(where, fault.split("+"), moments)
    killer.start()
    try:
        writes = loop.run()
    finally:
        killer.stop()
    acknowledged = [write.event_id for write in writes if write.answered_s is not None]
    topic = audit.TopicCount(where, start_offsets, people)
    last = write_last(where, people)
    unrest = topic.wait_for_rest(last, arguments.rest_seconds)
    counts = audit.counts(where, people, [*acknowledged, last], topic.found)
    one = {
        "fault": fault,
        "kills": [{"at_s": round(at - loop.starts_s, 2), "pids": pids} for at, pids in killer.kills],
        "written": len(acknowledged),
        "given_up": len(writes) - len(acknowledged),
        "sent_again": sum(write.attempts > 1 for write in writes),
        "worst_delay_s": audit.worst_delay_s(where, people),
        "counts": [count.as_dict() for count in counts],
        "not_at_rest": unrest,
        "exact": all(count.exact() for count in counts) and not unrest and len(killer.kills) == arguments.kills,
    }
    print(f"{fault}: {len(killer.kills)} kills, {len(acknowledged)} events, {'exact' if one['exact'] else 'NOT EXACT'}", flush=True)
    return one


class Killer:
    """Kills the roles together at the given moments, each time only once they are up again from the last."""

    def __init__(self, where, roles, moments):
        self.kills = []
        self._where, self._roles, self._moments = where, roles, moments
        self._error = None
        self._thread = threading.Thread(target=self._run, name="killer")

    def start(self):
        """Starts waiting for the first moment."""
        self._thread.start()

    def stop(self):
        """Waits for the kills that are due; raises what went wrong."""
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self):
        try:
            for moment in self._moments:
                time.sleep(max(0.0, moment - now_s()))
                self.kills.append((now_s(), process.kill(self._where, self._roles)))
        except Exception as error:  # handed to stop(), which raises it
            self._error = error


def render(result):
    """Returns the report as Markdown."""
    rows = []
    for one in result["rounds"]:
        for count in one["counts"]:
            found = [count[key] for key in ("place", "expected", "found", "missing", "doubled", "unknown")]
            rows.append([one["fault"], len(one["kills"]), *found, round(one["worst_delay_s"], 1)])
    settings = result["settings"]
    problems = [f"\n{one['fault']}, not at rest: {what}" for one in result["rounds"] for what in one["not_at_rest"]]
    problems += [f"\n{one['fault']}: {one['given_up']} writes given up" for one in result["rounds"] if one["given_up"]]
    return "\n".join(
        [
            "# Kill -9 under load",
            "",
            f"{settings['rate']:g} events/s for {settings['seconds']:g} s in each round, seed {result['seed']}. {report.machine_line(result['machine'])}.",
            "",
            report.table(["killed", "times", "place", "expected", "found", "lost", "doubled", "unknown", "worst delay, s"], rows),
            "",
            f"Peak memory of connect over all its incarnations: {result['connect_peak_rss_mb']} MB (limit {MEMORY_LIMIT_MB} MB).",
            *problems,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
