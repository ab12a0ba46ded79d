"""One scan on this machine: submit, follow, write the results."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from api.backends import Backend
from api.backends.backend import Order
from api.backends.local import local
from api.cli.exits import VERDICTS, ExitCode
from api.cli.terminal import err, out, printable
from api.cli.watch import follow
from api.client.types import Result, Submission
from api.client.uploads import silent
from nc_core.errors import CleanseError, InputRefused
from nc_core.results.files import REPORT, Format
from nc_core.results.folder import check_folder, folder_of
from nc_core.results.numbers import count
from nc_core.results.scanned import SCANNED
from nc_core.results.summary import summary
from nc_tasks.settings import Settings
from nc_tasks.store.tables.states import SUBMISSION_ENDS


def scan(
    settings: Settings,
    order: Order,
    folder: Path,
    *,
    workers: int | None,
    format: Format,
    then: Callable[[Result], None] | None = None,
) -> ExitCode:
    """Run the scan and write its folder.

    workers: processes of the label queue, None: what suits the machine. then: given result.json once the folder is
    written.

    Raises InputRefused for an unfit input, where possible before anything starts, CleanseError where the scan fails.
    """
    order.check_files()
    check_folder(folder)
    with _stopped_softly() as stopped, local(settings, workers=workers, stops_workers=True) as backend:
        submission = backend.submit(order, silent)
        if submission["state"] in SUBMISSION_ENDS:
            err.print(f"Submission {submission['id']} was scanned before; --force scans it again.")
        else:
            err.print(f"Submission {submission['id']}")
            submission = _followed(backend, submission)
        result = _written(backend, submission, folder, format)
        if then is not None:
            then(result)
        return _conclude(result, folder)
    return stopped


def scan_again(
    settings: Settings,
    prefix: str,
    folder: Path | None,
    workers: int | None,
    *,
    format: Format,
    as_json: bool = False,
) -> ExitCode:
    """Have what failed of a submission done again, and write its folder (None: named after the model, as `run` does).

    One that is at work is carried on. Raises NotFound, WrongState where nothing has failed, and what `scan` raises.
    """
    with _stopped_softly() as stopped, local(settings, workers=workers, stops_workers=True) as backend:
        submission = backend.find(prefix)
        folder = folder_of(submission["model"]["name"]) if folder is None else folder
        check_folder(folder)
        if submission["state"] in SUBMISSION_ENDS:
            tried = count(backend.retry(submission["id"]), "label or repair is", "labels and repairs are")
            for_net = "" if submission["scanned_sha256"] else f"; it is prepared anew for its {SCANNED}"
            err.print(f"Submission {submission['id']}: {tried} tried again{for_net}.")
        else:
            backend.carry_on(submission["id"])
        written = _written(backend, _followed(backend, submission), folder, format)
        return _conclude(written, folder, as_json=as_json)
    return stopped


@contextmanager
def _stopped_softly() -> Iterator[ExitCode]:
    """Ctrl-C in the block ends the block, with the exit code that is handed out."""
    try:
        yield ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        err.print("Stopped. Nothing is lost: the same command carries on from here.")


def _followed(backend: Backend, submission: Submission) -> Submission:
    """Show the submission until its end; returns it then."""
    return follow(backend, submission["id"], meanwhile=_load_writers)


def _load_writers() -> None:
    """Load what the results are written with, while labels are at work and nobody waits for this process."""
    import nc_core.results.report  # noqa: F401


def _written(backend: Backend, ended: Submission, folder: Path, format: Format) -> Result:
    """Write the folder; returns result.json.

    Raises InputRefused or CleanseError with the reason of a submission that ended without a verdict.
    """
    if ended["state"] == "refused":
        raise InputRefused(ended["reason"] or "the input was refused")
    if ended["verdict"] is None:
        raise CleanseError(ended["reason"] or f"the scan was {ended['state']}")
    if ended["state"] != "done":
        err.print(f"The scan was {ended['state']} before a repair was kept.")
    return backend.download_all(ended["id"], folder, format)


def _conclude(result: Result, folder: Path, *, as_json: bool = False) -> ExitCode:
    """Print the summary or the whole result; the exit code says the verdict."""
    if as_json:
        from nc_core.results.files import as_json as written

        print(written(result), end="")
    else:
        for line in summary(result):
            out.print(printable(line))
        out.print(f"Report: {printable(folder / REPORT)}")
    return VERDICTS[result["verdict"]]
