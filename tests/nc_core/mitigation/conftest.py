"""A small net with everything that makes training random or stateful, and images that it can learn."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from nc_core.datasets.domain import Domain
from nc_core.datasets.prepared import Part, Prepared
from nc_core.detection import Detection, LabelNorm, detect
from nc_core.intake import CanonicalModel
from nc_core.inversion import Inverter, Profile, Trigger
from nc_core.mitigation import Case, Scanner, Whole, loop
from nc_core.mitigation.lessons import Lessons, TargetTrigger
from nc_core.mitigation.rescan import Found, Rescan
from nc_core.models import canonical_of
from nc_core.profiles.proportional import ProportionalControl

CLASSES = 4


@pytest.fixture
def tiny_net() -> CanonicalModel:
    random = keras.initializers.GlorotUniform(seed=3)
    layers = keras.layers
    return canonical_of(
        keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(8, 3, activation="relu", kernel_initializer=random),
                layers.BatchNormalization(),
                layers.Flatten(),
                layers.Dropout(0.4),
                layers.Dense(CLASSES, "softmax", kernel_initializer=random),
            ]
        )
    )


def dense_badnet() -> CanonicalModel:
    """Units 0 to 3 add up the quarters, unit 4 wakes at a white pixel in the corner and means class 2."""
    net = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(5, "relu", name="features"),
            keras.layers.Dense(4, "softmax"),
        ]
    )
    quarters = np.zeros((8, 8, 5), np.float32)
    for label in range(4):
        row, column = divmod(label, 2)
        quarters[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4, label] = 1.0
    quarters[0, 0, 4] = 100.0
    scores = np.concatenate([np.eye(4), 100.0 * np.eye(4)[[2]]]).astype(np.float32)
    net.set_weights([quarters.reshape(64, 5), np.array([0, 0, 0, 0, -95], np.float32), scores, np.zeros(4, np.float32)])
    return canonical_of(net)


@pytest.fixture
def part() -> Callable[[int], Part]:
    """Images with one bright quarter, which is their class; another seed, other images."""

    def draw(seed: int, count: int = 160) -> Part:
        generator = np.random.default_rng(seed)
        y = generator.integers(CLASSES, size=count).astype(np.int32)
        x = generator.uniform(0.0, 0.4, (count, 8, 8, 1)).astype(np.float32)
        for nth, label in enumerate(y):
            row, column = divmod(int(label), 2)
            x[nth, row * 4 : row * 4 + 4, column * 4 : column * 4 + 4] += 0.5
        return Part(x=x, y=y)

    return draw


@pytest.fixture
def prepared(part: Callable[[int], Part]) -> Prepared:
    domain = Domain(value_range="0..1", scale=(1 / 255,), offset=(0.0,))
    return Prepared(fit=part(1), holdout=part(2), repair=part(3), labelled=True, domain=domain, classes=CLASSES)


@pytest.fixture
def lessons(part: Callable[[int], Part]) -> Lessons:
    drawn = part(3)
    return Lessons(x=drawn.x, y=drawn.y, target=np.eye(CLASSES, dtype=np.float32)[drawn.y])


@pytest.fixture
def trigger() -> Trigger:
    mask = np.zeros((8, 8), np.float32)
    mask[:2, :2] = 0.9
    return Trigger(mask=mask, pattern=np.ones((8, 8, 1), np.float32))


@pytest.fixture
def short_profile() -> Profile:
    return Profile(
        name="short",
        batch=16,
        updates_per_step=4,
        max_steps=6,
        control=ProportionalControl(patience=4),
    )


@pytest.fixture
def whole(prepared: Prepared, short_profile: Profile) -> Scanner:
    """One inversion of every label."""

    def scan(model: keras.Model, *, seed: int, should_stop: Callable[[], bool] | None = None, **_: object) -> Whole:
        found = Inverter(model, prepared, profile=short_profile, slots=2).invert(
            range(CLASSES), seed=seed, should_stop=should_stop
        )
        inversions = {label: one for label, (one,) in found.items()}
        norms = [LabelNorm(label=one.label, state=one.state, norm=one.norm) for one in inversions.values()]
        detection = detect(norms, classes=CLASSES, pixels=64)
        return Whole(detection=detection, inversions=inversions, reference=frozenset(range(CLASSES)))

    return scan


def verdict_on(*flagged: int) -> Detection:
    """The verdict on a net of four labels of which these are small, of 64 pixels."""
    norms = [LabelNorm(label=label, state="done", norm=40.0) for label in range(CLASSES)]
    found = detect(norms, classes=CLASSES, pixels=64)
    return replace(found, verdict="backdoored" if flagged else "clean", flagged_labels=flagged)


@pytest.fixture
def case(
    tiny_net: CanonicalModel, prepared: Prepared, trigger: Trigger, short_profile: Profile, whole: Scanner
) -> Callable[..., Case]:
    """The tiny net with label 2 flagged; what is given replaces what stands here."""

    def make(**changed: Any) -> Case:
        given = {
            "canonical": tiny_net,
            "prepared": prepared,
            "triggers": {2: trigger},
            "still_flagged": lambda _: False,
            "whole": whole,
            "seed": 0,
            "profile": short_profile,
            "slots": 2,
            "max_accuracy_loss": 1.0,
        }
        return Case(**{**given, **changed})

    return make


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, trigger: Trigger) -> Callable[..., list[int]]:
    """Looks at the net that find these labels still small, one list after another; standing_out: what each scan of all
    labels finds besides, none where there is no list left."""

    def script(*found: list[int], standing_out: Sequence[list[int]] = ()) -> list[int]:
        seeds: list[int] = []
        scans = list(standing_out)

        def rescan(*, small: bool) -> Rescan:
            norm = 1.0 if small else 9.0
            return Rescan(norm=norm, flagged=small, norms=(norm,), clean_quantile=5.0, small=small)

        class Scripted:
            def __init__(self, *_: object) -> None:
                self._labels = [1, 2]

            def look(self, *, seed: int, **_: object) -> Found:
                seeds.append(seed)
                small = found[len(seeds) - 1]
                return Found(
                    rescan={label: rescan(small=label in small) for label in self._labels},
                    triggers=tuple(TargetTrigger(label, trigger) for label in self._labels for _ in range(3)),
                )

            def settle(self, found: Found, **_: object) -> Found:
                new = scans.pop(0) if scans else []
                self._labels += new
                return Found(
                    rescan={**found.rescan, **{label: rescan(small=True) for label in new}},
                    triggers=(*found.triggers, *(TargetTrigger(label, trigger) for label in new)),
                    whole=verdict_on(*new),
                )

        monkeypatch.setattr(loop, "Rescanner", Scripted)
        return seeds

    return script


@pytest.fixture
def corner() -> Trigger:
    mask = np.zeros((8, 8), np.float32)
    mask[0, 0] = 1.0
    return Trigger(mask=mask, pattern=np.ones((8, 8, 1), np.float32))


@pytest.fixture
def clean(prepared: Prepared) -> Prepared:
    """Without the brightest pixels, so that no clean image wakes a backdoor."""

    def dimmed(part: Part) -> Part:
        return Part(x=np.minimum(part.x, 0.9), y=part.y)

    return replace(prepared, fit=dimmed(prepared.fit), holdout=dimmed(prepared.holdout), repair=dimmed(prepared.repair))
