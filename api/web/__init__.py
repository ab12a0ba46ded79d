"""The HTTP service put together of its routes and its pages, and run: `python -m api.web`."""
