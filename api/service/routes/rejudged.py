"""/v1/rejudge: verdicts made anew from what is stored."""

from fastapi import APIRouter

from api.service.dependencies import AStore, Reader
from api.service.models.rejudged import RejudgedInfo, RejudgedList, RejudgeRequest
from api.service.problems import responses
from nc_tasks.views import rejudging

router = APIRouter(prefix="/v1", tags=["history"], responses=responses(401, 403, 421, 422, 429, 503))


@router.post("/rejudge", responses=responses(400, 404, 409, 413))
def rejudge(asked: RejudgeRequest, store: AStore, caller: Reader) -> RejudgedList:
    """The verdict of each as it would be now; nothing is inverted again, and nothing recorded is changed."""
    with store.read() as session:
        rows = rejudging.wanted(session, ids=asked.submissions, tags=asked.tags, owner=caller.sees)
        found = rejudging.rejudge(
            session, rows, owner=caller.owner, baseline=asked.baseline, fleet=asked.fleet, alpha=asked.alpha
        )
        return RejudgedList(items=[RejudgedInfo.of(one) for one in found])
