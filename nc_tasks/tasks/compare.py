"""How every repair of a submission does against the triggers that were reversed on it and on the others."""

import logging
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nc_core.errors import CleanseError
from nc_tasks import workflow
from nc_tasks.errors import ArtefactsUnreachable, one_line
from nc_tasks.messages.app import app
from nc_tasks.request.scan import StoredFile
from nc_tasks.store import Mitigation
from nc_tasks.store.rows import detections, mitigations, submissions
from nc_tasks.tasks import triggers
from nc_tasks.views.repairs import targets_in
from nc_tasks.worker import inputs
from nc_tasks.worker.process import WorkerProcess, load, this_worker

if TYPE_CHECKING:
    from nc_core.inversion import Predictor, Trigger

log = logging.getLogger(__name__)

SCAN = "scan"


@app.task(name="nc_tasks.compare")
def compare(*, submission: str) -> None:
    """Write how every repair does against the triggers of all, and end the submission. May come twice: the same
    again. Raises ArtefactsUnreachable, having written nothing: it is to come again."""
    worker = this_worker()
    with worker.store.read() as session:
        waiting = mitigations.to_compare(session, submission_id=submission)
    if waiting:
        _compare(worker, submission)
    workflow.conclude(worker.store, submission, patience_seconds=worker.settings.lease_seconds)


def _compare(worker: WorkerProcess, submission_id: str) -> None:
    most = worker.settings.max_attempts
    with worker.store.write() as session:
        attempt = mitigations.begin_comparison(session, submission_id=submission_id)
    try:
        if attempt > most:
            told = f"given up after {attempt - 1} attempts (limit {most})"
            raise CleanseError(f"{told}: each time its worker fell silent, or could not reach the files")
        load()
        found = compare_repairs(worker, submission_id)
    except ArtefactsUnreachable:
        # Nobody's fault: the submission stands still, and the sweeper asks for it again.
        raise
    except Exception as error:
        # What each repair measured by itself is there: the choice is made on that, and the reason told.
        log.error("submission %s: %s", submission_id, traceback.format_exc())
        reason = one_line(f"not compared: {type(error).__name__}: {error}")
        with worker.store.read() as session:
            waiting = mitigations.to_compare(session, submission_id=submission_id)
        found = {row.method: {"triggers": [], "reason": reason} for row in waiting}
    with worker.store.write() as session:
        mitigations.record_comparison(session, submission_id=submission_id, found=found)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Known:
    """A trigger, and whose net it was reversed on: a method, or the scan's."""

    origin: str
    target: int
    trigger: "Trigger"


def compare_repairs(worker: WorkerProcess, submission_id: str) -> dict[str, dict[str, Any]]:
    """Method -> {"triggers": [{"origin", "label", "norm", "attack_success_rate"}]}, all on held-out images.

    Every repair meets the triggers that the scan reversed for flagged labels, and of those for suspects and of all
    nets the ones that are small beside its own clean labels (`nc_core.choice` says why).
    """
    from nc_core.mitigation.measures import attack_rate

    with worker.store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
        detection = detections.get(session, submission_id=submission_id)
        rows = [row for row in mitigations.of_submission(session, submission_id=submission_id) if row.goodnet_sha256]
    assert detection is not None
    loaded = inputs.load(worker, submission)
    targets, suspects = targets_in(detection.body)
    scanned = triggers.of_scan(worker, submission, [*targets, *suspects])
    pool = [_Known(origin=SCAN, target=label, trigger=one) for label, one in scanned.items()]
    for row in rows:
        pool += _fresh(worker, row)
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        net = _net(worker, row)
        met = [one for one in pool if (one.origin == SCAN and one.target in targets) or _small(row, one)]
        found[row.method] = {
            "triggers": [
                {
                    "origin": one.origin,
                    "label": one.target,
                    "norm": one.trigger.norm,
                    "attack_success_rate": attack_rate(net, loaded.prepared.holdout, one.target, one.trigger),
                }
                for one in met
            ]
        }
    return found


def _fresh(worker: WorkerProcess, row: Mitigation) -> list[_Known]:
    return [
        _Known(origin=row.method, target=target, trigger=trigger)
        for target, trigger in triggers.fresh_of(worker, str(row.triggers_sha256))
    ]


def _small(row: Mitigation, one: _Known) -> bool:
    """Whether it is smaller than what 95% of the repaired net's clean labels need; any is where none has a trigger."""
    # The quantile is of the net. Which labels were looked at differs from one repaired net to the next.
    quantiles = [rescan["clean_quantile"] for rescan in (row.body or {})["rescan"].values()]
    return any(quantile is None or one.trigger.norm < quantile for quantile in quantiles)


def _net(worker: WorkerProcess, row: Mitigation) -> "Predictor":
    from nc_core.inversion import Predictor
    from nc_core.models import build_logits

    goodnet = StoredFile(sha256=str(row.goodnet_sha256), name="goodnet.keras")
    return Predictor(build_logits(inputs.read_net(worker, goodnet)))
