"""Containers changed: two files in one, something beside the file, names that say otherwise."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable

from tests.differential.mutations.file import Chance, File, Mutated, zipped


def contained(file: File, other: File, chance: Chance) -> Mutated:
    """Two files in one, something beside the file, a member more, or a name that says otherwise."""
    content, second = file.content, other.content
    pad = b"\0" * (-len(content) % 512)
    made: dict[str, Callable[[], bytes]] = {
        "before": lambda: second + content,
        "behind": lambda: content + second,
        "user block": lambda: _power(second) + content,
        "behind at a place of HDF5": lambda: content + pad + second,
        "garbage behind": lambda: content + bytes(chance.randrange(1, 600)),
        "garbage before": lambda: bytes(chance.choice([1, 512, 1024])) + content,
        "as it is": lambda: content,
    }
    if file.suffix == ".keras":
        made |= {
            "a member more": lambda: zipped(file.members | {chance.choice(MEMBERS): second}),
            "packed": lambda: zipped(file.members, zipfile.ZIP_DEFLATED),
            "a member twice": lambda: _twice(file, other, chance),
            "a comment": lambda: _commented(content, second[:60000]),
            "another version": lambda: zipped(
                file.members
                | {"metadata.json": json.dumps({"keras_version": chance.choice(["2.13.1", "1.0"])}).encode()}
            ),
        }
    chosen = chance.choice(sorted(made))
    suffix = chance.choice([".keras", ".h5"]) if chance.random() < 0.7 else file.suffix
    name = chance.choice([f"model{suffix}", f"model{suffix}", f"MODEL{suffix.upper()}", "model", "model.hdf5"])
    return Mutated(suffix, made[chosen](), name)


MEMBERS = ("model.weights.npz", "model.weights.h5.bak", "assets/x", "config.json/x", "./config.json", "CONFIG.JSON")


def _power(content: bytes) -> bytes:
    """Filled up to the next place where HDF5 looks for its signature."""
    size = 512
    while size < len(content):
        size *= 2
    return content + bytes(size - len(content))


def _twice(file: File, other: File, chance: Chance) -> bytes:
    buffer = io.BytesIO()
    name = chance.choice(["config.json", "model.weights.h5"])
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        for each, data in file.members.items():
            archive.writestr(each, data)
        archive.writestr(name, other.members[name] if other.suffix == ".keras" else b"{}")
    return buffer.getvalue()


def _commented(content: bytes, comment: bytes) -> bytes:
    return content[:-2] + len(comment).to_bytes(2, "little") + comment
