"""What keeps artefacts: files known by the sha256 of their contents."""

import re
from pathlib import Path
from typing import Protocol

from nc_tasks.errors import MissingArtefact


class ArtefactStore(Protocol):
    """Where files are kept by their sha256 (lower-case hex)."""

    def put_file(self, path: Path) -> str:
        """Keep a copy of the file; returns its sha256."""
        ...

    def put_bytes(self, content: bytes) -> str:
        """Keep the bytes; returns their sha256."""
        ...

    @property
    def incoming(self) -> Path:
        """The folder that a file may be written in before `adopt` keeps it; temporary names end in .tmp."""
        ...

    def adopt(self, path: Path, digest: str) -> None:
        """Keep a file of `incoming`, whose sha256 the caller has made while writing it; the file is moved."""
        ...

    def path(self, digest: str) -> Path:
        """A local file with these contents, not to be changed; raises MissingArtefact."""
        ...

    def remove(self, digest: str, *, older_than: float) -> bool:
        """Delete the file unless it was kept, or kept again, in the last seconds; returns whether it went."""
        ...

    def digests(self) -> list[str]:
        """Of all files."""
        ...

    def sweep(self) -> int:
        """Delete temporary files of this machine that a crash left behind more than a day ago; returns how many."""
        ...


def checked(digest: str) -> str:
    """The digest; raises MissingArtefact for text that is none, of which no name may be made."""
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise MissingArtefact(f"{digest[:80]!r} is no sha256: 64 hexadecimal digits are needed")
    return digest
