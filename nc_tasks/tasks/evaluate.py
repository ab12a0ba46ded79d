"""How well a net does on labelled images, and what it makes of poisoned ones, as a job."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nc_core.errors import DataRefused
from nc_core.reading import reading_of
from nc_tasks.request.scan import StoredFile
from nc_tasks.store.rows import detections, mitigations, submissions
from nc_tasks.tasks.classify import domain_of_model
from nc_tasks.views.repairs import targets_in
from nc_tasks.worker.inputs import read_net, uploaded
from nc_tasks.worker.process import WorkerProcess

if TYPE_CHECKING:
    import numpy.typing as npt

    from nc_core.datasets import Images
    from nc_core.datasets.numbering import ClassOrder, Numbered
    from nc_core.intake import CanonicalModel


def evaluate(worker: WorkerProcess, arguments: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """arguments: model {"sha256", "name"}, clean [the same], poisoned [the same], value_range, resize, channels,
    class_names, guarded, and what `Reading` has.

    Result: classes, guarded, class_order as in result.json, clean {"images", "accuracy", "flagged_rate"}, poisoned None
    or {"images", "attack_success_rate", "flagged_rate"}. flagged_rate: share that a guarded net, whose last output
    stands for it, calls backdoored; None for another net. accuracy: None without labels. An attack succeeds where an
    image gets the label of its file, the attack's target; in files without labels, where it gets one that the net's
    scan has flagged, and None where there was no scan.
    """
    from nc_core.datasets.numbering import as_outputs, numbered
    from nc_core.inversion import Predictor
    from nc_core.models import build_logits
    from nc_core.scanning.preparation import names_of

    model = arguments["model"]
    canonical = read_net(worker, StoredFile(**model), **reading_of(arguments))
    guarded = arguments["guarded"] or _is_guarded(worker, model["sha256"])
    last = canonical.classes - 1 if guarded else None
    with _named(arguments["clean"]):
        images = _read(worker, arguments["clean"], canonical, arguments, poisoned=False)
        classes = canonical.classes if last is None else last
        names = arguments.get("class_names") or (names_of(canonical, images)[0] if last is None else None)
        clean = numbered(images, classes=classes, class_names=names)
    progress(0.3)
    domain = domain_of_model(worker, model, arguments["value_range"], images.pixels)
    predict = Predictor(build_logits(canonical))

    def answers(images: "Images") -> "npt.NDArray[np.int64]":
        return predict(domain.to_model(images.pixels)).argmax(axis=1)

    answered = answers(images)
    clean = clean.reordered(_order(clean, answered, classes))
    found = {"classes": canonical.classes, "guarded": guarded, "class_order": clean.order}
    found["clean"] = _clean(clean.images, answered, last)
    progress(0.7)
    poisoned = []
    for entry in arguments["poisoned"]:
        with _named(entry):
            read = _read(worker, entry, canonical, arguments, poisoned=True)
            poisoned.append(as_outputs(read, clean.outputs, classes=canonical.classes, class_names=clean.names))
    flagged = _flagged(worker, model["sha256"])
    hit = [answers(images) for images in poisoned]
    return {**found, "poisoned": _poisoned(poisoned, hit, last, flagged) if poisoned else None}


@contextmanager
def _named(entry: dict[str, str]) -> Iterator[None]:
    """What is refused of a file says which one it is."""
    try:
        yield
    except DataRefused as error:
        raise DataRefused(f"file {entry['name']}: {error}") from None


def _read(
    worker: WorkerProcess,
    entry: dict[str, str],
    canonical: "CanonicalModel",
    arguments: dict[str, Any],
    *,
    poisoned: bool,
) -> "Images":
    from nc_core.quarantine.admit import admit_images

    with uploaded(worker, entry["sha256"], entry["name"]) as path:
        return admit_images(
            path,
            input_shape=canonical.input_shape,
            resize=arguments["resize"],
            channels=arguments.get("channels"),
            poisoned=poisoned,
        )


def _order(clean: "Numbered", answers: "npt.NDArray[np.int64]", classes: int) -> "ClassOrder":
    from nc_core.preflight.accuracy import least_accuracy
    from nc_core.preflight.order import best_order
    from nc_core.preflight.ranges import accuracy_tie

    labels = clean.images.labels
    if labels is None:
        return "given"
    tie = accuracy_tie(len(labels))
    return best_order([answers.tolist()], labels, clean.orders, least=least_accuracy(classes), tie=tie)


def _clean(images: "Images", answers: "npt.NDArray[np.int64]", last: int | None) -> dict[str, Any]:
    right = None if images.labels is None else float((answers == images.labels).mean())
    return {"images": len(images), "accuracy": right, "flagged_rate": _called([answers], last)}


def _poisoned(
    files: "list[Images]", answers: "list[npt.NDArray[np.int64]]", last: int | None, flagged: list[int]
) -> dict[str, Any]:
    hits = [_hits(images, answered, flagged) for images, answered in zip(files, answers, strict=True)]
    known = [one for one in hits if one is not None]
    return {
        "images": sum(len(images) for images in files),
        "attack_success_rate": float(np.concatenate(known).mean()) if len(known) == len(hits) else None,
        "flagged_rate": _called(answers, last),
    }


def _hits(images: "Images", answers: "npt.NDArray[np.int64]", flagged: list[int]) -> "npt.NDArray[np.bool_] | None":
    if images.labels is not None:
        return answers == images.labels
    return np.isin(answers, flagged) if flagged else None


def _called(answers: "list[npt.NDArray[np.int64]]", last: int | None) -> float | None:
    return None if last is None else float((np.concatenate(answers) == last).mean())


def _is_guarded(worker: WorkerProcess, digest: str) -> bool:
    """Whether a repair of this home has made the net as its guarded one."""
    with worker.store.read() as session:
        return mitigations.made_guarded(session, digest=digest)


def _flagged(worker: WorkerProcess, digest: str) -> list[int]:
    """The labels that the newest scan would repair that read or made the net; none without a verdict."""
    with worker.store.read() as session:
        known = submissions.with_model(session, digest=digest)
        detection = detections.get(session, submission_id=known.id) if known is not None else None
    return list(targets_in(detection.body)[0]) if detection is not None else []
