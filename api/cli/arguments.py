"""Arguments and options that several commands share: where, what goes in, and what comes out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from nc_core.results.files import Format
from nc_tasks.request import choices
from nc_tasks.request.choices import Channels, Resize, ValueRange


def class_names(path: str | None) -> Any:
    """The names in the file of --class-names, or of the folders in a folder; raises OptionRefused."""
    if path is None:
        return None
    from api.client.inputs import class_names_in

    return list(class_names_in(Path(path)))


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
NetFormat = Annotated[
    Format,
    typer.Option("--format", help="What nets are written as; onnx: as .onnx beside .keras, in the submitted layout."),
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

ADDRESSES = "https://HOST/PATH, hf://ORG/NAME/FILE, s3://BUCKET/KEY or mlflow:/models/NAME/VERSION"
"""What may stand for a path: see `api.client.addresses`."""
Architecture = Annotated[
    str | None,
    typer.Option("--architecture", metavar="PRESET", help=choices.ARCHITECTURE.help),
]
Output = Annotated[str | None, typer.Option("--output", metavar="NAME", help=choices.OUTPUT.help)]
InputShape = Annotated[str | None, typer.Option("--input-shape", metavar="HxW[xC]", help=choices.INPUT_SHAPE.help)]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=f"Keras or ONNX model (.keras, .h5, .onnx) or PyTorch weights; or {ADDRESSES}.",
        show_default=False,
    ),
]
Clean = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="CLEAN",
        help="Clean data: .npz, .h5 (CSAW), a folder of pictures, Parquet or WebDataset shards; or an address.",
        show_default=False,
    ),
]
Poisoned = Annotated[
    list[str] | None,
    typer.Option("--poisoned", metavar="FILE", help="Known poisoned pictures, to measure with and for retraining."),
]
Force = Annotated[bool, typer.Option("--force", help=choices.FORCE.help)]
KnownRange = Annotated[
    ValueRange, typer.Option("--value-range", help="What the model makes of pixels; auto: as its scan found.")
]
Channelled = Annotated[Channels | None, typer.Option("--channels", help=choices.CHANNELS.help)]
NAMES_HELP = "Names of the model's outputs, in their order: JSON, text with one a line, or a folder of class folders."
NamedClasses = Annotated[
    str | None,
    typer.Option("--class-names", metavar="FILE", callback=class_names, help=NAMES_HELP),
]
Resized = Annotated[Resize | None, typer.Option("--resize", help="Bring pictures of another size to the model's.")]
