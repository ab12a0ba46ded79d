"""Known poison as a measuring stick: how often the true trigger still works."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused
from nc_tasks.materials import domain_of
from nc_tasks.prepare import uploaded
from nc_tasks.store import Submission
from nc_tasks.worker import WorkerProcess

Net = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]


def poisoned_metrics(
    worker: WorkerProcess,
    submission: Submission,
    nets: tuple[Net, Net, Net],
    flagged: Sequence[int],
    clean_flagged_rate: float,
) -> dict[str, float] | None:
    """Attack rates of the submission's poisoned images on BadNet and GoodNet, and how many the guarded net calls.

    nets: BadNet, GoodNet, guarded net. The attack succeeds where an image gets the label that its file gives it, the
    attack's target; in a file without labels, where it gets a flagged one. None without poisoned files.
    """
    if not submission.poisoned:
        return None
    classes = int(submission.classes or 0)
    counts = [_counts(worker, submission, entry, nets, flagged, classes) for entry in submission.poisoned]
    images, before, after, called = np.sum(counts, axis=0)
    return {
        "attack_success_rate_before": float(before / images),
        "attack_success_rate_after": float(after / images),
        "flagged_rate": float(called / images),
        "clean_flagged_rate": clean_flagged_rate,
    }


def _counts(
    worker: WorkerProcess,
    submission: Submission,
    entry: dict[str, str],
    nets: tuple[Net, Net, Net],
    flagged: Sequence[int],
    classes: int,
) -> tuple[int, int, int, int]:
    from nc_core.quarantine.admit import admit_images

    height, width, channels = submission.input_shape or (0, 0, 0)
    with uploaded(worker, entry["sha256"], entry["name"]) as path:
        images = admit_images(
            path,
            input_shape=(height, width, channels),
            resize=submission.options["resize"],
            poisoned=True,
        )
    if images.labels is not None and images.labels.max() >= classes:
        raise DataRefused(
            f"poisoned file {entry['name']}: label {images.labels.max()} in it, the model has {classes} classes"
        )
    x = domain_of(submission).to_model(images.pixels)
    badnet, goodnet, guarded = (net(x).argmax(axis=1) for net in nets)

    def hits(answers: npt.NDArray[np.int64]) -> int:
        hit = np.isin(answers, flagged) if images.labels is None else answers == images.labels
        return int(hit.sum())

    return len(x), hits(badnet), hits(goodnet), int((guarded == classes).sum())
