"""Which file a verdict is about: the net that was scanned as we wrote it, never the file that was submitted."""

from collections.abc import Mapping
from typing import Any

SCANNED = "scanned.keras"

_RAN = f"{SCANNED} is the net that ran in this scan, not the submitted file, and the verdict is about that file alone"

ABOUT = {
    "clean": (
        f"Deploy {SCANNED}, not the submitted file: {SCANNED} is the net that ran in this scan, and the verdict is "
        "about that file alone."
    ),
    "inconclusive": f"{_RAN}: if this model is to be deployed at all, deploy {SCANNED}.",
    "backdoored": f"{_RAN}: deploy neither of the two.",
}
"""Verdict -> what to do with the two files."""


def about(result: Mapping[str, Any]) -> str:
    """Which file the verdict is about and what to deploy, in a sentence.

    result: result.json, whole or without labels. Of a scan of a version that kept no such file it says that, and how
    to get one.
    """
    if digest_of(result) is None:
        return (
            f"This scan has no {SCANNED}: it was made by a version that did not keep it. The submitted file is not "
            "what ran, so the verdict is about no file at hand: "
            f"`cleanse retry {result['submission']}` makes {SCANNED}."
        )
    if is_precaution(result):
        return f"{_RAN}: if this model is to be deployed at all, deploy goodnet.keras, repaired as a precaution."
    return ABOUT[result["verdict"]]


def is_precaution(result: Mapping[str, Any]) -> bool:
    """Whether a net is handed out that was repaired though no label is flagged."""
    repair = result.get("mitigation") or {}
    return result.get("verdict") == "inconclusive" and repair.get("method") not in (None, "filter")


def digest_of(result: Mapping[str, Any]) -> str | None:
    """The sha256 of scanned.keras; None where the scan has none."""
    digest: str | None = result["model"].get("scanned_sha256")
    return digest


def files_of(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Both files and their sha256: the one that was scanned, where there is one, and the one that was submitted."""
    digest, model = digest_of(result), result["model"]
    submitted = (f"submitted: {model.get('name') or 'model'}", str(model["sha256"]))
    return [submitted] if digest is None else [(SCANNED, digest), submitted]
