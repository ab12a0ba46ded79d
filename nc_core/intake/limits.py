"""How much a model file may ask of this machine; every refusal names the limit and the actual value."""

from nc_core.errors import ModelRefused

LAYERS = 2_000
"""Layers of the flattened net. EfficientNetV2-L, the largest of keras.applications, has 1,028."""

NODES = 10_000
"""Layer calls of the flattened net: nested models that call each other twice grow as a power of two."""

EDGES = 100_000
"""Inputs of all those calls together. DenseNet201, whose calls have the most, needs about 800."""

PARAMETERS = 500_000_000
"""Weights of the whole net, 2 GB as float32."""

VALUES_PER_IMAGE = 2_000_000_000
"""Activation values that one image causes, summed over the net: 8 GB."""

JSON_CHARACTERS = 16 * 1024**2
"""Length of a model configuration."""

JSON_DEPTH = 96
"""Nesting of a model configuration. One nested model adds four levels, a Keras 3 call seven."""

NAME_CHARACTERS = 256
"""Length of a layer's name."""

ZIP_MEMBERS = 1_000
"""Files within a `.keras` archive; Keras itself writes three."""

FILE_BYTES = 8 * PARAMETERS + 256 * 1024**2
"""Size of a model file, or of the weights within an archive: float64 weights and their housekeeping."""


UNPACKED_RATIO = 200
"""How many times larger than the file that holds it an array or a member of an archive may be. Weights hardly pack,
those of heavily pruned nets 20 to 1; deflate ends at 1032 to 1."""

UNPACKED_FLOOR = 64 * 1024**2
"""Bytes that may be unpacked from the smallest file."""


def unpacked_limit(stored: int) -> int:
    """Bytes that may be unpacked from `stored` ones."""
    return min(FILE_BYTES, max(UNPACKED_FLOOR, UNPACKED_RATIO * stored))


def within(actual: int, limit: int, what: str) -> None:
    """Raise ModelRefused when `actual` exceeds `limit`; `what` names the counted things in the plural."""
    if actual > limit:
        raise ModelRefused(f"the model has {actual:,} {what}; the limit is {limit:,}: submit a smaller net")
