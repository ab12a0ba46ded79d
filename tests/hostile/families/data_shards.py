"""Data files of encoded pictures: WebDataset (tar) and Parquet."""

import base64
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow.parquet import encryption

from tests.hostile import seeds
from tests.hostile.families.case import Case, Make, packed_zeros, stored
from tests.hostile.families.data_pictures import chunk, encoded, png

# WebDataset


def header(name: str, **fields: Any) -> tarfile.TarInfo:
    """A member's header with these fields."""
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def behind(*members: tuple[str | tarfile.TarInfo, bytes]) -> Make:
    """A tar of these members, and 40 samples behind them."""
    return lambda folder: seeds.write_tar(folder / "data.tar", [*members, *seeds.samples()])


def linked(kind: bytes, target: str = "/etc/passwd") -> Make:
    """A sample whose picture is no file."""
    return behind((header("a.png", type=kind, linkname=target), b""), ("a.cls", b"1"))


def raw(block: bytes, then: bytes = b"") -> Make:
    """A tar that begins with this header and these bytes, 40 samples behind them."""
    padded = then + bytes(-len(then) % 512)
    return stored("data.tar", block + padded + seeds.content(seeds.write_tar))


def block(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """A header whose field of the size holds these bytes, its checksum right."""
    fields = struct.pack(
        "<100s8s8s8s12s12s8s1s100s6s2s247s",
        *(name.encode(), b"0000644", b"0" * 7, b"0" * 7, size, b"0" * 11, b" " * 8, kind),
        *(b"", b"ustar\0", b"00", b""),
    )
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]


LONG_NAME = block("././@LongLink", b"00000000001", b"L") + b"a" + bytes(511)
"""The name of the next header, which is longer than a header can say."""


def _zeros_in_a_zip(folder: Path) -> Path:
    packed_zeros(folder / "set.zip", {}, "a.tar", b"", 2**29, zipfile.ZIP_DEFLATED)
    return folder / "set.zip"


def _both_kinds(folder: Path) -> Path:
    members = {"a.tar": seeds.content(seeds.write_tar), "b.parquet": seeds.content(seeds.write_parquet)}
    return seeds.write_keras(folder / "set.zip", members)


_TARS = {
    "link to another file": Case(linked(tarfile.SYMTYPE), None),
    "hard link to a member": Case(linked(tarfile.LNKTYPE, "000.png"), None),
    "device": Case(linked(tarfile.CHRTYPE), None),
    "pipe": Case(linked(tarfile.FIFOTYPE), None),
    "folder called as a picture": Case(linked(tarfile.DIRTYPE), None),
    "sparse picture of 1 TB": Case(
        behind(
            (
                header(
                    "a.png",
                    size=512,
                    pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)},
                ),
                b"1\n0\n1\n" + bytes(506),
            )
        ),
        None,
    ),
    "picture outside the folder": Case(behind(("../../../../tmp/owned.png", seeds.encoded())), None),
    "picture at the root": Case(
        behind(("/tmp/owned.png", seeds.encoded()), ("/tmp/owned.cls", b"0")),
        None,
    ),
    "size of 2^60": Case(raw(block("a.png", b"\x80\0\0\0" + (2**60).to_bytes(8, "big"))), "damaged"),
    "negative size": Case(raw(block("a.png", b"\xff" * 11 + b"\0")), "damaged"),
    "size that is no number": Case(raw(block("a.png", b"x" * 11)), "damaged|no known format|no pictures"),
    "extended header of 1 TB": Case(
        raw(block("a", b"\x80\0\0\0" + (2**40).to_bytes(8, "big"), b"x")), "more than it holds"
    ),
    "5,000 long names in a row": Case(raw(LONG_NAME * 5000), "damaged"),
    "member twice": Case(behind(("007.png", seeds.encoded())), "in the tar twice"),
    "two pictures in a sample": Case(behind(("007.jpg", encoded("JPEG"))), "another picture"),
    "GIF called JPEG": Case(behind(("a.jpg", encoded("GIF")), ("a.cls", b"1")), "cannot be read"),
    "picture of 9,000 x 9,000": Case(behind(("a.png", png(9000, 9000)), ("a.cls", b"1")), "81000000 pixels"),
    "picture without a label": Case(behind(("a.png", seeds.encoded())), "has no label"),
    "label that is a word": Case(behind(("a.png", seeds.encoded()), ("a.cls", b"dog\x1b[31m")), "number of a class"),
    "label of 10 MB": Case(behind(("a.png", seeds.encoded()), ("a.cls", b"1" * 10**7)), "the limit is 1048576"),
    "label beyond 2^31": Case(behind(("a.png", seeds.encoded()), ("a.cls", b"1" * 15)), "no class number"),
    "negative label": Case(behind(("a.png", seeds.encoded()), ("a.cls", b"-1")), "no class number"),
    "label in broken JSON": Case(behind(("a.png", seeds.encoded()), ("a.json", b"{")), "is no JSON"),
    "JSON 100,000 levels deep": Case(behind(("a.png", seeds.encoded()), ("a.json", b"[" * 10**5)), "is no JSON"),
    "label that is not whole": Case(behind(("a.png", seeds.encoded()), ("a.json", b'{"label": 1.5}')), "number of a"),
    "label that is true": Case(behind(("a.png", seeds.encoded()), ("a.json", b'{"label": true}')), "number of a class"),
    "label of 4,000 digits": Case(
        behind(("a.png", seeds.encoded()), ("a.json", b'{"label": %s}' % (b"9" * 4000))), "number of a class"
    ),
    "two labels": Case(behind(("a.png", seeds.encoded()), ("a.json", b'{"label": 1, "cls": 2}')), "leave one"),
    "half a tar": Case(stored("data.tar", seeds.content(seeds.write_tar)[:20_000]), "damaged|cut short"),
    "tar cut between members": Case(stored("data.tar", seeds.content(seeds.write_tar)[: 1024 * 40]), "cut short"),
    "tar of nothing but its end": Case(stored("data.tar", block("a/", b"0" * 11, b"5") + bytes(1024)), "no pictures"),
    "tar of 512 MB of zeros in a zip": Case(_zeros_in_a_zip, "200 to 1"),
    "Parquet and tar in one zip": Case(_both_kinds, "pass one kind"),
}

