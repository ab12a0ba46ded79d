"""The order in which Keras has the layers of a Functional model, which is not the order of the file.

Keras sorts a model's layers by their place in the graph, and gives a file's weights to them in that order: to the first
layer the first group of an `.h5` file, to the n-th layer of a class the group of that class with the number n of a
`.keras` archive. The rule is that of `keras.src.ops.function.map_graph`, the same since Keras 2.0.
"""

from collections.abc import Iterator, Sequence

from nc_core.errors import ModelRefused
from nc_core.intake.tree import Leaf, Model, Ref, leaves
from nc_core.intake.wording import TWO_MEANINGS, shown


def in_keras_order(model: Model) -> Sequence[str]:
    """The names of all children, furthest from the outputs first; of equally far ones the one met first.

    Raises ModelRefused for a layer that depends on itself, and where a layer or one of its calls does not lead to an
    output: Keras leaves such layers out and numbers the others without them.
    """
    calls = list(from_inputs_on(model, tuple(model.outputs.values())))
    _refuse_unused(model, calls)
    met: dict[str, int] = {}
    for name in _as_met(model):
        met.setdefault(name, len(met))
    distance = _distances(model, calls)
    return sorted(met, key=lambda name: (-distance[name], met[name]))


def check_order(model: Model, order: Sequence[str]) -> None:
    """Raise ModelRefused where the file lists layers with weights in another order than Keras has them.

    Keras never writes such a file, and readers that go by the list give the weights to other layers.
    """
    listed = [name for name, child in model.children.items() if is_weighted(child)]
    called = [name for name in order if is_weighted(model.children[name])]
    for first, second in zip(listed, called, strict=True):
        if first != second:
            raise ModelRefused(
                f"model {model.name!r} lists layer {shown(first)} where its graph has {shown(second)}, and Keras gives "
                f"weights to layers by the graph: {TWO_MEANINGS}"
            )


def is_weighted(child: Leaf | Model) -> bool:
    """Whether a layer or nested model has weights."""
    if isinstance(child, Leaf):
        return bool(child.weight_names)
    return any(leaf.weight_names for _, leaf, _ in leaves(child))


def _sources(model: Model, ref: Ref) -> Sequence[Ref]:
    calls, child = model.calls.get(ref.name, ()), model.children[ref.name]
    given = calls[ref.call] if ref.call < len(calls) else ()
    if not given and not (isinstance(child, Leaf) and child.kind == "InputLayer"):
        raise ModelRefused(
            f"layer {ref.name!r} of model {model.name!r} is used as an input but is none of the model's "
            "inputs or calls: save the model again"
        )
    return given


def _walk(model: Model, outputs: Sequence[Ref]) -> Iterator[tuple[Ref, bool]]:
    """Every call that leads to these outputs, depth first from each of them on: when it is met and when it is left."""
    opened: set[Ref] = set()
    closed: set[Ref] = set()
    for output in outputs:
        if output not in closed:
            yield from _walk_from(model, output, opened, closed)


def _walk_from(model: Model, output: Ref, opened: set[Ref], closed: set[Ref]) -> Iterator[tuple[Ref, bool]]:
    stack = [(output, iter(_sources(model, output)))]
    opened.add(output)
    yield output, True
    while stack:
        ref, sources = stack[-1]
        source = next((source for source in sources if source not in closed), None)
        if source is None:
            stack.pop()
            closed.add(ref)
            yield ref, False
        elif source in opened:
            raise ModelRefused(
                f"layer {source.name!r} of model {model.name!r} depends on its own output: save the model again"
            )
        else:
            opened.add(source)
            stack.append((source, iter(_sources(model, source))))
            yield source, True


def _as_met(model: Model) -> Iterator[str]:
    return (ref.name for ref, met in _walk(model, tuple(model.outputs.values())) if met)


def from_inputs_on(model: Model, outputs: Sequence[Ref]) -> Iterator[Ref]:
    """The calls that lead to these outputs, each after those that it takes; raises as `in_keras_order`."""
    return (ref for ref, met in _walk(model, outputs) if not met)


def _distances(model: Model, calls: Sequence[Ref]) -> dict[str, int]:
    """How many calls lie between a layer and the outputs, at most."""
    of_call: dict[Ref, int] = {}
    of_layer: dict[str, int] = {}
    for ref in reversed(calls):
        distance = max(of_call.get(ref, 0), of_layer.get(ref.name, 0))
        of_layer[ref.name] = of_call[ref] = distance
        for source in _sources(model, ref):
            of_call[source] = max(distance + 1, of_call.get(source, 0))
    return of_layer


def _refuse_unused(model: Model, calls: Sequence[Ref]) -> None:
    used = set(calls)
    for name in model.children:
        for call in range(max(1, len(model.calls.get(name, ())))):
            if Ref(name=name, call=call) not in used:
                raise ModelRefused(
                    f"layer {name!r} of model {model.name!r} does not lead to its output"
                    f"{f' by its call {call}' if call else ''}: Keras leaves out such layers when it saves a model; "
                    "save it again without them"
                )
