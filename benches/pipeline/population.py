"""A fresh experiment with assigned users: the ground that a run's events stand on.

In: the target. Out: its ids. Each run has its own experiment, so a run counts its own rows and no others.
"""

import uuid
from dataclasses import dataclass

from clients.rest import RestClient


@dataclass(frozen=True)
class Population:
    """One run's experiment and users."""

    run_id: str
    experiment_id: int
    user_ids: list


def make(where, users):
    """Makes and starts an experiment and assigns `users` new users to it, through the API."""
    api = RestClient(where.api_url, where.api_token)
    run_id = uuid.uuid4().hex[:10]
    variants = [{"key": "treatment", "weight": 1, "is_control": False, "config": {}}, {"key": "control", "weight": 1, "is_control": True, "config": {}}]
    experiment = _call(api, "/v1/experiments", {"key": f"bench-{run_id}", "name": "Pipeline benchmark", "traffic_allocation": 1.0, "variants": variants})
    _call(api, f"/v1/experiments/{experiment['id']}/start", None)
    user_ids = [f"bench-{run_id}-{number:04}" for number in range(users)]
    for user_id in user_ids:
        _call(api, "/v1/users", {"id": user_id, "attributes": {}})
        _call(api, "/v1/assignments", {"experiment_id": experiment["id"], "user_id": user_id})
    api.close()
    return Population(run_id, experiment["id"], user_ids)


def _call(api, path, body):
    status, answer = api.call("POST", path, body)
    if status not in (200, 201):
        raise SystemExit(f"POST {path} answered {status}: {answer}")
    return answer
