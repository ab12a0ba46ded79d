"""keras_metadata.pb: what Keras 2.5 to 2.15 wrote of the model and of each of its layers (saved_metadata.proto).

Keras builds a layer from its own entry there and wires the layers as the model's entry says. Both must say the same of
every layer, so that there is one net.
"""

from collections.abc import Mapping
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.savedmodel.wire import VARINT, Budget, Field
from nc_core.intake.savedmodel.wording import H5
from nc_core.intake.strict_json import parse
from nc_core.intake.wording import TWO_MEANINGS, shown

FILE = "keras_metadata.pb"
ROOT = "root"
MODELS = ("_tf_keras_network", "_tf_keras_sequential", "_tf_keras_model")
LAYERS = (*MODELS, "_tf_keras_layer", "_tf_keras_input_layer")
"""What Keras calls its objects; the others are metrics and layers of recurrence."""

METADATA = {1: Field("nodes", repeated=True)}
NODE = {
    2: Field("id", VARINT),
    3: Field("path"),
    4: Field("identifier"),
    5: Field("metadata"),
    6: Field("version"),
}
TUPLE = "__tuple__"


class Metadata:
    """What it says of objects, by their paths from the root on."""

    def __init__(self, content: memoryview) -> None:
        budget = Budget(FILE)
        self._texts: dict[str, str] = {}
        numbers = set()
        for each in budget.message(content, METADATA)["nodes"]:
            node = budget.message(each, NODE)
            nothing = memoryview(b"")
            path, kind, text = (budget.text(node.get(name, nothing)) for name in ("path", "identifier", "metadata"))
            number = node.get("id", 0)
            if path in self._texts or number in numbers:
                raise ModelRefused(f"{FILE} says twice what {shown(path)} is: {TWO_MEANINGS}")
            numbers.add(number)
            if kind in LAYERS:
                self._texts[path] = text

    def model(self) -> tuple[dict[str, Any], str]:
        """The configuration of the whole model, and the version of Keras that wrote it. Raises ModelRefused."""
        entry = self.entry(ROOT)
        if entry is None:
            raise ModelRefused(f"{FILE} of the SavedModel says nothing of the model: {H5}")
        version = entry.get("keras_version")
        return {"class_name": entry.get("class_name"), "config": entry.get("config")}, str(version)

    def entry(self, path: str) -> dict[str, Any] | None:
        """What is said of the layer at the path; None where nothing is. Raises ModelRefused."""
        text = self._texts.get(path)
        return None if text is None else plain(parse(text, f"metadata of {shown(path)}"))


def plain(value: Any) -> Any:
    """JSON with the lists that Keras marks as tuples as lists."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"class_name", "items"} and value["class_name"] == TUPLE:
        return plain(value["items"])
    return {name: plain(each) for name, each in value.items()}


def check_same(said: Mapping[str, Any], entry: Mapping[str, Any], name: str) -> None:
    """Raise ModelRefused unless a layer's own entry says of it what the model's configuration says."""
    for key in ("class_name", "config"):
        if _bare(said.get(key)) != _bare(entry.get(key)):
            raise ModelRefused(f"layer {shown(name)} is in {FILE} two different ones, by its {key}: {TWO_MEANINGS}")


def _bare(value: Any) -> Any:
    """Without the numbers that Keras gives to objects, which the two places count differently."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items() if name != "shared_object_id"}
    return value
