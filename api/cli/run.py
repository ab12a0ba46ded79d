"""`cleanse run`: the whole job on this machine."""

from typing import Any

import typer

from api.backends import settings_of
from api.cli.arguments import (
    Architecture,
    BaselineName,
    Budget,
    Clean,
    FalsePositives,
    Fit,
    Force,
    Home,
    How,
    HowLong,
    MaxAccuracyLoss,
    MinAccuracy,
    Mitigate,
    Model,
    Only,
    Out,
    PixelRange,
    Poisoned,
    Seed,
    Slots,
    Twins,
    Unlabelled,
    Workers,
)
from api.results.folder import folder_of


def run(
    model: Model,
    data: Clean,
    unlabelled: Unlabelled = False,
    poisoned: Poisoned = None,
    out: Out = None,
    home: Home = None,
    profile: HowLong = "fast",
    detector: How = "neural-cleanse",
    mitigate: Mitigate = "unlearning",
    max_accuracy_loss: MaxAccuracyLoss = 0.05,
    false_positive_rate: FalsePositives = 0.01,
    value_range: PixelRange = "auto",
    min_accuracy: MinAccuracy = None,
    resize: Fit = None,
    architecture: Architecture = None,
    only: Only = None,
    seed: Seed = 0,
    slots: Slots = None,
    budget_minutes: Budget = None,
    baseline: BaselineName = None,
    twins: Twins = 0,
    workers: Workers = None,
    force: Force = False,
) -> None:
    """Scan MODEL for backdoors with a little clean data, and repair it.

    Writes result.json, report.html, triggers.npz and scanned.keras: the net that was scanned, and the file to deploy
    where the verdict is clean; goodnet.keras and guarded.keras where a repair was made.
    Exit code: 0 clean, 3 backdoored, 4 inconclusive, 2 input refused, 64 usage error, 1 failed.
    """
    from api.backends.backend import Order
    from api.cli.scanning import scan
    from nc_tasks.request.options import scan_options
    from nc_tasks.request.scan import RequestParameters

    options: dict[str, Any] = {
        "profile": profile,
        "detector": detector,
        "mitigate": mitigate,
        "max_accuracy_loss": max_accuracy_loss,
        "false_positive_rate": false_positive_rate,
        "value_range": value_range,
        "min_accuracy": min_accuracy,
        "resize": resize,
        "architecture": architecture,
        "labels": only,
        "unlabelled": unlabelled,
        "slots": slots,
        "seed": seed,
        "budget_minutes": budget_minutes,
        "baseline": baseline,
        "twins": twins,
    }
    parameters = RequestParameters(options=scan_options(**options), force=force)
    order = Order(model=model, data=data, dataset=None, poisoned=poisoned or [], parameters=parameters)
    folder = folder_of(model.resolve().name) if out is None else out
    raise typer.Exit(scan(settings_of(home), order, folder, workers=workers))
