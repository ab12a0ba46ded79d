"""The child: reads one open file, writes the result to another, says how it went, and can do nothing else.

    python -I -m nc_core.quarantine.child ORDER

The file is its standard input, the answer its standard output. Whatever reading needs is imported before the process
is locked in, since nothing can be opened after.
"""

import codecs
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO

from nc_core.errors import InputRefused
from nc_core.quarantine.answer import Answer
from nc_core.quarantine.errors import Unconfined
from nc_core.quarantine.limits import Limits
from nc_core.quarantine.lockdown import lock

Order = Mapping[str, Any]
Read = Callable[[BinaryIO, Order], Callable[[BinaryIO], None]]
"""(file, order) -> what writes the result to the output. Raises InputRefused."""


def _model_reader(order: Order) -> Read:
    from nc_core.intake.read import load_graphs, read_open_model, reads_graphs

    if reads_graphs(order["name"], order["reading"].get("architecture")):
        load_graphs()
    return lambda file, order: read_open_model(file, name=order["name"], **order["reading"]).write


def _image_reader(order: Order) -> Read:
    from nc_core.datasets.opened import read_open

    if order["parquet"]:
        with suppress(ImportError):  # pyarrow may not be there, as the refusal will say
            import_module("nc_core.datasets.parquet")
    return lambda file, order: (
        read_open(
            file,
            form=order["form"],
            input_shape=order["input_shape"] and tuple(order["input_shape"]),
            resize=order["resize"],
            channels=order["channels"],
            labelled=order["labelled"],
        ).write
    )


READERS = {"model": _model_reader, "images": _image_reader}
"""From the order to what reads; all that reading may need is imported by that."""

FRAMES = 8
"""Of a traceback, the innermost ones."""

CODECS = ("ascii", "cp437", "latin-1", "utf-8")
"""Of names in HDF5 and zip files; Python would open a codec's module on first use."""


def answer(order: Order) -> Answer:
    """Do what the order says."""
    read = READERS[order["kind"]](order)
    for codec in CODECS:
        codecs.lookup(codec)
    import_module("unicodedata")  # What Python's parser imports at a name beyond ASCII, in the header of an array.
    with (
        open(sys.stdin.fileno(), "rb", closefd=False) as file,
        open(order["output"], "wb", closefd=False) as output,
    ):
        try:
            missing = lock(Limits(**order["limits"]), unconfined=order["unconfined"])
        except Unconfined as error:
            return Answer("unconfined", str(error))
        try:
            read(file, order)(output)
            output.flush()
        except InputRefused as error:
            return Answer("refused", str(error))
        except MemoryError:
            return Answer("memory")
        except Exception as error:
            return Answer("fault", f"{type(error).__name__} at {_way(error)}: {error}")
        return Answer("read", missing)


def _way(error: Exception) -> str:
    """The traceback in short, innermost line first: no source is read, since nothing can be opened here."""
    at, way = error.__traceback__, []
    while at is not None:
        way.append(f"{os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}")
        at = at.tb_next
    return " < ".join(way[: -1 - FRAMES : -1])


def main() -> None:
    """Answer and end at once: nothing that a library does at the end of a program is wanted."""
    os.write(sys.stdout.fileno(), answer(json.loads(sys.argv[1])).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
