"""The service's JSON as types; a server may send more than is named here."""

from typing import Any, TypedDict


class File(TypedDict):
    """A file that was submitted. sha256: in hex."""

    sha256: str
    name: str


class LabelNumbers(TypedDict):
    """total: labels of the scan, None until the model was read. states: state -> how many, each by its last round."""

    total: int | None
    states: dict[str, int]


class Submission(TypedDict):
    """One model with its clean data. Times are ISO 8601, in UTC."""

    id: str
    state: str
    verdict: str | None
    reason: str | None
    model: File
    scanned_sha256: str | None
    data: File
    options: dict[str, Any]
    labels: LabelNumbers
    smallest_norm: float | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class Dataset(TypedDict):
    """Clean data that was registered once. bytes: of the file."""

    id: str
    name: str
    file_name: str
    sha256: str
    bytes: int
    created_at: str


class Baseline(TypedDict):
    """Scans of clean models under a name. with_result: how many of them have a verdict."""

    owner: str
    name: str
    scans: int
    with_result: int
    created_at: str


class BaselineScans(Baseline):
    """A baseline with its scans."""

    items: list[Submission]


class Rejudged(TypedDict):
    """A submission judged anew. recorded: the verdict that stays; calibration: source and number of clean scans."""

    id: str
    model: File
    recorded: str
    verdict: str
    reason: str
    flagged_labels: list[int]
    p_value: float
    threshold: float
    calibration: dict[str, Any]
    evidence: list[dict[str, Any]]


class Key(TypedDict):
    """A key of the service, without its secret. scopes: of submit, read, admin."""

    id: str
    owner: str
    name: str
    scopes: list[str]
    created_at: str
    revoked_at: str | None


class NewKey(Key):
    """A key just made. key: the secret itself, shown this once. webhook_secret: callbacks are signed with it."""

    key: str
    webhook_secret: str


class Event(TypedDict):
    """One message of a watched submission.

    event: "progress", "labels" (data: a list of those that changed) or "end".
    """

    event: str
    data: Any


Label = dict[str, Any]
"""One label as in result.json."""
Result = dict[str, Any]
"""result.json."""
