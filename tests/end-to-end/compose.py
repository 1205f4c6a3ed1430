"""docker-compose.yml as this repository's tests see it, and its services as native processes.

In: the file. Out: its services, with `${NAME:-default}` filled in from the defaults; and for a service of ours the arguments
and variables it runs with when the containers' addresses are exchanged for others.
"""

import re
from pathlib import Path

import yaml_subset

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
OUR_IMAGE = "walcast:local"

_VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")


def load():
    """Returns the file's value, variables filled in with their defaults."""
    return yaml_subset.load(_VARIABLE.sub(r"\1", FILE.read_text()))


def ours(services):
    """Returns the services that run our binary."""
    return {name: service for name, service in services.items() if service["image"] == OUR_IMAGE}


def probe_url(service):
    """Returns the URL that the service's health check asks, or None for one that just ends."""
    words = service.get("healthcheck", {}).get("test", [])
    return next((word for word in words if word.startswith("http://")), None)


def native(service, exchanged):
    """Returns (arguments, variables) of the service, with each key of `exchanged` found in a variable replaced by its value."""
    variables = {}
    for name, value in service["environment"].items():
        for inside, outside in exchanged.items():
            value = value.replace(inside, outside)
        variables[name] = value
    return service["command"], variables
