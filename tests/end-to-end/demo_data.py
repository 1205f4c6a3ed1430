"""The demo's experiment: number 1, running, with variant 1 `treatment` and variant 2 `control`.

In: an API client with scope admin. Out: the experiment as the API shows it; made when the system is still empty.
An experiment 1 of another shape is left alone and reported.
"""

EXPERIMENT_ID = 1
VARIANTS = {1: "treatment", 2: "control"}

_EXPERIMENT = {
    "key": "checkout-button",
    "name": "Does a green button sell more?",
    "traffic_allocation": 1.0,
    "variants": [
        {"key": "treatment", "weight": 1, "is_control": False, "config": {"colour": "green"}},
        {"key": "control", "weight": 1, "is_control": True, "config": {"colour": "blue"}},
    ],
}


class DemoDataError(Exception):
    """The system holds something else under the demo's ids."""


def ensure(api):
    """Returns the running demo experiment, making and starting it where it is missing."""
    status, experiment = api.call("GET", f"/v1/experiments/{EXPERIMENT_ID}")
    if status == 404:
        status, experiment = api.call("POST", "/v1/experiments", _EXPERIMENT)
        if status != 201:
            raise DemoDataError(f"POST /v1/experiments answered {status}: {experiment}")
    elif status != 200:
        raise DemoDataError(f"GET /v1/experiments/{EXPERIMENT_ID} answered {status}: {experiment}")
    found = {variant["id"]: variant["key"] for variant in experiment["variants"]}
    if experiment["id"] != EXPERIMENT_ID or found != VARIANTS:
        raise DemoDataError(f"experiment {experiment['id']} has variants {found}; the demo needs experiment {EXPERIMENT_ID} with {VARIANTS}: use an empty database")
    if experiment["status"] != "running":
        status, answer = api.call("POST", f"/v1/experiments/{EXPERIMENT_ID}/start")
        if status != 200:
            raise DemoDataError(f"experiment {EXPERIMENT_ID} is {experiment['status']} and does not start: {status} {answer}")
        experiment["status"] = "running"
    return experiment
