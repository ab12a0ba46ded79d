"""Reverses the trigger of one label: the task that Flower shows once for every label."""

import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nc_core.detection import AGAIN, Evidence, middle
from nc_core.detection.arrays import NOTHING, EvidenceArrays
from nc_core.errors import Cancelled, OutOfDeviceMemory
from nc_core.scanning.rounds import Plan, range_of, within_range
from nc_tasks.errors import one_line
from nc_tasks.files.evidence import arrays_to_bytes, read_arrays
from nc_tasks.files.triggers import TriggerFile
from nc_tasks.messages.app import app
from nc_tasks.messages.batching import BatchedTask
from nc_tasks.messages.priority import label_taken
from nc_tasks.store import Label, LabelKey, LabelProgress, Submission
from nc_tasks.store.rows import labels, lifecycle
from nc_tasks.tasks.triggers import trigger_in
from nc_tasks.views.planning import plan_of
from nc_tasks.worker.engine import SlotEngine, engine_for, forget
from nc_tasks.worker.leased import Work, leased, reason_of
from nc_tasks.worker.limits import Deadline
from nc_tasks.worker.process import WorkerProcess, load, this_worker

if TYPE_CHECKING:
    from nc_core.inversion import Begun, Inversion, Progress

log = logging.getLogger(__name__)


@app.task(name="nc_tasks.invert_label", base=BatchedTask)
def invert_label(*, submission: str, label: int, round: int) -> dict[str, Any]:
    """Reverse one label's trigger and write its row. Never raises: a chord whose member raises loses its callback."""
    worker = this_worker()
    key = LabelKey(submission_id=submission, label=label, round=round)
    try:
        return {"label": label, "state": _serve(worker, key)}
    except (SQLAlchemyError, OSError) as error:
        # The disk is full or the database away: what could not be written is found by the sweeper.
        log.error("submission %s label %d could not be written: %s", submission, label, one_line(error))
        return {"label": label, "state": "not written"}


def _serve(worker: WorkerProcess, key: LabelKey) -> str:
    with worker.label_lock.shared(worker.stopping) as entered:
        state = _take(worker, key, alone=False) if entered else None
    if state is None and _must_be_alone(worker, key):
        with worker.label_lock.exclusive(worker.stopping) as entered:
            state = _take(worker, key, alone=True) if entered else None
    if worker.stopping.is_set() and state is None:
        # Its message is used up, and nobody else has one.
        worker.store.write_together(lambda session: labels.forget_message(session, key=key))
    return state or "not mine"


def _must_be_alone(worker: WorkerProcess, key: LabelKey) -> bool:
    with worker.store.read() as session:
        return labels.must_be_alone(session, key=key)


def _take(worker: WorkerProcess, key: LabelKey, *, alone: bool) -> str | None:
    """Claim the label and bring it to an end; what became of it, None where it is not ours to do."""
    became: str | None = None
    submission: Submission | None = None
    engine: SlotEngine | None = None

    def claim(session: Session, **limits: Any) -> int | None:
        nonlocal submission
        attempt = labels.claim(session, key=key, alone=alone, **limits)
        if attempt is not None:
            # In the claim's transaction: labels that are claimed together read their submission once.
            submission = session.get_one(Submission, key.submission_id)
        return attempt

    def renew(session: Session, *, attempt: int, lease_seconds: float, **numbers: Any) -> bool:
        told = LabelProgress(key=key, attempt=attempt, **numbers)
        return not labels.heartbeat(session, lease_seconds=lease_seconds, progress=[told])

    def stuck() -> bool:
        return engine is not None and engine.silent_seconds > worker.settings.stuck_seconds

    def failed(work: Work, error: Exception) -> None:
        nonlocal became
        assert submission is not None
        became = _gave_up(worker, key, work.attempt, error, slots=int(submission.slots or 1))

    with leased(
        worker,
        claim=claim,
        renew=renew,
        failed=failed,
        progress={"updates": 0},
        stuck=stuck,
        together=True,
        # A full disk is no label's fault.
        retried=(OSError,),
    ) as work:
        if work is not None and submission is not None:
            label_taken()
            load()
            rounds = plan_of(submission)
            slots = rounds.slots_of(key.round, int(submission.slots or 1))
            engine = engine_for(worker, submission, rounds.profile_of(key.round), slots, range_of(key.round))
            became = _invert(worker, key, work, engine, rounds, seed=int(submission.options["seed"]))
    return became


def _gave_up(worker: WorkerProcess, key: LabelKey, attempt: int, error: Exception, *, slots: int) -> str:
    """Give the label back, or write why it has failed; what became of it. slots: of the submission when it was taken.

    One whose batch was too large for the device is tried in a smaller one, unless it was alone in it.
    """
    smaller = isinstance(error, OutOfDeviceMemory) and slots > 1
    given_back = smaller or isinstance(error, Cancelled)
    reason = "" if given_back else reason_of(error, of=f"submission {key.submission_id} label {key.label}")

    def write(session: Session) -> bool:
        if smaller:
            lifecycle.halve_slots(session, submission_id=key.submission_id, slots=slots)
        if given_back:
            return labels.release(session, key=key, attempt=attempt)
        return labels.finish(session, key=key, attempt=attempt, state="failed", updates=0, reason=reason)

    worker.store.write_together(write)
    if smaller:
        log.warning("submission %s: %s", key.submission_id, error)
    return "given back" if given_back else "failed"


