"""`cleanse submit`: hand models in."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.arguments import Home, Json, Server, Workers
from api.cli.run import (
    Architecture,
    BaselineName,
    Budget,
    FalsePositives,
    Fit,
    Force,
    How,
    HowLong,
    MaxAccuracyLoss,
    MinAccuracy,
    Mitigate,
    Only,
    PixelRange,
    Poisoned,
    Seed,
    Slots,
    Twins,
    Unlabelled,
)

Priority = Literal["high", "normal", "low"]


def named_texts(given: list[str] | None) -> list[str]:
    """The tags as they were given; a usage error where one has no name."""
    for one in given or ():
        if not one.partition("=")[0] or "=" not in one:
            raise typer.BadParameter(f"{one!r} is no tag: write NAME=TEXT, such as team=vision")
    return given or []


def submit(
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL...", help="Keras models, or folders of them.", show_default=False)
    ],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="CLEAN", help="Clean data, as for `run`.", show_default=False),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", metavar="ID", help="Registered clean data instead, by id or name."),
    ] = None,
    unlabelled: Unlabelled = False,
    poisoned: Poisoned = None,
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
    priority: Annotated[
        Priority, typer.Option("--priority", help="Whose labels go first while workers are scarce.")
    ] = "normal",
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="NAME=TEXT", callback=named_texts, help="What to call them by; may be repeated."),
    ] = None,
    callback_url: Annotated[
        str | None, typer.Option("--callback-url", metavar="URL", help="Told, signed, when each of them has ended.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow them to their ends, and say the verdict.")] = False,
    workers: Workers = None,
    force: Force = False,
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Hand in one model or many against the same clean data, here or to a server.

    Exit code 0 once all are handed in. With --wait that of `run`: 0 clean, 3 backdoored, 4 inconclusive, 2 refused, 1
    failed; of several models the worst speaks: backdoored, then failed, refused, inconclusive, clean.
    """
    if (data is None) == (dataset is None):
        raise typer.BadParameter("pass either --data CLEAN or --dataset ID")
    from api.backends import opened
    from api.backends.backend import Order
    from api.cli.exits import Leave
    from api.cli.gate import hand_in, models_in
    from nc_tasks.options import scan_options

    options = scan_options(
        profile=profile,
        detector=detector,
        mitigate=mitigate,
        max_accuracy_loss=max_accuracy_loss,
        false_positive_rate=false_positive_rate,
        value_range=value_range,
        min_accuracy=min_accuracy,
        resize=resize,
        architecture=architecture,
        labels=only,
        unlabelled=unlabelled,
        slots=slots,
        seed=seed,
        budget_minutes=budget_minutes,
        baseline=baseline,
        twins=twins,
    ).model_dump(mode="json")
    orders = [
        Order(
            model=model,
            data=data,
            dataset=dataset,
            poisoned=poisoned or [],
            options=options,
            force=force,
            priority=priority,
            tags={name: text for name, _, text in (one.partition("=") for one in tags or ())},
            callback_url=callback_url,
        )
        for model in models_in(models)
    ]
    with opened(home, server, workers=workers) as backend:
        raise Leave(hand_in(backend, orders, wait=wait, as_json=json))
