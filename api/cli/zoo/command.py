"""`cleanse zoo`, `cleanse selftest`: nets whose answers are known, and what verdicts about them are worth."""

from pathlib import Path
from typing import Annotated

import typer

from api.backends import settings_of
from api.cli.arguments import Home, Json, Workers
from api.cli.terminal import err, out, print_json, printable

zoo = typer.Typer(name="zoo", help="Nets whose answers are known, to measure verdicts on.", no_args_is_help=True)


@zoo.command("build")
def build(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the zoo.", show_default=False)],
    nets: Annotated[int, typer.Option("--nets", min=1, help="How many, half of them clean.")] = 160,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of the plan.")] = 0,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="Labelled pictures besides the drawn signs; may be repeated. The last is held out.",
            show_default="none",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Train the nets of a plan that follows from seed and data; those that are there stay.

    Each has a folder with net.keras, clean.npz and card.json, which says what it is and how well it works. A larger
    --nets adds to a zoo.
    """
    from api.cli.zoo.building import build as build_zoo

    build_zoo(settings_of(home), folder, nets=nets, seed=seed, data=data or [])
    out.print(f"Built: {printable(folder)}")


@zoo.command("score")
def score(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a zoo.", show_default=False)],
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as JSON too.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write them as a page too.")] = None,
    anew: Annotated[
        bool, typer.Option("--rejudge", help="Judge the scans that are there by the rules of today.")
    ] = False,
    documents: Annotated[
        bool,
        typer.Option(
            "--write-documents", help="Write the held-out figures into package, docs and README of this checkout."
        ),
    ] = False,
    workers: Workers = None,
    home: Home = None,
) -> None:
    """Scan the nets that have no result yet, and print what the verdicts are worth.

    By third, attack, architecture, data and number of classes: AUROC, planted nets found and false alarms, each with
    its 95% interval, and nets whose flagged labels are exactly the planted ones. Below each row: plain Neural Cleanse
    (an anomaly index above 2) of the same scans.
    """
    import json

    from api.backends.local import local
    from api.cli.zoo import scanning, table
    from api.cli.zoo.documents import checkout, write_documents
    from nc_core.errors import OptionRefused
    from nc_core.results.folder import write_file
    from nc_core.zoo.folder import PLAN
    from nc_core.zoo.folder import nets as nets_of
    from nc_core.zoo.score import score as score_of

    root = checkout() if documents else None
    nets, failed = nets_of(folder), 0
    if not nets:
        raise OptionRefused(f"{folder} has no nets yet: run cleanse zoo build --out {folder}")
    if todo := scanning.unscanned(nets):
        with local(settings_of(home), workers=workers) as backend:
            failed = scanning.scan(backend, todo, of=len(nets))
    origin = json.loads((folder / PLAN).read_text("utf-8"))
    scans = scanning.scans(nets, anew=anew)
    if rows := score_of(scans):
        for third, of_third in table.tables(rows):
            for line in table.printed(third, of_third):
                out.print(line)
            out.print()
        for note in table.notes(rows):
            out.print(note)
        figures = json.dumps({"schema": 1, **origin, "rows": [row.to_json() for row in rows]}, indent=2) + "\n"
        if json_file is not None:
            write_file(json_file, lambda path: path.write_text(figures, "utf-8"))
        if html is not None:
            text = table.page(rows, origin)
            write_file(html, lambda path: path.write_text(text, "utf-8"))
    scanning.check_all(failed, len(nets))
    if root is not None:
        for path in write_documents(root, scans, origin, folder=folder, anew=anew):
            out.print(f"Written: {printable(path)}")


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

    from api.cli.zoo.selftest import faults, figures, lines, scanned
    from nc_core.results.folder import check_folder
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
