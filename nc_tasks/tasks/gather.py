"""The chord's callback."""

from nc_tasks import workflow
from nc_tasks.messages.app import app
from nc_tasks.worker.process import this_worker


@app.task(name="nc_tasks.gather")
def gather(*, submission: str, round: int) -> None:
    """All tasks of a round have returned: read its norms from SQL and take the next step."""
    workflow.advance(this_worker(), submission, round)
