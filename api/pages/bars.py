"""Small bars of many parts: how the labels of a submission stand, what ended on a day."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from nc_core.results.numbers import count
from nc_core.results.report.svg import element

STATES = ("done", "screened_out", "not_converged", "failed", "cancelled", "running", "queued")
"""The order of the parts: what has ended, what is at work, what waits."""
WIDTH = 100.0


def state_bar(states: Mapping[str, int], total: int | None) -> Markup:
    """Labels per state as one bar; what of `total` has no row yet counts as queued."""
    missing = max(0, (total or 0) - sum(states.values()))
    shown = {**states, "queued": states.get("queued", 0) + missing}
    return parted_bar([(state, shown.get(state, 0)) for state in STATES], name=states_in_words(shown))


def states_in_words(states: Mapping[str, int]) -> str:
    """ "43 labels: 41 done, 2 failed"; "43 labels" where all are done."""
    told = ", ".join(f"{states[state]:,} {state.replace('_', ' ')}" for state in STATES if states.get(state))
    total = sum(states.values())
    if not total:
        return "no labels yet"
    return count(total, "label") if states.get("done") == total else f"{count(total, 'label')}: {told}"


def parted_bar(parts: Sequence[tuple[str, int]], *, name: str, height: float = 8.0) -> Markup:
    """Parts (kind, number) in this order, as wide as their share; kind is the CSS class."""
    total = sum(number for _, number in parts)
    drawn, at = [], 0.0
    for kind, number in parts:
        if number:
            width = WIDTH * number / total
            drawn.append(element("rect", class_=f"part {kind}", x=at, y=0.0, width=width, height=height))
            at += width
    box = f"0 0 {WIDTH:g} {height:g}"
    return element("svg", *drawn, class_="bar", viewBox=box, preserveAspectRatio="none", role="img", aria_label=name)
