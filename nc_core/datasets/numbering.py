"""Which output of the model each label of a data file is about.

Keras' `image_dataset_from_directory` numbers class folders by their names sorted as text: 0, 1, 10, 11, 2, and so on.
Who numbers by size instead has other labels for the same pictures, and neither the net nor the data say which it was.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from nc_core.datasets.images import Images, check_labels
from nc_core.errors import DataRefused, OptionRefused

ClassOrder = Literal["given", "text", "numeric"]
"""given: labels are outputs. text: outputs follow the labels' numbers sorted as text. numeric: labels follow numbers
sorted as text, outputs their size."""

ORDERS_IN_WORDS = {
    "text": "the model's outputs follow the numbers of the data's classes sorted as text (0, 1, 10, 2, ...), as Keras' "
    "image_dataset_from_directory has them, and the labels were taken so",
    "numeric": "the data's labels follow the numbers of the classes sorted as text (0, 1, 10, 2, ...), the model's "
    "outputs their size, and the labels were taken so",
}

Outputs = npt.NDArray[np.int32]
SHOWN = 80
"""Characters of a name in a message."""


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """Images whose labels are outputs of the model in the order "given".

    orders: others that may be meant -> (N,) the output of each label. outputs: how a file names a class (its folder's
    name, else its number) -> output, None where labels are outputs. named: what the outputs are called, None where
    nobody says so.
    """

    images: Images
    orders: Mapping[ClassOrder, Outputs]
    outputs: Mapping[str, int] | None
    named: tuple[str, ...] | None
    order: ClassOrder = "given"

    @property
    def names(self) -> tuple[str, ...] | None:
        """(N) what to call the outputs: as `named`, or where they are not the data's own numbers, by those."""
        if self.named is not None or self.outputs is None or self.order == "numeric":
            return self.named
        return tuple(sorted(self.outputs, key=self.outputs.__getitem__))

    def reordered(self, order: ClassOrder) -> "Numbered":
        """The same in one of its orders; "given" changes nothing."""
        if order == "given" or self.images.labels is None:
            return self
        to = self.orders[order]
        given = self.outputs or {str(label): label for label in range(len(to))}
        outputs = {name: int(to[output]) for name, output in given.items()}
        images = replace(self.images, labels=to[self.images.labels])
        return replace(self, images=images, outputs=outputs, order=order)


def is_number(name: str) -> bool:
    """Whether a folder's name is read as a label."""
    return name.isascii() and name.isdecimal() and len(name) < 10


def fitting(names: Sequence[str], images: Images) -> bool:
    """Whether names that a model's file has for its outputs can stand beside what the data call their classes.

    Numbers can be anything's; other names have to be among the file's, each of which stands once.
    """
    if _are_numbers(images):
        return True
    known = [_key(name) for name in names]
    return len({*known}) == len(known) and {_key(name) for name in images.folders.values()} <= {*known}


def numbered(images: Images, *, classes: int, class_names: Sequence[str] | None = None) -> Numbered:
    """Find the output of each label. class_names: of the outputs, as the user knows them.

    Folders whose names all are among `class_names` are numbered by them. Others that are no numbers are numbered as
    sorted, and so are numbers where there is one for each class, such as 1 to N. Names that a file declares for its
    labels call the outputs, where there is one for each, and number nothing. Raises OptionRefused where there are more
    or fewer names than classes, DataRefused where a label or a folder is none of the model's.
    """
    names = None if class_names is None else tuple(class_names)
    if names is not None and len(names) != classes:
        raise OptionRefused(
            f"--class-names holds {len(names)} names, the model has {classes} classes: pass one name for each output, "
            "in their order"
        )
    if names is not None and images.folders and _go_by(images, names):
        outputs = _outputs_once(names, images)
        return Numbered(images=_mapped(images, outputs), orders={}, outputs=outputs, named=names)
    if images.declared:
        return _by_declaration(images, classes, names)
    if images.folders and not _are_numbers(images):
        return _by_sorted_name(images, classes)
    return _by_number(images, classes, names)


