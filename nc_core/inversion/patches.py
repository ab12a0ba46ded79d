"""A trigger by trial alone: square patches of plain colours, anywhere on the image, judged by the net's scores.

No gradient is used. It finds what is like a sticker, not every trigger: the last means, for a label whose gradient
leads nowhere.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nc_core.datasets.prepared import Predict
from nc_core.inversion.trigger import Trigger

IMAGES = 12
"""Images that a patch is tried on; a label's own class is left out of what is said of it."""
TRIALS = 1_500
"""Patches of the first look, at most: 18,000 images through the net, once for all labels."""
BEST = 6
"""Patches of the first look that a label goes on from."""
TRIES = 60
"""Changes that are tried on each of them, in one go after another of `AT_ONCE`."""
AT_ONCE = 12
TOGETHER = 20
"""Patches that go through the net at once: with `IMAGES` images each a batch of `Predictor`."""
CHECKED = 128
"""Images that a patch must work on to be kept."""
CLEAR = 5.0
"""Logits, at the usual spread, that a lead counts for at most: one image must not pay for another."""
FAR = -30.0


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A square of `side` pixels with its upper left corner at (row, column); colour (C,): shares of the range."""

    row: int
    column: int
    side: int
    colour: tuple[float, ...]


class PatchSearch:
    """Patches on one net and one set of images.

    predict: images -> scores (n, N). x (n, H, W, C): fitting images; y (n,): their labels; low, high (C,): black and
    white in the model's domain. factor: to the usual spread.
    """

    def __init__(
        self,
        predict: Predict,
        x: npt.NDArray[np.float32],
        y: npt.NDArray[np.int32],
        *,
        low: npt.NDArray[np.float32],
        high: npt.NDArray[np.float32],
        factor: float,
    ) -> None:
        self._predict, self._x, self._y = predict, x, y
        self._low, self._high, self._factor = low, high, factor
        self._looks: list[tuple[Patch, npt.NDArray[np.float32]]] | None = None
        self.images = 0
        """That went through the net so far."""

    def find(self, label: int, *, rate: float, seed: int, should_stop: Callable[[], bool]) -> Trigger | None:
        """A patch that sends at least this share of the other images to the label, as small as it gets; else None."""
        pool = np.flatnonzero(self._y != label)
        best = self._best(label)
        generator = np.random.default_rng([seed, label])
        for patch in best:
            if should_stop():
                return None
            better = self._climbed(patch, label, pool, generator)
            if self._works(better, label, pool, rate):
                return self._trigger(self._shrunk(better, label, pool, rate))
        return None

    def _best(self, label: int) -> list[Patch]:
        """The patches of the first look with the highest scores for a label; none where nothing moves them."""
        if self._looks is None:
            grid = _grid(self._x.shape[1:])
            self._looks = list(zip(grid, self._margins(grid, np.arange(min(IMAGES, len(self._x)))), strict=True))
        others = self._y[: min(IMAGES, len(self._x))] != label
        if not others.any():
            return []
        scores = [float(margins[others, label].mean()) for _, margins in self._looks]
        if max(scores) - min(scores) < 1e-6:
            return []
        order = np.argsort(scores, kind="stable")[::-1][:BEST]
        return [self._looks[at][0] for at in order]

    def _margins(self, patches: Sequence[Patch], index: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Of images stamped with each patch: how far every label's score lies above all others (P, n, N), clipped."""
        found = []
        for start in range(0, len(patches), TOGETHER):
            scores = self._scores(patches[start : start + TOGETHER], index)
            ordered = np.sort(scores, axis=-1)
            rival = np.where(scores == ordered[..., -1:], ordered[..., -2:-1], ordered[..., -1:])
            found.append(np.clip(np.nan_to_num((scores - rival) * self._factor, nan=FAR), FAR, CLEAR))
        return np.concatenate(found)

    def _scores(self, patches: Sequence[Patch], index: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(P, n, N)."""
        self.images += len(patches) * len(index)
        stamped = np.concatenate([self._trigger(patch).stamp(self._x[index]) for patch in patches])
        return self._predict(stamped).reshape(len(patches), len(index), -1)

    def _climbed(self, patch: Patch, label: int, pool: npt.NDArray[np.int64], generator: np.random.Generator) -> Patch:
        """The patch after changes that raise the label's score, each tried on other images."""
        for _ in range(TRIES // AT_ONCE):
            index = generator.permutation(pool)[:IMAGES]
            tried = [patch, *(_changed(patch, self._x.shape[1:3], generator) for _ in range(AT_ONCE))]
            patch = tried[int(self._margins(tried, index)[..., label].mean(axis=1).argmax())]
        return patch

    def _works(self, patch: Patch, label: int, pool: npt.NDArray[np.int64], rate: float) -> bool:
        """First on a few images, since most patches work on none."""
        for count in (IMAGES, CHECKED):
            answers = self._scores([patch], pool[:count]).argmax(axis=-1)
            if float(np.mean(answers == label)) < rate:
                return False
        return True

    def _shrunk(self, patch: Patch, label: int, pool: npt.NDArray[np.int64], rate: float) -> Patch:
        """The smallest patch that still works, a pixel narrower at a time and at any of its four corners."""
        while patch.side > 1:
            corners = itertools.product((0, 1), (0, 1))
            smaller = (
                Patch(row=patch.row + down, column=patch.column + right, side=patch.side - 1, colour=patch.colour)
                for down, right in corners
            )
            found = next((one for one in smaller if self._works(one, label, pool, rate)), None)
            if found is None:
                break
            patch = found
        return patch

    def _trigger(self, patch: Patch) -> Trigger:
        height, width, channels = self._x.shape[1:]
        mask = np.zeros((height, width), np.float32)
        mask[patch.row : patch.row + patch.side, patch.column : patch.column + patch.side] = 1.0
        colour = self._low + (self._high - self._low) * np.array(patch.colour, np.float32)
        return Trigger(mask=mask, pattern=np.broadcast_to(colour, (height, width, channels)).astype(np.float32))


def _grid(shape: tuple[int, ...]) -> list[Patch]:
    """Patches of an eighth and a quarter of the side in the corners of the colour cube, half overlapping."""
    height, width, channels = shape
    colours = list(itertools.product((0.0, 1.0), repeat=channels))
    side = min(height, width)
    found: list[Patch] = []
    for size in (max(1, side // 8), max(2, side // 4)):
        rows, columns = (range(0, length - size + 1, max(1, size // 2)) for length in (height, width))
        found += [
            Patch(row=row, column=column, side=size, colour=colour)
            for row, column, colour in itertools.product(rows, columns, colours)
        ]
    return [found[at] for at in np.linspace(0, len(found) - 1, min(TRIALS, len(found))).astype(int)]


def _changed(patch: Patch, shape: tuple[int, ...], generator: np.random.Generator) -> Patch:
    """A neighbour: moved by a pixel or two, a pixel larger or smaller, or of another colour."""
    side = int(np.clip(patch.side + generator.integers(-1, 2), 1, min(shape)))
    row, column = (
        int(np.clip(at + generator.integers(-2, 3), 0, length - side))
        for at, length in ((patch.row, shape[0]), (patch.column, shape[1]))
    )
    colour = np.clip(np.array(patch.colour) + generator.normal(0.0, 0.3, len(patch.colour)), 0.0, 1.0)
    keeps = generator.random() < 0.5
    return Patch(row=row, column=column, side=side, colour=patch.colour if keeps else tuple(map(float, colour)))
