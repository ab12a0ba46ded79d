"""What bfloat16 saves and what it moves: the same labels in float32 and bfloat16, in turns, in one run.

    python -m tests.benchmarks.precision MODEL DATA [--labels 12] [--slots 4] [--unlabelled]

Prints seconds and updates per label for both, the ratio of norms bfloat16 / float32 over the labels, and the time of a
bare forward and backward pass per image at several batch sizes. The norm of one label moves by some 10% when float
order alone changes, so only the median over many labels says anything; --again runs float32 with one slot less
instead of bfloat16, which shows that scatter alone.
"""

import argparse
import time
from dataclasses import dataclass, field

import keras
import numpy as np
from keras import ops

from nc_core.inversion import PROFILES, Inversion, Inverter, backend
from nc_core.models import in_precision
from nc_core.scanning.preparation import prepare_scan

BATCHES = (16, 32, 64, 128, 256)


@dataclass(kw_only=True)
class Run:
    """One arithmetic's way through the labels. seconds: wall clock of its steps, without the compilation."""

    name: str
    inverter: Inverter
    waiting: list[int]
    seconds: float = 0.0
    inversions: dict[int, Inversion] = field(default_factory=dict)

    def warm_up(self) -> None:
        loop = self.inverter.loop
        loop.admit(self.inverter.job(self.waiting[0], seed=99))
        loop.step()
        loop.clear()

    def step(self) -> bool:
        """One step of all slots; False when every label is over."""
        loop = self.inverter.loop
        while self.waiting and loop.free:
            loop.admit(self.inverter.job(self.waiting.pop(0), seed=0))
        if not loop.busy:
            return False
        begin = time.perf_counter()
        outcomes = loop.step()
        self.seconds += time.perf_counter() - begin
        self.inversions |= {outcome.job.label: self.inverter.inversion(outcome) for outcome in outcomes}
        return True


def report(runs: list[Run]) -> None:
    for run in runs:
        found = run.inversions.values()
        updates = np.mean([inversion.updates for inversion in found])
        rates = [i.attack_success_rate for i in found if i.attack_success_rate is not None]
        print(
            f"{run.name:16} {run.seconds / len(found):7.2f} s/label {updates:6.0f} updates/label; "
            f"held-out attack rate median {np.median(rates):.4f}, {len(rates)} of {len(found)} labels converged"
        )
    first, other = runs
    pairs = [(first.inversions[label].norm, other.inversions[label].norm) for label in sorted(first.inversions)]
    ratios = np.array([theirs / mine for mine, theirs in pairs if mine is not None and theirs is not None])
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    print(
        f"norms {other.name} / {first.name} over {len(ratios)} labels: median {middle:.3f}, quartiles {low:.3f} and "
        f"{high:.3f}, {ratios.min():.3f} to {ratios.max():.3f}; "
        f"updates {sum(i.updates for i in other.inversions.values()) / _updates(first):.2f}, "
        f"seconds {other.seconds / first.seconds:.2f}"
    )


def _updates(run: Run) -> int:
    return sum(inversion.updates for inversion in run.inversions.values())


def bare(model: keras.Model, x: np.ndarray, batch: int, *, rounds: int = 5, each: int = 10) -> dict[str, float]:
    """Milliseconds per image of the gradient of the cross-entropy to the input; the best of `rounds` taken in turns."""

    def program(net: keras.Model) -> object:
        def loss(images: object, labels: object) -> tuple[object, object]:
            entropy = keras.losses.sparse_categorical_crossentropy(labels, net(images, training=False), True)
            return ops.sum(entropy), ops.zeros(())

        return backend.compiled(lambda images, labels: backend.gradient(loss)(images, labels)[0], net=net)

    programs = {compute: program(in_precision(model, compute)) for compute in ("float32", "bfloat16")}
    images = ops.convert_to_tensor(np.resize(x, (batch, *x.shape[1:])))
    labels = ops.zeros((batch,), "int32")
    best = dict.fromkeys(programs, np.inf)
    for nth in range(rounds + 1):
        for compute, run in programs.items():
            begin = time.perf_counter()
            for _ in range(each):
                np.asarray(run(images, labels))
            if nth:  # the first round compiles
                best[compute] = min(best[compute], (time.perf_counter() - begin) / each / batch * 1e3)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--labels", type=int, default=12)
    parser.add_argument("--include", type=int, nargs="*", default=[])
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--profile", default="fast", choices=list(PROFILES))
    parser.add_argument("--unlabelled", action="store_true")
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    profile = PROFILES[given.profile]
    preparation = prepare_scan(given.model, given.data, profile=profile, unlabelled=given.unlabelled)
    prepared = preparation.data()
    print(f"Keras on {keras.backend.backend()}; milliseconds per image, forward and backward:")
    for batch in BATCHES:
        times = bare(preparation.model, prepared.fit.x, batch)
        ratio = times["float32"] / times["bfloat16"]
        print(f"batch {batch:4} float32 {times['float32']:.4f} bfloat16 {times['bfloat16']:.4f} gain {ratio:.2f}")
    others = [label for label in range(preparation.canonical.classes) if label not in given.include]
    sample = np.random.default_rng(0).permutation(others)[: max(0, given.labels - len(given.include))]
    labels = sorted([*given.include, *sample.tolist()])
    print(f"labels {labels}, {given.slots} slots, {len(prepared.fit)} fitting images", flush=True)

    def run(name: str, compute: str, slots: int) -> Run:
        inverter = Inverter(preparation.model, prepared, profile=profile, slots=slots, compute=compute)
        return Run(name=name, inverter=inverter, waiting=list(labels))

    second = ("float32, K - 1", "float32", given.slots - 1) if given.again else ("bfloat16", "bfloat16", given.slots)
    runs = [run("float32", "float32", given.slots), run(*second)]
    for one in runs:
        one.warm_up()
    while [one for one in runs if one.step()]:
        pass
    report(runs)


if __name__ == "__main__":
    main()
