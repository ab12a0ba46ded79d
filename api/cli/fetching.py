"""Writes files of a submission, wherever it lives."""

from collections.abc import Sequence
from pathlib import Path

from api.backends import Backend
from api.cli.showing import print_json
from api.cli.terminal import err, out, printable
from api.client.types import Submission
from api.results import scanned
from api.results.folder import check_folder, folder_of
from nc_tasks.errors import WrongState

NAMES = {"html": "report.html", "json": "result.json", "sarif": "result.sarif", "attestation": "attestation.json"}
ALWAYS = ("report.html", "triggers.npz")
REPAIRED = ("goodnet.keras", "guarded.keras")


def fetch_report(backend: Backend, prefix: str, format: str, path: Path | None, *, as_json: bool) -> None:
    """Write one form of the result. path: None for the file's own name in this folder."""
    name = NAMES[format]
    path = Path(name) if path is None else path
    submission = backend.find(prefix)
    backend.download(submission["id"], name, path)
    _say([path], submission, as_json=as_json)


def fetch_files(backend: Backend, prefix: str, names: Sequence[str], folder: Path | None, *, as_json: bool) -> None:
    """Write these files into the folder, result.json last; without names all that `run` writes.

    folder: None for the one that `run` chooses.
    """
    submission = backend.find(prefix)
    folder = folder_of(submission["model"]["name"]) if folder is None else folder
    names = names or _what_run_writes(backend, submission["id"])
    check_folder(folder)
    for name in names:
        backend.download(submission["id"], name, folder / name)
    _say([folder / name for name in names], submission, as_json=as_json)


def _what_run_writes(backend: Backend, submission_id: str) -> list[str]:
    result = backend.result(submission_id)
    if result is None:
        raise WrongState(f"submission {submission_id} has no verdict: there are no files; `cleanse watch` follows it")
    repaired = result["mitigation"] is not None and result["mitigation"]["method"] is not None
    net = [] if scanned.digest_of(result) is None else [scanned.SCANNED]
    return [*ALWAYS, *net, *(REPAIRED if repaired else ()), "result.json"]


def _say(paths: Sequence[Path], submission: Submission, *, as_json: bool) -> None:
    if submission["state"] == "repairing":
        err.print(f"The repair of submission {submission['id']} is running: these files are as of now.")
    if as_json:
        print_json([str(path) for path in paths])
        return
    for path in paths:
        out.print(f"Written: {printable(path)}")
