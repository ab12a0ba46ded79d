"""The application: routes, errors and the schema, put together."""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.pages.routes import router as pages
from api.service.problems import Problem, add_handlers
from api.service.routes import (
    about,
    baselines,
    batches,
    classify,
    datasets,
    estimates,
    events,
    exports,
    flower,
    health,
    history,
    keys,
    labels,
    results,
    submissions,
)
from api.service.service import Service
from api.service.uploads.bodies import Bodies
from api.service.uploads.cleanup import swept
from nc_tasks.settings import Settings
from nc_tasks.store.rows.keys import any_made
from nc_tasks.tracing import trace_requests
from nc_tasks.version import package_version

log = logging.getLogger(__name__)

MODULES = (
    *(
        health,
        about,
        flower,
        datasets,
        estimates,
        submissions,
        labels,
        results,
        exports,
        events,
        classify,
    ),
    *(baselines, batches, history, keys),
)
ROUTERS = (*(module.router for module in MODULES), pages)


def create_app(settings: Settings) -> FastAPI:
    """The HTTP service on these settings. It opens the store when it starts, and starts no workers.

    Raises ExtraMissing, and StoreUnusable at its start.
    """
    app = FastAPI(
        title="Cleanse",
        summary="Finds backdoors in image classifiers, and repairs them.",
        version=package_version(),
        # Its own pages load their scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        separate_input_output_schemas=False,
    )
    app.state.routers = ROUTERS
    app.state.service = Service(settings=settings)
    add_handlers(app)
    app.add_middleware(Bodies, idle_seconds=settings.body_idle_seconds, pace_bytes=settings.body_pace_bytes)
    for router in ROUTERS:
        app.include_router(router)
    trace_requests(app, settings)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    service.open()
    with service.store.read() as session:
        local = not any_made(session)
    if local:
        log.warning("no key was made: everybody on this machine may do everything; `cleanse key create` changes that")
    # What is loaded by now stays: the collector need not look through it while somebody waits for an answer.
    gc.collect()
    gc.freeze()
    try:
        async with swept(service.artefacts):
            yield
    finally:
        gc.unfreeze()
        await service.close()


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        made["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        app.openapi_schema = made
    return app.openapi_schema
