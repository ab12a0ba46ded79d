"""A `torch.nn.Module` in memory: exported by torch's own exporter, and read as the ONNX file that it is then.

PyTorch is no part of this project: who has such a module has imported it.
"""

import io
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.errors import ModelRefused
from nc_core.intake import CanonicalModel
from nc_core.models import build
from nc_core.quarantine.admit import admit_model

IMAGE, SCORES, OUTPUT = "image", "scores", "output"
"""What the file calls its input, its only output, and each of several that have no names."""
TRACED, COMPARED = 2, 5
"""Images that the exporter sees, and images by which the net that was read is compared with the module."""
TOLERANCE = 0.01
"""Of a probability: what convolutions in TF32 on a GPU may differ by, and no other net does."""
NEWER = "install onnxscript, for the newer exporter of torch"

Array = npt.NDArray[Any]


def is_torch_module(model: Any) -> bool:
    """Whether it is one; torch is asked only where the caller has imported it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def net_of_module(module: Any, shape: tuple[int, int, int], *, output: str | None = None) -> CanonicalModel:
    """The canonical model of a module, which stays as it is: weights, mode, device, gradients.

    shape: (H, W, C) of its images, which it takes as (n, C, H, W), float32. output: name of the one of its outputs
    that is the classifier's, of a module with several. Raises ModelRefused with one line.
    """
    torch = sys.modules["torch"]
    module = _inner(torch, module)
    images = np.random.default_rng(0).random((COMPARED, *shape), np.float32)
    with tempfile.TemporaryDirectory(prefix="cleanse-") as folder, _answering(torch, module):
        # A copy: of a view of one channel torch would think that its channels come last.
        given = torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(_device(module))
        answers = _answers(torch, module, given)
        path = Path(folder) / "module.onnx"
        _export(torch, module, given[:TRACED], path, list(answers))
        net = admit_model(path, output=output)
    _check_alike(net, images, answers)
    return net


def _inner(torch: Any, module: Any) -> Any:
    """The module that computes; raises ModelRefused for what the exporter does not take."""
    if isinstance(module, (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)):
        return _inner(torch, module.module)
    if isinstance(compiled := getattr(module, "_orig_mod", None), torch.nn.Module):  # torch.compile(module)
        return _inner(torch, compiled)
    if isinstance(module, torch.jit.ScriptModule):
        raise ModelRefused("the model is a TorchScript module: pass the torch.nn.Module that it was made of")
    kinds = {str(one.dtype) for one in module.parameters() if one.is_floating_point()}
    if kinds - {"torch.float32"}:
        raise ModelRefused(f"the weights of the module are of {', '.join(sorted(kinds))}: pass it in float32, .float()")
    return module


def _device(module: Any) -> Any:
    return next((one.device for one in (*module.parameters(), *module.buffers())), "cpu")


@contextmanager
def _answering(torch: Any, module: Any) -> Iterator[None]:
    """The module as it answers, without gradients; afterwards every part is in the mode in which it was."""
    modes = [(part, part.training) for part in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()  # no exporter knows the operator by which it is fast
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        module.eval()
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        module.train(modes[0][1])
        for part, training in modes:
            part.training = training


def _answers(torch: Any, module: Any, given: Any) -> dict[str, Array]:
    """All that the module answers to images, by its own names if it gives any; raises ModelRefused where it fails."""
    try:
        answered = module(given)
    except Exception as error:
        raise ModelRefused(
            f"the module fails on images {tuple(given.shape)} ({_why(error)}): pass data of the size that it takes, or "
            "input_shape=, and a module that takes (n, C, H, W), as many as there are"
        ) from None
    found = {SCORES: answered} if isinstance(answered, torch.Tensor) else _named(answered)
    return {name: each.cpu().numpy() for name, each in found.items() if isinstance(each, torch.Tensor)}


def _named(answered: Any) -> dict[str, Any]:
    if isinstance(answered, Mapping):
        return {str(name): each for name, each in answered.items()}
    many = answered if isinstance(answered, (list, tuple)) else []
    return {f"{OUTPUT}_{number}": each for number, each in enumerate(many)}


def _export(torch: Any, module: Any, given: Any, path: Path, outputs: list[str]) -> None:
    """Write the module as ONNX for any number of images."""
    names = {"input_names": [IMAGE], "output_names": outputs}
    graph = find_spec("onnxscript") is not None and "dynamic_shapes" in signature(torch.onnx.export).parameters
    if graph:
        any_number: dict[str, Any] = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "external_data": False}
    else:
        any_number = {"dynamic_axes": {IMAGE: {0: "batch"}}}
    try:
        _quietly(
            lambda: torch.onnx.export(
                module, (given,), str(path), dynamo=graph, opset_version=18 if graph else 17, **names, **any_number
            )
        )
    except Exception as error:
        hint = "" if graph else f"; {NEWER}"
        raise ModelRefused(
            f"torch cannot export the module as ONNX ({_why(error)}): pass a module without what it names{hint}"
        ) from None


@contextmanager
def _without_triton() -> Iterator[None]:
    """Where TensorFlow is loaded and triton is not, its import ends the process (both bring LLVM): hide it.

    The newer exporter imports it where it is installed, and does not need it.
    """
    hidden = "tensorflow" in sys.modules and "triton" not in sys.modules
    if hidden:
        sys.modules["triton"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["triton"]


def _quietly(export: Callable[[], Any]) -> None:
    """Exporters tell at length what they do."""
    with ExitStack() as stack:
        stack.enter_context(_without_triton())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(redirect_stdout(io.StringIO()))
        stack.enter_context(redirect_stderr(io.StringIO()))
        export()


def _why(error: BaseException) -> str:
    """The first line of what is behind an error."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__).strip()[:200]
    return "".join(letter if letter.isprintable() else " " for letter in line)


def _check_alike(net: CanonicalModel, images: Array, answers: Mapping[str, Array]) -> None:
    """Raise ModelRefused unless the net that was read answers as the module does."""
    ours = np.asarray(keras.ops.convert_to_numpy(build(net)(images, training=False)))
    theirs = answers.get(net.signature.output if net.signature else SCORES)
    apart = 1.0
    if theirs is not None and theirs.shape == ours.shape:
        apart = float(np.abs(_probabilities(net, theirs) - _probabilities(net, ours)).max())
    if not apart <= TOLERANCE:
        raise ModelRefused(
            f"the net that torch exports answers otherwise than the module (probabilities differ by {apart:.2g}, the "
            f"limit is {TOLERANCE}): let its forward depend on each image alone, without Python's if, and on no batch"
        )


def _probabilities(net: CanonicalModel, answers: Array) -> Array:
    if net.head == "logits":
        powers = np.exp(answers - answers.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return 1 / (1 + np.exp(-answers)) if net.head == "single-logit" else answers
