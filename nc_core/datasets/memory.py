"""Data that lie in memory already: arrays, or a `tf.data.Dataset`. They go through the checks of what a file holds."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nc_core.datasets.arrays import images_of
from nc_core.datasets.budget import check_decoded
from nc_core.datasets.images import Images, check_clean
from nc_core.datasets.layout import Resize, Shape, Wanted
from nc_core.errors import DataRefused

ACCEPTED = "(images, labels), images alone, or a tf.data.Dataset of (image, label)"
INFINITE = -1
"""What `tf.data.Dataset.cardinality` says of a data set that repeats for ever."""

Array = npt.NDArray[Any]


class Pair(NamedTuple):
    """Images of any layout and range, and their labels in any form; None without."""

    images: Array
    labels: Array | None


def read_memory(
    data: Any,
    *,
    input_shape: Shape | None = None,
    resize: Resize | None = None,
    labelled: bool = True,
    poisoned: bool = False,
) -> Images:
    """Images from arrays or from a data set; arguments and errors as in `nc_core.datasets.read_images`.

    data: (x, y), or x alone without labels: whatever numpy makes arrays of; x (n, H, W, C), (n, C, H, W) or grey
    (n, H, W), y class numbers or one-hot. Or `Images`. Or a finite `tf.data.Dataset` of such images, or of
    (image, label), one by one or in batches.
    """
    wanted = Wanted(input_shape, resize).check()
    x, y = _of_dataset(data, input_shape) if _is_dataset(data) else _of_arrays(data)
    images = images_of(x, y if labelled else None, wanted, "arrays in memory")
    if not poisoned:
        check_clean(images)
    return images


def _of_arrays(data: Any) -> Pair:
    if isinstance(data, Images):
        return Pair(data.pixels, data.labels)
    if not isinstance(data, tuple):
        return Pair(_array(data, "images"), None)
    if len(data) != 2:
        raise DataRefused(f"the data are a tuple of {len(data)}; pass {ACCEPTED}")
    x, y = data
    return Pair(_array(x, "images"), None if y is None else _array(y, "labels"))


def _array(values: Any, what: str) -> Array:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise DataRefused(f"the {what} are no array for numpy ({why}); pass {ACCEPTED}") from None
    if array.dtype.hasobject or array.ndim == 0:
        raise DataRefused(f"the {what} are {_kind(values)}, no array of numbers; pass {ACCEPTED}")
    return array


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _is_dataset(data: Any) -> bool:
    """By what it can do: TensorFlow, whose it is, is not imported for arrays."""
    return hasattr(data, "as_numpy_iterator") and hasattr(data, "cardinality")


def _of_dataset(dataset: Any, input_shape: Shape | None) -> Pair:
    if int(dataset.cardinality()) == INFINITE:
        raise DataRefused("the data set repeats for ever; pass it without .repeat(), or a part of it, .take(6000)")
    batches = list(_batches(dataset, input_shape))
    if not batches:
        raise DataRefused(f"the data set holds nothing; pass {ACCEPTED}")
    labels = [batch.labels for batch in batches if batch.labels is not None]
    return Pair(_joined([batch.images for batch in batches]), _joined(labels) if labels else None)


def _batches(dataset: Any, input_shape: Shape | None) -> Iterator[Pair]:
    count = 0
    for element in dataset.as_numpy_iterator():
        pair = _pair(element)
        batch = pair if _is_batch(pair, input_shape) else _alone(pair)
        count += len(batch.images)
        check_decoded((count, *batch.images.shape[1:]), batch.images.dtype, "a data set of images")
        yield batch


def _pair(element: Any) -> Pair:
    if isinstance(element, tuple) and len(element) == 2:
        return Pair(np.asarray(element[0]), np.asarray(element[1]))
    if isinstance(element, np.ndarray):
        return Pair(element, None)
    size = f" of {len(element)}" if isinstance(element, tuple) else ""
    raise DataRefused(f"an element of the data set is a {_kind(element)}{size}; map it to (image, label)")


def _is_batch(pair: Pair, input_shape: Shape | None) -> bool:
    """Whether an element is many images. Of three axes it may be one, or grey ones: then they have a label each."""
    images, labels = pair
    if images.ndim != 3 or images.shape == input_shape:
        return images.ndim > 3
    if labels is None:
        return input_shape is not None and (*images.shape[1:], 1) == input_shape
    return labels.ndim > 0 and len(labels) == len(images)


def _alone(pair: Pair) -> Pair:
    """A batch of one image."""
    images, labels = pair
    return Pair(images[np.newaxis], None if labels is None else labels[np.newaxis])


def _joined(parts: list[Array]) -> Array:
    if len({part.shape[1:] for part in parts}) > 1:
        first, other = parts[0].shape[1:], next(p.shape[1:] for p in parts if p.shape[1:] != parts[0].shape[1:])
        raise DataRefused(f"the data set holds arrays of shapes {first} and {other}; bring its images to one size")
    return np.concatenate(parts)
