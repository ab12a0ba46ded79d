"""Valid files with something changed: bytes at random, or a value where the format has one; and files made anew."""

import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tests.differential.onnx.graphs import Graph
from tests.differential.onnx.nets import NETS
from tests.hostile import generated, seeds
from tests.hostile.onnx_mutations import regraphed
from tests.hostile.pytorch_mutations import CHECKPOINT, PTH, SAFETENSORS, reheaded, repacked, reprogrammed

NASTY = (
    None, True, -1, 0, 1, 2**31, 2**63, 1e308, "", "x" * 5000, "../../etc/passwd", "\x00", [], {}, [[]], [None] * 9,
    {"class_name": "Lambda", "config": {}}, {"class_name": "__lambda__", "config": {"code": "4wAAAA=="}},
    {"module": "os", "class_name": "system", "config": "true"}, "Lambda", "linear", [0, 0, 0], [["conv", 0, 0]],
)  # fmt: skip
"""Values that a configuration does not have in such a place."""

BOUNDARIES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1, 2**40)


class Seed(NamedTuple):
    """A valid file, and how it is changed: (content, random) -> content; an empty one where all is made anew."""

    content: bytes
    mutate: Callable[[bytes, random.Random], bytes]


def flipped(content: bytes, chance: random.Random) -> bytes:
    """One to eight bytes replaced, or a number on the border of its type written over some, or the end cut off."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(data))
        kind = chance.random()
        if kind < 0.5:
            data[at] = chance.randrange(256)
        elif kind < 0.65:
            data[at] ^= 1 << chance.randrange(8)
        elif kind < 0.9:
            size = chance.choice((1, 2, 4, 8))
            value = chance.choice(BOUNDARIES) & (2 ** (8 * size) - 1)
            data[at : at + size] = value.to_bytes(size, "little")[: len(data) - at]
        elif kind < 0.96:
            length = chance.randrange(1, 64)
            start = chance.randrange(len(data))
            data[at : at + length] = data[start : start + length]
        elif len(data) > 64:
            del data[chance.randrange(len(data) // 2, len(data)) :]
    return bytes(data)


def flipped_inside(content: bytes, chance: random.Random) -> bytes:
    """A zip with one member changed, so that every checksum around it is right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(found))
    if name == "config.json":
        found[name] = json.dumps(changed(json.loads(found[name]), chance)).encode()
    else:
        found[name] = flipped(found[name], chance)
    return seeds.content(lambda buffer: seeds.write_keras(buffer, found))


def reconfigured(content: bytes, chance: random.Random) -> bytes:  # noqa: ARG001
    """An `.h5` model with one to three values of its configuration replaced."""
    config = changed(seeds.classifier(), chance)
    return seeds.content(lambda buffer: seeds.write_h5(buffer, config))


def changed(config: Any, chance: random.Random) -> Any:
    """A configuration with one to three of its values replaced, removed or doubled."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(_places(config))
        container, key = chance.choice(places)
        kind = chance.random()
        if kind < 0.7:
            container[key] = json.loads(json.dumps(chance.choice(NASTY)))
        elif kind < 0.85:
            del container[key]
        else:
            container[key] = [container[key], container[key]]
    return config


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


_H5 = seeds.content(seeds.write_h5)
_KERAS = seeds.content(seeds.write_keras)
_CSAW = seeds.content(seeds.write_csaw)
_PACKED = seeds.content(lambda buffer: seeds.write_csaw_packed(buffer))
_NPZ = seeds.content(seeds.write_npz)
_PICTURES = seeds.content(lambda buffer: seeds.write_pictures(buffer, formats=seeds.FORMATS))
_TAR = seeds.content(lambda buffer: seeds.write_tar(buffer, seeds.samples(8)))
_PARQUET = seeds.content(lambda buffer: seeds.write_parquet(buffer, seeds.parquet_table(8), compression="none"))
_PARQUET_PACKED = seeds.content(lambda buffer: seeds.write_parquet(buffer, seeds.parquet_table(8), row_group_size=3))

MODELS: Sequence[Seed] = (
    Seed(_H5, flipped),
    Seed(_H5, reconfigured),
    Seed(_KERAS, flipped),
    Seed(_KERAS, flipped_inside),
    Seed(b"", lambda _, chance: generated.model(chance)),
)
DATA: Sequence[Seed] = (
    Seed(_CSAW, flipped),
    Seed(_PACKED, flipped),
    Seed(_NPZ, flipped),
    Seed(_NPZ, flipped_inside),
    Seed(_PICTURES, flipped_inside),
    Seed(_TAR, flipped),
    Seed(_PARQUET, flipped),
    Seed(_PARQUET_PACKED, flipped),
    Seed(b"", lambda _, chance: generated.npz(chance)),
    Seed(b"", lambda _, chance: generated.csaw(chance)),
)


def _onnx() -> Sequence[Seed]:
    """Every net, its graph changed twice as often as its bytes."""
    found = []
    for make in NETS.values():
        graph = Graph(17, (3, 16, 16))
        content = graph.file(make(graph))
        found += [Seed(content, regraphed), Seed(content, regraphed), Seed(content, flipped)]
    return found


ONNX = _onnx()
PYTORCH: Sequence[Seed] = (
    Seed(PTH, reprogrammed),
    Seed(CHECKPOINT, reprogrammed),
    Seed(PTH, reprogrammed),
    Seed(PTH, repacked),
    Seed(PTH, flipped),
    Seed(SAFETENSORS, flipped),
    Seed(SAFETENSORS, reheaded),
)


def mutated(seeds_of: Sequence[Seed], number: int) -> bytes:
    """Mutation `number` of the valid files, the same every time."""
    chance = random.Random(number)
    seed = seeds_of[number % len(seeds_of)]
    return seed.mutate(seed.content, chance)
