"""`cleanse classify`: what a net says to pictures."""

from pathlib import Path
from typing import Annotated

import typer

from api.backends import settings_of
from api.cli.arguments import Architecture, Home, InputShape, KnownRange, Output, Resized
from api.cli.fetching import downloads
from api.client import inputs
from nc_tasks.request import choices


def classify(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model, such as guarded.keras, or PyTorch weights; or an address.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.")],
    value_range: KnownRange = choices.VALUE_RANGE.default,
    resize: Resized = choices.RESIZE.default,
    architecture: Architecture = None,
    output: Output = None,
    input_shape: InputShape = None,
    home: Home = None,
) -> None:
    """Print one number a picture: its class, and for a guarded net N for a backdoored input."""
    from api.backends.keeping import keep_all
    from api.cli.jobs import run_job
    from nc_tasks.files import open_artefacts

    settings = settings_of(home)
    artefacts = open_artefacts(settings)
    with downloads(home) as files:
        net = files.path(model, "model")
        inputs.check_model(net)
        for image in images:
            inputs.check_picture(image)
        kept_net, *kept_images = keep_all(artefacts, [net, *images])
    arguments = {
        "model": kept_net,
        "images": kept_images,
        "value_range": value_range,
        "resize": resize,
        "architecture": architecture,
        "output": output,
        "input_shape": input_shape,
    }
    for label in run_job(settings, "classify", arguments, title="Classifying")["labels"]:
        print(label)
