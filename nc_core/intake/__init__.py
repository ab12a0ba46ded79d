"""Reads untrusted Keras and ONNX files and PyTorch weights; no TensorFlow, Keras or PyTorch in here."""

from nc_core.intake.canonical import CanonicalModel, Layer, Node, Signature
from nc_core.intake.load import load_canonical
from nc_core.intake.presets import PRESETS
from nc_core.intake.read import read_model

__all__ = ["PRESETS", "CanonicalModel", "Layer", "Node", "Signature", "load_canonical", "read_model"]
