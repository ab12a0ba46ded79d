"""A verdict as a signed in-toto attestation: which model, by digest, was judged how, by what, with which settings."""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from api.results.exports import dsse
from nc_core.errors import InputRefused
from nc_core.results import scanned
from nc_core.results.evidence import brief_evidence

PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:cleanse:verdict:v1"
FIGURES = ("p_value", "threshold", "anomaly_index", "log_z")
RANGE = ("value_range", "clean_accuracy", "verdict", "flagged_labels", "p_value", "threshold")
"""What is attested of each value range that was scanned."""


def statement(result: Mapping[str, Any]) -> dict[str, Any]:
    """The in-toto Statement (v1) of a result.json.

    Subjects are the submitted file and the net that was scanned, as it is handed out: the predicate says which is
    which, and which to deploy. The repaired model is named in the predicate alone: the verdict is not about it.
    """
    model, digest = result["model"], scanned.digest_of(result)
    net = None if digest is None else {"name": scanned.SCANNED, "digest": {"sha256": digest}}
    return {
        "_type": STATEMENT,
        "subject": [{"name": model["name"], "digest": {"sha256": model["sha256"]}}, *([] if net is None else [net])],
        "predicateType": PREDICATE,
        "predicate": {
            "verdict": result["verdict"],
            "reason": result["reason"],
            "about": scanned.about(result),
            "scanned": net,
            "judged_at": result["judged_at"],
            "flagged_labels": result["flagged_labels"],
            "followers": result.get("followers", []),
            "labels_scanned": sum(row["outcome"] for row in result["labels"]),
            "warnings": result["preflight"]["warnings"],
            "classes": model["classes"],
            **{name: result[name] for name in FIGURES},
            "value_range": result["preflight"]["value_range"],
            "ranges": [{name: one[name] for name in RANGE} for one in result.get("ranges", ())],
            "evidence": brief_evidence(result),
            "doubts": result.get("doubts", []),
            "not_covered": result["not_covered"],
            "data": {"name": result["data"]["name"], "digest": {"sha256": result["data"]["sha256"]}},
            "settings": {**result["options"], "slots": result["slots"]},
            "versions": result["versions"],
            "repaired": _repaired(result["mitigation"]),
        },
    }


def attestation(result: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The statement in a DSSE envelope, signed."""
    payload = json.dumps(statement(result), sort_keys=True, separators=(",", ":")).encode()
    return dsse.sign(payload, PAYLOAD, key)


def verified(text: bytes, key: Ed25519PublicKey) -> dict[str, Any]:
    """The statement that an envelope holds, once its signature is this key's; raises InputRefused, one line."""
    try:
        envelope = json.loads(text)
    except ValueError:
        raise InputRefused("the file is no JSON: pass what `cleanse attest` wrote") from None
    if not isinstance(envelope, dict):
        raise InputRefused("the file is no DSSE envelope: pass what `cleanse attest` wrote")
    found = json.loads(dsse.opened(envelope, PAYLOAD, key))
    if found.get("_type") != STATEMENT or found.get("predicateType") != PREDICATE:
        raise InputRefused(f"the statement is {found.get('predicateType')!r}, expected is {PREDICATE!r}")
    return found


def _repaired(mitigation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if mitigation is None or mitigation["method"] is None:
        return None
    return {"method": mitigation["method"], "digest": {"sha256": mitigation["goodnet_sha256"]}}
