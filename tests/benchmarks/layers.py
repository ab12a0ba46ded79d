"""How the reading of a net grows with its layers: a chain of as many, as an ONNX file.

    python -m tests.benchmarks.layers [--layers 1000 2000 4000 8000]

Prints processor time and memory that the reader takes, and the time of the worker that checks what it wrote.
"""

import argparse
import io
import resource
import tempfile
import time

from nc_core.intake.load import read_canonical
from nc_core.intake.read import load_graphs, read_open_model
from tests.differential.onnx.graphs import Graph


def chain(layers: int) -> bytes:
    """A file of so many layers that keep the image, three of them at its end."""
    graph = Graph(17, (3, 8, 8))
    x = graph.image
    for _ in range(layers - 3):
        x = graph.op("Relu", x)
    return graph.file(graph.answer(x, 192))


def peak() -> float:
    """MiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure and print; the longest chain comes last, so that each adds to the peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, nargs="+", default=[1000, 2000, 4000, 8000])
    load_graphs()
    read_open_model(io.BytesIO(chain(3)), name="model.onnx")
    for layers in parser.parse_args().layers:
        content, before = chain(layers), peak()
        began = time.process_time()
        model = read_open_model(io.BytesIO(content), name="model.onnx")
        read = time.process_time() - began
        with tempfile.TemporaryFile() as file:
            model.write(file)
            began = time.process_time()
            read_canonical(file)
        checked = time.process_time() - began
        print(f"{len(model.layers):,} layers: {read:.2f} s, {peak() - before:.0f} MiB; checked in {checked:.2f} s")


if __name__ == "__main__":
    main()
