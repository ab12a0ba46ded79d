"""`cleanse plant`: a BadNet whose answer is known."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from api.backends import settings_of
from api.cli.arguments import Home
from api.cli.fetching import downloads
from api.cli.terminal import out, printable
from api.client import inputs
from nc_core.attack_names import AttackName, Position
from nc_core.results.folder import check_folder, write_file
from nc_core.results.numbers import percent

SIGNS = "signs"


def colour_of(text: str) -> list[int]:
    """ "255,255,0" or "255" as values in 0..255; a usage error for anything else."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) <= 255 for part in parts):
        raise typer.BadParameter(f"{text!r} is no colour: pass values in 0..255, such as 255,255,0")
    return [int(part) for part in parts]


def checked_colour(text: str) -> str:
    """The text of --colour as it was given, once it reads."""
    colour_of(text)
    return text


def plant(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA|signs", help="Labelled pictures, or an address of them, or the word signs: drawn ones."
        ),
    ],
    target: Annotated[int, typer.Option("--target", min=0, help="Label that the trigger sends pictures to.")],
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the results.")],
    attack: Annotated[AttackName, typer.Option("--attack", help="How the backdoor is planted.")] = "badnets",
    patch: Annotated[int, typer.Option("--patch", metavar="SIZE", min=1, help="Side of the patch in pixels.")] = 4,
    position: Annotated[Position, typer.Option("--position", help="Where the patch lies.")] = "bottom-right",
    colour: Annotated[
        str,
        typer.Option("--colour", metavar="R,G,B", callback=checked_colour, help="Colour, 0..255 per channel."),
    ] = "255",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of every random choice.")] = 0,
    home: Home = None,
) -> None:
    """Train a classifier that carries a backdoor, to try a scan on.

    badnets: the patch in a tenth of the training pictures; low-rate: in a 25th. random-position: wherever it lies.
    multi-trigger: three mirrored patches, one label; multi-target: a label for each. partial: on most pictures.
    source-specific: on those of one class. all-to-all: each class to the next. clean-label: no wrong label. latent: by
    way of a teacher net. inversion-aware: trained against reversed triggers. adaptive: against all that this program
    reverses, with small triggers on the other labels. pruning-aware: among units that clean pictures need. trojan: made
    for the net's own neurons, give it 8 pixels.

    Without a patch (--patch, --position and --colour are not used): blended-noise, blended-picture, sinusoid, warping,
    input-dependent (dithering), low-frequency, colour-shift.

    Leaves badnet.keras, clean.npz (held-out), poisoned.npz and planted.json; for signs also signs.png.
    """
    from api.backends.keeping import keep_all
    from api.cli.jobs import fetch_files, run_job
    from nc_tasks.files import open_artefacts

    settings = settings_of(home)
    with downloads(home) as files:
        pictures = None if data == SIGNS else files.path(data, "data")
        if pictures is not None:
            inputs.check_data(pictures)
        check_folder(folder)
        artefacts = open_artefacts(settings)
        kept = None if pictures is None else keep_all(artefacts, [pictures])[0]
    arguments: dict[str, Any] = {
        "data": kept,
        "attack": attack,
        "target": target,
        "patch": patch,
        "position": position,
        "colour": colour_of(colour),
        "seed": seed,
    }
    (folder / "planted.json").unlink(missing_ok=True)
    result = run_job(settings, "plant", arguments, title="Planting")
    fetch_files(artefacts, result["files"], folder)
    _conclude(folder, arguments, result)


def _conclude(folder: Path, arguments: dict[str, Any], result: dict[str, Any]) -> None:
    """Write planted.json and print the two figures that matter."""
    figures = {key: value for key, value in result.items() if key != "files"}
    text = json.dumps({**arguments, **figures}, indent=2) + "\n"
    write_file(folder / "planted.json", lambda path: path.write_text(text, "utf-8"))
    out.print(f"clean accuracy {percent(result['clean_accuracy'])}")
    for each in result["triggers"]:
        of = "all labels" if each["target"] is None else f"target label {each['target']}"
        out.print(f"attack success rate {percent(each['attack_success_rate'])} ({of})")
    out.print(f"Written: {printable(folder)}")
