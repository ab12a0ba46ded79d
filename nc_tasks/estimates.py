"""What a scan will take, said before it is submitted: labels, minutes, memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from nc_core.cost import NetCost, cost_of, program_bytes
from nc_core.datasets.split import FIT_CAP, FIT_SHARE, HOLDOUT_CAP, REPAIR_CAP
from nc_core.errors import ModelRefused, OptionRefused
from nc_core.intake import CanonicalModel, load_canonical
from nc_core.profiles import ALL_PROFILES, PROFILES
from nc_core.rounds import plan
from nc_tasks.artefacts import ArtefactStore
from nc_tasks.errors import MissingArtefact
from nc_tasks.options import ScanOptions
from nc_tasks.store import Store, rates

USUAL_IMAGES = int(FIT_CAP / FIT_SHARE)
"""Clean images of which a scan makes full use when it fits triggers."""
PROCESS_BYTES = 600 * 2**20
"""A worker that has loaded TensorFlow and nothing else."""
BESIDE_SECONDS = 10.0
"""Reading both files, preflight, loading and compiling, the verdict: what small nets take beside their labels."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """labels: to be looked at, of so many classes. gradient_images: pictures to be pushed through the net forward and
    backward. minutes: until the verdict, without waiting for others and without a repair. memory_bytes: of each label
    worker. speed: in processors of the machine that the constants are from; scans: that were measured here, 0 where the
    constants alone speak.
    """

    labels: int
    classes: int
    gradient_images: int
    minutes: float
    memory_bytes: int
    workers: int
    slots: int
    speed: float
    scans: int


def estimate(
    store: Store,
    artefacts: ArtefactStore,
    model: CanonicalModel,
    options: ScanOptions,
    *,
    workers: int,
    slots: int,
    images: int = USUAL_IMAGES,
) -> Estimate:
    """Estimate a scan of the model. images: clean ones. Raises OptionRefused for a label that the model has not.

    The speed is that of the latest scans in the store, whatever ran beside them; without any, `workers` processors.
    """
    cost, labels = cost_of(model), _labels(options, model.classes)
    measured = list(_speeds(store, artefacts))
    speed = median(measured) if measured else float(workers)
    gradient_images = images_of(options, labels)
    slots = min(options.slots or slots, len(labels))
    return Estimate(
        labels=len(labels),
        classes=model.classes,
        gradient_images=gradient_images,
        minutes=(BESIDE_SECONDS + gradient_images * cost.gradient_seconds / speed) / 60,
        memory_bytes=_memory(cost, options, slots, images),
        workers=workers,
        slots=slots,
        speed=speed,
        scans=len(measured),
    )


def images_of(options: ScanOptions, labels: tuple[int, ...]) -> int:
    """Gradient images of all rounds of a scan."""
    rounds = plan(labels, profile=options.profile, seed=options.seed)
    total = 0
    for number in range(rounds.screenings + 2):
        profile = ALL_PROFILES[rounds.profile_of(number)]
        total += rounds.steps(number) * profile.updates_per_step * profile.batch
    return total


def _labels(options: ScanOptions, classes: int) -> tuple[int, ...]:
    labels = tuple(range(classes)) if options.labels is None else options.labels
    if max(labels) >= classes:
        raise OptionRefused(
            f"label {max(labels)} was asked for, the model has {classes} classes: pass --labels within them"
        )
    return labels


def _memory(cost: NetCost, options: ScanOptions, slots: int, images: int) -> int:
    """Of one label worker: itself, the slot program, and the clean images that it holds."""
    fit = min(int(images * FIT_SHARE), FIT_CAP)
    held = min(images, FIT_CAP + HOLDOUT_CAP + REPAIR_CAP) - fit
    program = program_bytes(
        image=cost.image,
        activations=cost.activations,
        parameters=cost.parameters,
        slots=slots,
        batch=PROFILES[options.profile].batch,
        fit_images=fit,
    )
    return PROCESS_BYTES + program + 4 * cost.image * held


def _speeds(store: Store, artefacts: ArtefactStore) -> Iterator[float]:
    """Of earlier scans, in processors of the reference machine; a net whose file is gone says nothing."""
    with store.read() as session:
        found = rates.recent(session)
    for rate in found:
        try:
            cost = cost_of(load_canonical(artefacts.path(rate.canonical_sha256)))
        except (MissingArtefact, ModelRefused):
            continue
        yield rate.gradient_images * cost.gradient_seconds / rate.seconds
