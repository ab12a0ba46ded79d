"""Puts scans of clean models under a name, those that there are and those that are handed in for it."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from api.backends import Backend
from api.backends.backend import Order, dataset_called
from api.cli.exits import ExitCode, exit_code_of
from api.cli.submit import places_in, submitted, worst
from api.cli.terminal import complain, err, out, print_json, printable
from api.cli.watch import ending, follow
from api.client.types import Submission
from api.client.uploads import sha256_of
from nc_core.errors import CleanseError

IDENTITY = "[0-9a-f]{4,12}"
INDIFFERENT = (
    *("mitigate", "max_accuracy_loss", "false_positive_rate", "alpha", "min_accuracy", "budget_minutes"),
    *("baseline", "twins"),
)
"""Options that change nothing of what a scan finds of its labels, once all of them have ended."""


def told_apart(models: Sequence[str]) -> tuple[list[str], list[str]]:
    """Addresses and model files, those in folders too, and ids of scans: what looks like an id and is no file."""
    ids = [text for text in models if re.fullmatch(IDENTITY, text) and not Path(text).exists()]
    return places_in([text for text in models if text not in ids]), ids


def add_all(
    backend: Backend,
    name: str,
    models: Sequence[str],
    order_of: Callable[[str], Order],
    ids: Sequence[str],
    *,
    detach: bool,
    as_json: bool,
) -> ExitCode:
    """Put scans under the name as soon as they are handed in, and follow them to their ends unless detached.

    order_of: fetches a model where it must, and says what is asked of it. ids: of scans that there are.
    """
    added = [backend.find(prefix) for prefix in ids]
    codes: list[ExitCode] = []
    for model in models:
        try:
            order = order_of(model)
            added.append(_scanned_before(backend, order) or submitted(backend, order))
        except CleanseError as error:
            complain(f"{model}: {error}")
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


def _scanned_before(backend: Backend, order: Order) -> Submission | None:
    """A scan of this file on these data, with what decides its labels as it is asked for; whatever repair it tried."""
    data = _data_sha256(backend, order)
    if data is None or not order.model.is_file():
        return None
    found = backend.recent(limit=100, state="done", model_sha256=sha256_of(order.model))
    same = (one for one in found if one["data"]["sha256"] == data and one["verdict"] is not None)
    wanted = _decides(order.parameters.options.model_dump(mode="json"))
    return next((one for one in same if _decides(one["options"]) == wanted), None)


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
