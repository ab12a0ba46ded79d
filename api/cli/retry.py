"""`cleanse cancel`, `cleanse retry`: end a submission that is at work, and try again what failed of one."""

import typer

from api.backends import opened, settings_of
from api.cli.arguments import Home, Json, NetFormat, Out, Server, SubmissionId, Workers
from api.cli.terminal import err, print_json
from nc_core.results.numbers import count

OPEN = ("queued", "running")
"""States of labels that have not ended."""


def cancel(submission: SubmissionId, home: Home = None, server: Server = None, json: Json = False) -> None:
    """Stop all labels of a submission within seconds; what has ended stays, and `retry` or `run` carries on."""
    with opened(home, server) as backend:
        found = backend.find(submission)
        backend.cancel(found["id"])
        if json:
            print_json(backend.find(found["id"]))
            return
    stopped = sum(found["labels"]["states"].get(state, 0) for state in OPEN)
    stop = count(stopped, "label stops", "labels stop")
    err.print(f"Submission {found['id']} is cancelled: {stop}. `cleanse retry` carries on.")


def retry(
    submission: SubmissionId,
    out: Out = None,
    format: NetFormat = "keras",
    home: Home = None,
    server: Server = None,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Try again the labels and repairs of a submission that failed or were cancelled, and judge it anew.

    Labels with a result keep it. Files and exit code are those of `run`; a server is only told to try again.
    """
    if server is not None:
        _ask(server, submission, as_json=json)
        return
    from api.cli.scanning import scan_again

    raise typer.Exit(scan_again(settings_of(home), submission, out, workers, format=format, as_json=json))


def _ask(server: str, prefix: str, *, as_json: bool) -> None:
    """Have a server queue again what failed, and leave it to its workers."""
    with opened(None, server) as backend:
        submission = backend.find(prefix)
        backend.retry(submission["id"])
        if as_json:
            print_json(backend.find(submission["id"]))
        else:
            err.print(f"Submission {submission['id']} is tried again; `cleanse watch` follows it.")
