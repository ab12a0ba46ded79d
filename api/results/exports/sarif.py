"""A result as SARIF 2.1.0 (OASIS Standard, sections in brackets), for tools that collect findings of all kinds."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from nc_core.results import scanned
from nc_core.results.evidence import brief_evidence
from nc_core.results.names import row_named
from nc_core.results.numbers import percent, probability, significant
from nc_core.results.ranges import doubts_of, range_lines
from nc_core.results.summary import follow_line

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION = "2.1.0"
TRIGGER, UNDECIDED = "trigger-found", "no-verdict"
RULES: tuple[dict[str, Any], ...] = (
    {
        "id": TRIGGER,
        "name": "TriggerFound",
        "shortDescription": {"text": "A small trigger sends pictures of every class to one label."},
        "fullDescription": {
            "text": "The trigger that was reversed for this label is smaller than chance allows for a model without a "
            "backdoor (Neural Cleanse, Wang et al., IEEE S&P 2019)."
        },
        "help": {"text": "Do not deploy this model. Use the repaired one, or train anew from data that you trust."},
        "defaultConfiguration": {"level": "error"},
        # On the scale of CVSS, which code scanning sorts by: 9 and more is critical.
        "properties": {"tags": ["security", "backdoor"], "security-severity": "9.0", "precision": "high"},
    },
    {
        "id": UNDECIDED,
        "name": "NoVerdict",
        "shortDescription": {"text": "The scan could not tell whether the model carries a backdoor."},
        "fullDescription": {
            "text": "A label was not seen or not scanned, or the smallest trigger is a borderline case."
        },
        "help": {"text": "Scan again as the reason says: with more images, another seed, all labels or more time."},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["security", "backdoor"], "security-severity": "5.0", "precision": "high"},
    },
)


def sarif(result: Mapping[str, Any], place: str | None = None) -> dict[str, Any]:
    """The SARIF log of a result.json: one run, and one result for each flagged label, for an all-to-all backdoor, or
    where there is no verdict.

    A clean model has no results. Submitted file and scanned net are artifacts with their sha256; the file's name, which
    is its author's, stands in no message, only as an address with everything unusual escaped.

    place: where the file lies in the project that is checked, such as "models/signs.keras"; None: its name alone.
    """
    place = quote(place, errors="replace") if place is not None else _address(result["model"]["name"])
    return joined([{"runs": [_run(result, place)]}])


def joined(logs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One log with the runs of several, of models at different places: code scanning tells them apart by those."""
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run for log in logs for run in log["runs"]]}


def _run(result: Mapping[str, Any], place: str) -> dict[str, Any]:
    program = result["versions"].get("cleanse", "")
    return {
        # Findings of the same model are one series, which another model's do not end [3.17.3].
        "automationDetails": {"id": f"cleanse/{place}/"},
        "tool": {"driver": {"name": "Cleanse", "version": program, "rules": list(RULES)}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(_notifications(result))}],
        "artifacts": list(_artifacts(result, place)),
        "results": list(_results(result, place)),
        "properties": {
            "verdict": result["verdict"],
            "p_value": result["p_value"],
            "threshold": result["threshold"],
            "anomaly_index": result["anomaly_index"],
            "log_z": result["log_z"],
            "evidence": brief_evidence(result),
            "value_range": result["preflight"]["value_range"],
            "ranges": [one["value_range"] for one in result.get("ranges", ())],
            "doubts": result.get("doubts", []),
            "profile": result["profile"],
            "seed": result["seed"],
        },
    }


def _artifacts(result: Mapping[str, Any], place: str) -> Iterator[dict[str, Any]]:
    """The submitted file, to which the findings point, and the net that was scanned, which the verdict is about."""
    model, digest = result["model"], scanned.digest_of(result)
    yield _artifact(place, model["sha256"], "The file that was submitted. It is not what ran in this scan.")
    if digest is not None:
        yield _artifact(_address(scanned.SCANNED), digest, scanned.about(result))


def _artifact(place: str, digest: str, description: str) -> dict[str, Any]:
    return {
        "location": {"uri": place},
        "description": {"text": _text(description)},
        "roles": ["analysisTarget"],
        "hashes": {"sha-256": digest},
    }


def _notifications(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a reader of the verdict must know: its reason, its file, doubts, and what a clean one does not cover."""
    yield {"level": "note", "message": {"text": _text(result["reason"])}}
    yield {"level": "note", "message": {"text": _text(scanned.about(result))}}
    for warning in (*doubts_of(result), *result["preflight"]["warnings"]):
        yield {"level": "warning", "message": {"text": _text(warning)}}
    if (line := follow_line(result)) is not None:
        yield {"level": "note", "message": {"text": _text(f"{line[:1].upper()}{line[1:]}.")}}
    for line in range_lines(result):
        yield {"level": "note", "message": {"text": _text(f"{line[:1].upper()}{line[1:]}.")}}
    if result["verdict"] == "clean":
        for attack in result["not_covered"]:
            yield {"level": "note", "message": {"text": _text(f"Not covered by this verdict: {attack}.")}}


def _results(result: Mapping[str, Any], place: str) -> Iterator[dict[str, Any]]:
    if result["verdict"] == "inconclusive":
        yield _finding(result, place, UNDECIDED, result["reason"], identity="verdict", properties={})
    if result.get("class_map"):  # earlier versions looked for none
        yield _finding(result, place, TRIGGER, result["reason"], identity="all-to-all", properties={})
    for row in result["labels"]:
        if row["flagged"]:
            text, identity = _about(row, result), str(row["label"])
            yield _finding(result, place, TRIGGER, text, identity=identity, properties=_figures(row))


def _finding(
    result: Mapping[str, Any], place: str, rule: str, text: str, *, identity: str, properties: Mapping[str, Any]
) -> dict[str, Any]:
    index = [known["id"] for known in RULES].index(rule)
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "level": RULES[index]["defaultConfiguration"]["level"],
        "message": {"text": _text(text)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": place, "index": 0}}}],
        # The same model scanned again is the same finding, whatever its file is called [3.27.17].
        "partialFingerprints": {"modelAndLabel/v1": f"{result['model']['sha256']}:{identity}"},
        "properties": dict(properties),
    }


def _about(row: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    height, width, _ = result["model"]["input_shape"]
    return (
        f"Label {row_named(row)} can be reached by a trigger of {significant(row['norm'])} pixels "
        f"({percent(row['norm'] / (height * width))} of the picture) that works on "
        f"{percent(row['attack_success_rate'])} of held-out images; p = {probability(result['p_value'])}."
    )


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("label", "name", "norm", "anomaly_index", "log_z", "attack_success_rate", "rules")
    return {name: row[name] for name in names if row.get(name) is not None}


def _address(name: str) -> str:
    """The file's name as a relative URI reference [3.4.3]; a colon in it would make a scheme of what precedes it."""
    return quote(name, safe="")


def _text(text: str) -> str:
    """Plain text as a message: brackets would be links, braces placeholders [3.11.5, 3.11.6]."""
    escaped = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return escaped.replace("{", "{{").replace("}", "}}")
