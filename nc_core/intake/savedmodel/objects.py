"""The objects of a checkpoint and the names they have for one another (trackable_object_graph.proto).

TensorFlow gives values to variables by these names, from the model on: layer_with_weights-0, kernel. What nobody asks
for (optimizers, metrics, functions) is not looked at, and no walk is longer than the names that are asked for.
"""

from nc_core.errors import ModelRefused
from nc_core.intake.savedmodel.wire import VARINT, Budget, Field
from nc_core.intake.savedmodel.wording import AGAIN
from nc_core.intake.wording import TWO_MEANINGS, shown

KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "VARIABLE_VALUE"
ROOT = 0

GRAPH = {1: Field("nodes", repeated=True)}
OBJECT = {
    1: Field("children", repeated=True),
    2: Field("attributes", repeated=True),
    3: Field("slots", repeated=True),
    4: Field("saver"),
    5: Field("has_values"),
}
CHILD = {1: Field("node", VARINT), 2: Field("name")}
ATTRIBUTE = {1: Field("name"), 2: Field("full_name"), 3: Field("key")}


class ObjectGraph:
    """Objects by their number, of which ROOT is the model."""

    def __init__(self, content: memoryview) -> None:
        self._budget = Budget("the object graph")
        self._nodes = self._budget.message(content, GRAPH)["nodes"]
        self._children: dict[int, dict[str, int]] = {}

    def children(self, number: int) -> dict[str, int]:
        """The objects that an object has, by its names for them. Raises ModelRefused."""
        if number not in self._children:
            found: dict[str, int] = {}
            for each in self._object(number)["children"]:
                child = self._budget.message(each, CHILD)
                name = self._budget.text(child.get("name", memoryview(b"")))
                if name in found:
                    raise ModelRefused(f"the object graph of the SavedModel names {shown(name)} twice: {TWO_MEANINGS}")
                found[name] = child.get("node", 0)
            self._children[number] = found
        return self._children[number]

    def key(self, number: int) -> str:
        """The key of a variable in the bundle. Raises ModelRefused where the object is none."""
        attributes = self._object(number)["attributes"]
        if len(attributes) == 1:
            only = self._budget.message(attributes[0], ATTRIBUTE)
            if only.get("name") == VALUE.encode() and "key" in only:
                return self._budget.text(only["key"])
        raise ModelRefused(f"a weight in the object graph of the SavedModel is no variable: {AGAIN}")

    def _object(self, number: int) -> dict[str, list[memoryview]]:
        if number >= len(self._nodes):
            raise ModelRefused(
                f"the object graph of the SavedModel names object {number:,} of {len(self._nodes):,}: {AGAIN}"
            )
        found = self._budget.message(self._nodes[number], OBJECT)
        if "saver" in found:
            raise ModelRefused(
                "an object of the SavedModel is restored by code of its own: rebuild it from Keras' layers"
            )
        return found
