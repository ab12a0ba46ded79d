"""Valid files of weights with something changed: instructions of a pickle, sizes of arrays, members of an archive."""

import io
import json
import pickletools
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests import tiny_architecture
from tests.state_dicts import (
    ORDERED,
    archive,
    checkpoint,
    group,
    header_and,
    name,
    pytorch,
    safetensors,
    storage,
    tensor,
    text,
    whole,
)

STATE = tiny_architecture.state()
PTH = pytorch(STATE)
CHECKPOINT = checkpoint({"net": {f"module.{key}": array for key, array in STATE.items()}, "epoch": whole(3)})
SAFETENSORS = safetensors(STATE, {"format": "pt"})

NUMBERS = (0, 1, -1, 2, 3, 4, 7, 9, 108, 2**31 - 1, 2**40, -(2**63))
CALL = name("os", "system") + group(text("touch /tmp/owned")) + b"R"
INSERTED: Sequence[Callable[[random.Random], bytes]] = (
    lambda chance: whole(chance.choice(NUMBERS)),
    lambda chance: bytes([chance.randrange(256)]),
    lambda chance: b"h" + bytes([chance.randrange(40)]),
    lambda chance: b"q" + bytes([chance.randrange(40)]),
    lambda chance: chance.choice((b"(", b"t", b"R", b"b", b"s", b"u", b"e", b"a", b"}", b"]", b")", b"N", b"Q", b".")),
    lambda chance: tensor(str(chance.randrange(8)), "FloatStorage", 108, (chance.choice(NUMBERS), 4)),
    lambda chance: storage(str(chance.randrange(8)), chance.choice(("FloatStorage", "HalfStorage")), 4),
    lambda chance: text(chance.choice((*STATE, "_metadata", "net", "module.", ""))),
    lambda _: ORDERED,
    lambda _: CALL,
)


def reprogrammed(content: bytes, chance: random.Random) -> bytes:
    """One to three instructions of the pickle replaced, doubled, moved, removed or put in; numbers by others."""
    members = dict(_members(content))
    parts = list(_instructions(members["data.pkl"]))
    for _ in range(chance.choice((1, 1, 2, 3))):
        place, kind = chance.randrange(1, len(parts)), chance.random()
        if kind < 0.35:
            numbers = [at for at, part in enumerate(parts) if part[:1] in b"JK"]
            parts[chance.choice(numbers)] = whole(chance.choice(NUMBERS))
        elif kind < 0.6:
            parts.insert(place, chance.choice(INSERTED)(chance))
        elif kind < 0.75:
            parts[place] = chance.choice(INSERTED)(chance)
        elif kind < 0.85:
            parts[place] = chance.choice(parts)
        elif len(parts) > 10:
            del parts[place]
    return archive({**members, "data.pkl": b"".join(parts)})


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for member in file.namelist():
            yield member.partition("/")[2], file.read(member)


def _instructions(pickle: bytes) -> Iterator[bytes]:
    places = [place for _, _, place in pickletools.genops(pickle)]
    for begin, end in zip(places, [*places[1:], len(pickle)], strict=True):
        yield pickle[begin or 0 : end]


def repacked(content: bytes, chance: random.Random) -> bytes:
    """Members left out, renamed, cut, grown or changed, with checksums that are right."""
    members = dict(_members(content))
    for _ in range(chance.choice((1, 1, 2))):
        member, kind = chance.choice(sorted(members)), chance.random()
        data = members[member]
        if kind < 0.2:
            del members[member]
        elif kind < 0.4:
            members[chance.choice(("data/0", "data/99", "code/x", "../x", "byteorder", "data.pkl"))] = data
        elif kind < 0.6:
            members[member] = data[: chance.randrange(len(data) + 1)]
        elif kind < 0.7:
            members[member] = data + bytes(chance.choice((1, 4, 8)))
        elif data:
            at = chance.randrange(len(data))
            members[member] = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    return archive(members)


def reheaded(content: bytes, chance: random.Random) -> bytes:
    """A safetensors file with one to three values of its header replaced."""
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    for _ in range(chance.choice((1, 1, 2, 3))):
        entry = header[chance.choice(sorted(header))]
        key = chance.choice(("dtype", "shape", "data_offsets", "more"))
        if key == "dtype":
            entry[key] = chance.choice(("F16", "BF16", "F64", "I64", "F8_E5M2", None, 7))
        elif isinstance(entry.get(key), list) and entry[key] and chance.random() < 0.8:
            entry[key][chance.randrange(len(entry[key]))] = chance.choice(NUMBERS)
        else:
            entry[key] = chance.choice((None, [], {}, [0, 0], "x", [[]]))
    return header_and(header, content[8 + length :])
