"""Keras in a process of its own, which is asked to build, save and load: what a file does to it, it does there.

with Oracle() as keras:
    files = keras.files(recipe)         # {".keras": bytes, ".h5": bytes}
    answers = keras.answers(".h5", content, shape)      # (n, outputs), None where Keras does not load it
"""

import multiprocessing
import os
import tempfile
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SUFFIXES = (".keras", ".h5")
SECONDS = 60.0
"""For one answer; a process that takes longer is ended, and counts as one that did not load the file."""

Floats = npt.NDArray[np.float32]


def images(shape: tuple[int, int, int], count: int = 64) -> Floats:
    """(n, H, W, C): noise in 0..1 and in 0..255, dark and bright, flat ones and a few negative."""
    random = np.random.default_rng(11)
    noise = random.random((count, *shape), dtype=np.float32)
    scale = np.resize(np.array([1, 255, 0.1, 4], np.float32), count).reshape(-1, 1, 1, 1)
    pictures = noise * scale
    pictures[-4:] = np.array([0, 1, 255, 0.5], np.float32).reshape(4, 1, 1, 1)
    pictures[-8:-4] -= 0.5
    return pictures


class Oracle:
    """A process that holds Keras; started anew where a file ended it."""

    def __enter__(self) -> "Oracle":
        self._start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def _ask(self, *question: Any) -> Any:
        try:
            self._pipe.send(question)
            if self._pipe.poll(SECONDS):
                return self._pipe.recv()
        except (EOFError, OSError):
            pass
        self.__exit__()
        self._start()
        return None

    def files(self, recipe: dict[str, Any]) -> dict[str, bytes]:
        """The net of a recipe, its weights drawn, in every format that Keras can save it in."""
        return self._ask("files", recipe) or {}

    def answers(self, suffix: str, content: bytes, shape: tuple[int, int, int]) -> Floats | None:
        """What Keras' own net of this file says to `images(shape)`; None where it loads none, or one of other sizes."""
        return self._ask("answers", suffix, content, shape)


def serve(pipe: Connection) -> None:
    """Answer until the other end is closed."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    warnings.simplefilter("ignore")
    # A file may print or log what it likes.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    while True:
        try:
            command, *arguments = pipe.recv()
        except EOFError:
            return
        pipe.send({"files": _files, "answers": _answers}[command](*arguments))
        _clean()


def _clean() -> None:
    import keras

    keras.utils.clear_session(free_memory=False)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def _files(recipe: dict[str, Any]) -> dict[str, bytes]:
    found = {}
    model = make(recipe)
    _draw_weights(model, recipe["seed"])
    with tempfile.TemporaryDirectory() as folder:
        for suffix in SUFFIXES:
            path = Path(folder) / f"model{suffix}"
            try:
                model.save(path)
            except Exception:
                continue
            found[suffix] = path.read_bytes()
    return found


def _answers(suffix: str, content: bytes, shape: tuple[int, int, int]) -> Floats | None:
    import keras

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{suffix}"
        path.write_bytes(content)
        try:
            model = keras.models.load_model(path, compile=False)
            said = model(images(shape), training=False)
            while isinstance(said, list | tuple | dict):
                (said,) = said.values() if isinstance(said, dict) else said
            return np.array(keras.ops.convert_to_numpy(said), np.float32)
        except Exception:
            return None


def make(recipe: dict[str, Any], inner: bool = False) -> Any:
    """The Keras net of a recipe."""
    import keras

    if recipe["form"] == "sequential":
        model = keras.Sequential(name=recipe["name"])
        if recipe["input"] == "layer":
            model.add(keras.Input(recipe["image"]))
        for step in recipe["steps"]:
            model.add(make(step["model"], inner=True) if "model" in step else _layer(step["layer"]))
        if recipe["input"] == "build":
            model.build((None, *recipe["image"]))
    else:
        model = _functional(recipe)
    if inner and not recipe["trainable"]:
        model.trainable = False
    return model


def _functional(recipe: dict[str, Any]) -> Any:
    import keras

    image = keras.Input(recipe["image"])
    tensors, made = [image], []
    for step in recipe["steps"]:
        sources = [tensors[source] for source in step["from"]]
        given = sources if len(sources) > 1 else sources[0]
        if "number" in step:
            operator, number = step["number"]
            made.append(None)
            tensors.append(eval(operator, {"x": given, "n": number, "ops": keras.ops}))
            continue
        if "again" in step:
            layer = made[step["again"]]
        else:
            layer = make(step["model"], inner=True) if "model" in step else _layer(step["layer"])
        made.append(layer)
        tensors.append(layer(given))
    return keras.Model(image, tensors[-1], name=recipe["name"])


def _layer(layer: dict[str, Any]) -> Any:
    import keras

    options = dict(layer["options"])
    activation = options.get("activation")
    if isinstance(activation, dict):
        options["activation"] = getattr(keras.layers, activation["layer"])(**activation["options"])
    named = {} if layer["name"] is None else {"name": layer["name"]}
    made = getattr(keras.layers, layer["kind"])(**options, **named)
    made.trainable = layer["trainable"]
    return made


def _draw_weights(model: Any, seed: int) -> None:
    """Weights as made are zeros and ones, which hide a mix-up."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        if variable.dtype.startswith("float"):
            values = random.normal(0, 0.4, variable.shape)
            variable.assign(np.abs(values) + 0.5 if "variance" in variable.name else values)
    for layer in _flat(model):
        if hasattr(layer, "finalize_state") and layer.built:
            layer.finalize_state()


def _flat(model: Any) -> list[Any]:
    return [inner for layer in model.layers for inner in (_flat(layer) if hasattr(layer, "layers") else [layer])]
