"""A server, as far as it tells of itself without a key, and whether the key is one."""

from collections.abc import Iterator

from api.cli.doctor.check import Check, fail, ok, warn
from api.client import CleanseClient, ServerFailed, ServerRefused
from nc_core.errors import CleanseError
from nc_tasks.version import package_version

ADVICE = {
    "database": "start the database of the server",
    "broker": "start the broker of the server",
    "workers": "start workers, or look into their logs; where they are scaled to zero the first submission brings them",
}


def checks(client: CleanseClient) -> Iterator[Check]:
    """Whether it answers, what it says of itself, and whether it takes our key."""
    try:
        health, ready = client.health(), client.ready()
    except CleanseError as error:
        yield fail("server", str(error), "start the server, or mend the address")
        return
    yield _version(health["version"])
    for name, check in ready["checks"].items():
        # Workers that are scaled with the work may all be away.
        worse = warn if name == "workers" else fail
        yield ok(name, check["detail"]) if check["ok"] else worse(name, check["detail"], ADVICE.get(name, ""))
    yield _key(client, health["mode"])


def _version(theirs: str) -> Check:
    ours = package_version()
    if theirs == ours:
        return ok("server", f"answers, version {theirs}")
    return warn("server", f"answers, version {theirs}; this program is {ours}", "upgrade the older one")


def _key(client: CleanseClient, mode: str) -> Check:
    if mode == "local":
        return ok("key", "none is needed: local mode")
    try:
        list(client.list(most=1))
    except (ServerFailed, ServerRefused) as error:
        return fail("key", str(error), "set CLEANSE_KEY to a key made by `cleanse key create` on the server")
    return ok("key", "is taken")
