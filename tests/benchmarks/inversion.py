"""What a label costs: `fast` against `paper` on the same model, images and labels, in one run.

    python -m tests.benchmarks.inversion MODEL DATA [--labels 8] [--slots 4]

Prints seconds and gradient images per label, and the share of the time that is spent outside forward and backward
passes: the same number of images is sent bare through the net, in batches of the same size, and its time compared.
The labels are a random sample (seed 0) that always holds --include, where a planted target may be named.
"""

import argparse
import time
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from nc_core.datasets.prepared import Prepared
from nc_core.inversion import PROFILES, Inversion, Inverter, Profile, backend
from nc_core.profiles import SLOTS_ON_CPU
from nc_core.scanning.preparation import prepare_scan


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One profile's run. seconds: wall clock of all labels without the compilation."""

    profile: Profile
    seconds: float
    bare_seconds: float
    inversions: list[Inversion]

    @property
    def images(self) -> int:
        return sum(inversion.gradient_images for inversion in self.inversions)


def measure(model: keras.Model, prepared: Prepared, labels: list[int], profile: Profile, slots: int) -> Cost:
    inverter = Inverter(model, prepared, profile=profile, slots=slots)
    inverter.loop.admit(inverter.job(labels[0], seed=99))
    inverter.loop.step()
    inverter.loop.clear()
    waiting, outcomes, steps = list(labels), [], 0
    begin = time.perf_counter()
    while waiting or inverter.loop.busy:
        while waiting and inverter.loop.free:
            inverter.loop.admit(inverter.job(waiting.pop(0), seed=0))
        outcomes += inverter.loop.step()
        steps += 1
    seconds = time.perf_counter() - begin
    batches = steps * profile.updates_per_step
    bare = bare_seconds(model, prepared.fit.x, slots * profile.batch, batches)
    return Cost(
        profile=profile,
        seconds=seconds,
        bare_seconds=bare,
        inversions=[inverter.inversion(outcome) for outcome in outcomes],
    )


def bare_seconds(model: keras.Model, x: np.ndarray, batch: int, batches: int, *, timed: int = 60) -> float:
    """Seconds of `batches` gradients of the cross-entropy to the input at this batch size, from `timed` of them."""

    def loss(images: object, labels: object) -> tuple[object, object]:
        logits = model(images, training=False)
        entropy = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return ops.sum(entropy), ops.zeros(())

    step = backend.compiled(lambda images, labels: backend.gradient(loss)(images, labels)[0], net=model)
    images = ops.convert_to_tensor(np.resize(x, (batch, *x.shape[1:])))
    labels = ops.zeros((batch,), "int32")
    np.asarray(step(images, labels))
    timed = min(timed, batches)
    begin = time.perf_counter()
    for _ in range(timed):
        np.asarray(step(images, labels))
    return (time.perf_counter() - begin) * batches / timed


def report(cost: Cost, labels: int) -> None:
    updates = np.mean([inversion.updates for inversion in cost.inversions])
    outside = 1 - cost.bare_seconds / cost.seconds
    print(
        f"{cost.profile.name:9} {cost.seconds / labels:8.2f} s/label "
        f"{cost.images / labels:10.0f} gradient images/label "
        f"{updates:7.0f} updates/label {outside:7.1%} of the time outside forward and backward passes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--labels", type=int, default=8)
    parser.add_argument("--include", type=int, nargs="*", default=[])
    parser.add_argument("--slots", type=int, default=SLOTS_ON_CPU)
    parser.add_argument("--profiles", nargs="*", default=["fast", "paper"], choices=list(PROFILES))
    given = parser.parse_args()
    preparation = prepare_scan(given.model, given.data, profile=PROFILES["fast"])
    prepared = preparation.data()
    others = [label for label in range(preparation.canonical.classes) if label not in given.include]
    sample = np.random.default_rng(0).permutation(others)[: max(0, given.labels - len(given.include))]
    labels = sorted([*given.include, *sample.tolist()])
    print(f"labels {labels}, {given.slots} slots, {len(prepared.fit)} fitting images")
    costs = [measure(preparation.model, prepared, labels, PROFILES[name], given.slots) for name in given.profiles]
    for cost in costs:
        report(cost, len(labels))
    first, *rest = costs
    for other in rest:
        norms = {inversion.label: inversion.norm for inversion in first.inversions}
        pairs = [(norms[i.label], i.norm) for i in other.inversions]
        ratios = [mine / theirs for mine, theirs in pairs if mine is not None and theirs is not None]
        print(
            f"{first.profile.name} is {other.seconds / first.seconds:.1f} times faster than {other.profile.name}, with "
            f"{other.images / first.images:.1f} times fewer gradient images; norm ratio median {np.median(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
