"""A result in five lines, and as a page's fragment for notebooks."""

from collections.abc import Mapping
from typing import Any

from nc_core.datasets import Images
from nc_core.results.names import named, row_named
from nc_core.results.numbers import count, duration, percent, probability, significant
from nc_core.results.report.charts import Row
from nc_core.results.report.environment import environment
from nc_core.results.report.view import by_norm, cards, smallest_row
from nc_core.results.summary import SHOWN, headline
from nc_core.results.triggers import TriggerArrays

NEXT = {
    "backdoored": "do not use this model; nc_core.repair(found) makes one without the backdoor",
    "clean": "found.save(folder) writes scanned.keras, the net to deploy; found.report(path) says what is not covered",
    "inconclusive": "treat the model as unsafe until a scan can decide",
}
"""Verdict -> what to do."""


def brief(result: Mapping[str, Any]) -> list[str]:
    """Verdict and why, p-value, flagged labels, what was looked at, what to do: five lines."""
    return [
        f"{headline(result)}. {result['reason']}",
        f"p-value {probability(result['p_value'])}, limit {result['threshold']:g}",
        _labels(result),
        _extent(result),
        f"next: {_next(result)}",
    ]


def brief_page(result: Mapping[str, Any], triggers: TriggerArrays, examples: Images | None) -> str:
    """The same with the triggers' pictures, as HTML to stand inside a page; arguments as in `render_report`."""
    return (
        environment("nc_core.results.report")
        .get_template("brief.html")
        .render(lines=brief(result), cards=cards(result, triggers, examples))
    )


def _next(result: Mapping[str, Any]) -> str:
    told = NEXT[result["verdict"]]
    if result["verdict"] != "inconclusive" or not result.get("suspects"):
        return told
    label = named(result, result["suspects"][0])
    return f"{told}; nc_core.repair(found) takes away the trigger of label {label} as a precaution"


def _labels(result: Mapping[str, Any]) -> str:
    flagged = by_norm([row for row in result["labels"] if row["flagged"]])
    if flagged:
        more = f"; and {len(flagged) - SHOWN} more" if len(flagged) > SHOWN else ""
        return f"flagged: {'; '.join(_label(row, result) for row in flagged[:SHOWN])}{more}"
    smallest = smallest_row(result["labels"])
    return "flagged: none" if smallest is None else f"flagged: none; the smallest is {_label(smallest, result)}"


def _label(row: Row, result: Mapping[str, Any]) -> str:
    if row["norm"] is None:
        return f"label {row_named(row)} (no norm)"
    height, width, _ = result["model"]["input_shape"]
    share = percent(row["norm"] / (height * width))
    return f"label {row_named(row)} (norm {significant(row['norm'])}, {share} of the pixels)"


def _extent(result: Mapping[str, Any]) -> str:
    seen, classes = sum(row["outcome"] for row in result["labels"]), result["model"]["classes"]
    images = count(result["preflight"]["images"], "image")
    labelled = "labelled" if result["preflight"]["labelled"] else "unlabelled"
    took = duration(result["timing"]["total_seconds"])
    ranges = " and ".join(one["value_range"] for one in result["ranges"])
    return f"scanned: {seen:,} of {count(classes, 'label')} with {images} ({labelled}), in {ranges}, in {took}"
