"""Benchmarks: each prints figures, none asserts a time. Ratios are measured side by side in one run."""
