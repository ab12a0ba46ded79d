"""Baselines on the command line: clean models are scanned and named, and what is named is shown."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from api.backends import Backend
from api.backends.backend import Order, dataset_called
from api.cli.exits import ExitCode, exit_code_of
from api.cli.gate import ending, follow, models_in, upload_bar, worst
from api.cli.showing import print_json
from api.cli.terminal import complain, err, out, printable
from api.client.types import BaselineScans, Submission
from api.client.uploads import sha256_of
from api.results.numbers import MISSING, count, significant
from nc_core.errors import CleanseError

IDENTITY = "[0-9a-f]{4,12}"
INDIFFERENT = (
    *("mitigate", "max_accuracy_loss", "false_positive_rate", "alpha", "min_accuracy", "budget_minutes"),
    *("baseline", "twins"),
)
"""Options that change nothing of what a scan finds of its labels, once all of them have ended."""


def told_apart(models: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Model files, those of folders among them, and ids of scans: what looks like an id and is no file."""
    ids = [text for text in models if re.fullmatch(IDENTITY, text) and not Path(text).exists()]
    paths = [Path(text) for text in models if text not in ids]
    return models_in(paths) if paths else [], ids


def add_all(
    backend: Backend, name: str, orders: Sequence[Order], ids: Sequence[str], *, detach: bool, as_json: bool
) -> ExitCode:
    """Put scans under the name as soon as they are handed in, and follow them to their ends unless detached."""
    added = [backend.find(prefix) for prefix in ids]
    codes: list[ExitCode] = []
    for order in orders:
        try:
            added.append(_scanned_before(backend, order) or _submitted(backend, order))
        except CleanseError as error:
            complain(f"{order.model}: {error}")
            codes.append(exit_code_of(error))
    if added:
        backend.add_to_baseline(name, [one["id"] for one in added])
    if not detach:
        added = [follow(backend, one["id"]) for one in added]
        codes += [_code_of(one) for one in added]
    if as_json:
        print_json(added)
        return worst(codes or [ExitCode.CLEAN])
    for one in added:
        out.print(f"{one['id']}  {printable(one['model']['name'])}" if detach else ending(one))
        if one["verdict"] == "backdoored":
            err.print(f"Is {printable(one['model']['name'])} clean? `cleanse baseline remove {name} {one['id']}`")
    return worst(codes or [ExitCode.CLEAN])


def _submitted(backend: Backend, order: Order) -> Submission:
    with upload_bar(printable(order.model.name)) as told:
        return backend.submit(order, told)


def _scanned_before(backend: Backend, order: Order) -> Submission | None:
    """A scan of this file on these data, with what decides its labels as it is asked for; whatever repair it tried."""
    data = _data_sha256(backend, order)
    if data is None or not order.model.is_file():
        return None
    found = backend.recent(limit=100, state="done", model_sha256=sha256_of(order.model))
    same = (one for one in found if one["data"]["sha256"] == data and one["verdict"] is not None)
    return next((one for one in same if _decides(one["options"]) == _decides(order.options)), None)


def _decides(options: object) -> dict[str, object]:
    assert isinstance(options, dict)
    return {name: value for name, value in options.items() if name not in INDIFFERENT and value not in (None, 0, False)}


def _data_sha256(backend: Backend, order: Order) -> str | None:
    """None of a folder, which is packed first, and where there are no such data: the submission says so."""
    if order.data is not None:
        return sha256_of(order.data) if order.data.is_file() else None
    found = dataset_called(backend.datasets(), order.dataset or "")
    return None if found is None else found["sha256"]


def _code_of(ended: Submission) -> ExitCode:
    """Whatever the verdict is: that a model is clean is what whoever names it says."""
    if ended["verdict"] is not None:
        return ExitCode.CLEAN
    return ExitCode.REFUSED if ended["state"] == "refused" else ExitCode.FAILED


def show_all(backend: Backend, *, as_json: bool) -> None:
    """Print the baselines."""
    found = backend.baselines()
    if as_json:
        print_json(found)
        return
    table = Table("name", "scans", "with a result", box=None, pad_edge=False)
    for one in found:
        table.add_row(printable(one["name"]), str(one["scans"]), str(one["with_result"]))
    out.print(table if found else "No baselines.")


def show_one(backend: Backend, name: str, *, as_json: bool) -> None:
    """Print a baseline's scans."""
    found = backend.baseline(name)
    if as_json:
        print_json(found)
        return
    out.print(
        f"Baseline {printable(found['name'])}: {count(found['scans'], 'scan')}, {found['with_result']} with a result"
    )
    out.print(_scans(found))


def _scans(found: BaselineScans) -> Table:
    table = Table("id", "state", "verdict", "smallest norm", "model", "data", box=None, pad_edge=False)
    for one in found["items"]:
        names = (printable(one["model"]["name"]), printable(one["data"]["name"]))
        table.add_row(one["id"], one["state"], one["verdict"] or MISSING, significant(one["smallest_norm"]), *names)
    return table


def take_out(backend: Backend, name: str, prefixes: Sequence[str] | None) -> None:
    """Take scans from under the name, None: all of them."""
    ids = None if prefixes is None else [backend.find(prefix)["id"] for prefix in prefixes]
    backend.remove_from_baseline(name, ids)
    gone = "is forgotten" if ids is None else f"has {count(len(ids), 'scan')} less"
    err.print(f"Baseline {printable(name)} {gone}.")
