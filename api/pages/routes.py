"""The pages: what one address shows."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.pages import (
    batch,
    comparing,
    history,
    label,
    norms,
    repairs,
    signing_in,
    static_files,
    submission_list,
    submission_page,
    submitting,
)
from api.pages.auth import PageRoute, Reading
from api.pages.rendering import HEADERS, page
from api.service.dependencies import AnArtefactStore, AStore
from nc_tasks.store.rows import submissions
from nc_tasks.views.comparison import compare
from nc_tasks.views.labels import UNJUDGED

SubmissionId = Annotated[str, Path(max_length=12)]
LabelNumber = Annotated[int, Path(ge=0, lt=2**31)]

pages = APIRouter(route_class=PageRoute, include_in_schema=False)


@pages.get("/")
def list_of_submissions(request: Request, store: AStore, caller: Reading) -> Response:
    """The submissions, filtered."""
    with store.read() as session:
        values = submission_list.shown(session, request.query_params, owner=caller.sees)
    return page(request, "submissions.html", status=400 if values["error"] else 200, **values)


@pages.get("/submissions/{submission_id}")
def one_submission(
    request: Request, submission_id: SubmissionId, store: AStore, artefacts: AnArtefactStore, caller: Reading
) -> Response:
    """One submission, live until it has ended."""
    with store.read() as session:
        submission = submissions.get(session, submission_id=submission_id, owner=caller.sees)
        values = submission_page.shown(session, artefacts, submission, owner=caller.sees)
    return page(request, "submission.html", **values)


@pages.get("/submissions/{submission_id}/norms")
def norms_so_far(request: Request, submission_id: SubmissionId, store: AStore, caller: Reading) -> Response:
    """The norm chart of a scan under way, alone: what the page of the submission puts in its place."""
    with store.read() as session:
        submission = submissions.get(session, submission_id=submission_id, owner=caller.sees)
        charts = norms.charts_of(submission, None, norms.rows_of(session, submission, UNJUDGED))
    return page(request, "norms.html", charts=charts)


@pages.get("/submissions/{submission_id}/labels/{number}")
def one_label(
    request: Request,
    submission_id: SubmissionId,
    number: LabelNumber,
    store: AStore,
    artefacts: AnArtefactStore,
    caller: Reading,
) -> Response:
    """One label and its trigger in pictures."""
    with store.read() as session:
        submission = submissions.get(session, submission_id=submission_id, owner=caller.sees)
        values = label.shown(session, artefacts, submission, number)
    return page(request, "label.html", **values)


@pages.get("/submissions/{submission_id}/repairs/{method}/{number}/{name}.png")
def one_repaired_trigger(
    submission_id: SubmissionId,
    method: Annotated[str, Path(max_length=64)],
    number: LabelNumber,
    name: repairs.PictureName,
    store: AStore,
    artefacts: AnArtefactStore,
    caller: Reading,
) -> Response:
    """What a trigger must look like on a repaired net."""
    with store.read() as session:
        submission = submissions.get(session, submission_id=submission_id, owner=caller.sees)
        drawn = repairs.picture(session, artefacts, submission, method, number, name)
    return Response(drawn, media_type="image/png", headers=HEADERS)


@pages.get("/batches/{batch_id}")
def one_batch(
    request: Request,
    batch_id: Annotated[str, Path(max_length=12)],
    store: AStore,
    caller: Reading,
    sort: Annotated[str | None, Query()] = None,
) -> Response:
    """The submissions that were handed in together, fresh every few seconds until all have ended."""
    with store.read() as session:
        values = batch.shown(session, batch_id, sort=batch.sort_of(sort), owner=caller.sees)
    return page(request, "batch.html", **values)


@pages.get("/history")
def verdicts_over_time(
    request: Request, store: AStore, caller: Reading, days: Annotated[str | None, Query()] = None
) -> Response:
    """What ended when."""
    with store.read() as session:
        values = history.shown(session, span=history.span_of(days), owner=caller.sees)
    return page(request, "history.html", **values)


@pages.get("/compare")
def side_by_side(
    request: Request,
    store: AStore,
    caller: Reading,
    chosen: Annotated[list[str], Query(alias="id", default_factory=list)],
) -> Response:
    """Two submissions against each other."""
    if len(chosen) != 2:
        return page(request, "compare.html", status=400, error=f"{len(chosen)} submissions are ticked, two are needed.")
    with store.read() as session:
        found = compare(session, left=chosen[0], right=chosen[1], owner=caller.sees)
    return page(request, "compare.html", **comparing.shown(found))


router = APIRouter()
for each in (pages, submitting.router, signing_in.router, static_files.router):
    router.include_router(each)
