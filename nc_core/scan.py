"""The whole way of one scan in this process, for scripts and notebooks; the service goes the same way in tasks.

from nc_core.scan import scan

found = scan("badnet.keras", "clean.npz")
print(found.detection.verdict, found.detection.flagged_labels)
if found.detection.flagged_labels:
    save(found.repair().goodnet, "goodnet.keras")
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nc_core.datasets import Resize
from nc_core.detection import (
    AGAIN,
    Detection,
    LabelNorm,
    ScannedRange,
    StillFlagged,
    combine,
    detect,
    middle,
    share_of,
    to_confirm,
)
from nc_core.detectors import Detector, comparable
from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.inversion import ALL_PROFILES, PROFILES, Inversion, Progress
from nc_core.inversion.trigger import Transferability
from nc_core.mitigation import METHODS, Case, Repair
from nc_core.models import Compute, save_keras
from nc_core.prepared import Prepared
from nc_core.ready import Ready, get_ready
from nc_core.rounds import Plan, plan


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """A finished scan. prepared, inversions: of the value range that the verdict rests on, `detection.range`.

    inversions: label -> outcome with its trigger, in the model's own domain.
    """

    ready: Ready
    prepared: Prepared
    inversions: dict[int, Inversion]
    detection: Detection
    plan: Plan
    seed: int
    detector: Detector = "neural-cleanse"

    def repair(self, method: str = "unlearning") -> Repair:
        """Repair the model of its flagged labels; raises OptionRefused where there is none."""
        return METHODS[method](case_of(self))


def case_of(found: Scan) -> Case:
    """What a repair of a scanned model is given; raises OptionRefused where no label was flagged."""
    wanted, ready = found.detection.to_repair, found.ready
    triggers = {label: t for label in wanted if (t := found.inversions[label].trigger) is not None}
    if not triggers:
        raise OptionRefused("no label was flagged: there is no trigger to repair the model of")
    height, width, _ = ready.canonical.input_shape
    norms = norms_of(found.inversions, found.plan)
    return Case(
        canonical=ready.canonical,
        prepared=found.prepared,
        triggers=triggers,
        still_flagged=StillFlagged(
            labels=comparable(norms, wanted, detector=found.detector),
            flagged=wanted,
            pixels=height * width,
            alpha=found.detection.range_threshold,
        ),
        seed=found.seed,
        profile=ALL_PROFILES[found.plan.profile_of(found.plan.screenings)],
        slots=ready.slots,
        compute=ready.compute,
        suspects=found.detection.suspects,
        leaders=found.detection.leaders,
    )


def scan(
    model: Path | str,
    data: Path | str,
    *,
    profile: str = "fast",
    seed: int = 0,
    alpha: float = 0.05,
    architecture: str | None = None,
    resize: Resize | None = None,
    value_range: str = "auto",
    unlabelled: bool = False,
    labels: Sequence[int] | None = None,
    slots: int | None = None,
    min_accuracy: float | None = None,
    compute: Compute = "float32",
    detector: Detector = "neural-cleanse",
    progress: Callable[[int, Progress], None] | None = None,
) -> Scan:
    """Scan a model file with clean data: every label's trigger, and the verdict; in every range that fits the data.

    profile: "fast", "thorough" or "paper". detector: what looks at the labels. progress: called with a label and how
    far it is. The other arguments and the errors are those of `get_ready`.
    """
    ready = get_ready(
        model,
        data,
        profile=PROFILES[profile],
        architecture=architecture,
        resize=resize,
        value_range=value_range,
        unlabelled=unlabelled,
        labels=labels,
        slots=slots,
        seed=seed,
        min_accuracy=min_accuracy,
        compute=compute,
    )
    rounds = plan(ready.labels, profile=profile, seed=seed, ranges=len(ready.preflight.ranges))
    scans = []
    for number in range(rounds.ranges):
        prepared = ready.prepare(number)
        share = share_of(alpha, rounds.ranges)
        inversions, found = scan_labels(
            ready, prepared, rounds, seed=seed, alpha=share, detector=detector, progress=progress
        )
        scans.append((prepared, inversions, found))
    detection = _combined(ready, rounds, [found for _, _, found in scans], alpha=alpha)
    prepared, inversions, _ = scans[detection.range]
    return Scan(
        ready=ready,
        prepared=prepared,
        inversions=inversions,
        detection=detection,
        plan=rounds,
        seed=seed,
        detector=detector,
    )


def _combined(ready: Ready, rounds: Plan, found: Sequence[Detection], *, alpha: float) -> Detection:
    seen = ready.preflight
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
    ready: Ready,
    prepared: Prepared,
    rounds: Plan,
    *,
    seed: int,
    alpha: float = 0.05,
    detector: Detector = "neural-cleanse",
    progress: Callable[[int, Progress], None] | None = None,
) -> tuple[dict[int, Inversion], Detection]:
    """Invert the labels of a plan round by round, in one range, and judge them; the smallest are inverted again before
    they count.

    Returns each label's last outcome, with the updates, images and seconds of all its rounds, and the verdict.
    """
    height, width, _ = ready.canonical.input_shape
    inversions: dict[int, Inversion] = {}
    going: Sequence[int] = rounds.labels
    for number in range(rounds.screenings + 1):
        inverter = ready.inverter(prepared, rounds.profile_of(number), detector=detector)
        begun = {label: inversions[label].begun for label in going} if rounds.carries(number) else {}
        found = inverter.invert(going, seed=seed, begun=begun, round=number, progress=progress)
        asked = [one for (one,) in found.values()] if rounds.purpose(number) == "inversion" else []
        carried = inverter.transferability(asked, seed=seed)
        for label, (one,) in found.items():
            before, more = [inversions[label]] if label in inversions else [], carried.get(label)
            inversions[label] = _with_work_of(one.with_transfer(more).with_starts([one]), [one, *before], more)
        if rounds.purpose(number) == "screening":
            norms = {label: inversions[label].norm for label in going}
            going = rounds.after(number, {label: norm for label, norm in norms.items() if norm is not None})

    def judge() -> Detection:
        norms = norms_of(inversions, rounds)
        return detect(norms, classes=ready.canonical.classes, pixels=height * width, alpha=alpha)

    confirmation = rounds.screenings + 1
    inverter = inverter.with_slots(rounds.slots_of(confirmation, ready.slots))
    detection, confirmed = judge(), set[int]()
    while doubtful := to_confirm(
        norms_of(inversions, rounds),
        flagged=detection.flagged_labels,
        confirmed=confirmed,
        pixels=height * width,
    ):
        again = inverter.invert(doubtful, seed=seed, starts=AGAIN, progress=progress)
        several = {label: [inversions[label], *again[label]] for label in doubtful}
        chosen = {label: all_of_it[middle([one.norm for one in all_of_it])] for label, all_of_it in several.items()}
        carried = inverter.transferability(list(chosen.values()), seed=seed, again=True)
        for label, one in chosen.items():
            whole = one.with_transfer(inversions[label].transfer, carried[label]).with_starts(several[label])
            inversions[label] = _with_work_of(whole, several[label], carried[label])
        confirmed.update(doubtful)
        detection = judge()
    return inversions, detection


def save(model: CanonicalModel, path: Path | str) -> None:
    """Write a canonical model as a `.keras` file that needs nothing of this project: `scan(...).ready.canonical`, the
    net that was scanned and that the verdict is about, or a GoodNet.
    """
    save_keras(model, Path(path))


def norms_of(inversions: dict[int, Inversion], rounds: Plan) -> list[LabelNorm]:
    """What detection reads of inversions."""
    return [
        LabelNorm(
            label=label,
            state=inversion.state,
            norm=inversion.norm,
            attack_success_rate=inversion.attack_success_rate,
            reference=label in rounds.reference,
            evidence=inversion.evidence,
            reason=inversion.reason,
        )
        for label, inversion in inversions.items()
    ]


def _with_work_of(one: Inversion, all_of_it: Sequence[Inversion], carried: Transferability | None = None) -> Inversion:
    return replace(
        one,
        updates=sum(each.updates for each in all_of_it),
        gradient_images=sum(each.gradient_images for each in all_of_it) + (carried.gradient_images if carried else 0),
        seconds=sum(each.seconds for each in all_of_it),
    )
