"""What tasks work on: uploaded files, nets, and what belongs to a submission, loaded once and kept warm."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from nc_core.reading import Reading
from nc_tasks.request.scan import StoredFile
from nc_tasks.store import Submission
from nc_tasks.store.queries.lineage import canonical_of
from nc_tasks.views.planning import ranges_of
from nc_tasks.worker import kept
from nc_tasks.worker.process import WorkerProcess

if TYPE_CHECKING:
    import keras

    from nc_core.datasets.domain import Domain
    from nc_core.datasets.prepared import Prepared
    from nc_core.intake import CanonicalModel

KEPT = 2
"""Nets that stay loaded in one process: the submission at work and the one before or after it."""


@dataclass(frozen=True, kw_only=True)
class ScanInputs:
    """The submitted net in canonical form, as logits, and its clean data in its own domain."""

    canonical: "CanonicalModel"
    logits: "keras.Model"
    prepared: "Prepared"


_kept: OrderedDict[tuple[object, ...], ScanInputs] = OrderedDict()
_lock = threading.Lock()


@contextmanager
def uploaded(worker: WorkerProcess, digest: str, name: str) -> Iterator[Path]:
    """An uploaded file under a name with its own suffix, which readers go by; artefacts have none."""
    suffix = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        link = Path(folder) / f"upload{suffix if suffix[1:].isalnum() else ''}"
        link.symlink_to(worker.artefacts.path(digest))
        yield link


def read_net(worker: WorkerProcess, model: StoredFile, **reading: Unpack[Reading]) -> "CanonicalModel":
    """The net in a file; reading: what that does not say itself.

    One that a scan or a repair here has written is read from the canonical form that it was written from. Every other
    file is read by a confined process; raises what `nc_core.quarantine.admit.admit_model` does.
    """
    from nc_core.intake import load_canonical
    from nc_core.quarantine.admit import admit_model

    with worker.store.read() as session:
        known = None if any(reading.values()) else canonical_of(session, digest=model.sha256)
    if known is not None:
        return load_canonical(worker.artefacts.path(known), known)
    with uploaded(worker, model.sha256, model.name) as path:
        return admit_model(path, **reading)


def domain_of(submission: Submission, range: int | None = None) -> "Domain":
    """The domain of one of the value ranges that preflight found; None: of the one that is at work or was judged."""
    from nc_core.datasets.domain import Domain

    if submission.preflight is None:
        raise ValueError(f"submission {submission.id} has not been prepared")
    found = submission.preflight if range is None else ranges_of(submission)[range]
    return Domain(value_range=found["value_range"], scale=tuple(found["scale"]), offset=tuple(found["offset"]))


def key_of(submission: Submission, range: int | None = None) -> tuple[object, ...]:
    """What a net with its clean data in one range is known by: the same for all that needs the same arrays."""
    found = submission.preflight or {}
    domain = domain_of(submission, range)
    return submission.canonical_sha256, submission.clean_data_sha256, domain, found["labelled"]


def load(worker: WorkerProcess, submission: Submission, range: int | None = None) -> ScanInputs:
    """Load what belongs to a prepared submission, or take it from memory. Waits for another thread that loads.

    range: as in `domain_of`.
    """
    key = key_of(submission, range)
    with _lock:
        if key not in _kept:
            _kept[key] = _load(worker, submission, range)
        _kept.move_to_end(key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return _kept[key]


@kept.dropping
def drop() -> None:
    """Let go of all that is kept."""
    with _lock:
        _kept.clear()


def _load(worker: WorkerProcess, submission: Submission, range: int | None) -> ScanInputs:
    from nc_core.datasets import CleanData
    from nc_core.datasets.prepared import prepare
    from nc_core.intake import load_canonical
    from nc_core.inversion import Predictor
    from nc_core.models import build_logits

    model_digest, data_digest = str(submission.canonical_sha256), str(submission.clean_data_sha256)
    canonical = load_canonical(worker.artefacts.path(model_digest), model_digest)
    data = CleanData.load(worker.artefacts.path(data_digest), data_digest)
    logits = build_logits(canonical)
    found = submission.preflight or {}
    prepared = prepare(
        data,
        domain_of(submission, range),
        Predictor(logits),
        classes=canonical.classes,
        labelled=bool(found["labelled"]),
    )
    return ScanInputs(canonical=canonical, logits=logits, prepared=prepared)
