"""The whole way of one scan in this process, for scripts and notebooks; the service goes the same way in tasks.

from nc_core.scan import scan

found = scan("badnet.keras", "clean.npz")
print(found.detection.verdict, found.detection.flagged_labels)
if found.detection.flagged_labels:
    save(found.repair().goodnet, "goodnet.keras")
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nc_core.datasets import Resize
from nc_core.datasets.prepared import Prepared
from nc_core.detection import (
    AGAIN,
    Detection,
    LabelNorm,
    ScannedRange,
    StillFlagged,
    combine,
    detect,
    leaders_of,
    middle,
    share_of,
)
from nc_core.errors import OptionRefused
from nc_core.intake import CanonicalModel
from nc_core.inversion import ALL_PROFILES, PROFILES, Inversion, Inverter, Progress
from nc_core.mitigation import METHODS, Case, Repair
from nc_core.models import Compute, save_keras
from nc_core.scanning.conductor import Round, first_round, next_step
from nc_core.scanning.detectors import Detector, comparable
from nc_core.scanning.ready import Ready, get_ready
from nc_core.scanning.rounds import Plan, plan, range_of, within_range


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

    def __repr__(self) -> str:
        """One line; the arrays of nets, images and triggers would be pages."""
        found = self.detection
        flagged = f", flagged {list(found.flagged_labels)}" if found.flagged_labels else ""
        return f"<Scan of {len(self.inversions)} labels: {found.verdict}{flagged}, p = {found.p_value:.2g}>"

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
        leaders=leaders_of(norms, found.detection.flagged_labels),
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
        inversions, found = scan_labels(
            ready, prepared, rounds, seed=seed, range=number, alpha=alpha, detector=detector, progress=progress
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
    range: int = 0,
    alpha: float = 0.05,
    detector: Detector = "neural-cleanse",
    progress: Callable[[int, Progress], None] | None = None,
) -> tuple[dict[int, Inversion], Detection]:
    """Invert the labels of a plan round by round, in one range, and judge them; the smallest are inverted again before
    they count. alpha: of the scan in all its ranges.

    Returns each label's last outcome, with the updates, images and seconds of all its rounds, and the verdict.
    """
    height, width, _ = ready.canonical.input_shape
    classes, pixels = ready.canonical.classes, height * width
    inversions: dict[int, Inversion] = {}
    confirmed, inverters = set[int](), dict[str, Inverter]()
    step: Round | None = first_round(rounds, range=range)
    while step is not None and range_of(step.number) == range:
        profile = rounds.profile_of(step.number)
        if profile not in inverters:
            inverters = {profile: ready.inverter(prepared, profile, detector=detector)}
        inverter = inverters[profile].with_slots(rounds.slots_of(step.number, ready.slots))
        inversions |= _round(inverter, rounds, step, inversions, seed, progress)
        if rounds.purpose(step.number) == "confirmation":
            confirmed.update(step.labels)
        masks = {label: norm for label in step.labels if (norm := inversions[label].norm) is not None}
        number, told = step.number, norms_of(inversions, rounds)
        step = next_step(
            rounds, number, told, masks=masks, confirmed=confirmed, classes=classes, pixels=pixels, alpha=alpha
        )
    share = share_of(alpha, rounds.ranges)
    return inversions, detect(norms_of(inversions, rounds), classes=classes, pixels=pixels, alpha=share)


def _round(
    inverter: Inverter,
    rounds: Plan,
    step: Round,
    before: Mapping[int, Inversion],
    seed: int,
    progress: Callable[[int, Progress], None] | None,
) -> dict[int, Inversion]:
    """What stands for each label of a round after it. before: what stood for it until then."""
    purpose, number = rounds.purpose(step.number), within_range(step.number)
    begun = {label: before[label].begun for label in step.labels} if rounds.carries(step.number) else {}
    starts = AGAIN if purpose == "confirmation" else (0,)
    found = inverter.invert(step.labels, seed=seed, starts=starts, begun=begun, round=number, progress=progress)
    several, chosen = dict[int, list[Inversion]](), dict[int, Inversion]()
    for label, fresh in found.items():
        several[label] = [before[label], *fresh] if purpose == "confirmation" else fresh
        chosen[label] = several[label][middle([one.norm for one in several[label]])]
    asked, again = [] if purpose == "screening" else list(chosen.values()), purpose == "confirmation"
    carried = inverter.transferability(asked, seed=seed, again=again)
    perturbed = inverter.perturbations(asked, seed=seed, again=again)
    margins = {} if again else {one.label: inverter.margin(one, seed=seed) for one in asked}
    after = {}
    for label, one in chosen.items():
        earlier, more, moved = before.get(label), carried.get(label), perturbed.get(label)
        sure = margins.get(label)
        first = earlier if again else None
        whole = one.with_transfer(first.transfer if first else None, more)
        whole = whole.with_perturbation(first.perturbation if first else None, moved)
        whole = whole.with_margin(first.margins if first else None, sure)
        work = [*found[label], earlier] if earlier else found[label]
        besides = sum(each.gradient_images for each in (more, moved, sure) if each is not None)
        after[label] = _with_work_of(whole.with_starts(several[label]), work, besides)
    return after


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


def _with_work_of(one: Inversion, all_of_it: Sequence[Inversion], besides: int) -> Inversion:
    """besides: gradient images of what was looked at besides the inversions."""
    return replace(
        one,
        updates=sum(each.updates for each in all_of_it),
        gradient_images=sum(each.gradient_images for each in all_of_it) + besides,
        seconds=sum(each.seconds for each in all_of_it),
    )