# Parquet

PACKED = seeds.content(seeds.write_parquet)


def table(change: Callable[[pa.Table], pa.Table], **options: Any) -> Make:
    """The seed's table with something changed, as pyarrow writes it."""
    return lambda folder: seeds.write_parquet(folder / "a.parquet", change(seeds.parquet_table()), **options)


def column(name: str, values: Any, kind: Any = None) -> Make:
    """The seed's table with another column under this name."""
    return table(lambda t: t.set_column(t.schema.get_field_index(name), name, pa.array(values, kind)))


def beside(name: str, of: str) -> Make:
    """The seed's table with one of its columns once more, under this name."""
    return table(lambda t: t.append_column(name, t.column(of)))


def described(metadata: object) -> Make:
    """The seed's table with this as what Hugging Face says of it."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    return table(lambda t: t.replace_schema_metadata({"huggingface": text}))


def named(*names: object) -> Make:
    """The seed's table with these names of classes."""
    return described({"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}})


def _repeated(folder: Path) -> Path:
    """50,000 rows that are one picture of 4 MB: 200 GB in 4 MB."""
    picture = png(8, 8, bytes(72), chunk(b"exIf", zlib.compress(seeds.generator().bytes(4 * 2**20), 0)))
    images = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), pa.array([picture], pa.binary()))
    whole = pa.table({"image": images, "label": pa.array([0, 1] * 25_000)})
    options: dict[str, Any] = {"dictionary_pagesize_limit": 2**30, "store_schema": False}
    return seeds.write_parquet(folder / "a.parquet", whole, **options)


def _zeros(folder: Path) -> Path:
    """Pictures of 600 MB, packed into next to nothing."""
    whole = pa.table({"image": pa.array([bytes(30 * 2**20)] * 20, pa.binary()), "label": pa.array([0, 1] * 10)})
    return seeds.write_parquet(folder / "a.parquet", whole, compression="zstd", use_dictionary=False, row_group_size=2)


class _Keys(encryption.KmsClient):
    """Wraps no key: what is tested is a reader that has none."""

    def __init__(self, _: object) -> None:
        encryption.KmsClient.__init__(self)

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key: bytes, _: str) -> bytes:
        return base64.b64decode(wrapped_key)


def _encrypted(*, plaintext_footer: bool) -> Make:
    def make(folder: Path) -> Path:
        settings = encryption.EncryptionConfiguration(
            footer_key="footer",
            column_keys={"columns": ["image.bytes", "label"]},
            plaintext_footer=plaintext_footer,
            cache_lifetime=timedelta(minutes=1),
            data_key_length_bits=128,
        )
        keys = encryption.CryptoFactory(_Keys)
        properties = keys.file_encryption_properties(encryption.KmsConnectionConfig(), settings)
        return seeds.write_parquet(folder / "a.parquet", encryption_properties=properties)

    return make


