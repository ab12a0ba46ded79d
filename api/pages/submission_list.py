"""The list of submissions as its page shows it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from api.pages.bars import state_bar, states_in_words
from api.pages.filters import STATES, VERDICTS, address, asked, filters_of
from nc_core.errors import OptionRefused
from nc_tasks.store.queries import listing
from nc_tasks.store.queries.listing import Cursor, Listed
from nc_tasks.store.tables.states import SUBMISSION_ENDS
from nc_tasks.views.labels import label_called

LIMIT = 50


def shown(session: Session, query: Mapping[str, str], *, owner: str | None) -> dict[str, Any]:
    """What the page's template wants; a filter that is none is told in `error`, and nothing is listed."""
    fields = asked(query)
    frame = {"asked": fields, "filtered": any(fields.values()), "states": STATES, "verdicts": VERDICTS}
    cursor = query.get("cursor", "")
    try:
        after = Cursor.parse(cursor) if cursor else None
        found = listing.page(session, filters=filters_of(fields, owner=owner), after=after, limit=LIMIT)
    except OptionRefused as error:
        return {**frame, "error": str(error), "lines": [], "following": None, "first_page": True, "active": False}
    following = found.following
    return {
        **frame,
        "error": None,
        "lines": [_line(listed) for listed in found.items],
        "following": None if following is None else address("/", fields, cursor=following.text()),
        "newest": address("/", fields),
        "first_page": after is None,
        "active": any(listed.submission.state not in SUBMISSION_ENDS for listed in found.items),
    }


def smallest_called(listed: Listed) -> str | None:
    """The label with the smallest norm, as people call it; None while no label has one."""
    label = listed.smallest_label
    return None if label is None else label_called(listed.submission, label)


def _line(listed: Listed) -> dict[str, Any]:
    states, total = listed.label_states, listed.submission.labels_total
    return {
        "submission": listed.submission,
        "verdict": listed.verdict,
        "smallest_label": smallest_called(listed),
        "smallest_norm": listed.smallest_norm,
        "bar": state_bar(states, total),
        "words": states_in_words(states),
    }
