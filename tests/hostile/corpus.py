"""Every hostile file by name: what is built to attack the reader of models, and what that of data."""

from tests.hostile.families import (
    arrays,
    code,
    containers,
    data_arrays,
    data_pictures,
    data_shards,
    graphs,
    meanings,
    onnx_files,
    onnx_graphs,
    pytorch_archives,
    pytorch_pickles,
    saved_models,
    sizes,
)
from tests.hostile.families.case import Case

_MODELS = {
    "code": code,
    "graph": graphs,
    "size": sizes,
    "array": arrays,
    "container": containers,
    "meaning": meanings,
    "onnx file": onnx_files,
    "onnx graph": onnx_graphs,
    "pytorch pickle": pytorch_pickles,
    "pytorch archive": pytorch_archives,
    "saved model": saved_models,
}
_DATA = {"array": data_arrays, "picture": data_pictures, "shard": data_shards}

MODELS: dict[str, Case] = {
    f"{family}: {name}": case for family, module in _MODELS.items() for name, case in module.CASES.items()
}
DATA: dict[str, Case] = {
    f"{family}: {name}": case for family, module in _DATA.items() for name, case in module.CASES.items()
}
