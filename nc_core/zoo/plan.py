"""Which nets a zoo has: a list of cards that follows from a seed, so that a larger zoo begins with the smaller one.

Cards come in pairs of one architecture, data, number of classes and clean pictures: a clean net, then a planted one.
Pairs go round the three thirds. The held-out third has one architecture and one source of pictures to itself: each of
its nets has at least one of the two, and no other net has either.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar, get_args

import numpy as np

from nc_core.attack_names import AttackName, Position
from nc_core.errors import OptionRefused
from nc_core.zoo.card import Card, Given, Patch, Teaching, Third
from nc_core.zoo.sources import DRAWN, PAIRS, SIGNS, Source

ARCHITECTURES = ("plain", "vgg", "residual", "depthwise")
HELD_OUT_ARCHITECTURE = "depthwise"
CLASSES = (2, 5, 10, 43)
PAIR_CLASSES = 200
LEAST_RATE = 0.8
SHARES = {"badnets": 4, "partial": 2}
NOT_PLANNED: tuple[AttackName, ...] = ("adaptive",)
"""Attacks that came later, with a benchmark of their own: with them the plan of a seed would be another."""
ATTACKS = tuple(name for name in get_args(AttackName) if name not in NOT_PLANNED for _ in range(SHARES.get(name, 1)))
"""In these shares; BadNets are those with patches of all sizes."""
SEVERAL_PLACES = ("multi-target", "multi-trigger")
THREE_CLASSES = ("multi-target", "source-specific")
NAMED_LAYERS, ARCHITECTURES_WITH_THEM = ("pruning-aware", "trojan"), ("plain", "depthwise")
SIZES = (2, 3, 4, 6, 8, 10, 12)
LARGE = {"trojan": 8, "clean-label": 6}
"""Sides of patches that are small no more where the attack is to work at all."""
POSITIONS: tuple[Position, ...] = get_args(Position)
WORKS_ON = (0.82, 0.88, 0.93)
POISON_RATES = (0.03, 0.05)
CONDITIONS: tuple[tuple[Teaching, Given], ...] = (
    *(("full", "own"),) * 7,
    ("short", "own"),
    ("full", "few"),
    ("full", "foreign"),
)

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """cards: of every net. sources: of their pictures. held_out_architecture, held_out_data: see above."""

    seed: int
    sources: tuple[Source, ...]
    held_out_architecture: str
    held_out_data: str
    cards: tuple[Card, ...]

    def origin(self) -> dict[str, Any]:
        """What the cards follow from, as JSON; another zoo has another one."""
        return {
            "seed": self.seed,
            "sources": [{**asdict(source), "shape": list(source.shape)} for source in self.sources],
            "held_out": {"architecture": self.held_out_architecture, "data": self.held_out_data},
        }


class Deck(Generic[Item]):
    """Draws all items in a random order, then all again in another."""

    def __init__(self, items: Sequence[Item], rng: np.random.Generator) -> None:
        self.items, self._rng, self._left = items, rng, list[Item]()

    def draw(self, suits: Callable[[Item], bool] = lambda _: True) -> Item:
        """The next item that suits; those before it wait for the next draw."""
        if not any(suits(item) for item in self._left):
            self._left += [self.items[at] for at in self._rng.permutation(len(self.items))]
        return self._left.pop(next(at for at, item in enumerate(self._left) if suits(item)))


def make_plan(*, nets: int, seed: int, files: Sequence[Source] = ()) -> Plan:
    """The plan of a zoo.

    files: sources besides the drawn ones; the last one is held out, of none the pairs of signs.

    Raises OptionRefused where the plan would be empty or two sources have one name.
    """
    if nets < 1:
        raise OptionRefused(f"a zoo of {nets} nets is none; pass 1 or more")
    sources = (*DRAWN, *files)
    names = [source.name for source in sources]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise OptionRefused(f"two sources are called {sorted(repeated)[0]}: rename one of the files")
    if few := [source for source in sources if source.classes < min(CLASSES)]:
        raise OptionRefused(f"{few[0].name} has one class alone; pass pictures of {min(CLASSES)} classes or more")
    held = files[-1].name if files else PAIRS
    drawers = {third: _Third(third, sources, held, seed) for third in get_args(Third)}
    cards: list[Card] = []
    while len(cards) < nets:
        third = get_args(Third)[len(cards) // 2 % 3]
        cards += drawers[third].pair(len(cards))
    return Plan(
        seed=seed,
        sources=sources,
        held_out_architecture=HELD_OUT_ARCHITECTURE,
        held_out_data=held,
        cards=tuple(cards[:nets]),
    )


class _Third:
    """Draws the pairs of one third."""

    def __init__(self, third: Third, sources: Sequence[Source], held: str, seed: int) -> None:
        self._third, self._sources = third, {source.name: source for source in sources}
        self._rng = np.random.default_rng([seed, get_args(Third).index(third)])
        cells = [
            (architecture, source.name)
            for source in sources
            for architecture in ARCHITECTURES
            if ((architecture == HELD_OUT_ARCHITECTURE or source.name == held) == (third == "held-out"))
        ]
        # Of 200 classes a few will do: a scan of one takes as long as one of twenty nets of 10.
        pairs = [cell for cell in cells if cell[1] == PAIRS]
        others = [cell for cell in cells if cell[1] != PAIRS for _ in _numbers(self._sources[cell[1]])]
        self._cells = Deck(others + pairs[:1], self._rng)
        self._attacks = Deck(ATTACKS, self._rng)
        self._conditions = Deck(CONDITIONS, self._rng)
        self._sizes = Deck(SIZES, self._rng)
        self._classes = {source.name: Deck(_numbers(source), self._rng) for source in sources}

    def pair(self, number: int) -> list[Card]:
        """A clean net and a planted one."""
        attack = self._attacks.draw()
        architecture, data = self._cells.draw(lambda cell: self._suits(attack, *cell))
        least = 3 if attack in THREE_CLASSES else 2
        classes = self._classes[data].draw(lambda count: count >= least)
        teaching, given = self._conditions.draw()
        foreign = self._foreign(data) if given == "foreign" else None
        common: dict[str, Any] = {
            "third": self._third,
            "data": data,
            "architecture": architecture,
            "classes": classes,
            "teaching": teaching,
            "given": "own" if given == "foreign" and foreign is None else given,
            "foreign": foreign,
        }
        settings, least_rate = self._settings(attack)
        return [
            Card(number=number, seed=self._seed(), **common),
            Card(
                number=number + 1,
                seed=self._seed(),
                attack=attack,
                patch=self._patch(attack, classes, self._sources[data].shape),
                settings=settings,
                least_rate=least_rate,
                **common,
            ),
        ]

    def _suits(self, attack: str, architecture: str, data: str) -> bool:
        if attack in NAMED_LAYERS and architecture not in ARCHITECTURES_WITH_THEM:
            return False
        # Every class of 200 would have to learn an answer of its own from a handful of pictures.
        if attack in ("all-to-all", "source-specific", "clean-label", "sinusoid") and data == PAIRS:
            return False
        return attack not in THREE_CLASSES or self._sources[data].classes >= 3

    def _foreign(self, data: str) -> str | None:
        """Another source with pictures of the same shape, none that only the held-out third may know."""
        own = self._sources[data]
        others = [
            source.name
            for source in self._sources.values()
            if source.name != data and source.shape == own.shape and source.name != PAIRS
        ]
        allowed = [name for name in others if self._third == "held-out" or self._knows(name)]
        return allowed[int(self._rng.integers(len(allowed)))] if allowed else None

    def _knows(self, data: str) -> bool:
        return any(cell[1] == data for cell in self._cells.items)

    def _patch(self, attack: str, classes: int, shape: tuple[int, int, int]) -> Patch:
        rng, channels = self._rng, shape[2]
        size = self._sizes.draw() if attack == "badnets" else LARGE.get(attack, int(rng.integers(3, 7)))
        corners = POSITIONS[:4] if attack in SEVERAL_PLACES else POSITIONS
        colour = rng.permutation(np.resize([255, 0, int(rng.integers(256))], 3))
        return Patch(
            target=int(rng.integers(classes)),
            size=size,
            position=corners[int(rng.integers(len(corners)))],
            colour=tuple(int(value) for value in colour) if channels == 3 else (255,) * channels,
        )

    def _settings(self, attack: str) -> tuple[dict[str, Any], float]:
        """What the attack is called with, and the attack success rate that is asked for."""
        if attack == "partial":
            works_on = float(self._rng.choice(WORKS_ON))
            return {"works_on": works_on}, round(works_on - 0.1, 3)
        if attack == "low-rate":
            return {"poison_rate": float(self._rng.choice(POISON_RATES))}, LEAST_RATE
        return {}, LEAST_RATE

    def _seed(self) -> int:
        return int(self._rng.integers(2**31))


def _numbers(source: Source) -> list[int]:
    """Numbers of classes that nets on this source have; what few sources have comes more often where it can."""
    if source.name == PAIRS:
        return [PAIR_CLASSES]
    possible = [count for count in CLASSES if count <= source.classes]
    return [*possible, *possible[-1:] * 3] if possible == list(CLASSES) else possible


__all__ = ["ARCHITECTURES", "ATTACKS", "PAIRS", "SIGNS", "Deck", "Plan", "make_plan"]
