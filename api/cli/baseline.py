"""`cleanse baseline`: scans of clean models under a name, that other scans are held against."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.backends import opened
from api.backends.backend import Order
from api.cli.arguments import ADDRESSES, Home, Json, Server, Workers
from api.cli.exits import Leave
from api.cli.fetching import downloads
from api.cli.named_scans import add_all, told_apart
from api.cli.scan_options import takes_scan_options
from api.cli.terminal import err, out, print_json, printable, table
from api.client.types import BaselineScans
from nc_core.results.numbers import MISSING, count, significant
from nc_tasks.request import choices

if TYPE_CHECKING:
    from rich.table import Table

baseline = typer.Typer(
    name="baseline", help="Scans of clean models that others are held against.", no_args_is_help=True
)


def name_of(text: str) -> str:
    """The name as it was given; a usage error for what is none."""
    if re.fullmatch(choices.BASELINE_NAME, text) is None:
        raise typer.BadParameter(f"{text!r} is no name: pass at most 63 of A-Z, a-z, 0-9, ., _ and -")
    return text


Name = Annotated[str, typer.Argument(metavar="NAME", help="What the baseline is called.", callback=name_of)]


@baseline.command("add")
@takes_scan_options(
    *(
        "unlabelled",
        "profile",
        "detector",
        "value_range",
        "resize",
        "channels",
        "class_names",
        "architecture",
        "output",
        "input_shape",
        "seed",
        "slots",
    ),
)
def add(
    name: Name,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help=f"Clean models, folders of them, or ids of scans; or {ADDRESSES}.",
            show_default=False,
        ),
    ],
    options: dict[str, Any],
    data: Annotated[
        str | None, typer.Option("--data", metavar="CLEAN", help="Clean data, as for `run`.", show_default=False)
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="ID", help="Registered clean data instead, by id or name.")
    ] = None,
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

    places, ids = told_apart(models)
    if places and (data is None) == (dataset is None):
        raise typer.BadParameter("pass either --data CLEAN or --dataset ID")
    parameters = RequestParameters(options=scan_options(**options, mitigate="none"))
    with downloads(home) as files, opened(home, server, workers=workers) as backend:

        def order_of(model: str) -> Order:
            return Order(
                model=files.path(model, "model"),
                data=None if data is None else files.path(data, "data"),
                dataset=dataset,
                parameters=parameters,
            )

        raise Leave(add_all(backend, name, places, order_of, ids, detach=detach, as_json=json))


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
