"""How the command line takes the options of a scan; a command has all of them, or some, by one decorator."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, get_args

import typer

from api.cli.arguments import NAMES_HELP, class_names
from nc_tasks.request import choices
from nc_tasks.request.choices import Channels, Choice, Detector, Method, Profile, Resize, ValueRange


def takes_scan_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take these options of a scan, without names all: it gets them, by name, as its one `options`."""
    wanted = {name: SCAN_OPTIONS[name] for name in names or SCAN_OPTIONS}

    def taking(command: Callable[..., None]) -> Callable[..., None]:
        own = signature(command, eval_str=True)
        given = [(wanted.values() if each.name == "options" else [each]) for each in own.parameters.values()]
        parameters = [each for several in given for each in several]

        @wraps(command)
        def taken(**values: Any) -> None:
            options = {name: values.pop(name) for name in wanted}
            command(**values, options=options)

        taken.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        taken.__annotations__ = {each.name: each.annotation for each in parameters}
        return taken

    return taking


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
    known = get_args(Method)
    unknown = [] if text == "none" else [name for name in text.split(",") if name.strip() not in known]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no repair: pass none, or a list of {', '.join(known)}")
    return text


def share(value: float) -> float:
    """The value of --false-positive-rate; a usage error where it is no share."""
    if not 0.0 < value < 1.0:
        raise typer.BadParameter(f"{value:g} is no share of clean pictures: pass one above 0 and below 1, such as 0.01")
    return value


def _option(name: str, kind: Any, choice: Choice[Any], **shown: Any) -> Parameter:
    """An option as a command's signature has it. kind: type of its value. shown: what typer is told besides."""
    limits = choice.limits
    told = {"help": choice.help}
    if "ge" in limits:
        # Those that stay below a limit are whole numbers.
        told |= {"min": limits["ge"], "max": limits["le"] if "le" in limits else limits["lt"] - 1}
    default = shown.pop("default", choice.default)
    annotation = Annotated[kind, typer.Option(f"--{name.replace('_', '-')}", **{**told, **shown})]
    return Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)


_MITIGATE = {
    "default": ",".join(choices.MITIGATE.default),
    "metavar": "METHOD[,METHOD...]|none",
    "callback": mitigations,
}
_LABELS = {"metavar": "0-79,90", "callback": labels, "help": "Target labels to scan.", "show_default": "all"}
_CLASS_NAMES = {"metavar": "FILE", "callback": class_names, "help": NAMES_HELP}
_SLOTS = {"help": "Labels in one batch.", "show_default": "4, on a GPU 64; fewer where memory is short"}
_MIN_ACCURACY = {"metavar": "R", "show_default": "twice chance; of 2, 3 and 4 classes 0.65, 0.53 and 0.475"}
_BUDGET = {"metavar": "MINUTES", "min": 0.01, "max": choices.BUDGET_MINUTES.limits["le"], "show_default": "no limit"}

SCAN_OPTIONS = {
    option.name: option
    for option in (
        _option("unlabelled", bool, choices.UNLABELLED),
        _option("profile", Profile, choices.PROFILE),
        _option("detector", Detector, choices.DETECTOR),
        _option("mitigate", str, choices.MITIGATE, **_MITIGATE),
        _option("max_accuracy_loss", float, choices.MAX_LOSS),
        _option("false_positive_rate", float, choices.FALSE_POSITIVES, metavar="R", callback=share),
        _option("value_range", ValueRange, choices.VALUE_RANGE),
        _option("min_accuracy", float | None, choices.MIN_ACCURACY, **_MIN_ACCURACY),
        _option("resize", Resize | None, choices.RESIZE),
        _option("channels", Channels | None, choices.CHANNELS),
        _option("class_names", str | None, choices.CLASS_NAMES, **_CLASS_NAMES),
        _option("architecture", str | None, choices.ARCHITECTURE, metavar="PRESET"),
        _option("output", str | None, choices.OUTPUT, metavar="NAME", show_default="the only one"),
        _option("input_shape", str | None, choices.INPUT_SHAPE, metavar="HxW[xC]", show_default="in the file"),
        _option("labels", str | None, choices.LABELS, **_LABELS),
        _option("seed", int, choices.SEED),
        _option("slots", int | None, choices.SLOTS, **_SLOTS),
        _option("budget_minutes", float | None, choices.BUDGET_MINUTES, **_BUDGET),
        _option("baseline", str | None, choices.BASELINE, metavar="NAME", show_default="none"),
        _option("twins", int, choices.TWINS, metavar="N"),
    )
}
"""Name in `ScanOptions` -> the option of a command."""
