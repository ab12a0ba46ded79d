"""Work outside a scan: a worker does it, this process waits for it and fetches what it made."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import Progress

from api.backends.stack import keep_up, working_stack
from api.cli.terminal import err
from api.progress.watching import POLL_SECONDS
from nc_core.errors import CleanseError, InputRefused
from nc_core.results.folder import copy_file
from nc_tasks.files import ArtefactStore
from nc_tasks.settings import Settings
from nc_tasks.store import Job, Store, open_store
from nc_tasks.store.rows import jobs
from nc_tasks.store.tables.states import JOB_ENDS, JobKind

PLANTED_FILES = ("badnet.keras", "clean.npz", "poisoned.npz", "signs.png")
"""What `plant` may leave, by name; its own planted.json comes last."""


def run_job(settings: Settings, kind: JobKind, arguments: dict[str, Any], *, title: str) -> dict[str, Any]:
    """Have a worker do the job; returns its result. Raises InputRefused, or CleanseError where it failed."""
    from nc_tasks.messages.app import make_app, publish_job

    store = open_store(settings)
    try:
        with store.write() as session:
            job_id = jobs.create(session, kind=kind, arguments=arguments).id
        with working_stack(settings) as stack:
            publish_job(job_id, to=make_app(settings))
            job = _wait(store, job_id, title, partial(keep_up, stack))
    finally:
        store.close()
    if job.state == "done":
        return job.result or {}
    kind_of_end: Callable[[str], CleanseError] = InputRefused if job.state == "refused" else CleanseError
    raise kind_of_end(job.reason or f"{kind} job {job_id} has {job.state}")


def _wait(store: Store, job_id: str, title: str, meanwhile: Callable[[], None]) -> Job:
    """The job once it has ended; a bar meanwhile, where somebody looks."""
    with Progress(console=err.console, disable=not err.is_terminal, transient=True) as progress:
        bar = progress.add_task(title, total=1.0)
        while True:
            with store.read() as session:
                job = jobs.get(session, job_id=job_id)
            progress.update(bar, completed=job.progress)
            if job.state in JOB_ENDS:
                return job
            meanwhile()
            time.sleep(POLL_SECONDS)


def fetch_files(artefacts: ArtefactStore, digests: dict[str, str], folder: Path) -> None:
    """Copy what a plant job made into the folder; files of an earlier one without successor are removed."""
    for name in PLANTED_FILES:
        if name in digests:
            copy_file(artefacts.path(digests[name]), folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
