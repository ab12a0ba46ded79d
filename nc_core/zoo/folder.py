"""The folder of a zoo: a plan, and a folder for each net that is there whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nc_core.errors import OptionRefused
from nc_core.zoo.card import FILE, Card, read_card
from nc_core.zoo.plan import Plan

NETS, PLAN = "nets", "plan.json"


def begin(out: Path, plan: Plan) -> None:
    """Make the folder, or see that it is of this very plan; a larger zoo may go on from a smaller one.

    Raises OptionRefused where it holds a zoo of another seed or other data.
    """
    origin, path = plan.origin(), out / PLAN
    if path.is_file():
        there = json.loads(path.read_text("utf-8"))
        if there != origin:
            raise OptionRefused(
                f"{out} holds a zoo of seed {there['seed']} on {_names(there)}, asked for is seed {origin['seed']} on "
                f"{_names(origin)}: pass the same --seed and --data, or another folder"
            )
        return
    (out / NETS).mkdir(parents=True, exist_ok=True)
    aside = out / f".{PLAN}.{os.getpid()}"
    aside.write_text(json.dumps(origin, indent=2) + "\n", "utf-8")
    aside.replace(path)


def _names(origin: dict[str, Any]) -> str:
    return ", ".join(source["name"] for source in origin["sources"])


def missing(out: Path, plan: Plan) -> list[Card]:
    """Cards whose nets are not there, in order."""
    return [card for card in plan.cards if not (out / NETS / card.name / FILE).is_file()]


def of_plan(out: Path, plan: Plan) -> list[Path]:
    """Folders of a plan's nets, in order, whether they are there or not."""
    return [out / NETS / card.name for card in plan.cards]


def nets(out: Path) -> list[Path]:
    """Folders of the nets that are there, in order; raises OptionRefused where it is no zoo."""
    if not (out / PLAN).is_file():
        raise OptionRefused(f"{out} holds no zoo; pass the folder that `cleanse zoo build --out` made")
    return sorted(path.parent for path in (out / NETS).glob(f"[0-9]*/{FILE}"))


def cards(out: Path) -> list[dict[str, Any]]:
    """The cards of the nets that are there."""
    return [read_card(folder) for folder in nets(out)]


@contextmanager
def new_net(out: Path, card: Card) -> Iterator[Path]:
    """A folder to fill; it gets its name when all is in it, and is removed where that fails."""
    aside = out / NETS / f".{card.name}.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        target = out / NETS / card.name
        shutil.rmtree(target, ignore_errors=True)
        aside.replace(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
