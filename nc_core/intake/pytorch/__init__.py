"""Reads untrusted PyTorch and safetensors weights and makes the canonical model of a named architecture of them."""
