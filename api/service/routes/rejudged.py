"""/v1/rejudge: verdicts made anew from what is stored."""

from fastapi import APIRouter

from api.service.dependencies import AStore, Reader
from api.service.models.rejudged import RejudgedInfo, RejudgedList, RejudgeWish
from api.service.problems import responses
from nc_tasks.views import rejudging

router = APIRouter(prefix="/v1", tags=["history"], responses=responses(401, 403, 421, 422, 429, 503))


@router.post("/rejudge", responses=responses(400, 404, 409, 413))
def rejudge(wish: RejudgeWish, store: AStore, caller: Reader) -> RejudgedList:
    """The verdict of each as it would be now; nothing is inverted again, and nothing recorded is changed."""
    with store.read() as session:
        rows = rejudging.wanted(session, ids=wish.submissions, tags=wish.tags, owner=caller.sees)
        found = rejudging.rejudge(
            session, rows, owner=caller.owner, baseline=wish.baseline, fleet=wish.fleet, alpha=wish.alpha
        )
        return RejudgedList(items=[RejudgedInfo.of(one) for one in found])
