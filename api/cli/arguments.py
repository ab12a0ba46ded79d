"""Arguments and options that several commands share: where, what comes out, and how a scan is made."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from nc_tasks.request import choices
from nc_tasks.request.choices import Choice, Detector, Method, Profile, Resize, ValueRange

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="CLEANSE_HOME",
        show_envvar=True,
        show_default="~/.cleanse",
        file_okay=False,
        help="Folder of everything that is kept: results, files, broker, logs.",
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        envvar="CLEANSE_SERVER",
        show_envvar=True,
        help="Ask this server instead of the store under --home; CLEANSE_KEY holds the key to it.",
    ),
]
SubmissionId = Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder of the results.", show_default="MODEL's name with -cleanse"),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=64,
        help="Worker processes for the label tasks; as many as processors and memory bear unless given.",
    ),
]


def labels(text: str | None) -> str | None:
    """The text of --labels as it was given; a usage error where it does not name labels."""
    from nc_core.errors import OptionRefused
    from nc_tasks.request.label_ranges import parse_labels

    try:
        if text is not None:
            parse_labels(text)
    except OptionRefused as error:
        raise typer.BadParameter(str(error)) from None
    return text


def mitigations(text: str) -> str:
    """The text of --mitigate as it was given; a usage error where a method is unknown."""
    unknown = [] if text == "none" else [name for name in text.split(",") if name.strip() not in get_args(Method)]
    if unknown:
        known = ", ".join(get_args(Method))
        raise typer.BadParameter(f"{unknown[0]!r} is no repair: pass none, or a list of {known}")
    return text


def share(value: float) -> float:
    """The value of --false-positive-rate; a usage error where it is no share."""
    if not 0.0 < value < 1.0:
        raise typer.BadParameter(f"{value:g} is no share of clean pictures: pass one above 0 and below 1, such as 0.01")
    return value


def _within(choice: Choice[Any]) -> dict[str, Any]:
    """What typer calls the limits of a number; of whole ones the last that is allowed."""
    limits = choice.limits
    return {"min": limits["ge"], "max": limits["le"] if "le" in limits else limits["lt"] - 1}


Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Keras model: .keras or .h5.", show_default=False)]
Clean = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="CLEAN",
        help="Clean data: .h5 (CSAW), .npz (Keras), or a folder of pictures, a sub-folder a class.",
        show_default=False,
    ),
]
Unlabelled = Annotated[bool, typer.Option("--unlabelled", help=choices.UNLABELLED.help)]
Poisoned = Annotated[
    list[Path] | None,
    typer.Option("--poisoned", metavar="FILE", help="Known poisoned pictures, to measure with and for retraining."),
]
HowLong = Annotated[Profile, typer.Option("--profile", help=choices.PROFILE.help)]
How = Annotated[Detector, typer.Option("--detector", help=choices.DETECTOR.help)]
Mitigate = Annotated[
    str,
    typer.Option("--mitigate", metavar="METHOD[,METHOD...]|none", callback=mitigations, help=choices.MITIGATE.help),
]
MaxAccuracyLoss = Annotated[
    float, typer.Option("--max-accuracy-loss", help=choices.MAX_LOSS.help, **_within(choices.MAX_LOSS))
]
FalsePositives = Annotated[
    float,
    typer.Option("--false-positive-rate", metavar="R", callback=share, help=choices.FALSE_POSITIVES.help),
]
PixelRange = Annotated[ValueRange, typer.Option("--value-range", help=choices.VALUE_RANGE.help)]
MinAccuracy = Annotated[
    float | None,
    typer.Option(
        "--min-accuracy",
        metavar="R",
        help=choices.MIN_ACCURACY.help,
        show_default="twice chance",
        **_within(choices.MIN_ACCURACY),
    ),
]
Fit = Annotated[Resize | None, typer.Option("--resize", help=choices.RESIZE.help)]
Architecture = Annotated[str | None, typer.Option("--architecture", metavar="PRESET", help=choices.ARCHITECTURE.help)]
Only = Annotated[
    str | None,
    typer.Option("--labels", metavar="0-79,90", callback=labels, help="Target labels to scan.", show_default="all"),
]
Seed = Annotated[int, typer.Option("--seed", help=choices.SEED.help, **_within(choices.SEED))]
Slots = Annotated[
    int | None,
    typer.Option(
        "--slots",
        help="Labels in one batch.",
        show_default="4, on a GPU 64; fewer where memory is short",
        **_within(choices.SLOTS),
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        "--budget-minutes",
        metavar="MINUTES",
        min=0.01,
        max=choices.BUDGET_MINUTES.limits["le"],
        help=choices.BUDGET_MINUTES.help,
        show_default="no limit",
    ),
]
BaselineName = Annotated[
    str | None, typer.Option("--baseline", metavar="NAME", help=choices.BASELINE.help, show_default="none")
]
Twins = Annotated[int, typer.Option("--twins", metavar="N", help=choices.TWINS.help, **_within(choices.TWINS))]
Force = Annotated[bool, typer.Option("--force", help=choices.FORCE.help)]

SCAN_OPTIONS: dict[str, tuple[Any, Any]] = {
    "unlabelled": (Unlabelled, choices.UNLABELLED.default),
    "profile": (HowLong, choices.PROFILE.default),
    "detector": (How, choices.DETECTOR.default),
    "mitigate": (Mitigate, ",".join(choices.MITIGATE.default)),
    "max_accuracy_loss": (MaxAccuracyLoss, choices.MAX_LOSS.default),
    "false_positive_rate": (FalsePositives, choices.FALSE_POSITIVES.default),
    "value_range": (PixelRange, choices.VALUE_RANGE.default),
    "min_accuracy": (MinAccuracy, choices.MIN_ACCURACY.default),
    "resize": (Fit, choices.RESIZE.default),
    "architecture": (Architecture, choices.ARCHITECTURE.default),
    "labels": (Only, choices.LABELS.default),
    "seed": (Seed, choices.SEED.default),
    "slots": (Slots, choices.SLOTS.default),
    "budget_minutes": (Budget, choices.BUDGET_MINUTES.default),
    "baseline": (BaselineName, choices.BASELINE.default),
    "twins": (Twins, choices.TWINS.default),
}
"""Option of a scan, by its name in `ScanOptions` -> how the command line takes it, and what it is otherwise."""


def takes_scan_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take these options of a scan, without names all: it gets them, by name, as its one `options`."""
    wanted = {name: SCAN_OPTIONS[name] for name in names or SCAN_OPTIONS}

    def taking(command: Callable[..., None]) -> Callable[..., None]:
        kind = Parameter.POSITIONAL_OR_KEYWORD
        shown = [
            Parameter(name, kind, default=default, annotation=option) for name, (option, default) in wanted.items()
        ]
        own = signature(command, eval_str=True)
        parameters = [one for each in own.parameters.values() for one in (shown if each.name == "options" else [each])]

        @wraps(command)
        def taken(**given: Any) -> None:
            options = {name: given.pop(name) for name in wanted}
            command(**given, options=options)

        taken.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        taken.__annotations__ = {each.name: each.annotation for each in parameters}
        return taken

    return taking
