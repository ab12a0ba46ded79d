"""What a scan will take, said before it is submitted: labels, minutes, memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from nc_core.datasets.split import FIT_CAP, FIT_SHARE, HOLDOUT_CAP, REPAIR_CAP
from nc_core.detection.class_map import LEAST_CLASSES
from nc_core.errors import ModelRefused, OptionRefused
from nc_core.intake import load_canonical
from nc_core.intake.cost import NetCost, cost_of, program_bytes, slots_worth
from nc_core.profiles import (
    ALL_PROFILES,
    ANY_TARGET,
    ANY_TARGET_STARTS,
    ANY_TARGET_STEPS,
    FEW,
    FEW_DRAWS,
    MARGIN_STARTS,
    MARGIN_UPDATES,
    PARTIAL,
    PERTURBATION_BATCH,
    PERTURBATION_UPDATES,
    PROFILES,
    SLOTS_ON_CPU,
    TWIN_BATCH,
    TWIN_UPDATES,
)
from nc_core.scanning.rounds import plan
from nc_tasks.capacity import default_workers, slots_of
from nc_tasks.errors import MissingArtefact
from nc_tasks.files import ArtefactStore
from nc_tasks.request import choices
from nc_tasks.request.choices import Profile
from nc_tasks.request.options import ScanOptions
from nc_tasks.settings import Settings
from nc_tasks.store import Store
from nc_tasks.store.queries import speeds
from nc_tasks.store.rows import workers

USUAL_IMAGES = int(FIT_CAP / FIT_SHARE)
"""Clean images of which a scan makes full use when it fits triggers."""
PROCESS_BYTES = 600 * 2**20
"""A worker that has loaded TensorFlow and nothing else."""
BESIDE_SECONDS = 10.0
"""Reading both files, preflight, loading and compiling, the verdict: what small nets take beside their labels."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A scan that might be submitted.

    labels: how many. slots: labels in one batch, None: as many as make it quicker. images: clean ones. twins: clean
    ones to be trained and scanned, each in all `classes`, None: as many as labels.
    """

    net: NetCost
    labels: int
    profile: Profile = choices.PROFILE.default
    slots: int | None = None
    images: int = USUAL_IMAGES
    twins: int = choices.TWINS.default
    classes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """gradient_images: pictures to be pushed through the net forward and backward. minutes: until the verdict, without
    waiting for others and without a repair. twin_minutes: what training and scanning of the twins take of them.
    memory_bytes: of each label worker. speed: in processors of the machine that the constants are from; scans: that
    were measured here, 0 where the constants alone speak. live: whether the workers are there now.
    """

    labels: int
    gradient_images: int
    minutes: float
    twins: int
    twin_minutes: float
    memory_bytes: int
    workers: int
    slots: int
    speed: float
    scans: int
    live: bool


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """workers: of labels. slots: labels that each holds at a time. live: whether they are there now."""

    workers: int
    slots: int
    live: bool


def estimate(store: Store, artefacts: ArtefactStore, wanted: Wanted, capacity: Capacity) -> Estimate:
    """What the scan will take.

    The speed is that of the latest scans in the store, whatever ran beside them; without any, a processor a worker.
    """
    measured = list(_speeds(store, artefacts))
    speed = median(measured) if measured else float(capacity.workers)
    own, of_twins = images_of(wanted.labels, wanted.profile), _images_of_twins(wanted)
    seconds = wanted.net.gradient_seconds / speed
    slots = min(wanted.slots or _usual_slots(wanted, capacity), wanted.labels)
    return Estimate(
        labels=wanted.labels,
        gradient_images=own + of_twins,
        minutes=(BESIDE_SECONDS + (own + of_twins) * seconds) / 60,
        twins=wanted.twins,
        twin_minutes=of_twins * seconds / 60,
        memory_bytes=_memory(wanted, slots),
        workers=capacity.workers,
        slots=slots,
        speed=speed,
        scans=len(measured),
        live=capacity.live,
    )


def _usual_slots(wanted: Wanted, capacity: Capacity) -> int:
    """Labels in one batch where nobody says: workers that hold more than suits a processor compute on something else,
    which wants them all."""
    if capacity.slots > SLOTS_ON_CPU:
        return capacity.slots
    return slots_worth(wanted.net, batch=PROFILES[wanted.profile].batch, most=capacity.slots)


def images_of(labels: int, profile: Profile) -> int:
    """Gradient images of all rounds of a scan of so many labels."""
    rounds = plan(range(labels), profile=profile, seed=0)
    total = 0
    for number in range(rounds.screenings + 2):
        settings = ALL_PROFILES[rounds.profile_of(number)]
        total += rounds.steps(number) * settings.updates_per_step * settings.batch
        total += rounds.asked(number) * FEW_DRAWS * FEW.max_updates * FEW.batch
        total += rounds.asked(number) * PERTURBATION_UPDATES * PERTURBATION_BATCH
        total += rounds.asked(number) * PARTIAL.max_updates * PARTIAL.batch
        if rounds.purpose(number) == "inversion":
            total += rounds.asked(number) * MARGIN_UPDATES * MARGIN_STARTS
        if labels >= LEAST_CLASSES and any(rounds.asks_the_net(number, label) for label in rounds.labels):
            total += ANY_TARGET_STARTS * ANY_TARGET_STEPS * ANY_TARGET.updates_per_step * ANY_TARGET.batch
    return total


def _images_of_twins(wanted: Wanted) -> int:
    """Gradient images of the trainings and the scans of all twins."""
    return wanted.twins * (TWIN_UPDATES * TWIN_BATCH + images_of(wanted.classes or wanted.labels, wanted.profile))


def labels_of(options: ScanOptions, classes: int) -> int:
    """How many labels the options ask for; raises OptionRefused for one that the model has not."""
    asked = options.target_labels
    if asked is None:
        return classes
    if asked[-1] >= classes:
        raise OptionRefused(
            f"label {asked[-1]} was asked for, the model has {classes} classes: pass --labels within them"
        )
    return len(asked)


def _memory(wanted: Wanted, slots: int) -> int:
    """Of one label worker: itself, the slot program, and the clean images that it holds."""
    fit = min(int(wanted.images * FIT_SHARE), FIT_CAP)
    held = min(wanted.images, FIT_CAP + HOLDOUT_CAP + REPAIR_CAP) - fit
    net = wanted.net
    program = program_bytes(net, slots=slots, batch=PROFILES[wanted.profile].batch, fit_images=fit)
    return PROCESS_BYTES + program + 4 * net.image * held


def _speeds(store: Store, artefacts: ArtefactStore) -> Iterator[float]:
    """Of earlier scans, in processors of the reference machine; a net whose file is gone says nothing."""
    with store.read() as session:
        found = speeds.recent(session)
    for rate in found:
        try:
            cost = cost_of(load_canonical(artefacts.path(rate.canonical_sha256)))
        except (MissingArtefact, ModelRefused):
            continue
        yield rate.gradient_images * cost.gradient_seconds / rate.seconds


def capacity_of(store: Store, settings: Settings) -> Capacity:
    """The label workers that are there; without any, what suits this machine."""
    with store.read() as session:
        there = workers.live(session, within_seconds=settings.lease_seconds, queue="labels")
    if there:
        return Capacity(workers=len(there), slots=max(row.slots for row in there), live=True)
    return Capacity(workers=default_workers(), slots=slots_of(settings), live=False)
