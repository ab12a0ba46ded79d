"""`nc_core.scan`: a scan of a net in memory, in this process."""

import time
from collections.abc import Sequence
from typing import Any

from nc_core.datasets import Resize
from nc_core.face.found import Found
from nc_core.face.inputs import images_of, name_of, net_of, origin_of
from nc_core.face.options import labels_of, one_of, whole, within
from nc_core.face.progress import Show, shown
from nc_core.inversion import PROFILES, Progress
from nc_core.models import Compute
from nc_core.preflight.ranges import VALUE_RANGES
from nc_core.scanning.budget import Budget
from nc_core.scanning.detectors import DETECTORS, Detector
from nc_core.scanning.preparation import prepare_scan
from nc_core.scanning.rounds import Plan
from nc_core.scanning.scan import plan_of, scan_prepared
from nc_core.scanning.share import Share


def scan(
    model: Any,
    data: Any,
    *,
    profile: str = "fast",
    seed: int = 0,
    alpha: float = 0.05,
    architecture: str | None = None,
    output: str | None = None,
    input_shape: str | None = None,
    resize: Resize | None = None,
    value_range: str = "auto",
    unlabelled: bool = False,
    labels: Sequence[int] | None = None,
    slots: int | None = None,
    min_accuracy: float | None = None,
    class_names: Sequence[str] | None = None,
    compute: Compute = "float32",
    detector: Detector = "neural-cleanse",
    budget_minutes: float | None = None,
) -> Found:
    """Look for a backdoor, with a little clean data; the options are those of `cleanse run`.

    Args:
        model: a `keras.Model` or a `torch.nn.Module`, which is not changed, or the path of a model file.
        data: (x, y), or x alone: arrays, x (n, H, W, C) in 0..255, 0..1 or -1..1, y class numbers or one-hot; or a
            `tf.data.Dataset` of (image, label); or the path of a data file. Of more images than 6000 a scan draws some.
        output: name of the output that is the classifier's, of a model with several.
        input_shape: "28x28" or "32x32x3", of the pictures of a model that takes rows or leaves sizes open; of a module
            of torch, where the data have another size than it takes.
        labels: target labels to look at; None: all.
        class_names: what the model's outputs are called, in their order; None: what its file calls them, if anything.

    Returns:
        The verdict with all that it rests on; printed, it is five lines. For the same net and data the verdict, the
        norms and the p-value are those of `cleanse run`.

    Raises:
        InputRefused: model, data or an option cannot be scanned as given, with one line that says what to pass.
    """
    labels = labels_of(labels)
    options = {name: value for name, value in locals().items() if name not in ("model", "data")}
    check_options(**options)
    budget, began = Budget(minutes=budget_minutes), time.monotonic()
    with shown("scanning") as show:
        net = net_of(model, data, architecture=architecture, output=output, input_shape=input_shape)
        preparation = prepare_scan(
            net,
            images_of(data, net, resize=resize, labelled=not unlabelled),
            profile=PROFILES[profile],
            value_range=value_range,
            labels=labels,
            slots=slots,
            seed=seed,
            min_accuracy=min_accuracy,
            class_names=class_names,
            compute=compute,
        )
        rounds = plan_of(preparation, profile=profile, seed=seed)
        watch, prepared = _Watch(rounds, show), time.monotonic()
        scanned = scan_prepared(
            preparation, rounds, seed=seed, alpha=alpha, detector=detector, budget=budget, progress=watch
        )
    return Found(
        scan=scanned,
        model=origin_of(model, name_of(model)),
        data=origin_of(data, "arrays in memory"),
        options=options,
        rounds=watch.rounds,
        seconds=(time.monotonic() - began, time.monotonic() - prepared),
    )


def check_options(
    *,
    profile: str,
    seed: int,
    alpha: float,
    value_range: str,
    slots: int | None,
    min_accuracy: float | None,
    detector: str,
    **_: Any,
) -> None:
    """Raise OptionRefused where an option is none that `cleanse run` takes; what reads the others checks them."""
    one_of(PROFILES, profile=profile)
    one_of(DETECTORS, detector=detector)
    one_of(("auto", *VALUE_RANGES), value_range=value_range)
    whole(0, 2**32 - 1, seed=seed)
    whole(1, 256, slots=slots)
    within(0, 0.5, ends=False, alpha=alpha)
    within(0, 1, min_accuracy=min_accuracy)


class _Watch:
    """Shows how much is done, and keeps the last round of each label. rounds: label -> number."""

    def __init__(self, rounds: Plan, show: Show) -> None:
        self._share, self.rounds = Share(rounds, show), dict[int, int]()

    def __call__(self, round: int, label: int, told: Progress) -> None:
        """As `nc_core.scanning.in_process.Told`."""
        self.rounds[label] = round
        self._share(round, label, told)
