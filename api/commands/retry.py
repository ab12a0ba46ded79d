"""`cleanse retry`: try again what failed."""

from pathlib import Path
from typing import Annotated

import typer

from api.arguments import Home, SubmissionId


def retry(
    submission: SubmissionId,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the results.", show_default="MODEL's name with -cleanse"),
    ] = None,
    home: Home = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            help="Worker processes for the label tasks; as many as processors and memory bear unless given.",
        ),
    ] = None,
) -> None:
    """Try again the labels and repairs of a submission that failed or were cancelled, and judge it anew.

    Labels with a result keep it. Files and exit code are those of `run`.
    """
    from api.arguments import settings_of
    from api.scanning import scan_again

    raise typer.Exit(scan_again(settings_of(home), submission, out, workers))
