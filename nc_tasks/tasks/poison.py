"""Known poison: images that carry the true trigger, to measure with, and for `retraining` to learn from."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nc_core.errors import DataRefused
from nc_tasks.store import Submission
from nc_tasks.worker.inputs import domain_of, uploaded
from nc_tasks.worker.process import WorkerProcess

Net = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]

NO_TARGET = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Poison:
    """x (n, H, W, C) float32 in the model's domain; target (n,): the label that its file gives an image, the attack's
    target, or NO_TARGET in a file without labels.
    """

    x: npt.NDArray[np.float32]
    target: npt.NDArray[np.int64]


def load_poison(worker: WorkerProcess, submission: Submission) -> Poison | None:
    """All poisoned files of the submission, one after another; None without any."""
    if not submission.poisoned:
        return None
    files = [_read(worker, submission, entry) for entry in submission.poisoned]
    return Poison(x=np.concatenate([one.x for one in files]), target=np.concatenate([one.target for one in files]))


def poisoned_metrics(
    poison: Poison,
    nets: tuple[Net, Net, Net],
    *,
    flagged: Sequence[int],
    classes: int,
    clean_flagged_rate: float,
    learned: Collection[int] = (),
) -> dict[str, float]:
    """Attack rates of poisoned images on BadNet and GoodNet, and how many the guarded net calls.

    nets: BadNet, GoodNet, guarded net. The attack succeeds where an image gets its target; where none is known, a
    flagged label; where no label is flagged, as of an all-to-all backdoor, what the BadNet answers. learned: rows that
    a repair was taught, which are left out.
    """
    rest = np.setdiff1d(np.arange(len(poison.x)), list(learned))
    x, target = poison.x[rest], poison.target[rest]
    badnet, goodnet, guarded = (net(x).argmax(axis=1) for net in nets)

    def rate(answers: npt.NDArray[np.int64]) -> float:
        unknown = np.isin(answers, flagged) if len(flagged) else answers == badnet
        hit = np.where(target == NO_TARGET, unknown, answers == target)
        return float(hit.mean())

    return {
        "attack_success_rate_before": rate(badnet),
        "attack_success_rate_after": rate(goodnet),
        "flagged_rate": float((guarded == classes).mean()),
        "clean_flagged_rate": clean_flagged_rate,
        "images": len(rest),
    }


def _read(worker: WorkerProcess, submission: Submission, entry: dict[str, str]) -> Poison:
    from nc_core.datasets.numbering import as_outputs
    from nc_core.quarantine.admit import admit_images

    height, width, channels = submission.input_shape or (0, 0, 0)
    with uploaded(worker, entry["sha256"], entry["name"]) as path:
        images = admit_images(
            path,
            input_shape=(height, width, channels),
            resize=submission.options["resize"],
            channels=submission.options.get("channels"),  # a submission of an earlier version has none
            poisoned=True,
        )
    found = submission.preflight or {}
    known = {"outputs": found.get("label_outputs"), "class_names": found.get("class_names")}
    try:
        images = as_outputs(images, classes=int(submission.classes or 0), **known)
    except DataRefused as error:
        raise DataRefused(f"poisoned file {entry['name']}: {error}") from None
    target = np.full(len(images), NO_TARGET) if images.labels is None else images.labels
    return Poison(x=domain_of(submission).to_model(images.pixels), target=target.astype(np.int64))
