"""A model as MLflow keeps it on disk: a folder with a file MLmodel, and the model's own file somewhere below."""

from itertools import islice
from pathlib import Path

from api.client.addresses.incoming import only_one
from api.client.errors import AddressRefused

MARK = "MLmodel"
MOST_LISTED = 1000
GRAPH = "saved_model.pb"
"""What every SavedModel folder has."""


def model_in(place: Path) -> Path:
    """The one model file of such a folder, or the SavedModel folder in it; any other path as it is.

    MLmodel itself is not read. Raises AddressRefused where there is no model file, or where there are several.
    """
    if not (place / MARK).is_file():
        return place
    names = [str(file.relative_to(place)) for file in islice(place.rglob("*"), MOST_LISTED) if file.is_file()]
    saved = [name for name in names if Path(name).name == GRAPH]
    if saved:
        return (place / saved[0]).parent
    file = only_one(names, "model", f"the folder of MLflow {place}", "its own path")
    if not (place / file).resolve().is_relative_to(place.resolve()):
        raise AddressRefused(f"{file} in the folder of MLflow {place} leads out of it: pass the file itself")
    return place / file
