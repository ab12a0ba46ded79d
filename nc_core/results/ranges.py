"""What the value ranges of a scan, and the doubts about its data, say: the same words wherever a result is told."""

from collections.abc import Mapping
from typing import Any

from nc_core.results.names import all_named
from nc_core.results.numbers import percent, probability


def doubts_of(result: Mapping[str, Any]) -> list[str]:
    """What speaks against the clean data or their range, as sentences; none in results of earlier versions."""
    return [f"{doubt[:1].upper()}{doubt[1:]}." for doubt in result.get("doubts", ())]


def limit_of(result: Mapping[str, Any]) -> float:
    """The p-value that flags a label: of several value ranges each has its share of the model's."""
    return next((one["threshold"] for one in result.get("ranges", ())), result["threshold"])


def range_facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each range with what its scan has found, where several were scanned."""
    ranges = result.get("ranges", ())
    return [(one["value_range"], _outcome(one, result)) for one in ranges] if len(ranges) > 1 else []


def range_lines(result: Mapping[str, Any]) -> list[str]:
    """The same, a line each."""
    return [f"scanned in {name}: {text}" for name, text in range_facts(result)]


def _outcome(one: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    flagged = one["flagged_labels"]
    labels = f", {'label' if len(flagged) == 1 else 'labels'} {all_named(result, flagged)}" if flagged else ""
    p_value = f"p-value {probability(one['p_value'])}, limit {one['threshold']:.3g}"
    accuracy = "" if one["clean_accuracy"] is None else f"; clean accuracy {percent(one['clean_accuracy'])}"
    return f"{one['verdict']}{labels} ({p_value}{accuracy})"
