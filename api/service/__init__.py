"""The HTTP service: JSON under /v1, health, and what pages and clients build on. Run by `python -m api.service`."""
