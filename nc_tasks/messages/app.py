"""The Celery application, and the two messages that clients send."""

from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun

from nc_tasks import logs
from nc_tasks.messages.address import broker_url, key_prefix
from nc_tasks.settings import Settings, get_settings

DAY = 24 * 3600
QUEUES = ("labels", "control")
"""`labels`: a thread pool, one process per device, one task per label. `control`: prefork, everything else."""
PRIORITIES = range(10)
"""Of messages, the most urgent first; Redis keeps a list for each."""


def make_app(settings: Settings) -> Celery:
    """An application on this installation's broker.

    Messages carry ids alone; what is true stands in SQL, so a message may be lost, doubled or late.
    """
    url = settings.redis_url or broker_url(settings)
    app = Celery("cleanse", broker=url, backend=url, include=["nc_tasks.tasks"])
    prefix = {"global_keyprefix": key_prefix(settings)}
    app.conf.update(
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_track_started=False,
        task_default_queue="control",
        task_routes={"nc_tasks.invert_label": {"queue": "labels"}, "nc_tasks.*": {"queue": "control"}},
        worker_prefetch_multiplier=1,
        # After one TensorFlow operation in the parent a forked child hangs.
        worker_pool_start_method="spawn",
        # Celery kills a process of a pool that is not up after four seconds; on a busy machine imports take longer.
        worker_proc_alive_timeout=60.0,
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"visibility_timeout": DAY, "priority_steps": list(PRIORITIES), **prefix},
        result_backend_transport_options=prefix,
        result_backend_always_retry=True,
        result_expires=30 * DAY,
        result_chord_join_timeout=60,
        timezone="UTC",
    )
    return app


app = make_app(get_settings())
task_prerun.connect(logs.begin_task, weak=False)
task_postrun.connect(logs.end_task, weak=False)
if get_settings().log_format == "json":
    setup_logging.connect(logs.configure_worker, weak=False)


def publish_start(submission_id: str, *, to: Celery | None = None, behind: int = 0) -> None:
    """Ask a worker to begin the submission, or to go on with it: the task finds out which.

    behind: how many of the same owner wait before it. The first of every owner comes before the second of any.
    """
    _publish("nc_tasks.start", {"submission": submission_id}, to, priority=min(behind, PRIORITIES[-1]))


def publish_job(job_id: str, *, to: Celery | None = None) -> None:
    """Ask a worker to do a job."""
    _publish("nc_tasks.run_job", {"job": job_id}, to)


def _publish(task: str, arguments: dict[str, Any], to: Celery | None, priority: int = PRIORITIES[0]) -> None:
    (to or app).send_task(task, kwargs=arguments, queue="control", ignore_result=True, priority=priority)
