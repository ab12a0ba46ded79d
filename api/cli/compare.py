"""`cleanse compare`: two submissions side by side."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.backends import opened
from api.cli.arguments import Home, Json, Server
from api.cli.terminal import out, print_json, printable, table
from nc_core.results.names import row_named
from nc_core.results.numbers import count, hundredths, listed, probability, significant

if TYPE_CHECKING:
    from rich.table import Table

ROWS = 20
"""Labels whose norms are shown, of those that have drifted."""


def compare(
    left: Annotated[str, typer.Argument(metavar="LEFT", help="Id of the earlier one, or the beginning of it.")],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="Id of the later one, or the beginning of it.")],
    home: Home = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Compare two submissions, such as two versions of a model: verdict, flagged labels, which norms have drifted."""
    with opened(home, server) as backend:
        found = backend.compare(*(backend.find(prefix)["id"] for prefix in (left, right)))
    if json:
        print_json(found)
        return
    rows = {row["label"]: printable(row_named(row)) for row in found["labels"]}
    out.print(_sides(found["left"], found["right"], rows))
    for line in _changes(found, rows):
        out.print(f"  {line}")
    moved = {label["label"]: label for label in found["labels"]}
    if found["drifted"]:
        out.print()
        out.print(_moved([moved[label] for label in found["drifted"][:ROWS]]))


def _sides(left: Mapping[str, Any], right: Mapping[str, Any], called: Mapping[int, str]) -> "Table":
    """called: label -> what people call it."""
    shown = table("", "left", "right")
    for name, value_of in (
        ("submission", lambda side: side["id"]),
        ("model", lambda side: f"{printable(side['model']['name'])} ({side['model']['sha256'][:12]})"),
        ("data", lambda side: f"{printable(side['data']['name'])} ({side['data']['sha256'][:12]})"),
        ("verdict", lambda side: side["verdict"] or side["state"]),
        ("flagged", lambda side: ", ".join(called[label] for label in side["flagged_labels"]) or "none"),
        ("anomaly index", lambda side: hundredths(side["anomaly_index"])),
        ("p-value", lambda side: probability(side["p_value"])),
    ):
        shown.add_row(name, value_of(left), value_of(right))
    return shown


def _changes(found: Mapping[str, Any], called: Mapping[int, str]) -> list[str]:
    """What has changed, a line each; one line where nothing has."""
    lists = {"newly flagged": found["newly_flagged"], "no longer flagged": found["no_longer_flagged"]}
    lines = [f"{name}: {listed([called[one] for one in labels])}" for name, labels in lists.items() if labels]
    lines += [f"option {name}: {left} -> {right}" for name, (left, right) in found["options"].items()]
    if found["ratio"] is not None:
        lines.append(f"the typical label's norm is {significant(found['ratio'])} times what it was")
    drifted = len(found["drifted"])
    moved = f"{count(drifted, 'label has', 'labels have')} moved beyond that by more than chance does"
    lines.append(moved if drifted else "no label has drifted")
    return lines


def _moved(pairs: Sequence[Mapping[str, Any]]) -> "Table":
    shown = table("label", "left", "right", "ratio")
    for pair in pairs:
        norms = (significant(side["norm"] if side else None) for side in (pair["left"], pair["right"]))
        shown.add_row(printable(row_named(pair)), *norms, significant(pair["ratio"]))
    return shown
