"""One scan on this machine: submit, follow, write the results."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from api.backends.backend import Order
from api.backends.keeping import kept
from api.backends.stack import keep_up, working_stack
from api.cli.display import display_for
from api.cli.exits import VERDICTS, ExitCode
from api.cli.terminal import err, out, printable
from api.client import inputs
from api.progress.snapshot import Snapshot
from api.progress.watching import watch
from api.results.files import REPORT
from api.results.folder import check_folder, folder_of
from api.results.numbers import count
from api.results.scanned import SCANNED
from api.results.summary import summary
from nc_core.errors import CleanseError, InputRefused
from nc_tasks.files import ArtefactStore, open_artefacts
from nc_tasks.settings import Settings
from nc_tasks.store import Store, Submission, open_store
from nc_tasks.store.rows import detections, submissions
from nc_tasks.store.tables.states import SUBMISSION_ENDS


def scan(settings: Settings, order: Order, folder: Path, *, workers: int | None) -> ExitCode:
    """Run the scan and write its folder.

    workers: processes of the label queue, None: what suits the machine. Raises InputRefused for an unfit input, where
    possible before anything starts, CleanseError where the scan fails.
    """
    inputs.check_model(order.model)
    for path in _pictures(order):
        inputs.check_data(path)
    check_folder(folder)
    artefacts = open_artefacts(settings)
    with _stopped_softly() as stopped, closing(open_store(settings)) as store:
        submission = submit(store, artefacts, order)
        ended = submission.state in SUBMISSION_ENDS
        if ended:
            err.print(f"Submission {submission.id} was scanned before; --force scans it again.")
        else:
            err.print(f"Submission {submission.id}")
            check_end(store, submission.id, follow(settings, store, submission, workers))
        return conclude(store, artefacts, submission.id, folder)
    return stopped


def scan_again(
    settings: Settings, prefix: str, folder: Path | None, workers: int | None, *, as_json: bool = False
) -> ExitCode:
    """Have what failed of a submission done again, and write its folder (None: named after the model, as `run` does).

    One that is at work is carried on. Raises NotFound, WrongState where nothing has failed, and what `scan` raises.
    """
    artefacts = open_artefacts(settings)
    with _stopped_softly() as stopped, closing(open_store(settings)) as store:
        with store.read() as session:
            submission = submissions.find(session, prefix=prefix)
        folder = folder_of(submission.model_name) if folder is None else folder
        check_folder(folder)
        if submission.state in SUBMISSION_ENDS:
            with store.write() as session:
                again = submissions.retry(session, submission_id=submission.id)
            tried = count(again, "label or repair is", "labels and repairs are")
            for_net = "" if submission.scanned_sha256 else f"; it is prepared anew for its {SCANNED}"
            err.print(f"Submission {submission.id}: {tried} tried again{for_net}.")
        check_end(store, submission.id, follow(settings, store, submission, workers))
        return conclude(store, artefacts, submission.id, folder, as_json=as_json)
    return stopped


@contextmanager
def _stopped_softly() -> Iterator[ExitCode]:
    """Ctrl-C in the block ends the block, with the exit code that is handed out."""
    try:
        yield ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        err.print("Stopped. Nothing is lost: the same command carries on from here.")


def submit(store: Store, artefacts: ArtefactStore, order: Order) -> Submission:
    """Keep the files and find or make the submission of them."""
    data, *poisoned = [kept(artefacts, path) for path in _pictures(order)]
    request = order.parameters.request_for(model=kept(artefacts, order.model), data=data, poisoned=poisoned)
    with store.write() as session:
        return submissions.submit(session, request)


def _pictures(order: Order) -> list[Path]:
    """The clean data, and then what is poisoned."""
    assert order.data is not None  # `run` takes no registered data
    return [order.data, *order.poisoned]


def follow(settings: Settings, store: Store, submission: Submission, workers: int | None) -> Snapshot:
    """Have the submission begun or carried on by the workers, and show it until its end."""
    from nc_tasks.messages.app import make_app, publish_start

    with working_stack(settings, workers=workers, slots=submission.options["slots"]) as stack:
        publish_start(submission.id, to=make_app(settings))
        _get_ready_to_write()
        with display_for(err.console) as display:
            for seen in watch(store, submission.id):
                display.show(seen)
                if not seen.ended:
                    keep_up(stack)
    return seen


def _get_ready_to_write() -> None:
    """Load what the results are written with, while the workers have begun and nobody waits for this process."""
    from api.results import (
        outputs,  # noqa: F401
        report,  # noqa: F401
    )


def check_end(store: Store, submission_id: str, seen: Snapshot) -> None:
    """Raise InputRefused or CleanseError with the reason of a submission that ended without a verdict."""
    with store.read() as session:
        judged = detections.get(session, submission_id=submission_id) is not None
    if seen.state == "refused":
        raise InputRefused(seen.reason or "the input was refused")
    if judged and seen.state != "done":
        err.print(f"The scan was {seen.state} before a repair was kept.")
    if not judged:
        raise CleanseError(seen.reason or f"the scan was {seen.state}")


def conclude(
    store: Store, artefacts: ArtefactStore, submission_id: str, folder: Path, *, as_json: bool = False
) -> ExitCode:
    """Write the folder, print the summary or the whole result; the exit code says the verdict."""
    from api.results import outputs

    scanned = outputs.read_scan(store, artefacts, submission_id)
    outputs.write_scan(folder, scanned)
    if as_json:
        print(outputs.as_json(scanned.result), end="")
    else:
        for line in summary(scanned.result):
            out.print(printable(line))
        out.print(f"Report: {printable(folder / REPORT)}")
    return VERDICTS[scanned.result["verdict"]]
