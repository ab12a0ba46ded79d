"""/v1/compare and /v1/statistics: two submissions side by side, and all of them over time."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.service.dependencies import AStore, Reader
from api.service.models.history import ComparisonInfo, StatisticsInfo
from api.service.models.listing import Moment
from api.service.problems import responses
from api.service.reading import seen
from nc_tasks.store.queries import statistics
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
