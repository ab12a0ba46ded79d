"""/healthz and /readyz, without a key: is the process alive, would work be begun? And /metrics, which wants one."""

from typing import Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from api.service.dependencies import AService, AStore, require
from api.service.models.health import Check, Health, Readiness
from api.service.problems import responses
from api.service.service import Service
from nc_tasks.store.rows import keys, workers
from nc_tasks.store.tables.types import now
from nc_tasks.version import package_version

router = APIRouter(tags=["health"])

QUEUES = ("control", "labels")
NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "Not ready"}}
METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "In Prometheus' text format"}
}


@router.get("/healthz")
def health(store: AStore) -> Health:
    """The process lives."""
    try:
        with store.read() as session:
            mode = "keys" if keys.any_made(session) else "local"
    except SQLAlchemyError:
        mode = "keys"
    return Health.model_validate({"status": "ok", "version": package_version(), "mode": mode})


@router.get("/readyz", responses=NOT_READY)
def ready(service: AService, response: Response) -> Readiness:
    """Whether database, broker and workers are there: what is submitted now is begun."""
    checks = {"database": _database(service), "broker": _broker(service), "workers": _workers(service)}
    found = Readiness.model_validate({"ready": all(check.ok for check in checks.values()), "checks": checks})
    response.status_code = 200 if found.ready else 503
    return found


@router.get(
    "/metrics",
    dependencies=[Depends(require("read"))],
    response_class=Response,
    responses={**METRICS, **responses(401, 403, 503)},
)
def metrics(service: AService) -> Response:
    """Queue, slots, workers and verdicts, counted in the store."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _database(service: Service) -> Check:
    try:
        with service.store.read() as session:
            now(session)
    except SQLAlchemyError as error:
        return Check(ok=False, detail=f"does not answer ({type(error).__name__})")
    return Check(ok=True, detail="answers")


def _broker(service: Service) -> Check:
    if service.broker_answers():
        return Check(ok=True, detail="answers")
    return Check(ok=False, detail="does not answer")


def _workers(service: Service) -> Check:
    """Both queues are served: workers tell of themselves from their start, and count for a lease."""
    within = service.settings.lease_seconds
    try:
        with service.store.read() as session:
            found = workers.live(session, within_seconds=within)
    except SQLAlchemyError:
        return Check(ok=False, detail="not known without the database")
    numbers = {queue: sum(worker.queue == queue for worker in found) for queue in QUEUES}
    told = ", ".join(f"{number} of queue {queue}" for queue, number in numbers.items())
    return Check(ok=all(numbers.values()), detail=f"heard of in the last {within:.0f} s: {told}")
