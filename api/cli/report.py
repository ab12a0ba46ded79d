"""`cleanse report`, `cleanse attest`, `cleanse download`: files of a submission."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from api.backends import Backend, opened
from api.cli.arguments import Home, Json, NetFormat, Out, Server, SubmissionId
from api.cli.terminal import err, out, print_json, printable
from api.client.types import Submission
from nc_core.results.files import ATTESTATION, FILES, REPORT, RESULT, SARIF, Format, folder_files
from nc_core.results.folder import check_folder, folder_of

ReportFormat = Literal["html", "json", "sarif"]
NAMES = {"html": REPORT, "json": RESULT, "sarif": SARIF, "attestation": ATTESTATION}


def known(names: list[str] | None) -> list[str] | None:
    """The names as they were given; a usage error where one is unknown."""
    for name in names or ():
        if name not in FILES:
            raise typer.BadParameter(f"{name!r} is no file of a submission: pass some of {', '.join(FILES)}")
    return names


def report(
    submission: SubmissionId,
    format: Annotated[ReportFormat, typer.Option("--format", help="What to write.")] = "html",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to.", show_default="the file's own name")
    ] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Write the report of a submission, or its result as JSON or as SARIF 2.1.0."""
    with opened(home, server) as backend:
        _write_one(backend, submission, format, out, as_json=json)


def attest(
    submission: SubmissionId,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to.", show_default=ATTESTATION)
    ] = None,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Write a signed in-toto attestation: which model, by digest, was judged how; `cleanse verify` checks it.

    The Ed25519 key is made at its first use: keys/attestation.pem under --home, its public half beside it; or it is the
    one that CLEANSE_SIGNING_KEY names.
    """
    with opened(home, server) as backend:
        _write_one(backend, submission, "attestation", out, as_json=json)


def download(
    submission: SubmissionId,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", callback=known, help="Which.", show_default="what `run` writes"),
    ] = None,
    out: Out = None,
    format: NetFormat = "keras",
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Write the files of a submission into a folder: those that `run` writes, or the ones that are named."""
    with opened(home, server) as backend:
        _write_all(backend, submission, files or [], out, format, as_json=json)


def _write_one(backend: Backend, prefix: str, format: str, path: Path | None, *, as_json: bool) -> None:
    """Write one form of the result. path: None for the file's own name in this folder."""
    name = NAMES[format]
    path = Path(name) if path is None else path
    submission = backend.find(prefix)
    backend.download(submission["id"], name, path)
    _say([path], submission, as_json=as_json)


def _write_all(
    backend: Backend, prefix: str, names: Sequence[str], folder: Path | None, format: Format, *, as_json: bool
) -> None:
    """Write these files into the folder, result.json last; without names all that `run` writes with this format.

    folder: None for the one that `run` chooses.
    """
    submission = backend.find(prefix)
    folder = folder_of(submission["model"]["name"]) if folder is None else folder
    if names:
        check_folder(folder)
        for name in names:
            backend.download(submission["id"], name, folder / name)
    else:
        result = backend.download_all(submission["id"], folder, format)
        names = [file.name for file in folder_files(result, format)]
    _say([folder / name for name in names], submission, as_json=as_json)


def _say(paths: Sequence[Path], submission: Submission, *, as_json: bool) -> None:
    if submission["state"] == "repairing":
        err.print(f"The repair of submission {submission['id']} is running: these files are as of now.")
    if as_json:
        print_json([str(path) for path in paths])
        return
    for path in paths:
        out.print(f"Written: {printable(path)}")
