"""OpenTelemetry traces, where settings name a collector: a request, its messages, their tasks and statements."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext

from nc_tasks.errors import ExtraMissing
from nc_tasks.settings import Settings
from nc_tasks.version import package_version

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.trace import Tracer

PARTS = ("sdk", "exporter.otlp.proto.http", "instrumentation.celery")


def trace(settings: Settings, program: str) -> bool:
    """Send this process' traces from here on; returns whether there are any. program: what it calls itself there.

    Raises ExtraMissing where the libraries are not installed.
    """
    if settings.traces_url is None:
        return False
    check_installed(PARTS)
    from opentelemetry import trace as api
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": f"cleanse-{program}", "service.version": package_version()})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces_url)))
    api.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()
    _trace_statements(api.get_tracer(__name__))
    return True


def _trace_statements(tracer: "Tracer") -> None:
    """Have each SQL statement be a span; the ready-made instrumentation knows SQLAlchemy up to 2.0."""
    from opentelemetry.trace import SpanKind, Status, StatusCode

    def begin(connection: Connection, _: object, statement: str, *__: object) -> None:
        span = tracer.start_span(statement.split(maxsplit=1)[0], kind=SpanKind.CLIENT)
        span.set_attributes({"db.system.name": connection.dialect.name, "db.query.text": statement})
        connection.info.setdefault("spans", []).append(span)

    def end(connection: Connection, *_: object) -> None:
        connection.info["spans"].pop().end()

    def fail(context: ExceptionContext) -> None:
        spans = context.connection.info.get("spans") if context.connection is not None else None
        if spans:
            span = spans.pop()
            span.set_status(Status(StatusCode.ERROR, type(context.original_exception).__name__))
            span.end()

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    event.listen(Engine, "handle_error", fail)


def trace_requests(app: "FastAPI", settings: Settings) -> None:
    """Have each request of the application be a span, where there are traces; raises ExtraMissing."""
    if trace(settings, "api"):
        check_installed(("instrumentation.fastapi",))
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app, excluded_urls="healthz,readyz,metrics,events")


def check_installed(parts: tuple[str, ...]) -> None:
    """Raise ExtraMissing unless these parts of OpenTelemetry are there."""
    for part in parts:
        if not _is_there(f"opentelemetry.{part}"):
            raise ExtraMissing(
                f"traces_url asks for traces, and opentelemetry.{part} is not installed: pip install 'cleanse[tracing]'"
            )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
