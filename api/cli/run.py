"""`cleanse run`: the whole job on this machine."""

from typing import Any

import typer

from api.backends import settings_of
from api.cli.arguments import Clean, Force, Home, Model, NetFormat, Out, Poisoned, Workers
from api.cli.sarif import Sarif, check_sarif, write_sarif
from api.cli.scan_options import takes_scan_options
from api.cli.write_back import WriteBack, check_write_back, write_verdict_back
from api.client.types import Result
from nc_core.results.folder import folder_of
from nc_tasks.request import choices


@takes_scan_options()
def run(
    model: Model,
    data: Clean,
    options: dict[str, Any],
    poisoned: Poisoned = None,
    out: Out = None,
    sarif: Sarif = None,
    write_back: WriteBack = False,
    format: NetFormat = "keras",
    home: Home = None,
    workers: Workers = None,
    force: Force = choices.FORCE.default,
) -> None:
    """Scan MODEL for backdoors with a little clean data, and repair it.

    Writes result.json, report.html, triggers.npz and scanned.keras: the net that was scanned, and the file to deploy
    where the verdict is clean; goodnet.keras and guarded.keras where a repair was made. With --format onnx these nets
    as .onnx, too: with names, layout and value range of the ONNX file that was submitted, so that each drops in there.
    Exit code: 0 clean, 3 backdoored, 4 inconclusive, 2 input refused, 64 usage error, 1 failed.
    """
    from api.backends.backend import Order
    from api.cli.fetching import downloads
    from api.cli.scanning import scan
    from nc_tasks.request.options import scan_options
    from nc_tasks.request.scan import RequestParameters

    parameters = RequestParameters(options=scan_options(**options), force=force)
    check_sarif(sarif)
    if write_back:
        check_write_back([model], file=True)
    results: list[Result] = []
    with downloads(home) as files:
        order = Order(
            model=files.path(model, "model"),
            data=files.path(data, "data"),
            dataset=None,
            poisoned=[files.path(one, "data") for one in poisoned or ()],
            parameters=parameters,
        )
        folder = folder_of(order.model.resolve().name) if out is None else out
        code = scan(settings_of(home), order, folder, workers=workers, format=format, then=results.append)
    for result in results:
        if sarif is not None:
            write_sarif(sarif, model, result)
        if write_back:
            write_verdict_back(model, result, home=home, folder=folder)
    raise typer.Exit(code)
