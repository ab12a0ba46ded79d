"""Two submissions side by side, as their page shows them."""

from collections.abc import Iterator, Sequence
from typing import Any

from api.pages.charts import comparison_chart
from nc_core.results.names import called
from nc_core.results.numbers import count, hundredths, listed, percent
from nc_tasks.views.comparison import DRIFT_FACTOR, Comparison, LabelPair

TABLE_LIMIT = 100
"""Most labels in the table: those that changed most."""


def shown(found: Comparison) -> dict[str, Any]:
    """What the page's template wants."""
    pairs = _by_change(found)
    note = f"The {TABLE_LIMIT} of {len(pairs):,} labels that changed most." if len(pairs) > TABLE_LIMIT else None
    return {
        "error": None,
        "found": found,
        "lines": list(lines(found)),
        "chart": None if found.ratio is None else comparison_chart(found.labels, found.ratio),
        "factor": DRIFT_FACTOR,
        "pairs": pairs[:TABLE_LIMIT],
        "note": note,
    }


def lines(found: Comparison) -> Iterator[str]:
    """What is the same and what has changed, as sentences."""
    yield "Both are scans of the same model file." if found.same_model else "The model files differ."
    yield "The clean data is the same." if found.same_data else "The clean data differs, which alone moves norms."
    for name, (left, right) in found.options.items():
        yield f"Option {name.replace('_', ' ')}: {_option(left)} left, {_option(right)} right."
    if found.left.verdict != found.right.verdict:
        yield f"The verdict was {found.left.verdict or 'none'} left, and is {found.right.verdict or 'none'} right."
    for labels, told in ((found.newly_flagged, "right alone"), (found.no_longer_flagged, "left alone")):
        if labels:
            yield f"Flagged {told}: {'label' if len(labels) == 1 else 'labels'} {_called(found, labels)}."
    yield from _drift(found)


def _drift(found: Comparison) -> Iterator[str]:
    if found.ratio is None:
        yield "No label has a norm on both sides: norms cannot be compared."
        return
    yield f"The typical label's norm is {percent(found.ratio)} of what it was left."
    if found.drifted:
        told = f"{count(len(found.drifted), 'label')} drifted by more than a factor of {DRIFT_FACTOR:g} beyond that"
        yield f"{told}: {_called(found, found.drifted)}."
    else:
        yield f"No label drifted by more than a factor of {DRIFT_FACTOR:g} beyond that."


def _called(found: Comparison, labels: Sequence[int]) -> str:
    names = {pair.label: pair.name for pair in found.labels}
    return listed([called(label, names.get(label)) for label in labels])


def _by_change(found: Comparison) -> list[LabelPair]:
    """Drifted first, farthest first; then by label."""
    rank = {label: place for place, label in enumerate(found.drifted)}
    return sorted(found.labels, key=lambda pair: (rank.get(pair.label, len(rank)), pair.label))


def _option(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, float):
        return hundredths(value)
    if isinstance(value, list):
        return listed(value) if value else "none"
    return str(value)
