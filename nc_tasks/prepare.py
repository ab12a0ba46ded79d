"""From uploaded files to something that label tasks can work on: intake, data, preflight."""

import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nc_core.errors import OptionRefused
from nc_tasks.options import ScanOptions
from nc_tasks.store import Submission
from nc_tasks.version import build_version
from nc_tasks.worker import WorkerProcess


@contextmanager
def uploaded(worker: WorkerProcess, digest: str, name: str) -> Iterator[Path]:
    """An uploaded file under a name with its own suffix, which readers go by; artefacts have none."""
    suffix = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        link = Path(folder) / f"upload{suffix if suffix[1:].isalnum() else ''}"
        link.symlink_to(worker.artefacts.path(digest))
        yield link


def prepare(worker: WorkerProcess, submission: Submission) -> dict[str, Any]:
    """Read and check everything; returns the columns that `submissions.record_prepared` writes.

    Raises InputRefused, with one line, where the pair cannot be scanned.
    """
    from nc_core.datasets import CleanData, check_labels, read_images, split_images
    from nc_core.intake import read_model
    from nc_core.inversion import PROFILES
    from nc_core.models import build_logits
    from nc_core.preflight import check, choose_slots, default_budget

    options = ScanOptions(**submission.options)
    with uploaded(worker, submission.model_sha256, submission.model_name) as path:
        canonical = read_model(path, architecture=options.architecture)
    with uploaded(worker, submission.data_sha256, submission.data_name) as path:
        images = read_images(
            path,
            input_shape=canonical.input_shape,
            resize=options.resize,
            labelled=not options.unlabelled,
        )
    labelled = images.labels is not None
    if labelled:
        check_labels(images, canonical.classes)
    labels = labels_of(options, canonical.classes)
    model = build_logits(canonical)
    found = check(
        model,
        images,
        classes=canonical.classes,
        labels=labels,
        value_range=options.value_range,
        labelled=labelled,
    )
    clean = CleanData(images=images, split=split_images(len(images.pixels), options.seed))
    slots = choose_slots(
        model,
        wanted=options.slots,
        labels=len(labels),
        profile=PROFILES[options.profile],
        fit_images=len(clean.split.fit),
        budget=worker.settings.memory_budget_bytes or default_budget(),
    )
    preflight = asdict(found)
    domain = preflight.pop("domain")
    parts = {part: len(getattr(clean.split, part)) for part in ("fit", "holdout", "repair")}
    return {
        "canonical_sha256": _kept(worker, canonical),
        "clean_data_sha256": _kept(worker, clean),
        "classes": canonical.classes,
        "input_shape": canonical.input_shape,
        "parameters": canonical.parameters,
        "preflight": {**domain, **preflight, "split": parts},
        "slots": slots,
        "labels_total": len(labels),
        "versions": versions(),
    }


def labels_of(options: ScanOptions, classes: int) -> list[int]:
    """The labels to scan; raises OptionRefused for one that the model does not have."""
    labels = list(range(classes)) if options.labels is None else list(options.labels)
    if max(labels) >= classes:
        raise OptionRefused(
            f"label {max(labels)} was asked for, the model has {classes} classes (0 to {classes - 1}): "
            "pass --labels within them"
        )
    return labels


def versions() -> dict[str, str]:
    """What computed a result."""
    names = ("tensorflow-cpu", "tensorflow", "keras", "numpy", "celery", "h5py")
    found = {name: text for name in names if (text := _version(name)) is not None}
    return {"cleanse": build_version(), "python": platform.python_version(), **found}


def one_line(error: object) -> str:
    """An error as the one line that people read."""
    return " ".join(str(error).split())


def _kept(worker: WorkerProcess, what: Any) -> str:
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder:
        path = Path(folder) / "artefact"
        what.save(path)
        return worker.artefacts.put_file(path)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ModuleNotFoundError:
        return None
