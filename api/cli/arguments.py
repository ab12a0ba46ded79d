"""Arguments and options that several commands share: where, what comes out, and how a scan is made."""

from pathlib import Path
from typing import Annotated, Literal

import typer

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

Profile = Literal["fast", "thorough", "paper"]
Detector = Literal["neural-cleanse", "gangsweep"]
ValueRange = Literal["auto", "0..1", "0..255", "-1..1", "standardize", "imagenet"]
Resize = Literal["nearest", "bilinear"]
MITIGATIONS = ("unlearning", "neuron-pruning", "fine-pruning", "retraining", "gangsweep", "filter")
"""The same choices as `ScanOptions` has, whose import would cost every command a quarter of a second."""


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
    unknown = [] if text == "none" else [name for name in text.split(",") if name.strip() not in MITIGATIONS]
    if unknown:
        known = ", ".join(MITIGATIONS)
        raise typer.BadParameter(f"{unknown[0]!r} is no repair: pass none, or a list of {known}")
    return text


def share(value: float) -> float:
    """The value of --false-positive-rate; a usage error where it is no share."""
    if not 0.0 < value < 1.0:
        raise typer.BadParameter(f"{value:g} is no share of clean pictures: pass one above 0 and below 1, such as 0.01")
    return value


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
Unlabelled = Annotated[
    bool, typer.Option("--unlabelled", help="Let the model's own confident answers stand in for the labels.")
]
Poisoned = Annotated[
    list[Path] | None,
    typer.Option("--poisoned", metavar="FILE", help="Known poisoned pictures, to measure with and for retraining."),
]
HowLong = Annotated[Profile, typer.Option("--profile", help="How long to look for every trigger.")]
How = Annotated[
    Detector,
    typer.Option(
        "--detector",
        help="How to look. neural-cleanse: optimise one mask and pattern for each label; gangsweep: train for each "
        "label a generator that makes a mask for every picture.",
    ),
]
Mitigate = Annotated[
    str,
    typer.Option(
        "--mitigate",
        metavar="METHOD[,METHOD...]|none",
        callback=mitigations,
        help=f"Repairs of a backdoored model: some of {', '.join(MITIGATIONS)}; of several the best is kept. "
        "retraining needs --poisoned; filter changes no net and only guards the submitted one.",
    ),
]
MaxAccuracyLoss = Annotated[
    float,
    typer.Option("--max-accuracy-loss", min=0.0, max=1.0, help="Share of clean pictures that a repair may cost."),
]
FalsePositives = Annotated[
    float,
    typer.Option(
        "--false-positive-rate",
        metavar="R",
        callback=share,
        help="Share of clean pictures that the guarded net may call backdoored.",
    ),
]
PixelRange = Annotated[ValueRange, typer.Option("--value-range", help="What the model makes of pixels in 0..255.")]
MinAccuracy = Annotated[
    float | None,
    typer.Option(
        "--min-accuracy",
        metavar="R",
        min=0.0,
        max=1.0,
        help="Refuse the model below this share of right answers on the clean data, and doubt none above it.",
        show_default="twice chance",
    ),
]
Fit = Annotated[Resize | None, typer.Option("--resize", help="Bring pictures of another size to the model's.")]
Architecture = Annotated[
    str | None,
    typer.Option("--architecture", metavar="PRESET", help="What a file of weights alone is for: deepid."),
]
Only = Annotated[
    str | None,
    typer.Option("--labels", metavar="0-79,90", callback=labels, help="Target labels to scan.", show_default="all"),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of every random choice.")]
Slots = Annotated[
    int | None,
    typer.Option(
        "--slots",
        min=1,
        max=256,
        help="Labels in one batch.",
        show_default="4, on a GPU 64; fewer where memory is short",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        "--budget-minutes",
        metavar="MINUTES",
        min=0.01,
        max=100_000,
        help="Look at no more labels after so many minutes, and judge what there is.",
        show_default="no limit",
    ),
]
BaselineName = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="NAME",
        help="Hold the verdict against the scans of clean models that `cleanse baseline` knows by this name.",
        show_default="none",
    ),
]
Twins = Annotated[
    int,
    typer.Option(
        "--twins",
        metavar="N",
        min=0,
        max=99,
        help="Hold the verdict against so many nets of the same architecture, trained on the clean data and scanned.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Scan again what was scanned before.")]
