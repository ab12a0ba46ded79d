"""`cleanse rejudge`: verdicts made anew from what is stored."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from api.backends import opened
from api.backends.backend import RejudgeOrder
from api.cli.arguments import Home, Json, Server
from api.cli.baseline import name_of
from api.cli.exits import ExitCode, Leave
from api.cli.submit import named_texts
from api.cli.terminal import out, print_json, printable, table
from api.client.types import Rejudged
from nc_core.results.numbers import probability

if TYPE_CHECKING:
    from rich.table import Table


def rate(value: float | None) -> float | None:
    """The value of --alpha; a usage error where it is no rate."""
    if value is not None and not 0.0 < value < 0.5:
        raise typer.BadParameter(f"{value:g} is no rate per model: pass one above 0 and below 0.5, such as 0.05")
    return value


def baseline_name(text: str | None) -> str | None:
    """The name as it was given; a usage error for what is none."""
    return None if text is None else name_of(text)


def rejudge(
    submissions: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Their ids, or the beginnings of them.")
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="NAME=TEXT", callback=named_texts, help="Those with this tag; may be repeated."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that have a verdict.")] = False,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="NAME", callback=baseline_name, help="Hold them against these clean scans."),
    ] = None,
    fleet: Annotated[
        bool, typer.Option("--fleet", help="Hold each against the others that do not stand out themselves.")
    ] = False,
    alpha: Annotated[
        float | None,
        typer.Option(
            "--alpha", metavar="A", callback=rate, help="False alarms per clean model.", show_default="each one's own"
        ),
    ] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Make verdicts anew from what is stored, without another inversion; what was recorded stays.

    Without --baseline and --fleet each is held against what it was held against. Exit code 3 where a new verdict is
    backdoored, else 0.
    """
    if (bool(submissions) + bool(tags) + every) != 1:
        raise typer.BadParameter("pass ids, --tag NAME=TEXT, or --all: one of the three")
    if fleet and baseline is not None:
        raise typer.BadParameter("pass one of --fleet and --baseline")
    with opened(home, server) as backend:
        ids = [backend.find(prefix)["id"] for prefix in submissions] if submissions else None
        named = {name: text for name, _, text in (one.partition("=") for one in tags or ())}
        order = RejudgeOrder(ids=ids, tags=named, baseline=baseline, fleet=fleet, alpha=alpha)
        found = backend.rejudge(order)
    if json:
        print_json(found)
    else:
        out.print(_table(found) if found else "No submission has a verdict.")
    backdoored = any(one["verdict"] == "backdoored" for one in found)
    raise Leave(ExitCode.BACKDOORED if backdoored else ExitCode.CLEAN)


def _table(found: Sequence[Rejudged]) -> "Table":
    shown = table("id", "model", "recorded", "new", "p", "source", "scans")
    for one in found:
        used = one["calibration"]
        shown.add_row(
            one["id"],
            printable(one["model"]["name"]),
            one["recorded"],
            one["verdict"],
            probability(one["p_value"]),
            used["source"],
            str(used["scans"]),
            style="red" if one["verdict"] == "backdoored" else None,
        )
    return shown
