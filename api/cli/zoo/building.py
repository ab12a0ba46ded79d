"""Has workers train the nets of a plan, and puts each into the folder of the zoo once it is there."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from api.backends.keeping import keep_all
from api.backends.stack import keep_up, working_stack
from api.cli.terminal import complain
from api.cli.zoo.display import Display
from api.client import inputs
from api.progress.watching import POLL_SECONDS
from nc_core.errors import CleanseError
from nc_core.results.folder import check_folder, copy_file
from nc_core.results.numbers import percent
from nc_core.zoo import Card, Plan, make_plan
from nc_core.zoo.folder import begin, missing, new_net
from nc_core.zoo.sources import read_source
from nc_tasks.files import ArtefactStore, open_artefacts
from nc_tasks.settings import Settings
from nc_tasks.store import Job, Store, open_store
from nc_tasks.store.rows import jobs
from nc_tasks.store.tables.states import JOB_ENDS


def build(settings: Settings, out: Path, *, nets: int, seed: int, data: Sequence[Path]) -> None:
    """Build what is missing of a zoo.

    Raises InputRefused where the plan or its data cannot be, CleanseError where nets could not be trained.
    """
    check_folder(out)
    for path in data:
        inputs.check_data(path)
    sources = [read_source(path)[0] for path in data]
    plan = make_plan(nets=nets, seed=seed, files=sources)
    files = dict(zip((source.name for source in sources), data, strict=True))
    build_plan(settings, out, plan, files=files)


def build_plan(
    settings: Settings,
    out: Path,
    plan: Plan,
    *,
    files: Mapping[str, Path] = MappingProxyType({}),
    tell: Callable[[str], object] = partial(print, flush=True),
) -> None:
    """Build what is missing of a plan. files: of its sources that are not drawn, by name. tell: given a line a net.

    Raises InputRefused where the folder holds another plan's nets, CleanseError where nets could not be trained.
    """
    begin(out, plan)
    todo = missing(out, plan)
    artefacts = open_artefacts(settings)
    kept = dict(zip(files, keep_all(artefacts, list(files.values())), strict=True)) if todo else {}
    failed = _train(settings, artefacts, out, todo, kept, tell, of=len(plan.cards)) if todo else 0
    if failed:
        raise CleanseError(
            f"{failed} of {len(plan.cards)} nets could not be trained: the same command tries them again"
        )


def _train(
    settings: Settings,
    artefacts: ArtefactStore,
    out: Path,
    todo: Sequence[Card],
    kept: Mapping[str, dict[str, str]],
    tell: Callable[[str], object],
    *,
    of: int,
) -> int:
    """Train the nets, as many at a time as the control queue takes; returns how many failed."""
    from nc_tasks.messages.app import make_app, publish_job

    failed, waiting, running = 0, list(todo), dict[str, Card]()
    with closing(open_store(settings)) as store, working_stack(settings) as stack, Display("net", of) as display:
        app, done = make_app(settings), of - len(todo)
        while waiting or running:
            while waiting and len(running) < settings.control_processes:
                card = waiting.pop(0)
                job_id, new = _job_of(store, card, kept)
                running[job_id] = card
                if new:
                    publish_job(job_id, to=app)
            seen = [_seen(store, job_id) for job_id in running]
            for job in seen:
                if job.state in JOB_ENDS:
                    failed += not _put(artefacts, out, running.pop(job.id), job, tell)
                    done += 1
            display.show(done, sum(job.progress for job in seen if job.id in running))
            keep_up(stack)
            time.sleep(POLL_SECONDS)
    return failed


def _job_of(store: Store, card: Card, kept: Mapping[str, dict[str, str]]) -> tuple[str, bool]:
    """The job that trains it, and whether it is new: one that an earlier command left behind is gone on with."""
    wanted = {name: kept[name] for name in (card.data, card.foreign) if name is not None and name in kept}
    arguments: dict[str, Any] = {"card": card.to_json(), "files": wanted}
    with store.write() as session:
        for job in _open_jobs(session):
            if job.arguments == arguments:
                return job.id, False
        return jobs.create(session, kind="plant", arguments=arguments).id, True


def _open_jobs(session: Session) -> Iterator[Job]:
    for job_id in jobs.unfinished(session):
        yield jobs.get(session, job_id=job_id)


def _seen(store: Store, job_id: str) -> Job:
    with store.read() as session:
        return jobs.get(session, job_id=job_id)


def _put(artefacts: ArtefactStore, out: Path, card: Card, job: Job, tell: Callable[[str], object]) -> bool:
    """Put a net that was trained into its folder and say how it does; False where it was not."""
    if job.state != "done" or job.result is None:
        complain(f"{card.name}: {job.reason or job.state}")
        return False
    with new_net(out, card) as folder:
        for name, digest in job.result["files"].items():
            copy_file(artefacts.path(digest), folder / name)
    tell(line_of(card, job.result["card"]["measured"]))
    return True


def line_of(card: Card, measured: Mapping[str, Any]) -> str:
    """A net that was trained, as it is printed."""
    rates = ", ".join(percent(each["attack_success_rate"]) for each in measured["triggers"])
    attack = f", attack success rate {rates}{' (weak)' if measured['weak'] else ''}" if rates else ""
    return f"{card.name}: clean accuracy {percent(measured['clean_accuracy'])}{attack}"
