"""Reads an untrusted ONNX image classifier and makes the canonical model of it; nothing is executed."""
