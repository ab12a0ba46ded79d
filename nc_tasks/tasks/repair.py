"""Repairs a backdoored model with one method and stores the GoodNet, the guarded net and what they measured."""

import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nc_core.detection import UNCALIBRATED, Calibration, LabelNorm, StillFlagged, beyond_of, leaders_of
from nc_core.errors import ModelRefused, NothingToRepair
from nc_core.scanning.rounds import Plan
from nc_tasks import workflow
from nc_tasks.messages.app import app
from nc_tasks.request.options import ScanOptions
from nc_tasks.store import Submission
from nc_tasks.store.queries import findings
from nc_tasks.store.rows import detections, mitigations, submissions
from nc_tasks.tasks import triggers
from nc_tasks.tasks.poison import Poison, load_poison, poisoned_metrics
from nc_tasks.views import judging
from nc_tasks.views.planning import plan_of
from nc_tasks.views.repairs import targets_in
from nc_tasks.worker import inputs
from nc_tasks.worker.leased import Work, leased, reason_of
from nc_tasks.worker.process import WorkerProcess, load, this_worker

if TYPE_CHECKING:
    import keras
    import numpy as np
    import numpy.typing as npt

    from nc_core.guard import Guard
    from nc_core.intake import CanonicalModel, Signature
    from nc_core.mitigation import Case, Repair

log = logging.getLogger(__name__)


@app.task(name="nc_tasks.repair")
def repair(*, submission: str, method: str) -> None:
    """Run one method; its end, or the reason why it has none, stands in its row."""
    worker = this_worker()

    def failed(work: Work, error: Exception) -> None:
        end(work, state="failed", reason=reason_of(error, of=f"submission {submission} repair {method}"))

    def end(work: Work, **values: Any) -> None:
        with worker.store.write() as session:
            mitigations.finish(session, submission_id=submission, method=method, attempt=work.attempt, **values)

    with leased(
        worker,
        claim=partial(mitigations.claim, submission_id=submission, method=method),
        renew=partial(mitigations.heartbeat, submission_id=submission, method=method),
        failed=failed,
        progress={"progress": 0.0},
    ) as work:
        if work is not None:
            end(work, state="done", **_repair(worker, submission, method, work))
    workflow.conclude(worker.store, submission, patience_seconds=worker.settings.lease_seconds)


def _repair(worker: WorkerProcess, submission_id: str, method: str, work: Work) -> dict[str, Any]:
    """What the repair has made, as columns of its row."""

    def progress(done: float, _: str) -> None:
        work.progress = {"progress": done}

    with worker.store.read() as session:
        submission = submissions.get(session, submission_id=submission_id)
    load()
    from nc_core.mitigation import METHODS, guard_of

    loaded = inputs.load(worker, submission)
    found, norms = _found(worker, submission, plan_of(submission))
    poison = load_poison(worker, submission)
    with worker.store.read() as session:
        calibration = judging.calibration_of(session, submission)
    case = _case(worker, submission, loaded, found, norms, calibration, None if poison is None else poison.x)
    result = METHODS[method](case, progress=progress, should_stop=lambda: work.lost)
    guard = guard_of(case, result)
    return {
        "body": _body(loaded, result, guard, targets_in(found)[0], poison),
        **({} if result.guard else _goodnet(worker, result.goodnet)),
        **_guarded(worker, guard.model, loaded.canonical.signature),
        "triggers_sha256": worker.artefacts.put_bytes(triggers.fresh_file(result.fresh).to_bytes()),
    }


