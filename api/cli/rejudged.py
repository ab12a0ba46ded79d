"""Prints verdicts that are made anew, beside those that were recorded."""

from collections.abc import Sequence

from rich.table import Table

from api.backends import Backend
from api.backends.backend import RejudgeOrder
from api.cli.exits import ExitCode
from api.cli.showing import print_json
from api.cli.terminal import out, printable
from api.client.types import Rejudged
from api.results.numbers import probability


def rejudge_all(backend: Backend, wish: RejudgeOrder, *, as_json: bool) -> ExitCode:
    """Judge anew and print it; the exit code says whether any is backdoored."""
    found = backend.rejudge(wish)
    if as_json:
        print_json(found)
    else:
        out.print(_table(found) if found else "No submission has a verdict.")
    backdoored = any(one["verdict"] == "backdoored" for one in found)
    return ExitCode.BACKDOORED if backdoored else ExitCode.CLEAN


def _table(found: Sequence[Rejudged]) -> Table:
    names = ("id", "model", "recorded", "new", "p", "source", "scans")
    table = Table(*names, box=None, pad_edge=False)
    for one in found:
        used = one["calibration"]
        table.add_row(
            one["id"],
            printable(one["model"]["name"]),
            one["recorded"],
            one["verdict"],
            probability(one["p_value"]),
            used["source"],
            str(used["scans"]),
            style="red" if one["verdict"] == "backdoored" else None,
        )
    return table
