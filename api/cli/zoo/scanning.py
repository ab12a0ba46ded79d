"""Scans the nets of a zoo as `cleanse submit` does, and keeps each result beside its card."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from api.backends import Backend
from api.backends.backend import Order
from api.cli.terminal import complain
from api.cli.zoo.display import Display
from api.progress.snapshot import Snapshot
from nc_core.errors import CleanseError, InputRefused
from nc_core.results.folder import write_file
from nc_core.zoo import read_card
from nc_core.zoo.card import CLEAN, NET, RESULT, VALUE_RANGE
from nc_core.zoo.judging import judged_anew
from nc_core.zoo.score import Scan, scan_of
from nc_tasks.request.options import scan_options
from nc_tasks.request.scan import RequestParameters

AT_ONCE = 4
"""Submissions under way: enough for the next one to prepare while labels of the others run."""


def unscanned(folders: Sequence[Path]) -> list[Path]:
    """Those of nets without a result."""
    return [folder for folder in folders if not (folder / RESULT).is_file()]


def scan(backend: Backend, folders: Sequence[Path], *, of: int, afresh: bool = False) -> int:
    """Scan these nets; returns how many have failed. of: nets of the zoo. afresh: also what was scanned before."""
    failed, waiting, running = 0, list(folders), list[tuple[str, Path, Iterator[Snapshot]]]()
    with Display("scan", of) as display:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                folder = waiting.pop(0)
                try:
                    identity = backend.submit(_order(folder, afresh=afresh), _unshown)["id"]
                except InputRefused as error:
                    _write(folder, {"verdict": None, "state": "refused", "reason": str(error)})
                else:
                    running.append((identity, folder, backend.watch(identity)))
            # Each look waits a moment, and starts workers that have died again.
            seen = [(entry, next(entry[2])) for entry in running]
            running = [entry for entry, snapshot in seen if not snapshot.ended]
            failed += sum(not _keep(backend, *entry[:2]) for entry, snapshot in seen if snapshot.ended)
            under_way = sum(snapshot.inversion for _, snapshot in seen if not snapshot.ended)
            display.show(of - len(waiting) - len(running), under_way)
    return failed


def scans(folders: Sequence[Path], *, anew: bool = False) -> list[Scan]:
    """What there is to score: those of nets that were scanned. anew: judged by today's rules, see `judged_anew`."""
    judged = judged_anew if anew else dict
    return [
        scan_of(read_card(folder), judged(json.loads((folder / RESULT).read_text("utf-8"))))
        for folder in folders
        if (folder / RESULT).is_file()
    ]


def _order(folder: Path, *, afresh: bool = False) -> Order:
    """Of a net: as anybody would submit it who knows its value range, without a repair.

    By the labels of its pictures where they are its own.
    """
    card = read_card(folder)
    options = scan_options(mitigate="none", value_range=VALUE_RANGE, unlabelled=card["given"] == "foreign")
    parameters = RequestParameters(options=options, tags={"zoo": card["name"]}, force=afresh)
    return Order(model=folder / NET, data=folder / CLEAN, dataset=None, parameters=parameters)


def _unshown(_sent: int, _total: int) -> None:
    """Of files on their way nothing is said."""


def _keep(backend: Backend, identity: str, folder: Path) -> bool:
    """Write what a scan that has ended said; False where it has failed and is to be tried again."""
    ended, result = backend.find(identity), backend.result(identity)
    if result is not None:
        _write(folder, dict(result))
        return True
    if ended["state"] == "refused":
        _write(folder, {"verdict": None, "state": "refused", "reason": ended["reason"]})
        return True
    complain(f"{folder.name}: {ended['reason'] or ended['state']}")
    return False


def _write(folder: Path, result: dict[str, Any]) -> None:
    text = json.dumps(result, indent=2) + "\n"
    write_file(folder / RESULT, lambda path: path.write_text(text, "utf-8"))


def check_all(failed: int, of: int) -> None:
    """Raise CleanseError where scans have failed."""
    if failed:
        raise CleanseError(f"{failed} of {of} scans have failed: the same command tries them again")