def _case(
    worker: WorkerProcess,
    submission: Submission,
    loaded: inputs.ScanInputs,
    found: Mapping[str, Any],
    norms: list[LabelNorm],
    calibration: Calibration,
    poison: "npt.NDArray[np.float32] | None",
) -> "Case":
    from nc_core.inversion import ALL_PROFILES
    from nc_core.mitigation import Case, triggers_of_map
    from nc_core.scanning.detectors import comparable
    from nc_core.scanning.whole import WholeNet

    options, rounds = ScanOptions(**submission.options), plan_of(submission)
    targets, suspects = targets_in(found)
    wanted = sorted({*targets, *suspects})
    reversed_triggers = triggers.of_scan(worker, submission, wanted)
    class_map: Mapping[str, int] = found.get("class_map") or {}
    if class_map:
        mapped = triggers_of_map(
            loaded.canonical, loaded.prepared, class_map.values(), seed=options.seed, slots=int(submission.slots or 1)
        )
        suspects = (*suspects, *(mapped.keys() - reversed_triggers.keys()))
        reversed_triggers = {**mapped, **reversed_triggers}
    if not reversed_triggers:
        raise NothingToRepair("no trigger converged for a label to repair: there is none to repair the model of")
    height, width, _ = loaded.canonical.input_shape
    beyond = beyond_of(norms, repaired=wanted, classes=loaded.canonical.classes)
    alpha, slots = range_alpha(found, options.alpha), int(submission.slots or 1)
    return Case(
        canonical=loaded.canonical,
        prepared=loaded.prepared,
        triggers=reversed_triggers,
        still_flagged=StillFlagged(
            labels=comparable(norms, wanted, detector=options.detector),
            flagged=tuple(wanted),
            pixels=height * width,
            alpha=alpha,
        ),
        whole=WholeNet(
            prepared=loaded.prepared,
            rounds=replace(rounds, ranges=1),
            slots=slots,
            alpha=alpha,
            screening=(submission.preflight or {}).get("screening_compute", "float32"),  # an earlier version named none
            # The repaired net is looked at with Neural Cleanse, whatever looked at the submitted one.
            calibration=calibration if options.detector == "neural-cleanse" else UNCALIBRATED,
        ),
        seed=options.seed,
        profile=ALL_PROFILES[rounds.profile_of(rounds.screenings)],
        slots=slots,
        max_accuracy_loss=options.max_accuracy_loss,
        false_positive_rate=options.false_positive_rate,
        poison=poison,
        suspects=tuple(sorted(suspects)),
        leaders=leaders_of(norms, targets),
        beyond=triggers.of_scan(worker, submission, beyond),
    )


def range_alpha(found: Mapping[str, Any], alpha: float) -> float:
    """The limit that the range of the flagged labels was judged at."""
    ranges = found.get("ranges")  # a verdict of an earlier version has one
    return float(ranges[found["range"]]["threshold"]) if ranges else alpha


def _found(worker: WorkerProcess, submission: Submission, rounds: Plan) -> tuple[dict[str, Any], list[LabelNorm]]:
    with worker.store.read() as session:
        detection = detections.get(session, submission_id=submission.id)
        screened = findings.screened(session, submission_id=submission.id, rounds=rounds)
        rows = findings.latest(session, submission_id=submission.id)
        norms = [findings.norm_of(row, rounds, screened.get(row.label)) for row in rows]
    assert detection is not None
    return detection.body, norms


def _body(
    loaded: inputs.ScanInputs,
    result: "Repair",
    guard: "Guard",
    targets: tuple[int, ...],
    poison: Poison | None,
) -> dict[str, Any]:
    from nc_core.inversion import Predictor
    from nc_core.models import build_logits

    measured = None
    if poison is not None:
        measured = poisoned_metrics(
            poison,
            (Predictor(loaded.logits), Predictor(build_logits(result.goodnet)), Predictor(guard.model)),
            flagged=targets,
            classes=loaded.canonical.classes,
            clean_flagged_rate=guard.clean_rate,
            learned=result.poison_learned,
        )
    return {
        **result.to_json(),
        "guard": guard.to_json(),
        "guarded_clean_flagged_rate": guard.clean_rate,
        "poisoned": measured,
    }


def _goodnet(worker: WorkerProcess, net: "CanonicalModel") -> dict[str, str]:
    """The repaired net as the file that is handed out, and in the form that workers read without a quarantine."""
    from nc_core.models import save_keras

    return {
        "goodnet_sha256": _kept(worker, partial(save_keras, net)),
        "canonical_sha256": _kept(worker, net.save),
    }


def _guarded(worker: WorkerProcess, net: "keras.Model", signature: "Signature | None") -> dict[str, str]:
    """The guarded net likewise; two nets in one may be more than is read, and then there is no canonical form."""
    from nc_core.models import canonical_of

    kept = {"guarded_sha256": _kept(worker, net.save)}
    try:
        canonical = canonical_of(net)
    except ModelRefused as error:
        log.warning("the guarded net has no canonical form: %s", error)
        return kept
    # Its answers are scores of N + 1 classes, whatever those of the submitted net were.
    own = None if signature is None else replace(signature, log_softmax=False)
    return {**kept, "guarded_canonical_sha256": _kept(worker, replace(canonical, signature=own).save)}


def _kept(worker: WorkerProcess, save: Callable[[Path], object]) -> str:
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        path = Path(folder) / "model.keras"
        save(path)
        return worker.artefacts.put_file(path)
