"""Names of canonical layers: each once in a net, fit for every backend of Keras, and none that we give ourselves.

A name is the submitter's to choose, and says nothing about what a net computes. TensorFlow opens a scope of that name
in every graph (`_VALID_SCOPE_NAME_REGEX` in its framework/ops.py), Keras 3 allows no slash, HDF5 takes "." for the
group itself, and no net may have a name twice: what does not fit is renamed here, once, for every later step.
"""

import re
from collections.abc import Container

LONGEST = 128
"""Characters, half of `limits.NAME_CHARACTERS`: a worker may put something behind a name."""
ROOM = 8
"""Characters of the number behind a name that is taken."""

INPUT = "input"
"""The image of a net that `models.build` makes."""
ZERO_LOGIT = "class_0_logit"
BOTH_LOGITS = "logits_of_both_classes"
"""What `models.head` puts behind a single sigmoid."""
MEAN_ACTIVATION = "mean_activation"
"""What `guard.activation` puts behind a convolution."""
OURS = frozenset({INPUT, ZERO_LOGIT, BOTH_LOGITS, MEAN_ACTIVATION})
"""Names that stand beside those of a submitted net, in one model; other names of ours stand in models of their own."""

_FOREIGN = re.compile(r"[^A-Za-z0-9_.-]")


class Names:
    """Names of one net, each given once, in a time that does not grow with how many are alike."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._copies: dict[str, int] = {}

    def new(self, name: str) -> str:
        """As `usable`, of a name that is taken from now on."""
        stem = _plain(name)[: LONGEST - ROOM]
        unique, self._copies[stem] = _unique(name, self._taken, self._copies.get(stem, 0))
        self._taken.add(unique)
        return unique


def usable(name: str, taken: Container[str] = ()) -> str:
    """The name itself where it can stay, else one like it; a usable name stays as it is.

    taken: names of the same net. What is foreign becomes "_", what is no word at all "layer".
    """
    return _unique(name, taken, 0)[0]


def _unique(name: str, taken: Container[str], copy: int) -> tuple[str, int]:
    """A usable name, and how many copies there were. copy: as many there are at least."""
    plain = unique = _plain(name)
    while unique in taken or unique in OURS:
        copy += 1
        end = f"_{copy}"
        unique = plain[: LONGEST - len(end)] + end
    return unique, copy


def _plain(name: str) -> str:
    plain = _FOREIGN.sub("_", name)[:LONGEST]
    return plain if re.search(r"[A-Za-z0-9]", plain) else "layer"
