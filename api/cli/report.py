"""`cleanse report`, `cleanse attest`, `cleanse download`: files of a submission."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.arguments import Home, Json, Out, Server, SubmissionId

Format = Literal["html", "json", "sarif"]
FILES = (
    *("result.json", "report.html", "triggers.npz", "scanned.keras", "goodnet.keras", "guarded.keras"),
    *("result.sarif", "attestation.json"),
)
"""What can be had of a submission that has a verdict."""


def known(names: list[str] | None) -> list[str] | None:
    """The names as they were given; a usage error where one is unknown."""
    for name in names or ():
        if name not in FILES:
            raise typer.BadParameter(f"{name!r} is no file of a submission: pass some of {', '.join(FILES)}")
    return names


def report(
    submission: SubmissionId,
    format: Annotated[Format, typer.Option("--format", help="What to write.")] = "html",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to.", show_default="the file's own name")
    ] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Write the report of a submission, or its result as JSON or as SARIF 2.1.0."""
    from api.backends import opened
    from api.cli.fetching import fetch_report

    with opened(home, server) as backend:
        fetch_report(backend, submission, format, out, as_json=json)


def attest(
    submission: SubmissionId,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to.", show_default="attestation.json")
    ] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Write a signed in-toto attestation: which model, by digest, was judged how; `cleanse verify` checks it.

    The Ed25519 key is made at its first use: keys/attestation.pem under --home, its public half beside it; or it is the
    one that CLEANSE_SIGNING_KEY names.
    """
    from api.backends import opened
    from api.cli.fetching import fetch_report

    with opened(home, server) as backend:
        fetch_report(backend, submission, "attestation", out, as_json=json)


def download(
    submission: SubmissionId,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", callback=known, help="Which.", show_default="what `run` writes"),
    ] = None,
    out: Out = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Write the files of a submission into a folder: those that `run` writes, or the ones that are named."""
    from api.backends import opened
    from api.cli.fetching import fetch_files

    with opened(home, server) as backend:
        fetch_files(backend, submission, files or [], out, as_json=json)
