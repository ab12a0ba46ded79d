"""A torch module in memory is read as the ONNX file that torch's exporter writes, and stays as it is.

PyTorch is not installed with the tests: what is asked of it is answered here by a module of its names, whose nets are
ONNX files that ONNX Runtime answers for. `test_torch.py` asks the real one where it is there.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nc_core
from nc_core.errors import DataRefused, ModelRefused
from nc_core.face.torch_module import is_torch_module, net_of_module
from tests.differential.compare import TOLERANCE, distance
from tests.differential.onnx.compare import images, ours, read, theirs
from tests.differential.onnx.graphs import Graph

SHAPE = (8, 8, 3)


def net(seed: int = 0, batch: int | str = "batch") -> bytes:
    graph = Graph(17, (3, 8, 8), batch, seed)
    graph.answer(graph.op("Relu", graph.conv(graph.image, 3, 4)), 256)
    graph.nodes[-1].output[0] = "scores"
    return graph.file("scores")


class Tensor:
    def __init__(self, values: Any) -> None:
        self.values, self.shape = values, values.shape

    def __getitem__(self, place: Any) -> "Tensor":
        return Tensor(self.values[place])

    def to(self, _: Any) -> "Tensor":
        return self

    cpu = lambda self: self  # noqa: E731

    def numpy(self) -> Any:
        return self.values


class Module:
    """Answers as an ONNX file does; `written` is what the exporter makes of it."""

    def __init__(self, content: bytes, written: bytes | Exception | None = None) -> None:
        self.content, self.written = content, content if written is None else written
        self.training, self.parts = True, [SimpleNamespace(training=False), SimpleNamespace(training=True)]
        self.dtypes: list[str] = ["torch.float32"]

    def modules(self) -> Iterator[Any]:
        yield from (self, *self.parts)

    def train(self, mode: bool) -> None:
        for part in self.modules():
            part.training = mode

    def eval(self) -> None:
        self.train(False)

    def parameters(self) -> Iterator[Any]:
        for dtype in self.dtypes:
            yield SimpleNamespace(dtype=dtype, device="cpu", is_floating_point=lambda: True)

    buffers = parameters

    def __call__(self, given: Tensor) -> Any:
        assert not any(part.training for part in self.modules())
        return Tensor(theirs(self.content, given.values))


class Several(Module):
    def __call__(self, given: Tensor) -> Any:
        answer = super().__call__(given)
        return {"features": answer, "relu_1": answer}


class Wrapped(Module):
    """DataParallel."""

    def __init__(self, module: Module) -> None:
        self.module = module


class Scripted(Module):
    pass


class Switch:
    """`torch.backends.mha`, and what stands for no_grad."""

    on = True
    graded = True

    def get_fastpath_enabled(self) -> bool:
        return self.on

    def set_fastpath_enabled(self, on: bool) -> None:
        self.on = on

    def __enter__(self) -> None:
        self.graded = False

    def __exit__(self, *_: object) -> None:
        self.graded = True


def export(module: Module, given: Any, path: str, *, dynamo: bool, dynamic_axes: Any, **options: Any) -> None:
    assert not dynamo  # onnxscript is not installed either
    assert dynamic_axes == {"image": {0: "batch"}}
    assert (options["input_names"], options["output_names"][-1]) in ((["image"], "scores"), (["image"], "relu_1"))
    assert given[0].shape == (2, 3, 8, 8)
    print("a word of the exporter")
    if isinstance(module.written, Exception):
        raise module.written
    Path(path).write_bytes(module.written)


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Imported by the caller, with temporary files in a folder that is looked into."""
    made: Any = ModuleType("torch")
    made.switch = Switch()
    made.Tensor, made.from_numpy = Tensor, Tensor
    made.nn = SimpleNamespace(Module=Module, DataParallel=Wrapped, parallel=SimpleNamespace(DistributedDataParallel=()))
    made.jit, made.onnx = SimpleNamespace(ScriptModule=Scripted), SimpleNamespace(export=export)
    made.backends, made.no_grad = SimpleNamespace(mha=made.switch), lambda: made.switch
    monkeypatch.setitem(sys.modules, "torch", made)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return made


def assert_as_before(module: Module, torch: Any, folder: Path) -> None:
    assert [part.training for part in module.modules()] == [True, False, True]
    assert torch.switch.on
    assert torch.switch.graded
    assert list(folder.iterdir()) == []


