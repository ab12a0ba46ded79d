"""Archives and files that are not what they seem: cut, doubled, packed, or of another format."""

import io
import pickle
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from tests.hostile import seeds
from tests.hostile.families.case import Case, Make, packed_zeros, stored

CRASHES = Path(__file__).parents[1] / "crashes"
_H5 = seeds.content(seeds.write_h5)
_KERAS = seeds.content(seeds.write_keras)


class _Command:
    def __reduce__(self) -> object:
        return (exec, ("import os; os.system('touch /tmp/owned')",))


def archive(**members: bytes | None) -> Make:
    """The classifier as `.keras` with members replaced, added or left out; `_` stands for a dot."""
    content = seeds.members() | {name.replace("_", "."): data for name, data in members.items()}  # type: ignore[operator]
    return lambda folder: seeds.write_keras(
        folder / "model.keras", {name: data for name, data in content.items() if data is not None}
    )


def zeros(name: str, size: int, method: int = zipfile.ZIP_DEFLATED) -> Make:
    """The classifier with a member that unpacks to `size` zeros."""

    def make(folder: Path) -> Path:
        others = {each: data for each, data in seeds.members().items() if each != name}
        packed_zeros(folder / "model.keras", others, name, b"", size, method)
        return folder / "model.keras"

    return make


def crashed(kind: str) -> dict[str, Case]:
    """Files that the fuzzing of `fuzz.py` found to end a reader by a signal, as they were found."""
    return {
        f"ends libhdf5 ({path.stem})": Case(
            stored("file.h5", zlib.decompress(path.read_bytes())), "process that read|processor time"
        )
        for path in sorted(CRASHES.glob(f"{kind}-*.zz"))
    }


def _doubled(folder: Path) -> Path:
    path = seeds.write_keras(folder / "model.keras")
    with zipfile.ZipFile(path, "a") as file:
        info = zipfile.ZipInfo("config.json")
        file.fp.seek(file.start_dir)  # type: ignore[union-attr]
        file.NameToInfo.clear()
        file.writestr(info, b"{}")
    return path


def _many(folder: Path) -> Path:
    return seeds.write_keras(folder / "model.keras", seeds.members() | {f"a/{n}": b"" for n in range(5000)})


def _encrypted(folder: Path) -> Path:
    data = bytearray(_KERAS)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(magic)
        while start >= 0:
            data[start + at] |= 1
            start = data.find(magic, start + 4)
    return stored("model.keras", bytes(data))(folder)


def _lying_size(folder: Path) -> Path:
    """The directory of the archive says that its weights have 4 GiB."""
    data = bytearray(_KERAS)
    start = data.rfind(b"PK\x01\x02")
    data[start + 20 : start + 28] = struct.pack("<II", 0xFFFFFFFE, 0xFFFFFFFE)
    return stored("model.keras", bytes(data))(folder)


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        info = tarfile.TarInfo("../../config.json")
        file.addfile(info, io.BytesIO())
    return buffer.getvalue()


def _loop(folder: Path) -> Path:
    (folder / "loop.h5").symlink_to(folder / "loop.h5")
    return folder / "loop.h5"


CASES = {
    "nothing": Case(stored("model.h5", b""), "empty"),
    "half of an .h5": Case(stored("model.h5", _H5[: len(_H5) // 2]), "cut off or damaged"),
    "the first 100 bytes of an .h5": Case(stored("model.h5", _H5[:100]), "cut off or damaged"),
    "half of a .keras": Case(stored("model.keras", _KERAS[: len(_KERAS) // 2]), "cut off or damaged"),
    "bytes after the signature": Case(stored("model.h5", _H5[:8] + b"\xff" * 4000), "cut off or damaged"),
    "a .keras without its weights": Case(archive(model_weights_h5=None), "model.weights.h5"),
    "a .keras without its version": Case(archive(metadata_json=None), "metadata.json"),
    "weights that are a pickle": Case(archive(model_weights_h5=pickle.dumps(_Command())), "cut off or damaged"),
    "a config of 300 MiB of zeros": Case(zeros("config.json", 300 * 2**20), "limit for a file of its"),
    "weights of 200 MiB of zeros": Case(zeros("model.weights.h5", 200 * 2**20), "limit for a file of its"),
    "weights packed by lzma": Case(zeros("model.weights.h5", 80 * 2**20, zipfile.ZIP_LZMA), "limit for a file of"),
    "5,000 members": Case(_many, "5,003 files in its archive"),
    "two members of one name": Case(_doubled, "two files of one name"),
    "encrypted members": Case(_encrypted, "damaged or encrypted"),
    "a size that is a lie": Case(_lying_size, "belong to none of its members"),
    "members that lead outside": Case(
        archive(**{"../../owned": b"x", "/etc/owned": b"x", "assets/__init__": b"x"}), "also holds"
    ),
    "configuration that is no text": Case(archive(config_json=b"\xff\xfe\x00"), "no UTF-8 text"),
    "an .h5 with a .keras behind it": Case(stored("model.keras", _H5 + _KERAS), "may be another model"),
    "a .keras with an .h5 before it": Case(stored("model.h5", b"\x00" * 512 + _H5), "no known format"),
    "a zip behind a script": Case(stored("model.keras", b"#!/bin/sh\n" + _KERAS), "no known format"),
    "a zip of a zip": Case(
        stored("model.keras", seeds.content(lambda b: seeds.write_keras(b, {"a.keras": _KERAS}))), "zip"
    ),
    "a pickle": Case(stored("model.h5", pickle.dumps(_Command())), "pickle"),
    "a pickle of PyTorch": Case(
        stored(
            "model.pt", seeds.content(lambda b: seeds.write_keras(b, {"archive/data.pkl": pickle.dumps(_Command())}))
        ),
        "the pickle names",
    ),
    "a program": Case(stored("model.h5", b"\x7fELF" + bytes(500)), "no known format"),
    "a tar that leads outside": Case(stored("model.keras", _tar()), "no known format"),
    "a link to itself": Case(_loop, "no model file"),
    "a device": Case(lambda _: Path("/dev/zero"), "no model file"),
    **crashed("model"),
}
