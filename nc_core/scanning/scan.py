"""The whole way of one scan in this process, for scripts and notebooks; the service goes the same way in tasks.

from nc_core.scanning.scan import scan

found = scan("badnet.keras", "clean.npz")
print(found.detection.verdict, found.detection.flagged_labels)
if found.detection.to_repair:
    save(found.repair().goodnet, "goodnet.keras")
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from nc_core.datasets import Resize
from nc_core.datasets.layout import Channels
from nc_core.datasets.prepared import Prepared
from nc_core.detection import (
    Detection,
    ScannedRange,
    StillFlagged,
    beyond_of,
    combine,
    detect,
    leaders_of,
    share_of,
    targets_of,
)
from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.inversion import ALL_PROFILES, PROFILES, Inversion, Trigger
from nc_core.mitigation import METHODS, Case, Repair, triggers_of_map
from nc_core.models import Compute, save_keras
from nc_core.reading import Reading
from nc_core.scanning.budget import UNLIMITED, Budget, with_budget
from nc_core.scanning.detectors import Detector, comparable
from nc_core.scanning.in_process import Told, invert_rounds, norms_of
from nc_core.scanning.preparation import Preparation, prepare_scan
from nc_core.scanning.rounds import Plan, plan
from nc_core.scanning.whole import WholeNet


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """A finished scan. prepared, inversions: of the value range that the verdict rests on, `detection.range`.

    inversions: label -> outcome with its trigger, in the model's own domain.
    """

    preparation: Preparation
    prepared: Prepared
    inversions: dict[int, Inversion]
    detection: Detection
    plan: Plan
    seed: int
    detector: Detector = "neural-cleanse"

    def __repr__(self) -> str:
        """One line; the arrays of nets, images and triggers would be pages."""
        found = self.detection
        flagged = f", flagged {list(found.flagged_labels)}" if found.flagged_labels else ""
        return f"<Scan of {len(self.inversions)} labels: {found.verdict}{flagged}, p = {found.p_value:.2g}>"

    def repair(self, method: str = "unlearning") -> Repair:
        """Repair the model of its flagged labels, of one that leaves the verdict open, or of its all-to-all trigger.

        Raises OptionRefused where there is none.
        """
        return METHODS[method](case_of(self))


def case_of(found: Scan) -> Case:
    """What a repair of a scanned model is given; raises OptionRefused where nothing was found."""
    wanted, preparation = found.detection.to_repair, found.preparation
    targets, along = targets_of(found.detection.flagged_labels, found.detection.suspects)
    triggers = {label: t for label in wanted if (t := found.inversions[label].trigger) is not None}
    mapped = {} if found.detection.class_map is None else _mapped(found, found.detection.class_map)
    if not triggers and not mapped:
        raise OptionRefused("no label was flagged or left the verdict open: there is no trigger to repair the model of")
    height, width, _ = preparation.canonical.input_shape
    norms = norms_of(found.inversions, found.plan)
    beyond = beyond_of(norms, repaired=wanted, classes=preparation.canonical.classes)
    return Case(
        canonical=preparation.canonical,
        prepared=found.prepared,
        triggers={**mapped, **triggers},
        still_flagged=StillFlagged(
            labels=comparable(norms, wanted, detector=found.detector),
            flagged=wanted,
            pixels=height * width,
            alpha=found.detection.range_threshold,
        ),
        seed=found.seed,
        profile=ALL_PROFILES[found.plan.profile_of(found.plan.screenings)],
        slots=preparation.slots,
        compute=preparation.compute,
        suspects=tuple(sorted({*along, *(mapped.keys() - triggers.keys())})),
        leaders=leaders_of(norms, targets),
        beyond={label: t for label in beyond if (t := found.inversions[label].trigger) is not None},
        whole=WholeNet(
            prepared=found.prepared,
            rounds=replace(found.plan, ranges=1),
            slots=preparation.slots,
            alpha=found.detection.range_threshold,
            compute=preparation.compute,
            screening=preparation.screening,
        ),
    )


def _mapped(found: Scan, class_map: Mapping[int, int]) -> dict[int, Trigger]:
    preparation, targets = found.preparation, class_map.values()
    return triggers_of_map(preparation.canonical, found.prepared, targets, seed=found.seed, slots=preparation.slots)


def scan(
    model: Path | str,
    data: Path | str,
    *,
    profile: str = "fast",
    seed: int = 0,
    alpha: float = 0.05,
    resize: Resize | None = None,
    channels: Channels | None = None,
    value_range: str = "auto",
    unlabelled: bool = False,
    labels: Sequence[int] | None = None,
    slots: int | None = None,
    min_accuracy: float | None = None,
    class_names: Sequence[str] | None = None,
    compute: Compute = "float32",
    detector: Detector = "neural-cleanse",
    budget_minutes: float | None = None,
    progress: Told | None = None,
    **reading: Unpack[Reading],
) -> Scan:
    """Scan a model file with clean data: every label's trigger, and the verdict; in every range that fits the data.

    profile: "fast", "thorough" or "paper". detector: what looks at the labels. budget_minutes: after them no more
    labels are looked at, and what there is is judged. progress: see `Told`. The other arguments and the errors are
    those of `prepare_scan`.
    """
    budget = Budget(minutes=budget_minutes)
    preparation = prepare_scan(
        model,
        data,
        profile=PROFILES[profile],
        resize=resize,
        channels=channels,
        value_range=value_range,
        unlabelled=unlabelled,
        labels=labels,
        slots=slots,
        seed=seed,
        min_accuracy=min_accuracy,
        class_names=class_names,
        compute=compute,
        **reading,
    )
    rounds = plan_of(preparation, profile=profile, seed=seed)
    return scan_prepared(
        preparation, rounds, seed=seed, alpha=alpha, detector=detector, budget=budget, progress=progress
    )


def plan_of(preparation: Preparation, *, profile: str, seed: int) -> Plan:
    """The rounds of a scan of what was prepared, in every range that fits the data."""
    return plan(preparation.labels, profile=profile, seed=seed, ranges=len(preparation.preflight.ranges))


def scan_prepared(
    preparation: Preparation,
    rounds: Plan,
    *,
    seed: int,
    alpha: float = 0.05,
    detector: Detector = "neural-cleanse",
    budget: Budget | None = None,
    progress: Told | None = None,
) -> Scan:
    """What follows the preparation of a scan; arguments as in `scan`."""
    scans = []
    for number in range(rounds.ranges):
        prepared = preparation.data(number)
        inversions, found = scan_labels(
            preparation,
            prepared,
            rounds,
            seed=seed,
            range=number,
            alpha=alpha,
            detector=detector,
            budget=budget,
            progress=progress,
        )
        scans.append((prepared, inversions, found))
    detection = _combined(preparation, rounds, [found for _, _, found in scans], alpha=alpha)
    prepared, inversions, _ = scans[detection.range]
    return Scan(
        preparation=preparation,
        prepared=prepared,
        inversions=inversions,
        detection=detection,
        plan=rounds,
        seed=seed,
        detector=detector,
    )


def _combined(preparation: Preparation, rounds: Plan, found: Sequence[Detection], *, alpha: float) -> Detection:
    seen = preparation.preflight
    scanned = [
        ScannedRange(
            value_range=one.domain.value_range,
            scale=one.domain.scale,
            offset=one.domain.offset,
            score=one.score,
            clean_accuracy=one.clean_accuracy,
            first_round=rounds.first_round(number),
            detection=found[number],
        )
        for number, one in enumerate(seen.ranges)
    ]
    return combine(scanned, alpha=alpha, labelled=seen.labelled, doubts=seen.doubts)


def scan_labels(
    preparation: Preparation,
    prepared: Prepared,
    rounds: Plan,
    *,
    seed: int,
    range: int = 0,
    alpha: float = 0.05,
    detector: Detector = "neural-cleanse",
    budget: Budget | None = None,
    progress: Told | None = None,
) -> tuple[dict[int, Inversion], Detection]:
    """Invert the labels of a plan round by round, in one range, and judge them; the smallest are inverted again before
    they count. alpha: of the scan in all its ranges.

    Returns each label's last outcome, with the updates, images and seconds of all its rounds, and the verdict.
    """
    height, width, _ = preparation.canonical.input_shape
    classes, pixels = preparation.canonical.classes, height * width
    budget = budget or UNLIMITED
    inversions = invert_rounds(
        lambda profile: preparation.inverter(prepared, profile, detector=detector),
        rounds,
        slots=preparation.slots,
        seed=seed,
        range=range,
        classes=classes,
        pixels=pixels,
        alpha=alpha,
        detector=detector,
        budget=budget,
        progress=progress,
    )
    labels = norms_of(inversions, rounds)
    alpha = share_of(alpha, rounds.ranges)
    found = detect(labels, classes=classes, pixels=pixels, alpha=alpha, detector=detector)
    return inversions, with_budget(found, labels, budget.minutes)


def save(model: CanonicalModel, path: Path | str) -> None:
    """Write a canonical model as a `.keras` file that needs nothing of this project.

    model: a GoodNet, or `scan(...).preparation.canonical`, the net that was scanned and that the verdict is about.
    """
    save_keras(model, Path(path))
