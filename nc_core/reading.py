"""What a user may say of a model file where the file itself does not say it: the same names on every face."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast


class Reading(TypedDict, total=False):
    """architecture: of a file of weights alone, one of `nc_core.architecture_names`. output: the name of the one that
    is the classifier's, where a file has several. input_shape: of its pictures, HEIGHTxWIDTH or
    HEIGHTxWIDTHxCHANNELS, where the file leaves it open. What is left out or None is not said."""

    architecture: str | None
    output: str | None
    input_shape: str | None


def reading_of(options: Mapping[str, Any]) -> Reading:
    """What options of a command say of the model's file."""
    return cast(Reading, {name: options.get(name) for name in Reading.__annotations__})
