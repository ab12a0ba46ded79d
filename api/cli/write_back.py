"""`--write-back`: the verdict where the model came from, tags of a version or a section of a model card."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.backends import settings_of
from api.cli.terminal import err, printable
from nc_core.errors import OptionRefused
from nc_core.results.folder import write_file
from nc_core.results.names import named

CARD_FILE = "model-card.md"
"""In the folder of a run: the section, to be put into a card by hand."""
MOST_LETTERS = 500
"""Of a tag's value: what the oldest servers that are in use take."""

WriteBack = Annotated[
    bool,
    typer.Option(
        "--write-back",
        help="Write the verdict to where MODEL came from: tags of an mlflow:/ version, or a section of the model card "
        "of an hf:// repository, pushed where HF_TOKEN is set.",
    ),
]


def check_write_back(models: Sequence[str], *, file: bool) -> None:
    """Raise OptionRefused where a verdict could not be written back, before any work. file: there is a folder."""
    for model in models:
        if not model.startswith(("mlflow:/", "hf://")) or model.startswith("hf://datasets/"):
            raise OptionRefused(f"--write-back takes models at mlflow:/ and hf:// addresses, not {model[:200]}")
        if model.startswith("hf://") and not file and not os.environ.get("HF_TOKEN"):
            raise OptionRefused(
                f"--write-back commits to {model[:200]}: set HF_TOKEN, or use cleanse run, which writes {CARD_FILE}"
            )


def write_verdict_back(model: str, result: Mapping[str, Any], *, home: Path | None, folder: Path | None = None) -> None:
    """Write the verdict to where the model came from. model: its address. result: result.json. folder: of a run.

    Raises AddressRefused, FetchFailed.
    """
    from api.client.addresses import hugging_face, mlflow
    from api.results.exports.card import card_section, merged

    plain_http = settings_of(home).fetch_plain_http
    if model.startswith("mlflow:/"):
        mlflow.set_tags(model, tags_of(result), plain_http=plain_http)
        err.print(printable(f"Wrote the verdict to the tags of {model}."))
        return
    section = card_section(result)
    if folder is not None:
        write_file(folder / CARD_FILE, lambda path: path.write_text(section, "utf-8"))
    if os.environ.get("HF_TOKEN"):
        hugging_face.push_card(model, lambda card: merged(card, section), plain_http=plain_http)
        err.print(printable(f"Wrote the verdict to the model card of {model}."))
    else:
        err.print(printable(f"Without HF_TOKEN nothing is pushed: {CARD_FILE} is the section for the card of {model}."))


def tags_of(result: Mapping[str, Any]) -> dict[str, str]:
    """What a version is tagged with."""
    model = result["model"]
    tags = {
        "verdict": result["verdict"],
        "reason": result["reason"],
        "p_value": f"{result['p_value']:.3g}",
        "flagged_labels": ", ".join(named(result, label) for label in result["flagged_labels"]) or "none",
        "model_sha256": model["sha256"],
        "scanned_sha256": model.get("scanned_sha256") or "none",
        "submission": result["submission"],
        "judged_at": result["judged_at"],
    }
    return {f"cleanse.{name}": str(text)[:MOST_LETTERS] for name, text in tags.items()}
