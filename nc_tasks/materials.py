"""What several tasks need of one submission: its net and its clean data, loaded by digest, kept warm."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nc_tasks.store import Submission
from nc_tasks.worker import WorkerProcess

if TYPE_CHECKING:
    import keras

    from nc_core.domain import Domain
    from nc_core.intake import CanonicalModel
    from nc_core.prepared import Prepared

KEPT = 2
"""Nets that stay loaded in one process: the submission at work and the one before or after it."""


@dataclass(frozen=True, kw_only=True)
class Materials:
    """The submitted net in canonical form, as logits, and its clean data in its own domain."""

    canonical: "CanonicalModel"
    logits: "keras.Model"
    prepared: "Prepared"


_kept: OrderedDict[tuple[str, str, str], Materials] = OrderedDict()
_lock = threading.Lock()


def domain_of(submission: Submission) -> "Domain":
    """The domain that preflight found for a prepared submission."""
    from nc_core.domain import Domain

    found = submission.preflight
    if found is None:
        raise ValueError(f"submission {submission.id} has not been prepared")
    return Domain(value_range=found["value_range"], scale=tuple(found["scale"]), offset=tuple(found["offset"]))


def load(worker: WorkerProcess, submission: Submission) -> Materials:
    """Load what belongs to a prepared submission, or take it from memory. Waits for another thread that loads."""
    key = (str(submission.canonical_sha256), str(submission.clean_data_sha256), repr(submission.preflight))
    with _lock:
        if key not in _kept:
            _kept[key] = _load(worker, submission)
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return _kept[key]


def _load(worker: WorkerProcess, submission: Submission) -> Materials:
    from nc_core.datasets import CleanData
    from nc_core.intake import load_canonical
    from nc_core.inversion import Predictor
    from nc_core.models import build_logits
    from nc_core.prepared import prepare

    model_digest, data_digest = str(submission.canonical_sha256), str(submission.clean_data_sha256)
    canonical = load_canonical(worker.artefacts.path(model_digest), model_digest)
    data = CleanData.load(worker.artefacts.path(data_digest), data_digest)
    logits = build_logits(canonical)
    found = submission.preflight or {}
    prepared = prepare(
        data,
        domain_of(submission),
        Predictor(logits),
        classes=canonical.classes,
        labelled=bool(found["labelled"]),
    )
    return Materials(canonical=canonical, logits=logits, prepared=prepared)
