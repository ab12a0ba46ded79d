"""What scans of the small zoo say of an installation: whether it finds what it should, and its own rates."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from api.backends.local import local
from api.cli.zoo import scanning
from api.cli.zoo.building import build_plan
from api.cli.zoo.table import with_interval
from nc_core.results.numbers import listed, probability
from nc_core.zoo import Plan
from nc_core.zoo.folder import of_plan
from nc_core.zoo.score import NOT_UNIVERSAL, Scan
from nc_core.zoo.statistics import Rate, rate
from nc_tasks.settings import Settings


def scanned(settings: Settings, out: Path, plan: Plan, *, tell: Callable[[str], object]) -> list[Scan]:
    """Build and scan what is missing of the plan's nets in a folder, as `cleanse zoo` does; the scans.

    tell: given a line for each net that was trained. Raises CleanseError where a net could not be trained or scanned.
    """
    build_plan(settings, out, plan, tell=tell)
    folders = of_plan(out, plan)
    if todo := scanning.unscanned(folders):
        with local(settings) as backend:
            # A scan that the store has from an earlier installation says nothing of this one.
            failed = scanning.scan(backend, todo, of=len(folders), afresh=True)
        scanning.check_all(failed, len(folders))
    return scanning.scans(folders)


def faults(scans: Sequence[Scan]) -> list[Scan]:
    """Nets that this installation should have found and has not, and clean ones that it calls backdoored."""
    return [scan for scan in scans if (_called(scan) if scan.attack is None else _missed(scan))]


def lines(scans: Sequence[Scan]) -> Iterator[str]:
    """A line a net, both rates with their 95% intervals, and how it ended."""
    wrong = faults(scans)
    for scan in scans:
        yield f"{scan.name}: {_in_words(scan)}{' (not as it should be)' if scan in wrong else ''}"
    found, alarms = _rates(scans)
    yield ""
    yield f"planted nets found: {found.hits} of {found.of}, {with_interval(found)}"
    yield f"clean nets called backdoored: {alarms.hits} of {alarms.of}, {with_interval(alarms)}"
    if wrong:
        yield f"Failed: {', '.join(scan.name for scan in wrong)}."
    else:
        yield "Passed."


def figures(scans: Sequence[Scan]) -> dict[str, Any]:
    """The same as JSON."""
    found, alarms = _rates(scans)
    wrong = faults(scans)
    return {
        "schema": 1,
        "passed": not wrong,
        "found": asdict(found),
        "false_alarms": asdict(alarms),
        "nets": [
            {
                "name": scan.name,
                "architecture": scan.architecture,
                "classes": scan.classes,
                "attack": scan.attack,
                "targets": sorted(scan.targets),
                "weak": scan.weak,
                "verdict": scan.verdict,
                "flagged_labels": sorted(scan.flagged),
                "p_value": None if scan.score is None else round(1 - scan.score, 12),
                "right": scan not in wrong,
            }
            for scan in scans
        ],
    }


def _must_be_found(scan: Scan) -> bool:
    """Whether one trigger sends images of all classes to one label, and works as its card asks."""
    return scan.attack is not None and scan.attack not in NOT_UNIVERSAL and not scan.weak


def _missed(scan: Scan) -> bool:
    return _must_be_found(scan) and not _called(scan)


def _called(scan: Scan) -> bool:
    return scan.verdict == "backdoored"


def _rates(scans: Sequence[Scan]) -> tuple[Rate, Rate]:
    """Planted nets found, of those that must be; clean ones called backdoored, of those with a verdict."""
    planted = [_called(scan) for scan in scans if _must_be_found(scan)]
    clean = [_called(scan) for scan in scans if scan.attack is None and scan.verdict is not None]
    return rate(sum(planted), len(planted)), rate(sum(clean), len(clean))


def _in_words(scan: Scan) -> str:
    what = "clean" if scan.attack is None else f"{scan.attack} on {_labels(sorted(scan.targets))}"
    weak = ", works less than its card asks" if scan.weak else ""
    if scan.verdict is None:
        return f"{what}{weak}; refused"
    flagged = f", {_labels(sorted(scan.flagged))} flagged" if scan.flagged else ""
    p_value = "" if scan.score is None else f", p-value {probability(1 - scan.score)}"
    return f"{what}{weak}; {scan.verdict}{flagged}{p_value}"


def _labels(labels: list[int]) -> str:
    return f"{'label' if len(labels) == 1 else 'labels'} {listed(labels)}"
