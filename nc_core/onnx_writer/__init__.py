"""Canonical model -> an ONNX file that any runtime runs: what `nc_core.intake.onnx` reads, the other way round."""

from nc_core.onnx_writer.write import OPSET, save_onnx, write_onnx

__all__ = ["OPSET", "save_onnx", "write_onnx"]