def _invert(worker: WorkerProcess, key: LabelKey, work: Work, engine: SlotEngine, rounds: Plan, *, seed: int) -> str:
    deadline = Deadline(worker.settings.label_seconds)
    purpose = rounds.purpose(key.round)
    confirmed = purpose == "confirmation"

    def report(progress: "Progress") -> None:
        norm, attack_rate = progress.norm, progress.attack_rate
        work.progress = {"updates": progress.updates, "norm": norm, "attack_success_rate": attack_rate}

    def should_stop() -> bool:
        return work.lost or worker.stopping.is_set() or deadline.is_over()

    try:
        with deadline:
            found = engine.invert(
                key.label,
                seed=seed,
                starts=AGAIN if confirmed else (0,),
                begun=_begun(worker, key) if rounds.carries(key.round) else None,
                round=within_range(key.round),
                report=report,
                should_stop=should_stop,
            )
            several = [_first(worker, key, rounds), *found] if confirmed else found
            chosen = several[middle([one.norm for one in several])]
            carried, moved, most, sure, away = None, None, None, None, None
            if purpose != "screening":
                carried = engine.transferability(chosen, seed=seed, again=confirmed, should_stop=should_stop)
                moved = engine.perturbation(chosen, seed=seed, again=confirmed, should_stop=should_stop)
            if carried is not None and carried.best is not None:
                most = engine.partial(key.label, carried.best, seed=seed, again=confirmed, should_stop=should_stop)
            if purpose == "inversion":
                sure = engine.margin(chosen, seed=seed, should_stop=should_stop)
            if rounds.asks_the_net(key.round, key.label):
                away = engine.any_target(seed=seed, should_stop=should_stop)
    except OutOfDeviceMemory:
        forget(engine)
        raise
    first = several[0]
    chosen = chosen.with_transfer(first.transfer, carried).with_perturbation(first.perturbation, moved)
    chosen = chosen.with_partial(first.partial, most)
    chosen = chosen.with_margin(first.margins, sure).with_early(first)
    chosen = chosen.with_any_target(away or first.any_target).with_starts(several)
    # Pictures are for the few labels that stand out: those that are confirmed.
    chosen = chosen.with_arrays(first.arrays, moved=moved if confirmed else None, away=away)
    images = sum(one.gradient_images for one in (carried, moved, most, sure, away) if one is not None)
    return _finish(worker, key, work.attempt, found=found, several=several, chosen=chosen, images=images)


def _finish(
    worker: WorkerProcess,
    key: LabelKey,
    attempt: int,
    *,
    found: "list[Inversion]",
    several: "list[Inversion]",
    chosen: "Inversion",
    images: int,
) -> str:
    """found: inversions of this task. several: with those before. chosen: of these, what stands for the label. images:
    that went through a forward and a backward pass besides.
    """
    digest, drawn = _kept(worker, chosen), _drawn(worker, chosen.arrays)

    def write(session: Session) -> bool:
        return labels.finish(
            session,
            key=key,
            attempt=attempt,
            state=chosen.state,
            updates=sum(one.updates for one in found),
            norm=chosen.norm,
            attack_success_rate=chosen.attack_success_rate,
            norms=[one.norm for one in several],
            seconds=sum(one.seconds for one in found),
            gradient_images=sum(one.gradient_images for one in found) + images,
            trigger_sha256=digest,
            reason=chosen.reason,
            evidence=None if chosen.evidence is None else chosen.evidence.to_json(),
            evidence_sha256=drawn,
        )

    worker.store.write_together(write)
    return chosen.state


def _kept(worker: WorkerProcess, inversion: "Inversion") -> str | None:
    """Keep an inversion's trigger, with lambda beside it where another round may go on with it."""
    trigger = inversion.trigger
    if trigger is None:
        return None
    file = TriggerFile(mask=trigger.mask, pattern=trigger.pattern, cost=inversion.cost)
    return worker.artefacts.put_bytes(file.to_bytes())


def _drawn(worker: WorkerProcess, arrays: EvidenceArrays) -> str | None:
    """Keep what of the evidence can be drawn."""
    return None if arrays.empty else worker.artefacts.put_bytes(arrays_to_bytes(arrays))


def _first(worker: WorkerProcess, key: LabelKey, rounds: Plan) -> "Inversion":
    """The inversion that is to be confirmed, as it was stored; without a trigger where none converged, and it is what a
    few images need that is too small."""
    from nc_core.inversion import Inversion

    row = _row(worker, key, rounds.inversion_round(range_of(key.round)))
    trigger = None if row.trigger_sha256 is None else trigger_in(_trigger_of(worker, row))
    drawn = row.evidence_sha256
    return Inversion(
        label=key.label,
        state="not_converged" if trigger is None else "done",
        trigger=trigger,
        attack_success_rate=row.attack_success_rate,
        updates=row.updates,
        gradient_images=row.gradient_images or 0,
        seconds=row.seconds or 0.0,
        size=row.norm,
        reason=row.reason,
        evidence=None if row.evidence is None else Evidence.from_json(row.evidence),
        arrays=NOTHING if drawn is None else read_arrays(worker.artefacts.path(drawn)),
    )


def _begun(worker: WorkerProcess, key: LabelKey) -> "Begun":
    """Where the round before left the label."""
    from nc_core.inversion import Begun

    file = _trigger_of(worker, _row(worker, key, key.round - 1))
    assert file.cost is not None  # an inversion that another round may go on with has one
    return Begun(trigger=trigger_in(file), cost=file.cost)


def _row(worker: WorkerProcess, key: LabelKey, round: int) -> Label:
    """The label's row of an earlier round."""
    with worker.store.read() as session:
        return session.get_one(Label, (key.submission_id, key.label, round))


def _trigger_of(worker: WorkerProcess, row: Label) -> TriggerFile:
    return TriggerFile.read(worker.artefacts.path(str(row.trigger_sha256)))
