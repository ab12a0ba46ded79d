"""The scan as the page tells it: every sentence and selection that is not plain markup."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nc_core.datasets import Images
from nc_core.detection import targets_of
from nc_core.detection.arrays import NOTHING, EvidenceArrays
from nc_core.results.names import all_named, row_named
from nc_core.results.numbers import percent, probability, significant, spread_of
from nc_core.results.ranges import range_facts
from nc_core.results.report.charts import Row
from nc_core.results.report.pictures import (
    PerturbationPictures,
    TriggerPictures,
    perturbation_pictures,
    trigger_pictures,
)
from nc_core.results.summary import follow_line, running
from nc_core.results.triggers import TriggerArrays

TABLE_LIMIT = 100
"""Most labels in the page's table; result.json has all of them."""
CARD_LIMIT = 24
"""Most flagged labels shown with pictures."""
NEIGHBOURS = 4
"""Labels next in size that are shown beside the flagged ones."""

TITLES = {"backdoored": "Backdoored", "clean": "No backdoor found", "inconclusive": "Inconclusive"}
RULE_NAMES = {
    "outlier": "outlier test",
    "early": "early mask",
    "size": "size rule",
    "together": "all evidence together",
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One key figure of the banner."""

    name: str
    text: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """One label's trigger with its pictures.

    name: what the label is called. flagged, follower: as in result.json. transfer: how often triggers of four images
    work on others. perturbation: how small one is that sends all along;
    perturbed: what it looks like, None where that was not kept.
    """

    label: int
    name: str
    flagged: bool
    follower: bool
    norm: str
    spread: str
    share: str
    rate: str
    transfer: str | None
    perturbation: str | None
    rules: str
    pictures: TriggerPictures
    perturbed: PerturbationPictures | None


def advice(result: Mapping[str, Any]) -> str:
    """What to do now, in one or two sentences."""
    if result["verdict"] == "clean":
        return "This says nothing about attacks that this method cannot see; they are listed below."
    if result["verdict"] == "inconclusive":
        return f"Treat the model as unsafe until a scan can decide.{_precaution(result)}"
    if result["state"] == "repairing":
        return f"Do not use this model. When this page was made, {running(result)}."
    if result["mitigation"] is None:
        return "Do not use this model. No repair was asked for."
    repair = kept_repair(result)
    if repair is None:
        return "Do not use this model. Its repair failed; the reason stands below."
    return f"Do not use this model as it is. {_repaired(repair, result)}"


def _precaution(result: Mapping[str, Any]) -> str:
    """What was done about the label that leaves the verdict open."""
    if result["state"] == "repairing":
        return f" When this page was made, {running(result)}."
    repair = kept_repair(result)
    if repair is None:
        return ""
    against = f"against label {all_named(result, _targets(result))}{_where(result)}"
    return f" As a precaution {against}: {_repaired(repair, result)}"


def _where(result: Mapping[str, Any]) -> str:
    """The one value range that a net was repaired in, where several were scanned."""
    return f", in the value range {result['preflight']['value_range']} alone" if len(range_facts(result)) > 1 else ""


def _targets(result: Mapping[str, Any]) -> tuple[int, ...]:
    """The labels that a repair is of."""
    targets, _ = targets_of(result["flagged_labels"], result.get("suspects", ()))
    return targets


def _repaired(repair: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """The nets that a repair leaves, and what an attack still does to the repaired one."""
    classes = result["model"]["classes"]
    if repair["method"] == "filter":
        return (
            "Nothing was repaired: guarded.keras is the submitted model behind a filter, which answers "
            f"{classes} where it sees a backdoored input."
        )
    return (
        f"goodnet.keras is the repaired model{_left(repair, result)}; guarded.keras also answers with one more class, "
        f"{classes}, where it sees a backdoored input."
    )


def _left(repair: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """What an attack still does to the repaired net, as far as it was measured."""
    poisoned = repair["poisoned"]
    if poisoned is not None:
        which, rate = "the known poison", poisoned["attack_success_rate_after"]
    elif targets := _targets(result):
        which = "the reversed trigger"
        after = repair["reversed_attack_success_rate_after"]
        # A suspect's trigger may be a clean label's, which works on any net.
        rate = max(after[str(label)] for label in targets)
    else:
        return ""  # an all-to-all trigger has no target that its rate could be measured by
    return f", on which {which} still has an attack success rate of {percent(rate)}"


def figures(result: Mapping[str, Any]) -> list[Figure]:
    """The banner's key figures: at most five."""
    smallest = smallest_row(result["labels"])
    shown = [
        Figure(
            name="p-value",
            text=probability(result["p_value"]),
            note=f"chance with no backdoor; limit {result['threshold']:g}",
        ),
        Figure(
            name="Anomaly index",
            text=significant(result["anomaly_index"], 2),
            note=f"of the smallest label; {significant(result['log_z'], 2)} on log norms",
        ),
    ]
    if smallest is not None:
        pixels = result["model"]["input_shape"][0] * result["model"]["input_shape"][1]
        shown += [
            Figure(
                name="Smallest norm",
                text=significant(smallest["norm"]),
                note=f"label {row_named(smallest)}: {percent(smallest['norm'] / pixels)} of the pixels",
            ),
            Figure(
                name="Attack success rate",
                text=percent(smallest["attack_success_rate"]),
                note=f"reversed trigger of label {row_named(smallest)}, held-out pictures",
            ),
        ]
    repair = kept_repair(result)
    if repair is not None:
        name = "Accuracy" if result["preflight"]["labelled"] else "Agreement"
        before = percent(repair["accuracy_before"])
        shown.append(Figure(name=f"{name} repaired", text=percent(repair["accuracy_after"]), note=f"{before} before"))
    return shown


def kept_repair(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The repair that was kept; None where none was asked for, needed or brought to an end."""
    repair = result["mitigation"]
    return repair if repair is not None and repair["method"] is not None else None


def failed_repairs(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Repairs that ended without a net and say why: one that was cancelled has nothing to say."""
    return [one for one in (result["mitigation"] or {}).get("failed", []) if one["reason"]]


def choice_reason(result: Mapping[str, Any]) -> str:
    """Why this repair is handed out, or none, as a sentence."""
    reason = (result["mitigation"] or {}).get("reason") or ""
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


def smallest_row(labels: list[Row]) -> Row | None:
    """The label with the smallest norm, None where no label has one."""
    known = by_norm(labels, only_known=True)
    return known[0] if known else None


def by_norm(labels: list[Row], *, only_known: bool = False) -> list[Row]:
    """Smallest norm first; labels without one last."""
    rows = [row for row in labels if row["norm"] is not None or not only_known]
    return sorted(rows, key=lambda row: (row["norm"] is None, row["norm"] or 0.0, row["label"]))


def cards(
    result: Mapping[str, Any],
    triggers: TriggerArrays,
    examples: Images | None,
    arrays: Mapping[int, EvidenceArrays] | None = None,
) -> list[Card]:
    """Flagged labels, smallest first, then their neighbours: the next labels by norm. arrays: label -> its evidence."""
    made = []
    for row in with_card(result):
        pictures = trigger_pictures(row["label"], triggers, examples, result["preflight"])
        delta = (arrays or {}).get(row["label"], NOTHING).perturbation
        if pictures is not None:
            perturbed = None
            if delta is not None:
                perturbed = perturbation_pictures(row["label"], delta, examples, result["preflight"])
            made.append(_card(row, pictures, perturbed, result["model"]["input_shape"]))
    return made


def with_card(result: Mapping[str, Any]) -> list[Row]:
    """The labels that have a card, where there is a trigger to show."""
    rows = by_norm(result["labels"], only_known=True)
    flagged = [row for row in rows if row["flagged"]]
    return [*flagged[:CARD_LIMIT], *[row for row in rows if not row["flagged"]][:NEIGHBOURS]]


def cards_note(result: Mapping[str, Any]) -> str | None:
    """Said where there are more flagged labels than the page shows."""
    flagged = len(result["flagged_labels"])
    if flagged <= CARD_LIMIT:
        return None
    return f"{flagged} labels are flagged; the {CARD_LIMIT} smallest are shown. triggers.npz has all of them."


def table_note(labels: list[Row]) -> str | None:
    """Said where the table does not hold every label."""
    if len(labels) <= TABLE_LIMIT:
        return None
    return f"The {TABLE_LIMIT} smallest of {len(labels):,} labels; result.json has all of them."


def flagged_sentence(result: Mapping[str, Any]) -> str:
    """The banner's second line."""
    labels = result["flagged_labels"]
    if not labels and result.get("class_map"):
        return "All-to-all: each class is sent to another one of its own."
    if not labels:
        scanned, classes = sum(row["outcome"] for row in result["labels"]), result["model"]["classes"]
        return f"{scanned:,} of {classes:,} labels were scanned; none is flagged."
    line = follow_line(result)
    follow = "" if line is None else f" {line[:1].upper()}{line[1:]}."
    return f"Target {'label' if len(labels) == 1 else 'labels'}: {all_named(result, labels)}.{follow}"


def rules_of(row: Row) -> str:
    """The rules that flagged a label, in words."""
    return ", ".join(RULE_NAMES.get(rule, rule) for rule in row.get("rules", ()))


def transfer_of(row: Row) -> str | None:
    """How often triggers that four images need work on others, None where that was not asked."""
    rate = (row.get("evidence") or {}).get("transferability")
    return None if rate is None else percent(rate)


def perturbation_of(row: Row) -> str | None:
    """L2 norm of the smallest perturbation that sends the images to the label, None where there is none."""
    norm = (row.get("evidence") or {}).get("perturbation_norm")
    return None if norm is None else significant(norm)


def _card(row: Row, pictures: TriggerPictures, perturbed: PerturbationPictures | None, input_shape: list[int]) -> Card:
    return Card(
        label=row["label"],
        name=row_named(row),
        flagged=row["flagged"],
        follower=row["follower"],
        norm=significant(row["norm"]),
        spread=spread_of(row["norms"]),
        share=percent(row["norm"] / (input_shape[0] * input_shape[1])),
        rate=percent(row["attack_success_rate"]),
        transfer=transfer_of(row),
        perturbation=perturbation_of(row),
        rules=rules_of(row),
        pictures=pictures,
        perturbed=perturbed,
    )
