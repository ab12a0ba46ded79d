"""/v1/compare, /v1/statistics and /v1/rejudge: submissions side by side, over time, and judged anew."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.service.dependencies import AStore, Reader
from api.service.models.history import ComparisonInfo, StatisticsInfo
from api.service.models.listing import Moment
from api.service.models.rejudged import RejudgedInfo, RejudgedList, RejudgeRequest
from api.service.problems import responses
from api.service.reading import seen
from nc_tasks.store.queries import statistics
from nc_tasks.views import rejudging
from nc_tasks.views.comparison import compare

router = APIRouter(prefix="/v1", tags=["history"], responses=responses(401, 403, 421, 422, 429, 503))

Side = Annotated[str, Query(pattern="^[0-9a-f]{12}$", description="A submission's id.")]


@router.get("/compare", responses=responses(404))
def compared(left: Side, right: Side, store: AStore, caller: Reader) -> ComparisonInfo:
    """What is the same and what has changed from the left submission to the right one, label by label."""
    with store.read() as session:
        for side in (left, right):
            seen(session, caller, side)
        return ComparisonInfo.model_validate(compare(session, left=left, right=right).to_json())


@router.get("/statistics")
def over_time(
    store: AStore,
    caller: Reader,
    since: Annotated[Moment | None, Query(description="Included.")] = None,
    until: Annotated[Moment | None, Query(description="Excluded.")] = None,
) -> StatisticsInfo:
    """How submissions ended, day by day, and how many there are of what."""
    with store.read() as session:
        days = statistics.by_day(session, owner=caller.sees, since=since, until=until)
        totals = statistics.totals(session, owner=caller.sees)
    return StatisticsInfo.model_validate({"days": days, "totals": totals})


@router.post("/rejudge", responses=responses(400, 404, 409, 413))
def rejudge(asked: RejudgeRequest, store: AStore, caller: Reader) -> RejudgedList:
    """The verdict of each as it would be now; nothing is inverted again, and nothing recorded is changed."""
    with store.read() as session:
        rows = rejudging.wanted(session, ids=asked.submissions, tags=asked.tags, owner=caller.sees)
        found = rejudging.rejudge(
            session, rows, owner=caller.owner, baseline=asked.baseline, fleet=asked.fleet, alpha=asked.alpha
        )
        return RejudgedList(items=[RejudgedInfo.of(one) for one in found])
