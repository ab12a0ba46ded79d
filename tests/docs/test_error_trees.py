"""The trees that are drawn on top of `errors.py`: what they show is how the classes are derived."""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path.relative_to(ROOT) for package in ("nc_core", "nc_tasks", "api") for path in (ROOT / package).rglob("errors.py")
)
LINE = re.compile(r"^(?P<indent>(?:[│ ] {3})*)[├└]── (?P<name>\w+)")
"""A class below another in the drawing; four letters for each level."""


def module_of(path: Path) -> ModuleType:
    return importlib.import_module(".".join(path.with_suffix("").parts))


def drawn(text: str) -> set[tuple[str, str]]:
    """Each class of the drawing with the one that it is drawn below."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if LINE.match(line))
    above, found = [lines[first - 1].strip()], set()
    for line in lines[first:]:
        if match := LINE.match(line):
            above[len(match["indent"]) // 4 + 1 :] = [match["name"]]
            found.add((match["name"], above[-2]))
    return found


def test_there_are_trees_to_look_at() -> None:
    assert len(FILES) >= 4


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_drawing_has_the_classes_of_the_module_each_below_its_first_base(path: Path) -> None:
    module = module_of(path)
    classes = [one for _, one in inspect.getmembers(module, inspect.isclass) if one.__module__ == module.__name__]
    derived = {(one.__name__, one.__bases__[0].__name__) for one in classes if one.__name__ != "CleanseError"}
    shown = drawn(module.__doc__ or "")
    ours = {one.__name__ for one in classes}
    assert {pair for pair in shown if pair[0] in ours} == derived
    # What it draws besides are classes of another package that lie between, where they lie there too.
    for name, above in {pair for pair in shown if pair[0] not in ours}:
        known = getattr(module, name)
        assert known.__bases__[0].__name__ == above
