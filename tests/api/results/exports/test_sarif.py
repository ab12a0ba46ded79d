"""SARIF: what the standard asks of every log, and that findings say what the result says."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from api.results.exports.sarif import joined, sarif

Make = Callable[..., dict[str, Any]]

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
INDEX = {"type": "integer", "minimum": -1}
ADDRESS = {"type": "object", "properties": {"uri": {"type": "string"}, "index": INDEX}, "additionalProperties": False}
LOG: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string", "format": "uri"},
        "runs": {"type": "array", "items": {"$ref": "#/$defs/run"}},
    },
    "additionalProperties": False,
    "$defs": {
        "run": {
            "type": "object",
            "required": ["tool"],
            "properties": {
                "automationDetails": {"properties": {"id": {"type": "string"}}, "additionalProperties": False},
                "tool": {"required": ["driver"], "properties": {"driver": {"$ref": "#/$defs/component"}}},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                "artifacts": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/artifact"}},
                "invocations": {"type": "array", "items": {"$ref": "#/$defs/invocation"}},
                "properties": {"type": "object"},
            },
            "additionalProperties": False,
        },
        "component": {
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "rules": {"type": "array", "uniqueItems": True, "items": {"$ref": "#/$defs/rule"}},
            },
            "additionalProperties": False,
        },
        "rule": {
            "required": ["id"],
            "properties": {
                "id": {"type": "string"},
                "name": {"type": "string"},
                "shortDescription": TEXT,
                "fullDescription": TEXT,
                "help": TEXT,
                "defaultConfiguration": {"properties": {"level": LEVEL}, "additionalProperties": False},
                "properties": {
                    "type": "object",
                    "properties": {"tags": {"type": "array", "uniqueItems": True, "items": {"type": "string"}}},
                },
            },
            "additionalProperties": False,
        },
        "artifact": {
            "properties": {
                "location": ADDRESS,
                "description": TEXT,
                "roles": {"type": "array", "items": {"enum": ["analysisTarget"]}},
                "hashes": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "additionalProperties": False,
        },
        "invocation": {
            "required": ["executionSuccessful"],
            "properties": {
                "executionSuccessful": {"type": "boolean"},
                "toolExecutionNotifications": {
                    "type": "array",
                    "items": {
                        "required": ["message"],
                        "properties": {"message": TEXT, "level": LEVEL},
                        "additionalProperties": False,
                    },
                },
            },
            "additionalProperties": False,
        },
        "result": {
            "required": ["message"],
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": INDEX,
                "level": LEVEL,
                "message": TEXT,
                "locations": {
                    "type": "array",
                    "items": {
                        "properties": {
                            "physicalLocation": {
                                "required": ["artifactLocation"],
                                "properties": {"artifactLocation": ADDRESS},
                                "additionalProperties": False,
                            }
                        },
                        "additionalProperties": False,
                    },
                },
                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                "properties": {"type": "object"},
            },
            "additionalProperties": False,
        },
    },
}
"""The part of the SARIF 2.1.0 schema that concerns the objects written here."""


def run_of(result: dict[str, Any]) -> dict[str, Any]:
    """The one run of the log, as it arrives elsewhere."""
    log = json.loads(json.dumps(sarif(result), allow_nan=False))
    jsonschema.validate(log, LOG)
    (run,) = log["runs"]
    return run


def test_a_flagged_label_is_an_error_with_its_figures(make_result: Make) -> None:
    run = run_of(make_result(infected={33: 8.2, 7: 5.0}))
    findings = run["results"]
    assert [finding["properties"]["label"] for finding in findings] == [7, 33]
    assert {finding["level"] for finding in findings} == {"error"}
    assert "Label 33 can be reached by a trigger of 8.20 pixels (0.8% of the picture)" in findings[1]["message"]["text"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[finding["ruleIndex"]]["id"] == finding["ruleId"] for finding in findings)


def test_an_all_to_all_backdoor_is_an_error_though_no_label_is_flagged(make_result: Make) -> None:
    reason = "A trigger sends the images of each class to another one of their own: 0 -> 1, 1 -> 0."
    (finding,) = run_of({**make_result(), "verdict": "backdoored", "reason": reason, "class_map": {"0": 1}})["results"]
    assert (finding["level"], finding["message"]["text"]) == ("error", reason)


def test_a_clean_model_has_no_results_and_says_what_was_not_looked_for(make_result: Make) -> None:
    result = make_result()
    run = run_of(result)
    assert run["results"] == []
    said = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert len(said) == 2 + len(result["not_covered"])
    assert said[1].startswith("Deploy scanned.keras, not the submitted file")
    assert run["properties"]["verdict"] == "clean"


def test_the_scanned_net_is_an_artifact_beside_the_submitted_file(make_result: Make) -> None:
    result = make_result()
    submitted, net = run_of(result)["artifacts"]
    assert submitted["hashes"] == {"sha-256": result["model"]["sha256"]}
    assert "not what ran" in submitted["description"]["text"]
    assert (net["location"]["uri"], net["hashes"]) == ("scanned.keras", {"sha-256": "5c" * 32})
    # and a scan that kept none says so, and points at none
    result["model"]["scanned_sha256"] = None
    run = run_of(result)
    assert len(run["artifacts"]) == 1
    said = [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]]
    assert "has no scanned.keras" in said[1]


def test_no_verdict_is_a_warning_with_the_reason(make_result: Make) -> None:
    result = make_result(unfinished=11)
    (finding,) = run_of(result)["results"]
    assert (finding["level"], finding["message"]["text"]) == ("warning", result["reason"])


@pytest.mark.parametrize(
    "name", ["c:model.h5", "../../etc/passwd", "a b#c?d%.h5", "ü\u202e\n.h5", "//host/x", "[x]{0}"]
)
def test_a_hostile_file_name_is_a_relative_address_and_stands_in_no_message(make_result: Make, name: str) -> None:
    run = run_of(make_result(infected={33: 8.2}, model_name=name))
    address = run["artifacts"][0]["location"]["uri"]
    assert address.isascii()
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert "/" not in address
    assert name not in json.dumps([finding["message"] for finding in run["results"]], ensure_ascii=False)


def test_the_same_model_scanned_again_is_the_same_finding(make_result: Make) -> None:
    first, second = (run_of(make_result(infected={33: norm}, model_name=f"{norm}.h5")) for norm in (8.2, 7.9))
    assert first["results"][0]["partialFingerprints"] == second["results"][0]["partialFingerprints"]
    assert first["results"][0]["message"] != second["results"][0]["message"]


def test_brackets_in_a_reason_are_no_link(make_result: Make) -> None:
    result = make_result(unfinished=11)
    result["reason"] = "see [this](https://example.org) {0}"
    (finding,) = run_of(result)["results"]
    assert finding["message"]["text"] == r"see \[this\](https://example.org) {{0}}"


def test_models_at_several_places_are_one_log_of_runs_that_are_told_apart(make_result: Make) -> None:
    places = ("models/a b.keras", "other/\udc80.keras", None)
    log = joined(sarif(make_result(infected={33: 8.2}), place) for place in places)
    jsonschema.validate(log, LOG)
    found = [run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for run in log["runs"]]
    assert found[:2] == ["models/a%20b.keras", "other/%3F.keras"]
    assert "/" not in found[2]
    assert [run["automationDetails"]["id"] for run in log["runs"]] == [f"cleanse/{place}/" for place in found]
