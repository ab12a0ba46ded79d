"""`cleanse selftest`: does this installation find what it should?"""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.arguments import Home, Json


def selftest(
    nets: Annotated[int, typer.Option("--nets", min=2, help="How many nets, half of them clean.")] = 6,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="DIR",
            help="Keep nets and results; those that are there stay.",
            show_default="no",
        ),
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Train a few nets whose answers are known on drawn signs, scan them, and print this installation's own rates.

    It goes the way of `cleanse zoo build` and `cleanse zoo score`, and takes minutes. Exit code: 0 where every planted
    net was found and no clean one called backdoored, 1 otherwise.
    """
    import tempfile

    from api.backends import settings_of
    from api.cli.showing import print_json
    from api.cli.terminal import err, out
    from api.cli.zoo.selftest import faults, figures, lines, scanned
    from api.results.folder import check_folder
    from nc_core.zoo.small import small_plan

    plan = small_plan(nets)
    with tempfile.TemporaryDirectory(prefix="cleanse-selftest-") as aside:
        folder = Path(aside) if keep is None else keep
        check_folder(folder, option="--keep")
        scans = scanned(settings_of(home), folder, plan, tell=err.print)
    if as_json:
        print_json(figures(scans))
    else:
        for line in lines(scans):
            out.print(line)
    if faults(scans):
        raise typer.Exit(1)
