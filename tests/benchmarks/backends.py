"""TensorFlow and JAX on a processor: what an update of the batched program takes on each, side by side.

    python -m tests.benchmarks.backends [--nets signs averages faces] [--rounds 3] [--steps 10] [--record]

Nets of the shape of a GTSRB BadNet and of a face BadNet, with random weights, each with full slots, held to one
processor as a label worker is. Each way runs in a process of its own, in turns; processor seconds are counted, so that
other work on the machine tells less. JAX runs as the product has it, a program for every update, and with all updates
of a step as a loop in one program, which shows why; the net whose pooling takes means shows what is left.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

from tests.benchmarks import record

WAYS: Mapping[str, tuple[str, bool | None]] = {
    "TensorFlow": ("tensorflow", None),
    "JAX": ("jax", None),
    "JAX, updates in a loop": ("jax", True),
}
"""Name -> backend, and whether updates run in a loop within a program, None for as the product has it."""
NETS = {
    "signs": "GTSRB BadNet's shape",
    "averages": "the same, means in place of maxima",
    "faces": "face BadNet's shape",
}


def measured(way: str, net: str, steps: int) -> float:
    """Processor milliseconds an update, in a process of its own."""
    backend, _ = WAYS[way]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.backends", "--steps", str(steps), "--one", way, net],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_NUM_INTRAOP_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return float(ran.stdout)


def one(way: str, net: str, steps: int) -> float:
    """The same in this process, whose backend is that of the way."""
    import keras

    from nc_core.inversion import FAST, backend
    from nc_core.profiles import SLOTS_ON_CPU
    from tests.benchmarks.gpu_nets import faces_net, of_random_weights, signs_net

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    _, within = WAYS[way]
    if within is not None:
        backend.loops_well = lambda: within
    made: Callable[[], keras.Model] = {
        "signs": signs_net,
        "averages": lambda: signs_net(keras.layers.AveragePooling2D),
        "faces": faces_net,
    }[net]
    inverter = of_random_weights(net, made).inverter(FAST, SLOTS_ON_CPU, "float32")
    loop = inverter.loop
    for label in range(SLOTS_ON_CPU):
        loop.admit(inverter.job(label, seed=0))
    loop.step()
    spent = time.process_time()
    for _ in range(steps):
        loop.step()
    return 1000 * (time.process_time() - spent) / steps / FAST.updates_per_step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10, help="at least 1; no label ends within 20")
    parser.add_argument("--nets", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--one", nargs=2, metavar=("WAY", "NET"), help=argparse.SUPPRESS)
    record.add_option(parser)
    given = parser.parse_args()
    if given.one:
        print(one(*given.one, given.steps))
        return
    rows = list[list[record.Cell]]()
    print("net, way: processor milliseconds an update, times TensorFlow's")
    for net in given.nets:
        rounds = [{way: measured(way, net, given.steps) for way in WAYS} for _ in range(given.rounds)]
        for way in WAYS:
            spent = median(each[way] for each in rounds)
            ratio = median(each[way] / each["TensorFlow"] for each in rounds)
            rows.append([NETS[net], way, round(spent, 1), round(ratio, 2)])
            print(*rows[-1], sep="\t", flush=True)
    note = f"load of the machine at its end: {os.getloadavg()[0]:.0f}"
    record.rows(given, "speed", "TensorFlow and JAX on a processor", rows, note=note)


if __name__ == "__main__":
    main()