def _deep(levels: int) -> pa.DataType:
    kind: pa.DataType = pa.int8()
    for _ in range(levels):
        kind = pa.struct({"a": kind})
    return kind


_NUMBERS = [*range(40)]
_PICTURES = pa.struct({"bytes": pa.binary(), "path": pa.string()})
_PARQUETS = {
    "half a file": Case(stored("a.parquet", PACKED[:2000]), "damaged"),
    "the second half of a file": Case(stored("a.parquet", PACKED[-2000:]), "no known format"),
    "nothing but its mark": Case(stored("a.parquet", b"PAR1PAR1"), "damaged"),
    "footer of 4 GB": Case(stored("a.parquet", PACKED[:-8] + b"\xff\xff\xff\xffPAR1"), "damaged"),
    "footer of noise": Case(
        stored("a.parquet", b"PAR1" + seeds.generator().bytes(900) + struct.pack("<I", 900) + b"PAR1"), "damaged"
    ),
    "encrypted": Case(_encrypted(plaintext_footer=False), "encrypted"),
    "encrypted columns": Case(_encrypted(plaintext_footer=True), "encrypted"),
    "one picture 50,000 times": Case(_repeated, "200 to 1"),
    "pictures packed a thousandfold": Case(_zeros, "200 to 1"),
    "pictures that are numbers": Case(column("image", _NUMBERS), "of the type int64; expected encoded pictures"),
    "pictures that are texts": Case(column("image", ["x"] * 40), "of the type string"),
    "pictures in lists": Case(column("image", [[b"x"]] * 40, pa.list_(pa.binary())), "of the type list"),
    "pictures that are arrays": Case(column("image", [[[1, 2]]] * 40), "of the type list"),
    "pictures in a struct without bytes": Case(column("image", [{"path": "/etc/passwd"}] * 40), "of the type struct"),
    "pictures in a struct of lists": Case(column("image", [{"bytes": [1]}] * 40), "of the type struct"),
    "pictures 300 structs deep": Case(column("image", [None] * 40, _deep(300)), "of the type struct|damaged"),
    "pictures that are paths of this machine": Case(
        column(
            "image",
            [{"bytes": None, "path": "/etc/passwd"}] * 40,
            pa.struct({"bytes": pa.binary(), "path": pa.string()}),
        ),
        "row 0 has no bytes",
    ),
    "a picture that is none": Case(column("image", [b"x"] * 40), "row 0 cannot be read"),
    "pictures under another name": Case(table(lambda t: t.rename_columns(["picture", "label"])), "are picture, label"),
    "two columns of pictures": Case(beside("img", "image"), "columns image, img"),
    "two columns of one name": Case(beside("image", "image"), "columns image, image"),
    "a column with the path of another": Case(beside("image.bytes", "label"), "damaged"),
    "two columns of labels": Case(beside("labels", "label"), "columns label, labels"),
    "labels that are texts": Case(column("label", ["stop"] * 40), "class_encode_column"),
    "labels that are lists": Case(column("label", [[1]] * 40), "of the type list"),
    "labels that are halves": Case(column("label", [0.5] * 40), "of the type double"),
    "labels in a struct": Case(column("label", [{"label": 1}] * 40), "of the type struct"),
    "a row without a label": Case(column("label", [None, *_NUMBERS[1:]]), "1 of 40 rows have no label"),
    "negative labels": Case(column("label", [-1] * 40), "no class number"),
    "labels beyond 2^31": Case(column("label", [2**40] * 40), "no class number"),
    "labels beyond 2^63": Case(column("label", [2**64 - 1] * 40, pa.uint64()), "no class number"),
    "label beyond the named classes": Case(column("label", [0, 1, 3] * 13 + [0]), "label 3 of image 2 has no name"),
    "names that are numbers": Case(named(1, 2, 3), "no list of at most"),
    "a name twice": Case(named("a", "b", "a"), "called alike"),
    "names that would move the cursor": Case(named("\x1b[31ma", "b\n", "c" * 5000), None),
    "metadata that is no JSON": Case(described("{"), "damaged"),
    "metadata 100,000 levels deep": Case(described("[" * 100_000), "damaged"),
    "metadata of something else": Case(described([1, 2]), None),
    "no rows": Case(table(lambda t: t.slice(0, 0)), "no pictures"),
}

CASES = _TARS | _PARQUETS
