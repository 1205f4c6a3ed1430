"""Drives a worker through kafka-connect-py, a published client of Kafka Connect's REST API.

Arguments: the worker's URL, and a file with a connector's name and configuration. One line of JSON
leaves for each thing that was done: its name and what the client returned.
"""

import json
import sys
import time

from kafka_connect import KafkaConnect

DEADLINE_S = 60


def tell(what, result):
    print(json.dumps({"did": what, "result": result}), flush=True)


def until(client, name, connector, tasks):
    """Waits until connector and tasks have these states; returns the status."""
    end = time.monotonic() + DEADLINE_S
    while True:
        try:
            status = client.get_connector_status(name)
        except Exception:  # the client raises what a 404 is, until there is a status
            status = {"connector": {}, "tasks": []}
        states = [task["state"] for task in status["tasks"]]
        if status["connector"].get("state") == connector and states == tasks:
            return status
        if time.monotonic() > end:
            raise SystemExit(f"{name} stays {status}")
        time.sleep(0.1)


def main():
    client = KafkaConnect(url=sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        wanted = json.load(file)
    name = wanted["name"]
    plugin = "PostgresConnector"

    tell("cluster", client.get_cluster_info())
    tell("plugins", client.list_connector_plugins())
    tell("validate", client.validate_connector_config(plugin, wanted["config"])["error_count"])
    tell("list", client.list_connectors())
    tell("create", client.create_connector(wanted))
    tell("running", until(client, name, "RUNNING", ["RUNNING"]))
    tell("list", client.list_connectors())
    tell("list expanded", client.list_connectors(expand="status", pattern=name, state="running"))
    tell("get", client.get_connector(name))
    tell("tasks", client.list_connector_tasks(name))
    tell("task", client.get_connector_task_status(name, 0))
    tell("topics", client.list_connector_topics(name))
    tell("pause", client.pause_connector(name))
    tell("paused", until(client, name, "PAUSED", ["PAUSED"]))
    tell("resume", client.resume_connector(name))
    tell("running", until(client, name, "RUNNING", ["RUNNING"]))
    tell("restart", client.restart_connector(name, include_tasks=True))
    tell("running", until(client, name, "RUNNING", ["RUNNING"]))
    tell("restart task", client.restart_connector_task(name, 0))
    tell("running", until(client, name, "RUNNING", ["RUNNING"]))
    changed = dict(wanted["config"], **{"poll.interval.ms": "77"})
    tell("update", client.update_connector(name, changed))
    tell("config", client.get_connector_config(name)["poll.interval.ms"])
    tell("reset topics", client.reset_connector_topics(name))
    tell("stop", client.stop_connector(name))
    tell("stopped", until(client, name, "STOPPED", []))
    tell("delete", client.delete_connector(name))
    tell("list", client.list_connectors())


main()
