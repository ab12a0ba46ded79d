"""The repairs that were compared, side by side: figures, what was changed, and what a trigger must look like now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nc_core.datasets import Images
from nc_core.results.names import named
from nc_core.results.numbers import MISSING, count, duration, percent, significant
from nc_core.results.report.pictures import TriggerPictures, trigger_pictures
from nc_core.results.triggers import TriggerArrays


@dataclass(frozen=True, kw_only=True)
class MethodCard:
    """One method. rows: name and text of every figure. changed, notes: sentences. pictures: label -> its fresh
    trigger."""

    method: str
    kept: bool
    rejected: bool
    rows: list[tuple[str, str]]
    changed: str
    notes: list[str]
    pictures: "Pictures"


Pictures = dict[str, TriggerPictures]
"""Label -> the trigger that was reversed for it on one repaired model."""


def method_cards(result: Mapping[str, Any], pictures: Mapping[str, Pictures]) -> list[MethodCard]:
    """A card for every repair that ended with a net, the kept one first. pictures: method -> those of its net."""
    candidates = (result["mitigation"] or {}).get("candidates", [])
    cards = [_card(one, result, pictures.get(one["method"], {})) for one in candidates]
    return sorted(cards, key=lambda card: (not card.kept, card.rejected, card.method))


def drawn(
    result: Mapping[str, Any], fresh: Mapping[str, TriggerArrays], examples: Images | None
) -> dict[str, Pictures]:
    """Method -> label -> its fresh trigger in pictures that stand in the page itself."""
    return {method: _drawn(result, triggers, examples) for method, triggers in fresh.items()}


def _card(candidate: Mapping[str, Any], result: Mapping[str, Any], pictures: Pictures) -> MethodCard:
    kept = candidate["method"] == result["mitigation"]["method"]
    bound = candidate.get("bound")
    return MethodCard(
        method=candidate["method"],
        kept=kept,
        rejected=bound is not None and not bound["holds"],
        rows=_rows(candidate, result),
        changed=_changed(candidate),
        notes=list(candidate.get("notes", [])),
        pictures=pictures,
    )


def _rows(candidate: Mapping[str, Any], result: Mapping[str, Any]) -> list[tuple[str, str]]:
    name = "Clean accuracy" if result["preflight"]["labelled"] else "Agreement"
    rows = [(name, _change(candidate["accuracy_before"], candidate["accuracy_after"]))]
    if bound := candidate.get("bound"):
        sure = f" where the model is sure ({bound['confidence_cut']:.3g})" if bound["confidence_cut"] else ""
        rows.append((f"Held to the bound{sure}", f"{percent(bound['after'])}, at least {percent(bound['least'])}"))
    for label, before in candidate["reversed_attack_success_rate_before"].items():
        after = candidate["reversed_attack_success_rate_after"][label]
        rows.append((f"Reversed trigger of label {named(result, label)}", _change(before, after)))
    for label, after in candidate.get("recovery_accuracy_after", {}).items():
        rows.append(
            (
                f"Recovery accuracy, label {named(result, label)}",
                _change(candidate["recovery_accuracy_before"][label], after),
            )
        )
    rows += _compared(candidate, result)
    if poisoned := candidate.get("poisoned"):
        change = _change(poisoned["attack_success_rate_before"], poisoned["attack_success_rate_after"])
        rows.append(("Known poison", change))
    for label, scan in candidate["rescan"].items():
        rows.append((f"Norm afresh, label {named(result, label)}", significant(scan["norm"])))
    return [*rows, ("Took", duration(candidate.get("seconds")))]


def _compared(candidate: Mapping[str, Any], result: Mapping[str, Any]) -> list[tuple[str, str]]:
    comparison = candidate.get("comparison") or {}
    met = comparison.get("triggers", [])
    if not met:
        return [("Reversed triggers of all repairs", comparison["reason"])] if "reason" in comparison else []
    worst = max(met, key=lambda entry: entry["attack_success_rate"])
    text = f"{percent(worst['attack_success_rate'])} (label {named(result, worst['label'])}, from {worst['origin']})"
    return [(f"Worst of {count(len(met), 'reversed trigger')}", text)]


def _change(before: float, after: float) -> str:
    return f"{percent(before)} → {percent(after)}"


def _changed(candidate: Mapping[str, Any]) -> str:
    """Which layers have other weights, and by how much of their size."""
    layers = [
        f"{one['layer']} ({one['changed']:,} of {one['weights']:,} weights, by {percent(one['relative'])})"
        for one in candidate.get("changed", [])
    ]
    return f"Changed: {', '.join(layers)}." if layers else MISSING


def _drawn(result: Mapping[str, Any], fresh: TriggerArrays, examples: Images | None) -> Pictures:
    made = ((str(label), trigger_pictures(int(label), fresh, examples, result["preflight"])) for label in fresh.labels)
    return {label: pictures for label, pictures in made if pictures is not None}
