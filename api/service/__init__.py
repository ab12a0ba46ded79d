"""The HTTP service: JSON under /v1, health, and what pages build on. `api.web` puts it together and runs it."""
