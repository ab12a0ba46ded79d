"""Files that two readers may understand differently: a valid one with something swapped, said twice or put beside it.

Each mutation takes a file and a random generator. Most of what comes out is refused in quarantine or by Keras; where
both take it they must agree.
"""

from tests.differential.mutations.arrays import rearranged
from tests.differential.mutations.configuration import configured
from tests.differential.mutations.containers import contained
from tests.differential.mutations.file import Chance, File, Mutated

__all__ = ["File", "Mutated", "mutated"]


def mutated(file: File, other: File, chance: Chance) -> Mutated:
    """One file made of another (and of a second one), by any of the ways above.

    Bytes at random are `tests.hostile.fuzz`'s: they may end or hang the HDF5 library, which wants a process for each.
    """
    while True:
        kind = chance.random()
        try:
            if kind < 0.6:
                return configured(file, chance)
            return rearranged(file, chance) if kind < 0.85 else contained(file, other, chance)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            continue  # what there is to change is not in this file
