"""Pictures, in zips and folders."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.hostile import seeds
from tests.hostile.families.case import Case, Make, stored


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG, its checksum right."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, body: bytes = b"", *more: bytes) -> bytes:
    """A PNG that declares this size, grey, and holds these pixels, packed."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b"")


def encoded(form: str) -> bytes:
    """A picture in a format that is not read."""
    buffer = io.BytesIO()
    Image.fromarray(seeds.pixels(1)[0]).save(buffer, form)
    return buffer.getvalue()


def one(content: bytes | Callable[[], bytes], name: str = "0/aa.png") -> Make:
    """A set of pictures with this one among them, the first to be read."""
    return lambda folder: seeds.write_pictures(folder / "set.zip", {name: content() if callable(content) else content})


def _text_bomb() -> bytes:
    packed = zlib.compress(bytes(50 * 2**20), 9)
    texts = [chunk(b"zTXt", b"a%d\x00\x00" % number + packed) for number in range(20)]
    return png(8, 8, bytes(72), *texts)


def _profile_bomb() -> bytes:
    return png(8, 8, bytes(72), chunk(b"iCCP", b"p\x00\x00" + zlib.compress(bytes(100 * 2**20), 9)))


def _flat_bomb(folder: Path) -> Path:
    """300 pictures of 20 million equal pixels: 6 GB in 6 MB."""
    content = png(5000, 4000, bytes(5001 * 4000))
    return seeds.write_keras(
        folder / "set.zip", {f"{n % 2}/{n}.png": content for n in range(300)}, zipfile.ZIP_DEFLATED
    )


def _folder_of_links(folder: Path) -> Path:
    """A folder whose picture is another file of this machine."""
    root = folder / "set"
    (root / "0").mkdir(parents=True)
    (root / "0" / "a.png").symlink_to("/etc/passwd")
    return root


def _named_in_bytes(folder: Path, *places: bytes, content: bytes | None = None) -> Path:
    """A folder whose names are these bytes, which the file system takes and no text is."""
    seeds_of = seeds.pixels(len(places))
    for place, image in zip(places, seeds_of, strict=True):
        path = folder / "set" / os.fsdecode(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(seeds.encoded(image) if content is None else content)
    return folder / "set"


def _pictures_in_bytes(folder: Path) -> Path:
    places = [b"%d/\xff\xfe%d.png" % (number % 2, number) for number in range(38)]
    # Names that would be one, if bytes were merely made readable
    return _named_in_bytes(folder, *places, b"0/\xff.png", b"0/\\xff.png")


def _classes_in_bytes(folder: Path) -> Path:
    return _named_in_bytes(folder, *(b"%b/%d.png" % ((b"\xff\xfe", b"\\xff\\xfe")[n % 2], n) for n in range(40)))


def _broken_in_bytes(folder: Path) -> Path:
    return _named_in_bytes(folder, b"\xff\n\x1b[31m.png", content=b"no picture")


def _nested_zip(folder: Path) -> Path:
    inner = seeds.content(seeds.write_pictures)
    return seeds.write_keras(folder / "set.zip", {"0/a.png": inner, "1/b.png": inner})


def _grey16() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


CASES = {
    "picture of 60,000 x 60,000": Case(one(png(60_000, 60_000)), "cannot be read"),
    "picture of 9,000 x 9,000": Case(one(png(9000, 9000)), "81000000 pixels, the limit is"),
    "picture of 2^31 x 2^31": Case(one(png(2**31 - 1, 2**31 - 1)), "cannot be read|pixels, the limit"),
    "picture of no width": Case(one(png(0, 8)), "cannot be read|is 8x0"),
    "picture shorter than it says": Case(one(png(8, 8, b"")), "cannot be read"),
    "texts of 1 GB in a picture": Case(one(_text_bomb), "cannot be read"),
    "colour profile of 100 MB": Case(one(_profile_bomb), "must have one size|cannot be read|is 8x8x1"),
    "6 GB of equal pixels": Case(_flat_bomb, "200 to 1"),
    "cut picture": Case(one(seeds.encoded()[:60]), "cannot be read"),
    "GIF called PNG": Case(one(encoded("GIF")), "cannot be read"),
    "TIFF called PNG": Case(one(encoded("TIFF")), "cannot be read"),
    "ICO called PNG": Case(one(encoded("ICO")), "cannot be read"),
    "PostScript called PNG": Case(one(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n"), "cannot be read"),
    "SVG called PNG": Case(one(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "cannot be read"),
    "script called JPEG": Case(one(b"\xff\xd8\xff" + b"#!/bin/sh", "0/aa.jpg"), "cannot be read"),
    "WEBP of noise": Case(one(b"RIFF\xff\xff\xff\x7fWEBPVP8 " + bytes(60), "0/aa.webp"), "cannot be read"),
    "BMP of 2^30 rows": Case(
        one(b"BM" + bytes(8) + struct.pack("<IIiiHHIIiiII", 54, 40, 8, 2**30, 1, 24, 0, 0, 0, 0, 0, 0), "0/aa.bmp"),
        "cannot be read",
    ),
    "16 bits a pixel": Case(one(_grey16()), "more than 8 bits"),
    "place outside the folder": Case(one(seeds.encoded(), "../../../../tmp/owned.png"), None),
    "place at the root": Case(one(seeds.encoded(), "/tmp/owned.png"), "exactly one sub-folder"),
    "a zip for a picture": Case(_nested_zip, "cannot be read"),
    "no pictures": Case(
        lambda folder: seeds.write_keras(folder / "set.zip", {"readme.txt": b""}), "there are no pictures"
    ),
    "half a zip": Case(stored("set.zip", seeds.content(seeds.write_pictures)[:3000]), "damaged"),
    "folder of links to other files": Case(_folder_of_links, "cannot be read"),
    "pictures whose names are no text": Case(_pictures_in_bytes, None),
    "classes whose names are no text": Case(_classes_in_bytes, None),
    "broken picture whose name is no text": Case(_broken_in_bytes, r"^\\xff\\n\\x1b\[31m\.png cannot be read as PNG"),
    "folder of nothing": Case(lambda folder: folder, "no pictures"),
    "text": Case(stored("data.txt", b"x" * 100), "no known format"),
    "a device": Case(lambda _: Path("/dev/zero"), "no such file"),
}
