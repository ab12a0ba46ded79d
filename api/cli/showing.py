"""Prints submissions, wherever they live: one, many, their labels, two side by side."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from rich.table import Table

from api.backends import Backend
from api.cli.terminal import err, out, printable
from api.client.types import Dataset, Label, Submission
from api.progress.snapshot import NAMES, detail, shares
from api.results.numbers import MISSING, count, hundredths, megabytes, percent, probability, significant
from api.results.summary import summary

ROWS = 20
"""Labels in the table of one submission, smallest norm first."""
OPEN = ("queued", "running")
"""States of labels that have not ended."""


def show_submission(backend: Backend, prefix: str, *, as_json: bool) -> None:
    """Print a submission's result, or how far it is."""
    submission = backend.find(prefix)
    result = backend.result(submission["id"])
    if as_json:
        print_json(result or submission)
        return
    out.print(f"Submission {submission['id']}: {submission['state']}")
    out.print(f"  model {printable(submission['model']['name'])}, data {printable(submission['data']['name'])}")
    if submission["reason"]:
        out.print(f"  {printable(submission['reason'])}")
    if result is None or submission["state"] != "done":
        _print_progress(backend, submission)
    if result is not None:
        for line in summary(result):
            out.print(printable(line))
        out.print()
        _print_labels(result["labels"], ROWS)


def show_list(backend: Backend, *, limit: int, as_json: bool, **filters: Any) -> None:
    """Print the latest submissions."""
    found = backend.recent(limit=limit, **filters)
    if as_json:
        print_json(found)
    elif found:
        out.print(_list_table(found))
    else:
        out.print("No submissions.")


def show_labels(backend: Backend, prefix: str, *, state: str | None, as_json: bool) -> None:
    """Print all labels of a submission as far as they are."""
    found = backend.labels(backend.find(prefix)["id"])
    found = [label for label in found if state in (None, label["state"])]
    if as_json:
        print_json(found)
    elif found:
        _print_labels(found, len(found))
    else:
        out.print("No labels.")


def cancel_submission(backend: Backend, prefix: str, *, as_json: bool) -> None:
    """End a submission and say what that stopped."""
    submission = backend.find(prefix)
    backend.cancel(submission["id"])
    stopped = sum(submission["labels"]["states"].get(state, 0) for state in OPEN)
    if as_json:
        print_json(backend.find(submission["id"]))
    else:
        err.print(f"Submission {submission['id']} is cancelled: {stopped} labels stop. `cleanse retry` carries on.")


def retry_submission(backend: Backend, prefix: str, *, as_json: bool) -> None:
    """Queue again what failed of a submission, and leave it to the workers."""
    submission = backend.find(prefix)
    backend.retry(submission["id"])
    if as_json:
        print_json(backend.find(submission["id"]))
    else:
        err.print(f"Submission {submission['id']} is tried again; `cleanse watch` follows it.")


def show_comparison(backend: Backend, left: str, right: str, *, as_json: bool) -> None:
    """Print two submissions side by side, and which labels have drifted."""
    found = backend.compare(*(backend.find(prefix)["id"] for prefix in (left, right)))
    if as_json:
        print_json(found)
        return
    out.print(_sides(found["left"], found["right"]))
    for line in _changes(found):
        out.print(f"  {line}")
    moved = {label["label"]: label for label in found["labels"]}
    shown = [moved[label] for label in found["drifted"]]
    if shown:
        out.print()
        out.print(_moved(shown[:ROWS]))


def show_datasets(datasets: Sequence[Dataset], *, as_json: bool) -> None:
    """Print the registered clean data."""
    if as_json:
        print_json(datasets)
        return
    table = Table("id", "name", "file", "size", "created", box=None, pad_edge=False)
    for one in datasets:
        names = (printable(one["name"]), printable(one["file_name"]))
        table.add_row(one["id"], *names, megabytes(one["bytes"]), _local_time(one["created_at"]))
    out.print(table if datasets else "No data sets.")


def print_json(value: Any) -> None:
    """For programs."""
    print(json.dumps(value, indent=2))


def _list_table(found: Sequence[Submission]) -> Table:
    table = Table("id", "state", "verdict", "model", "data", "created", box=None, pad_edge=False)
    for one in found:
        names = (printable(one["model"]["name"]), printable(one["data"]["name"]))
        table.add_row(one["id"], one["state"], one["verdict"] or MISSING, *names, _local_time(one["created_at"]))
    return table


def _local_time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M")


def _print_progress(backend: Backend, submission: Submission) -> None:
    for seen in islice(backend.watch(submission["id"]), 1):
        if seen.phase is not None:
            share = f"{100 * shares(seen)[seen.phase]:.0f}%"
            told = ", ".join(part for part in (share, detail(seen.phase, seen)) if part)
            out.print(f"  {NAMES[seen.phase]}: {told}")


def _print_labels(labels: Sequence[Label], most: int) -> None:
    rows = sorted(labels, key=lambda row: (row["norm"] is None, row["norm"] or 0.0, row["label"]))
    table = Table(box=None, pad_edge=False)
    for name in ("label", "state", "norm", "attack rate", "index", "log z"):
        table.add_column(name, justify="left" if name == "state" else "right")
    for row in rows[:most]:
        figures = (significant(row["norm"]), percent(row["attack_success_rate"]))
        indices = (hundredths(row["anomaly_index"]), hundredths(row["log_z"]))
        table.add_row(str(row["label"]), row["state"], *figures, *indices, style="red" if row["flagged"] else None)
    out.print(table)
    if len(rows) > most:
        out.print(f"{len(rows) - most} more labels; --json has all of them.")


def _sides(left: Mapping[str, Any], right: Mapping[str, Any]) -> Table:
    table = Table("", "left", "right", box=None, pad_edge=False)
    for name, told in (
        ("submission", lambda side: side["id"]),
        ("model", lambda side: f"{printable(side['model']['name'])} ({side['model']['sha256'][:12]})"),
        ("data", lambda side: f"{printable(side['data']['name'])} ({side['data']['sha256'][:12]})"),
        ("verdict", lambda side: side["verdict"] or side["state"]),
        ("flagged", lambda side: ", ".join(map(str, side["flagged_labels"])) or "none"),
        ("anomaly index", lambda side: hundredths(side["anomaly_index"])),
        ("p-value", lambda side: probability(side["p_value"])),
    ):
        table.add_row(name, told(left), told(right))
    return table


def _changes(found: Mapping[str, Any]) -> list[str]:
    """What has changed, a line each; one line where nothing has."""
    lists = {"newly flagged": found["newly_flagged"], "no longer flagged": found["no_longer_flagged"]}
    lines = [f"{name}: {', '.join(map(str, labels))}" for name, labels in lists.items() if labels]
    lines += [f"option {name}: {left} -> {right}" for name, (left, right) in found["options"].items()]
    if found["ratio"] is not None:
        lines.append(f"the typical label's norm is {significant(found['ratio'])} times what it was")
    drifted = len(found["drifted"])
    moved = f"{count(drifted, 'label has', 'labels have')} moved beyond that by more than chance does"
    lines.append(moved if drifted else "no label has drifted")
    return lines


def _moved(pairs: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("label", "left", "right", "ratio", box=None, pad_edge=False)
    for pair in pairs:
        norms = (significant(side["norm"] if side else None) for side in (pair["left"], pair["right"]))
        table.add_row(str(pair["label"]), *norms, significant(pair["ratio"]))
    return table
