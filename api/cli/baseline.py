"""`cleanse baseline`: scans of clean models under a name, that other scans are held against."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.backends import opened
from api.backends.backend import Order
from api.cli.arguments import (
    Architecture,
    Fit,
    Home,
    How,
    HowLong,
    Json,
    PixelRange,
    Seed,
    Server,
    Slots,
    Unlabelled,
    Workers,
)
from api.cli.exits import Leave
from api.cli.named_scans import add_all, told_apart
from api.cli.terminal import err, out, print_json, printable, table
from api.client.types import BaselineScans
from api.results.numbers import MISSING, count, significant

if TYPE_CHECKING:
    from rich.table import Table

NAME = "[A-Za-z0-9._-]{1,63}"
"""As `nc_tasks.request.options.BASELINE` has it, whose import would cost every command a quarter of a second."""

baseline = typer.Typer(
    name="baseline", help="Scans of clean models that others are held against.", no_args_is_help=True
)


def name_of(text: str) -> str:
    """The name as it was given; a usage error for what is none."""
    if re.fullmatch(NAME, text) is None:
        raise typer.BadParameter(f"{text!r} is no name: pass at most 63 of A-Z, a-z, 0-9, ., _ and -")
    return text


Name = Annotated[str, typer.Argument(metavar="NAME", help="What the baseline is called.", callback=name_of)]


@baseline.command("add")
def add(
    name: Name,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="Clean Keras models, folders of them, or ids of scans.", show_default=False
        ),
    ],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="CLEAN", help="Clean data, as for `run`.", show_default=False)
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="ID", help="Registered clean data instead, by id or name.")
    ] = None,
    unlabelled: Unlabelled = False,
    profile: HowLong = "fast",
    detector: How = "neural-cleanse",
    value_range: PixelRange = "auto",
    resize: Fit = None,
    architecture: Architecture = None,
    seed: Seed = 0,
    slots: Slots = None,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for the scans.")] = False,
    workers: Workers = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Scan clean models, without a repair, and put the scans under a name; what was scanned before is taken at once.

    Exit code: 0 once all have a verdict (with --detach, once all are handed in), 2 where one was refused, 1 where one
    has failed.
    """
    from nc_tasks.request.options import scan_options
    from nc_tasks.request.scan import RequestParameters

    paths, ids = told_apart(models)
    if paths and (data is None) == (dataset is None):
        raise typer.BadParameter("pass either --data CLEAN or --dataset ID")
    options = scan_options(
        profile=profile,
        detector=detector,
        mitigate="none",
        value_range=value_range,
        resize=resize,
        architecture=architecture,
        unlabelled=unlabelled,
        slots=slots,
        seed=seed,
    )
    parameters = RequestParameters(options=options)
    orders = [Order(model=path, data=data, dataset=dataset, parameters=parameters) for path in paths]
    with opened(home, server, workers=workers) as backend:
        raise Leave(add_all(backend, name, orders, ids, detach=detach, as_json=json))


@baseline.command("list")
def list_baselines(home: Home = None, server: Server = None, json: Json = False) -> None:
    """List baselines."""
    with opened(home, server) as backend:
        found = backend.baselines()
    if json:
        print_json(found)
        return
    shown = table("name", "scans", "with a result")
    for one in found:
        shown.add_row(printable(one["name"]), str(one["scans"]), str(one["with_result"]))
    out.print(shown if found else "No baselines.")


@baseline.command("show")
def show(name: Name, home: Home = None, server: Server = None, json: Json = False) -> None:
    """Show a baseline's scans."""
    with opened(home, server) as backend:
        found = backend.baseline(name)
    if json:
        print_json(found)
        return
    scans = count(found["scans"], "scan")
    out.print(f"Baseline {printable(found['name'])}: {scans}, {found['with_result']} with a result")
    out.print(_scans(found))


@baseline.command("remove")
def remove(
    name: Name,
    submissions: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Scans to take out; all without any.")
    ] = None,
    home: Home = None,
    server: Server = None,
) -> None:
    """Take scans from under a name, or forget the name; the scans and what was held against them stay."""
    with opened(home, server) as backend:
        ids = [backend.find(prefix)["id"] for prefix in submissions] if submissions else None
        backend.remove_from_baseline(name, ids)
    gone = "is forgotten" if ids is None else f"has {count(len(ids), 'scan')} less"
    err.print(f"Baseline {printable(name)} {gone}.")


def _scans(found: BaselineScans) -> "Table":
    shown = table("id", "state", "verdict", "smallest norm", "model", "data")
    for one in found["items"]:
        names = (printable(one["model"]["name"]), printable(one["data"]["name"]))
        shown.add_row(one["id"], one["state"], one["verdict"] or MISSING, significant(one["smallest_norm"]), *names)
    return shown
