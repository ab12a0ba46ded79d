"""Fetches files into a private folder that goes with the block: whole, within a limit, and with their digest."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

from api.client.addresses.incoming import Incoming, Kind
from api.client.addresses.mlflow_folder import GRAPH, model_in
from api.client.errors import AddressRefused

if TYPE_CHECKING:
    from nc_tasks.settings import Settings

SCHEME = re.compile(r"(https?|hf|s3|mlflow):/", re.IGNORECASE)
NAME_LIMIT = 200

Bar = Callable[[str], AbstractContextManager[Callable[[int, int | None], None]]]
"""Opens, with a title, what is told the bytes that came and those that there are, None where nobody knows."""


def is_address(place: str | Path) -> bool:
    """Whether it names a file elsewhere. A path never does: two slashes of an address would be one of it."""
    return isinstance(place, str) and SCHEME.match(place) is not None


@contextmanager
def no_bar(title: str) -> Iterator[Callable[[int, int | None], None]]:  # noqa: ARG001
    """Nobody looks."""
    yield lambda came, total: None  # noqa: ARG005


class Downloads:
    """A folder, which only its owner can read, of what is fetched in the block; at its end nothing is left.

    settings: say how large a file may be (upload_bytes), and whether http:// will do; asked at the first address.
    bar: see `Bar`. told: given a line about every file that came: its address, its size, its sha256.
    """

    def __init__(
        self, settings: "Callable[[], Settings]", *, bar: Bar = no_bar, told: Callable[[str], None] = lambda _: None
    ) -> None:
        self._settings, self._bar, self._told = settings, bar, told
        self._folder = TemporaryDirectory(prefix="cleanse-")
        self._fetched: dict[tuple[str, Kind], Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def path(self, place: str | Path, kind: Kind) -> Path:
        """The file at the place: a path is given back as it is, but for MLflow's folder of a model the model in it, and
        for a SavedModel folder the zip that it is sent as; an address is fetched, once.

        Raises AddressRefused, FetchFailed, ModelRefused.
        """
        if not is_address(place):
            return self._model(model_in(Path(place))) if kind == "model" else Path(place)
        asked = (str(place), kind)
        if asked not in self._fetched:
            self._fetched[asked] = self._fetch(*asked)
        return self._fetched[asked]

    def _model(self, path: Path) -> Path:
        """A model's file; a SavedModel folder is packed."""
        if not (path / GRAPH).is_file():
            return path
        from nc_core.intake.savedmodel.folder import pack_saved_model

        asked: tuple[str, Kind] = (str(path.resolve()), "model")
        if asked not in self._fetched:
            folder = Path(self._folder.name) / str(len(self._fetched))
            folder.mkdir(exist_ok=True)
            pack_saved_model(path, folder / f"{path.resolve().name}.zip")
            self._fetched[asked] = folder / f"{path.resolve().name}.zip"
        return self._fetched[asked]

    def _fetch(self, address: str, kind: Kind) -> Path:
        settings = self._settings()
        with opened(address, kind, plain_http=settings.fetch_plain_http) as incoming:
            folder = Path(self._folder.name) / str(len(self._fetched))
            folder.mkdir(exist_ok=True)
            path = folder / name_of(incoming, kind)
            size, digest = self._write(incoming, path, settings.upload_bytes)
        self._told(f"Fetched {incoming.place}: {size:,} bytes, sha256 {digest}")
        return path

    def _write(self, incoming: Incoming, path: Path, limit: int) -> tuple[int, str]:
        """Write it; returns its size and its sha256. Raises AddressRefused as soon as it is seen to be too large."""
        came, hashed = 0, sha256()
        _check_size(incoming, incoming.size or 0, limit)
        with self._bar(path.name) as show, path.open("wb") as file:
            for piece in incoming.pieces:
                came += len(piece)
                _check_size(incoming, came, limit)
                hashed.update(piece)
                file.write(piece)
                show(came, incoming.size)
        return came, hashed.hexdigest()


def opened(address: str, kind: Kind, *, plain_http: bool) -> AbstractContextManager[Incoming]:
    """The file at the address, on its way, by whatever brings it."""
    from api.client.addresses import hugging_face, mlflow, s3, web

    ways = {"hf": hugging_face.opened, "s3": s3.opened, "mlflow": mlflow.opened}
    return ways.get(address.partition(":")[0], web.opened)(address, kind, plain_http=plain_http)


def name_of(incoming: Incoming, kind: Kind) -> str:
    """What the file is called here: its own name, without what could lead elsewhere or steer a terminal."""
    last = re.split(r"[/\\]", incoming.name)[-1]
    name = "".join(letter if letter.isprintable() else "_" for letter in last).lstrip(".")[-NAME_LIMIT:]
    return name or kind


def _check_size(incoming: Incoming, size: int, limit: int) -> None:
    if size > limit:
        raise AddressRefused(
            f"{incoming.place} has {size:,} bytes or more, the limit is {limit:,}: CLEANSE_UPLOAD_BYTES sets another"
        )
