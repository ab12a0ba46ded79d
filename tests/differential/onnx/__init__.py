"""ONNX files, two readers: whatever is read here answers as ONNX Runtime does."""
