"""A batch as its page shows it: how far all are, what was found in each, in the order that is asked for."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.pages.bars import parted_bar
from api.pages.charts import ENDS
from api.pages.submission_list import smallest_called
from api.progress.batches import BatchProgress, progress_of
from nc_core.errors import OptionRefused
from nc_core.results.numbers import count, duration, listed, percent
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Filters, Listed
from nc_tasks.store.rows import batches
from nc_tasks.store.tables.states import SUBMISSION_ENDS, WITHOUT_RESULT
from nc_tasks.views.labels import label_called

ORDER = ("backdoored", "inconclusive", "failed", "refused", "repairing", "inverting", "preparing", "queued")
"""What asks for a look comes first; what is not named here, last."""
PARTS = (*ENDS, "running", "queued")
"""Of the bar that says how the batch stands."""

Key = Callable[[Listed], tuple[Any, ...]]


def _by_name(one: Listed) -> tuple[Any, ...]:
    return one.submission.model_name.casefold(), one.submission.id


def _by_verdict(one: Listed) -> tuple[Any, ...]:
    end = _end(one)
    return ORDER.index(end) if end in ORDER else len(ORDER), *_by_name(one)


def _by_evidence(one: Listed) -> tuple[Any, ...]:
    return one.p_value is None, one.p_value or 0.0, *_by_name(one)


SORTS: Mapping[str, tuple[str, Key]] = {
    "verdict": ("Verdict", _by_verdict),
    "evidence": ("Evidence p-value", _by_evidence),
    "name": ("Name", _by_name),
}
"""What the address may ask for: how it is called, and the key of a line."""


def sort_of(text: str | None) -> str:
    """The order that an address asks for; raises OptionRefused."""
    if text and text not in SORTS:
        raise OptionRefused(f"sort is {text[:80]!r}: it must be one of {', '.join(SORTS)}")
    return text or next(iter(SORTS))


def shown(session: Session, batch_id: str, *, sort: str, owner: str | None) -> dict[str, Any]:
    """What the page's template wants; raises NotFound."""
    batch = batches.get(session, batch_id=batch_id, owner=owner)
    found = listing.page(session, filters=Filters(batch=batch_id), limit=batches.MOST).items
    progress = progress_of(session, found, since=batch.created_at)
    ends = Counter(map(_part, found))
    active = any(one.submission.state not in SUBMISSION_ENDS for one in found)
    return {
        "batch": batch,
        "title": count(len(found), "model"),
        "data": sorted({one.submission.data_name for one in found}),
        "sort": sort,
        "sorts": [(name, called) for name, (called, _) in SORTS.items()],
        "ends": [(end, ends[end]) for end in PARTS if ends[end]],
        "bar": parted_bar([(end, ends[end]) for end in PARTS], name=_in_words(ends)),
        "share": progress.share,
        "progress": _progress(found, progress),
        "active": active,
        "lines": [_line(one, progress) for one in sorted(found, key=SORTS[sort][1])],
    }


def _end(one: Listed) -> str:
    """The verdict, or the state of one that has none."""
    return one.verdict or one.submission.state


def _part(one: Listed) -> str:
    end = _end(one)
    return end if end in PARTS else "running"


def _in_words(ends: Mapping[str, int]) -> str:
    return ", ".join(f"{ends[end]:,} {end}" for end in PARTS if ends.get(end))


def _progress(found: Sequence[Listed], progress: BatchProgress) -> str:
    """ "3 of 12 verdicts, 41.0% of the work; about 5 min 10 s more."; empty once nothing is awaited."""
    judged = sum(one.verdict is not None for one in found)
    wanted = sum(one.submission.state not in WITHOUT_RESULT or one.verdict is not None for one in found)
    if judged == wanted:
        return ""
    left = progress.seconds_left
    more = "how long it takes is not known yet" if left is None else f"about {duration(left)} more"
    return f"{judged} of {count(wanted, 'verdict')}, {percent(progress.share)} of the work; {more}."


def _line(one: Listed, progress: BatchProgress) -> dict[str, Any]:
    identity, left = one.submission.id, progress.seconds.get(one.submission.id)
    return {
        "submission": one.submission,
        "verdict": one.verdict,
        "flagged": listed([label_called(one.submission, label) for label in one.flagged_labels])
        if one.flagged_labels
        else None,
        "p_value": one.p_value,
        "smallest_label": smallest_called(one),
        "smallest_norm": one.smallest_norm,
        "share": progress.shares[identity],
        "left": None if left is None else f"about {duration(left)} more",
    }
