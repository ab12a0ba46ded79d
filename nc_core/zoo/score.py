"""What scans of a zoo are worth: how well they tell planted nets from clean ones, by attack, net, data and classes.

Beside each figure stands plain Neural Cleanse of the same scans: a label is flagged where its anomaly index is above 2
(Wang et al. 2019, section IV-B).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nc_core.detection.library import FEW_LABELS
from nc_core.zoo.statistics import Rate, auroc, rate

PLAIN_THRESHOLD = 2.0
ALL = "all"
THIRDS = (ALL, "choose", "check", "held-out")
MANY, FEW = f"{FEW_LABELS} classes and more", f"fewer than {FEW_LABELS} classes"
"""They are judged by unlike rules."""
NOT_UNIVERSAL = ("all-to-all", "source-specific")
"""Attacks without a trigger that sends images of all classes to one label."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A net's card and what its scan said.

    targets: planted labels, none of a clean net. weak: planted, but it works less than its card asks for. verdict: None
    where the scan was refused. score: the larger, the more suspicious. plain_index: the largest anomaly index.
    """

    name: str
    third: str
    data: str
    architecture: str
    classes: int
    attack: str | None
    targets: frozenset[int]
    weak: bool
    verdict: str | None
    score: float | None
    flagged: frozenset[int]
    plain_index: float | None
    plain_flagged: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Detector:
    """How one detector did on a group of nets.

    found: planted nets called backdoored, false_alarms: clean ones. exact: planted nets of which the flagged labels are
    the planted ones. auroc: of its score.
    """

    auroc: float | None
    found: Rate
    false_alarms: Rate
    exact: Rate


@dataclass(frozen=True, kw_only=True)
class Row:
    """One group. by, value: what its nets have in common. planted: without the weak ones.

    refused: planted and clean nets without a verdict, in no rate. inconclusive: nets neither called clean nor
    backdoored, counted as not found and as no false alarm.
    """

    third: str
    by: str
    value: str
    planted: int
    clean: int
    weak: int
    refused: int
    inconclusive: int
    cleanse: Detector
    plain: Detector

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)


def scan_of(card: Mapping[str, Any], result: Mapping[str, Any]) -> Scan:
    """From a card and the result.json of its scan, whose verdict is None where it was refused."""
    measured, verdict = card["measured"], result["verdict"]
    indices = {
        row["label"]: row["anomaly_index"] for row in result.get("labels", ()) if row["anomaly_index"] is not None
    }
    p = result.get("p_value")
    return Scan(
        name=card["name"],
        third=card["third"],
        data=card["data"],
        architecture=card["architecture"],
        classes=card["classes"],
        attack=card["attack"],
        targets=frozenset(measured["targets"]),
        weak=measured["weak"],
        verdict=verdict,
        score=None if p is None else 1 - p,
        flagged=frozenset(result.get("flagged_labels") or (result.get("class_map") or {}).values()),
        plain_index=None if verdict is None else max(indices.values(), default=0.0),
        plain_flagged=frozenset(label for label, index in indices.items() if index > PLAIN_THRESHOLD),
    )


def score(scans: Sequence[Scan]) -> list[Row]:
    """Rows of every third: all nets, those with a universal trigger, those of many and of few classes, each attack,
    architecture, data and number of classes. Rows of attacks have all clean nets of their third."""
    return [row for third in THIRDS for row in _rows(third, [scan for scan in scans if third in (ALL, scan.third)])]


def _rows(third: str, scans: Sequence[Scan]) -> Iterator[Row]:
    clean = [scan for scan in scans if scan.attack is None]
    planted = [scan for scan in scans if scan.attack is not None]
    if not scans:
        return
    yield _row(third, "nets", ALL, scans)
    universal = [scan for scan in planted if scan.attack not in NOT_UNIVERSAL]
    yield _row(third, "nets", "universal triggers", [*universal, *clean])
    for attack in sorted({scan.attack for scan in planted if scan.attack is not None}):
        yield _row(third, "attack", attack, [*(scan for scan in planted if scan.attack == attack), *clean])
    many = [scan for scan in scans if scan.classes >= FEW_LABELS]
    few = [scan for scan in scans if scan.classes < FEW_LABELS]
    for value, group in ((MANY, many), (FEW, few)):
        yield _row(third, "nets", value, group)
    groups: tuple[tuple[str, Callable[[Scan], Any]], ...] = (
        ("architecture", lambda scan: scan.architecture),
        ("data", lambda scan: scan.data),
        ("classes", lambda scan: scan.classes),
    )
    for by, key in groups:
        for value in sorted({key(scan) for scan in scans}):
            yield _row(third, by, str(value), [scan for scan in scans if key(scan) == value])


def _row(third: str, by: str, value: str, scans: Sequence[Scan]) -> Row:
    judged = [scan for scan in scans if scan.verdict is not None]
    planted = [scan for scan in judged if scan.attack is not None and not scan.weak]
    clean = [scan for scan in judged if scan.attack is None]
    return Row(
        third=third,
        by=by,
        value=value,
        planted=len(planted),
        clean=len(clean),
        weak=sum(scan.weak for scan in scans),
        refused=len(scans) - len(judged),
        inconclusive=sum(scan.verdict == "inconclusive" for scan in [*planted, *clean]),
        cleanse=_detector(
            planted,
            clean,
            score=lambda scan: scan.score,
            called=lambda scan: scan.verdict == "backdoored",
            flagged=lambda scan: scan.flagged,
        ),
        plain=_detector(
            planted,
            clean,
            score=lambda scan: scan.plain_index,
            called=lambda scan: bool(scan.plain_flagged),
            flagged=lambda scan: scan.plain_flagged,
        ),
    )


def _detector(
    planted: Sequence[Scan],
    clean: Sequence[Scan],
    *,
    score: Callable[[Scan], float | None],
    called: Callable[[Scan], bool],
    flagged: Callable[[Scan], frozenset[int]],
) -> Detector:
    def scores(scans: Sequence[Scan]) -> list[float]:
        return [value for scan in scans if (value := score(scan)) is not None]

    return Detector(
        auroc=auroc(scores(planted), scores(clean)),
        found=rate(sum(map(called, planted)), len(planted)),
        false_alarms=rate(sum(map(called, clean)), len(clean)),
        exact=rate(sum(flagged(scan) == scan.targets for scan in planted), len(planted)),
    )