def test_a_module_is_the_net_of_its_onnx_file(torch: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module = Module(net())
    model = net_of_module(module, SHAPE)
    assert model.equals(read(net()))
    given = images(SHAPE, 64)
    expected = module.__class__(net())
    expected.eval()
    answers = expected(Tensor(np.ascontiguousarray(given.transpose(0, 3, 1, 2)))).values
    assert distance(ours(model, given), answers) <= TOLERANCE
    assert_as_before(module, torch, tmp_path)
    assert "exporter" not in capfd.readouterr().out


def test_a_module_within_one_for_several_devices_is_taken() -> None:
    assert is_torch_module(Wrapped(Module(net())))
    assert net_of_module(Wrapped(Module(net())), SHAPE).equals(read(net()))


REFUSED: dict[str, tuple[Callable[[], Module], str]] = {
    "an unknown operator": (
        lambda: Module(net(), RuntimeError("\nExporting the operator 'aten::fft' is not supported\nat line 3")),
        r"\(Exporting the operator 'aten::fft' is not supported\): .*; install onnxscript",
    ),
    "no exporter": (lambda: Module(net(), ModuleNotFoundError("No module named 'onnx'")), "No module named 'onnx'"),
    "another net": (lambda: Module(net(), net(seed=1)), "answers otherwise than the module"),
    "a file of something else": (lambda: Module(net(), b"nothing"), "the ONNX file|no model"),
    "a module for two images": (lambda: Module(net(batch=2)), r"fails on images \(5, 3, 8, 8\)"),
    "a module that fails": (lambda: Module(b"nothing"), r"fails on images \(5, 3, 8, 8\)"),
    "several outputs": (lambda: Several(net(), _two()), r"2 outputs, 'gemm_\d+', 'relu_1'.*--output"),
    "TorchScript": (lambda: Scripted(net()), "a TorchScript module"),
}


def _two() -> bytes:
    graph = Graph(17, (3, 8, 8))
    answer = graph.answer(graph.op("Relu", graph.conv(graph.image, 3, 4)), 256)
    model = graph.model(answer)
    model.graph.output.add().CopyFrom(model.graph.output[0])
    model.graph.output[1].name = "relu_1"
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line_and_leaves_nothing(name: str, torch: Any, tmp_path: Path) -> None:
    make, said = REFUSED[name]
    module = make()
    with pytest.raises(ModelRefused, match=said) as refused:
        net_of_module(module, SHAPE)
    assert str(refused.value).isprintable()
    assert_as_before(module, torch, tmp_path)


def test_weights_of_another_precision_are_refused() -> None:
    module = Module(net())
    module.dtypes = ["torch.float32", "torch.float16"]
    with pytest.raises(ModelRefused, match=r"torch\.float16, torch\.float32: pass it in float32, \.float\(\)"):
        net_of_module(module, SHAPE)


def test_a_scan_calls_it_by_the_size_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given data of either layout, or a size that the caller says
    monkeypatch.setattr("nc_core.face.inputs.net_of_module", lambda model, shape, output: (model, shape, output))
    from nc_core.face.inputs import net_of

    module, pixels = Module(net()), np.zeros((4, 8, 9, 3), np.uint8)
    assert net_of(module, (pixels, None)) == (module, (8, 9, 3), None)
    assert net_of(module, pixels.transpose(0, 3, 1, 2)) == (module, (8, 9, 3), None)
    assert net_of(module, pixels, input_shape="6x7x1", output="b") == (module, (6, 7, 1), "b")
    with pytest.raises(DataRefused, match="the images have shape"):
        net_of(module, np.zeros((4, 5)))


def test_evaluate_takes_one_as_it_takes_a_keras_model() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (40, *SHAPE)).astype(np.uint8)
    module = Module(net())
    module.eval()
    labels = module(Tensor((pixels.transpose(0, 3, 1, 2) / np.float32(255)).astype(np.float32))).values.argmax(1)
    found = nc_core.evaluate(module, (pixels, labels), value_range="0..1")
    assert found.accuracy == 1


def test_torch_is_not_imported_for_other_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    assert not is_torch_module(Module(net()))
    assert "torch" not in sys.modules
    with pytest.raises(ModelRefused, match=r"pass a keras\.Model of Keras 3, a torch\.nn\.Module, or the path"):
        nc_core.scan(Module(net()), np.zeros((4, *SHAPE)))
