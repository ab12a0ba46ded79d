"""The card of a net: what it was to be, and what was measured on it. Plain Python, as all that the plan needs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from nc_core.errors import DataRefused

Third = Literal["choose", "check", "held-out"]
"""Nets to choose by, to check a choice on, and those that nothing is chosen by."""
Teaching = Literal["full", "short"]
Given = Literal["own", "few", "foreign"]

FILE, NET, CLEAN, STAMPED, RESULT = "card.json", "net.keras", "clean.npz", "stamped.npz", "result.json"
"""What a net's folder holds: pictures with the true triggers of a planted one alone, the result once it was scanned."""
VALUE_RANGE = "0..1"
"""What every net of a zoo takes: whoever built it knows that, so none is scanned in others that fit as well."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """As `nc_core.attacks.PatchTrigger.at` takes it; attacks without a patch have the target of it alone."""

    target: int
    size: int
    position: str
    colour: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Card:
    """One net.

    number: in the plan. third: what it may be used for. data: name of its source. architecture: of `ARCHITECTURES`.
    classes: how many, drawn from the source by the seed. attack: of `ATTACKS`, None: clean. patch, settings: its own.
    teaching: short, where it is left under-trained. given: the clean pictures of its scan: its own held-out ones, few
    of them, or unlabelled ones of the source `foreign`. least_rate: attack success rate below which it is weak.
    """

    number: int
    third: Third
    data: str
    architecture: str
    classes: int
    attack: str | None = None
    patch: Patch | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    teaching: Teaching = "full"
    given: Given = "own"
    foreign: str | None = None
    seed: int = 0
    least_rate: float | None = None

    @property
    def name(self) -> str:
        """Of its folder."""
        what = self.attack or "clean"
        return f"{self.number:04d}-{what}-{self.architecture}-{self.data}-{self.classes}"

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        text = json.dumps({"name": self.name, **asdict(self)})
        plain: dict[str, Any] = json.loads(text)
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Card":
        """What `to_json` gave; other keys are not looked at."""
        values = {each.name: plain[each.name] for each in fields(cls)}
        if values["patch"] is not None:
            patch = values["patch"]
            values["patch"] = Patch(**{**patch, "colour": tuple(patch["colour"])})
        return cls(**values)


def read_card(folder: Path) -> dict[str, Any]:
    """The card in a net's folder: that of the plan, and `measured`. Raises DataRefused where it cannot be read."""
    path = folder / FILE
    try:
        card = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataRefused(f"the card {path} cannot be read ({error}): build the zoo again") from None
    if not isinstance(card, dict) or "measured" not in card or "third" not in card:
        raise DataRefused(f"{path} is no card of a net: pass a folder that `cleanse zoo build` made")
    return card
