"""The result in a few lines for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from nc_core.results import scanned
from nc_core.results.evidence import evidence_lines
from nc_core.results.names import all_named, named, row_named
from nc_core.results.numbers import count, duration, hundredths, percent, probability, significant, spread_of
from nc_core.results.ranges import doubts_of, range_lines

HEADLINES = {"backdoored": "BACKDOORED", "clean": "CLEAN: no backdoor found", "inconclusive": "INCONCLUSIVE"}
SHOWN = 8
"""Flagged labels with a line of their own."""


def summary(result: Mapping[str, Any]) -> list[str]:
    """Verdict, what speaks against it, which file it is about, flagged labels, evidence, the repair, what is not
    covered."""
    lines = [headline(result), f"  {result['reason']}", *_data(result), *_files(result)]
    lines += [*_flagged(result), *_test(result)]
    lines += [*(f"  {line}" for line in evidence_lines(result)), *repair_lines(result)]
    if result["verdict"] == "clean":
        lines += ["", "Not covered by this verdict:", *(f"  - {attack}" for attack in result["not_covered"])]
    return lines


def running(result: Mapping[str, Any]) -> str:
    """Said of a result whose repairs have not ended."""
    return f"the repair is running ({', '.join(result['options']['mitigate'])})"


def follow_line(result: Mapping[str, Any]) -> str | None:
    """ "label 24 follows: its small trigger went away with the others'"; None where none does."""
    followers = result.get("followers", [])  # a result of an earlier version names none
    if not followers:
        return None
    if len(followers) == 1:
        return f"label {named(result, followers[0])} follows: its small trigger went away with the others'"
    return f"labels {all_named(result, followers)} follow: their small triggers went away with the others'"


def headline(result: Mapping[str, Any]) -> str:
    """The verdict, and the flagged labels or that it is all-to-all."""
    flagged = result["flagged_labels"]
    text = HEADLINES[result["verdict"]]
    if result.get("class_map"):  # earlier versions looked for none
        text = f"{text}, all-to-all"
    return f"{text}: {'label' if len(flagged) == 1 else 'labels'} {all_named(result, flagged)}" if flagged else text


def _files(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {scanned.about(result)}"
    for name, digest in scanned.files_of(result):
        yield f"  {name}, sha256 {digest}"


def _data(result: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"  doubt: {doubt}" for doubt in doubts_of(result))
    yield from (f"  note: {warning}" for warning in result["preflight"]["warnings"])
    yield from (f"  {line}" for line in range_lines(result))


def _flagged(result: Mapping[str, Any]) -> Iterator[str]:
    height, width, _ = result["model"]["input_shape"]
    rows = sorted((row for row in result["labels"] if row["flagged"]), key=lambda row: row["norm"])
    for row in rows[:SHOWN]:
        share = percent(row["norm"] / (height * width)) + " of the pixels"
        facts = "; ".join(filter(None, (share, spread_of(row["norms"]))))
        yield (
            f"  label {row_named(row)}: norm {significant(row['norm'])} ({facts}), anomaly index "
            f"{hundredths(row['anomaly_index'])}, attack success rate {percent(row['attack_success_rate'])}"
        )
    if (line := follow_line(result)) is not None:
        yield f"  {line}"


def _test(result: Mapping[str, Any]) -> Iterator[str]:
    seen, total = sum(row["outcome"] for row in result["labels"]), len(result["labels"])
    scanned = count(total, "label") if seen == total else f"{seen:,} of {count(total, 'label')}"
    yield (
        f"  p-value {probability(result['p_value'])} (limit {result['threshold']:g}) over {scanned} in "
        f"{duration(result['timing']['total_seconds'])}"
    )


def repair_lines(result: Mapping[str, Any], *, measured_by: str = "pass --poisoned to measure it") -> Iterator[str]:
    """What became of the repairs; nothing where none was asked for. measured_by: how to measure the true trigger."""
    repair = result["mitigation"]
    if result["state"] == "repairing":
        yield f"  {running(result)}"
    if repair is None:
        return
    if repair["method"] is None:
        for failed in repair["failed"]:
            yield f"  repair by {failed['method']} failed: {failed['reason']}"
        if repair["candidates"]:
            yield f"  no repair is handed out: {repair['reason']}"
        return
    measure = "accuracy" if result["preflight"]["labelled"] else "agreement with the submitted model"
    done = "guarded, not repaired," if repair["method"] == "filter" else "repaired"
    done = f"{done} as a precaution" if scanned.is_precaution(result) else done
    yield (
        f"  {done} by {repair['method']}: {measure} {percent(repair['accuracy_before'])} -> "
        f"{percent(repair['accuracy_after'])}"
    )
    if len(repair["candidates"]) > 1:
        yield f"  of {len(repair['candidates'])} repairs, {repair['reason']}"
    after = repair["reversed_attack_success_rate_after"]
    for label, before in list(repair["reversed_attack_success_rate_before"].items())[:SHOWN]:
        change = f"{percent(before)} -> {percent(after[label])}"
        own = not result.get("class_map") or int(label) in result["flagged_labels"]
        what = f"attack success rate of label {named(result, label)}'s reversed trigger"
        yield f"  {what if own else f'images that the trigger sends to label {named(result, label)}'} {change}"
    if again := repair.get("verdict_after"):  # a result of an earlier version has none
        yield (
            f"  all {count(again['labels'], 'label')} of the repaired net scanned again: {again['verdict']}, p-value "
            f"{probability(again['p_value'])}"
        )
    poisoned = repair["poisoned"]
    if poisoned is None:
        yield f"  the true trigger's rate after the repair is unknown: {measured_by}"
    else:
        yield (
            f"  attack success rate of the known poison {percent(poisoned['attack_success_rate_before'])} -> "
            f"{percent(poisoned['attack_success_rate_after'])}; "
            f"the guarded net catches {percent(poisoned['flagged_rate'])}"
        )