def as_outputs(
    images: Images, outputs: Mapping[str, int] | None, *, classes: int, class_names: Sequence[str] | None
) -> Images:
    """Other images of the same classes, such as known poison, with outputs of the model as labels.

    outputs, class_names: what `numbered` found for the clean data. Raises DataRefused for a class that is none of them.
    """
    if outputs is None and (not images.folders or _are_numbers(images)):
        check_labels(images, classes)
        return images
    if outputs is None and class_names is None and images.declared:
        return _by_declaration(images, classes, None).images
    if outputs is None and class_names is None:
        return _by_sorted_name(images, classes).images
    return _mapped(images, outputs or _outputs(class_names or ()))


def _go_by(images: Images, names: Sequence[str]) -> bool:
    known = {_key(name) for name in names}
    free = not images.declared and not _are_numbers(images)
    return free or all(_key(name) in known for name in images.folders.values())


def _are_numbers(images: Images) -> bool:
    return all(is_number(name) for name in images.folders.values())


def _key(name: str) -> str:
    """What a class is known by: 007 is 7."""
    return str(int(name)) if is_number(name) else name


def _outputs(names: Sequence[str]) -> dict[str, int]:
    return {_key(name): output for output, name in enumerate(names)}


def _outputs_once(names: Sequence[str], images: Images) -> dict[str, int]:
    """Raises DataRefused where a folder is called as two classes are."""
    seen = Counter(map(_key, names))
    twice = next((name for name in images.folders.values() if seen[_key(name)] > 1), None)
    if twice is not None:
        raise DataRefused(f"two classes are called {twice[:SHOWN]!r}, as a folder of the data is: rename one of them")
    return _outputs(names)


def _by_sorted_name(images: Images, classes: int) -> Numbered:
    names = tuple(sorted(images.folders.values()))
    if len(names) != classes:
        raise DataRefused(
            f"the data has {len(names)} classes by name, the model has {classes}, so which of its outputs they are is "
            "not known: pass --class-names with the names of all of them in the model's order, or --unlabelled"
        )
    return Numbered(images=images, orders={}, outputs=_outputs_once(names, images), named=names)


def _by_declaration(images: Images, classes: int, names: tuple[str, ...] | None) -> Numbered:
    """Labels are outputs. Names that are numbers may be in the order of text, and may be meant by size."""
    called = tuple(images.folders.values())
    found = _by_number(replace(images, folders={}, declared=False), classes, names)
    if names is not None or len(called) != classes:
        return found
    if _are_numbers(images):
        return replace(found, outputs=_outputs_once(called, images))
    return replace(found, orders={}, named=called)


def _by_number(images: Images, classes: int, names: tuple[str, ...] | None) -> Numbered:
    """Numbers are outputs; where they are not 0 to N - 1 but as many as there are classes, their ranks are."""
    by_size = sorted(images.folders.values(), key=int)
    if len(by_size) != classes:
        check_labels(images, classes)
        by_size = [str(number) for number in range(classes)]
    outputs = _outputs(by_size)
    if all(name == str(rank) for name, rank in outputs.items()):
        return Numbered(images=images, orders=_orders(by_size, images), outputs=None, named=names)
    ranked = _mapped(images, outputs)
    return Numbered(images=ranked, orders=_orders(by_size, ranked), outputs=outputs, named=names)


def _orders(by_size: Sequence[str], images: Images) -> dict[ClassOrder, Outputs]:
    """Orders of names that are sorted by size, as far as they give the images other labels."""
    if images.labels is None:
        return {}
    by_text = np.array(sorted(range(len(by_size)), key=by_size.__getitem__), np.int32)
    orders: dict[ClassOrder, Outputs] = {"text": np.argsort(by_text).astype(np.int32), "numeric": by_text}
    present = np.unique(images.labels)
    return {order: to for order, to in orders.items() if (to[present] != present).any()}


def _mapped(images: Images, outputs: Mapping[str, int]) -> Images:
    """Raises DataRefused where an image's class has no output."""
    if images.labels is None:
        return images
    present, where = np.unique(images.labels, return_inverse=True)
    called = [_key(images.folders.get(label, str(label))) for label in present.tolist()]
    unknown = next((name for name in called if name not in outputs), None)
    if unknown is not None:
        raise DataRefused(
            f"the data's class {unknown[:SHOWN]!r} is none of the {len(outputs)} known ones, such as "
            f"{next(iter(outputs))[:SHOWN]!r}; name it as one of them, or pass --unlabelled"
        )
    return replace(images, labels=np.array([outputs[name] for name in called], np.int32)[where])
