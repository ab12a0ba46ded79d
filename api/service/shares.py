"""What one owner may take of something that all owners share: nobody waits because somebody else takes it all."""

from collections import Counter
from collections.abc import Callable

from api.service.problems import ProblemError

RETRY_SECONDS = 10


class Shares:
    """Places of one kind in this process, by owner. Used on the event loop alone.

    An owner has at most `of_owner` of them. All together have `most`; an owner who has none gets the first one in any
    case: owners are few, an admin has made a key for each.
    """

    def __init__(self, what: str, *, most: int, of_owner: int) -> None:
        """What: in the plural, as a refusal names them."""
        self._what, self._most, self._of_owner = what, most, min(of_owner, most)
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """Places taken at this moment."""
        return self._taken.total()

    def take(self, owner: str) -> Callable[[], None]:
        """Take a place; call what is returned to give it back. Raises ProblemError (429) where there is none."""
        own = self._taken[owner]
        if own >= self._of_owner:
            raise self._refused(f"{owner} has {own} {self._what} at this moment, the limit is", self._of_owner)
        if own and self.taken >= self._most:
            raise self._refused(f"there are {self.taken} {self._what} at this moment, the limit is", self._most)
        self._taken[owner] += 1
        return lambda: self._give_back(owner)

    def _give_back(self, owner: str) -> None:
        self._taken[owner] -= 1
        if not self._taken[owner]:
            del self._taken[owner]

    def _refused(self, what: str, limit: int) -> ProblemError:
        return ProblemError(
            429,
            f"{what} {limit}: end some, or come again in {RETRY_SECONDS} s",
            limit=limit,
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
