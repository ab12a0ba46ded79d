"""`cleanse evaluate`: how well a net does, and what it makes of poisoned pictures."""

from typing import Annotated, Any

import typer

from api.backends import settings_of
from api.cli.arguments import (
    Architecture,
    Channelled,
    Home,
    InputShape,
    Json,
    KnownRange,
    NamedClasses,
    Output,
    Resized,
)
from api.cli.fetching import downloads
from api.cli.terminal import print_json
from api.client import inputs
from nc_core.results.numbers import count, percent
from nc_tasks.request import choices


def evaluate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Keras model, such as goodnet.keras; or an address.")],
    clean: Annotated[
        str,
        typer.Option("--clean", metavar="FILE", help="Clean pictures with labels, as for run.", show_default=False),
    ],
    poisoned: Annotated[
        list[str] | None,
        typer.Option("--poisoned", metavar="FILE", help="Poisoned pictures; their labels are the attack's target."),
    ] = None,
    guarded: Annotated[
        bool,
        typer.Option("--guarded", help="The last output means a backdoored input; known of nets made under this home."),
    ] = False,
    value_range: KnownRange = choices.VALUE_RANGE.default,
    resize: Resized = choices.RESIZE.default,
    channels: Channelled = choices.CHANNELS.default,
    class_names: NamedClasses = None,
    architecture: Architecture = None,
    output: Output = None,
    input_shape: InputShape = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print accuracy, attack rate, and the share of pictures that a guarded net calls backdoored."""
    from api.backends.keeping import keep_all
    from api.cli.jobs import run_job
    from nc_tasks.files import open_artefacts

    settings = settings_of(home)
    artefacts = open_artefacts(settings)
    with downloads(home) as files:
        net, data = files.path(model, "model"), [files.path(path, "data") for path in (clean, *(poisoned or []))]
        inputs.check_model(net)
        for path in data:
            inputs.check_data(path)
        kept_net, kept_clean, *kept_poisoned = keep_all(artefacts, [net, *data])
    arguments: dict[str, Any] = {
        "model": kept_net,
        "clean": kept_clean,
        "poisoned": kept_poisoned,
        "guarded": guarded,
        "value_range": value_range,
        "resize": resize,
        "channels": channels,
        "class_names": class_names,
        "architecture": architecture,
        "output": output,
        "input_shape": input_shape,
    }
    found = run_job(settings, "evaluate", arguments, title="Evaluating")
    if as_json:
        print_json(found)
    else:
        for line in lines(found):
            print(line)


def lines(found: dict[str, Any]) -> list[str]:
    """The figures as they are printed for people."""
    from nc_core.datasets.numbering import ORDERS_IN_WORDS

    clean, poisoned = found["clean"], found["poisoned"]
    shown = [f"clean accuracy {percent(clean['accuracy'])} ({count(clean['images'], 'picture')})"]
    if (order := found.get("class_order", "given")) != "given":
        shown.append(f"note: {ORDERS_IN_WORDS[order]}")
    if found["guarded"]:
        shown.append(f"clean pictures called backdoored {percent(clean['flagged_rate'])}")
    if poisoned is not None:
        shown.append(
            f"attack success rate {percent(poisoned['attack_success_rate'])} ({count(poisoned['images'], 'picture')})"
        )
        if found["guarded"]:
            shown.append(f"poisoned pictures called backdoored {percent(poisoned['flagged_rate'])}")
    return shown
