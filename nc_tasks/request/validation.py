"""What is wrong with values that do not fit a model, said in one line for each."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from nc_core.errors import OptionRefused

T = TypeVar("T", bound=BaseModel)


def checked(model: type[T], values: Mapping[str, Any]) -> T:
    """The model of these values; raises OptionRefused with one line per wrong value."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise OptionRefused("; ".join(line_of(entry) for entry in error.errors())) from None


def line_of(entry: Mapping[str, Any]) -> str:
    """One error of a validation: where, and what is wrong."""
    if entry["type"] == "json_invalid":
        return f"the body is no JSON ({entry['ctx']['error']} at character {entry['loc'][-1]}): send an object"
    where = ".".join(str(part) for part in entry["loc"] if part not in ("query", "path", "body")) or "the request"
    message = str(entry["msg"])
    return f"{where}: {message[:1].lower()}{message[1:]}"
