"""How much a model file may ask of this machine; every refusal names the limit and the actual value."""

from nc_core.errors import ModelRefused

LAYERS = 8_000
"""Layers of the flattened net. EfficientNetV2-L, the largest of keras.applications, has 1,028; a ViT-L/16 of PyTorch,
of whose 16 heads each becomes some layers, 4,555. Reading is linear in them: of ONNX files 2,000 took 0.06 s of a
processor, 8,000 took 0.28 s (30 November 2026, 2 cores, `python -m tests.benchmarks.layers`)."""

NODES = 10_000
"""Layer calls of the flattened net: nested models that call each other twice grow as a power of two. Nets call most of
their layers once."""

EDGES = 100_000
"""Inputs of all those calls together. DenseNet201, whose calls have the most, needs about 800."""

PARAMETERS = 500_000_000
"""Weights of the whole net, 2 GB as float32: what a worker holds several times over. ConvNeXt-XL, the largest of
keras.applications, has 350 million, EfficientNetV2-L 118 million."""

VALUES_PER_IMAGE = 1_000_000_000
"""Values that one image causes, summed over the net, working memory of its layers included: 4 GB for a pass forward.
ResNet50 at 224 x 224 causes 37 million. What this machine can do is asked for before a net is run, with its budget."""

OPERATIONS_PER_IMAGE = 100_000_000_000
"""Multiplications with additions for one image, and as many for `POOLING` values read by windows: half a minute of one
processor forward and backward. ResNet50 at 224 x 224 needs 4 thousand million, ConvNeXt-XL 61."""

POOLING = 8
"""Multiplications that take as long as one value read by a pooling window."""

JSON_CHARACTERS = 16 * 1024**2
"""Length of a model configuration. NASNetLarge, the longest of keras.applications, has 1.0 million."""

JSON_DEPTH = 96
"""Nesting of a model configuration, far from Python's own recursion limit. One nested model adds four levels, a Keras 3
call seven; the nets of keras.applications have 11."""

NAME_CHARACTERS = 256
"""Length of a layer's name, which stands in messages and in the paths of arrays; NASNetLarge has one of 47."""

ZIP_MEMBERS = 1_000
"""Files within a `.keras` archive, whose directory is read as a whole; Keras itself writes three, and more only for
layers that are not read here (vocabularies)."""

FILE_BYTES = 8 * PARAMETERS + 256 * 1024**2
"""Size of a model file, or of the weights within an archive: float64 weights and their housekeeping."""

ONNX_BYTES = 2**31 - 1
"""Size of an ONNX file, which is all that parsers of protobuf take; larger nets keep their weights in other files."""

ONNX_NODES = 50_000
"""Nodes of an ONNX graph. What becomes of them is bounded by LAYERS and NODES; exporters put several beside each that
is left, which work out shapes."""

ONNX_FIELDS = 500_000
"""Values, texts and messages of an ONNX file, each looked at by itself; arrays are one each. A node has some
fifty, since PyTorch writes down where each comes from."""

ONNX_FOLDED = 2**24
"""Numbers of arrays that an ONNX graph works out from others, all together; shapes have four or five each."""

TORCH_MEMBERS = 20_000
"""Files within a PyTorch file, one for each array: those of a net's weights, and twice as many more of its training."""

PICKLE_BYTES = 64 * 1024**2
"""Size of the pickle within a PyTorch file, which names the arrays beside it: 40 thousand for ResNet50, and some
millions with the numbers of 60,000 training pictures beside it."""

PICKLE_INSTRUCTIONS = 1_000_000
"""Instructions of such a pickle. An array takes some 30, a number in a list 1 or 2."""

SAFETENSORS_HEADER = 16 * 1024**2
"""Bytes of the JSON at the start of a safetensors file; an array takes some 100."""

STATE_ARRAYS = 10_000
"""Arrays of a state dict; EfficientNet-B0 has 360."""

SAVED_FIELDS = 500_000
"""Values, texts and messages of a file of a SavedModel that are looked at; a layer has some fifty."""

SAVED_VARIABLES = 50_000
"""Variables of a SavedModel: four weights at most of each layer, and the state of its training beside each."""

UNPACKED_RATIO = 200
"""How many times larger than the file that holds it an array or a member of an archive may be. Weights hardly pack,
those of heavily pruned nets 20 to 1; deflate ends at 1032 to 1."""

UNPACKED_FLOOR = 64 * 1024**2
"""Bytes that may be unpacked from the smallest file: weights that are nearly all zero pack without limit, and this much
harms nobody."""


def unpacked_limit(stored: int) -> int:
    """Bytes that may be unpacked from `stored` ones."""
    return min(FILE_BYTES, max(UNPACKED_FLOOR, UNPACKED_RATIO * stored))


def within(actual: int, limit: int, what: str) -> None:
    """Raise ModelRefused when `actual` exceeds `limit`; `what` names the counted things in the plural."""
    if actual > limit:
        raise ModelRefused(f"the model has {actual:,} {what}; the limit is {limit:,}: submit a smaller net")
