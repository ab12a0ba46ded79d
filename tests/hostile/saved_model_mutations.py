"""Zips of a valid SavedModel with something changed: in each of its parts, with every checksum around it right."""

import random
from collections.abc import Callable, Sequence

from tests.hostile.mutations import Seed, changed, flipped
from tests.saved_models import DATA, INDEX, METADATA, Saved, archive, classifier, table

NUMBERS = (0, 1, 2, 3, 5, 17, 2**31, 2**40)
NAMES = ("kernel", "bias", "gamma", "layer-0", "layer-1", "layer_with_weights-0", "layer_with_weights-9", "", "x")


def _bytes(saved: Saved, chance: random.Random) -> bytes:
    """Bytes of the zip."""
    return flipped(archive(saved.members()), chance)


def _member(saved: Saved, chance: random.Random) -> bytes:
    """Bytes of a file of it."""
    members = saved.members()
    name = chance.choice((METADATA, INDEX, DATA))
    return archive({**members, name: flipped(members[name], chance)})


def _entry(saved: Saved, chance: random.Random) -> bytes:
    """Bytes of an entry of the index, whose blocks are whole; entries left out, doubled and elsewhere."""
    entries, data = saved.index_and_data()
    for _ in range(chance.choice((1, 1, 2))):
        place, kind = chance.randrange(len(entries)), chance.random()
        key, value = entries[place]
        if kind < 0.7:
            entries[place] = key, flipped(value, chance) if value else value
        elif kind < 0.8:
            entries.insert(chance.randrange(len(entries)), (key, value))
        elif kind < 0.9 and len(entries) > 1:
            del entries[place]
        else:
            entries[place] = flipped(key, chance) if key else b"x", value
    cut = chance.randrange(1, max(2, len(entries)))
    blocks = [part for part in (entries[:cut], entries[cut:]) if part]
    return archive({METADATA: saved.metadata(), INDEX: table(*blocks), DATA: data})


class _OtherGraph(Saved):
    """Of which bytes of the object graph are changed, before it is measured and summed."""

    chance: random.Random

    def graph(self) -> bytes:
        return flipped(super().graph(), random.Random(self.chance.random()))


def _graph(saved: Saved, chance: random.Random) -> bytes:
    other = _OtherGraph(saved.entries, saved.children, saved.keys, saved.variables)
    other.chance = chance
    return archive(other.members())


def _objects(saved: Saved, chance: random.Random) -> bytes:
    """Objects that have others, by other names."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        own = saved.children[chance.choice(sorted(saved.children))]
        if own and chance.random() < 0.3:
            del own[chance.choice(sorted(own))]
        name = chance.choice(sorted(own)) if own and chance.random() < 0.6 else chance.choice(NAMES)
        own[name] = chance.choice([*sorted(saved.children), *NUMBERS])
    return archive(saved.members())


def _words(saved: Saved, chance: random.Random) -> bytes:
    """Values of the metadata, of the model or of a layer."""
    place = chance.choice((0, 0, chance.randrange(len(saved.entries))))
    number, path, kind, words = saved.entries[place]
    saved.entries[place] = number, path, kind, changed(words, chance)
    return archive(saved.members())


CHANGES: Sequence[Callable[[Saved, random.Random], bytes]] = (
    _bytes, _member, _entry, _entry, _graph, _objects, _objects, _words, _words,
)  # fmt: skip


def _made(change: Callable[[Saved, random.Random], bytes]) -> Seed:
    return Seed(b"", lambda _, chance: change(classifier(), chance))


SAVED: Sequence[Seed] = tuple(map(_made, CHANGES))
