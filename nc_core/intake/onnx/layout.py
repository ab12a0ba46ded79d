"""Which axes a reshaping joins and splits, so that values need not be moved for it."""

from collections.abc import Sequence

Group = tuple[list[int], list[int]]
"""Axes before, axes after, of as many values."""


def groups(before: Sequence[int], after: Sequence[int]) -> list[Group]:
    """The smallest runs of axes that become one another, from the first on; both shapes have as many values."""
    found: list[Group] = []
    old = new = 0
    while old < len(before) and new < len(after):
        group: Group = ([old], [new])
        left, right = before[old], after[new]
        old, new = old + 1, new + 1
        while left != right:
            if left < right:
                group[0].append(old)
                left *= before[old]
                old += 1
            else:
                group[1].append(new)
                right *= after[new]
                new += 1
        found.append(group)
    if not found:
        found.append(([], []))
    found[-1][0].extend(range(old, len(before)))
    found[-1][1].extend(range(new, len(after)))
    return found
