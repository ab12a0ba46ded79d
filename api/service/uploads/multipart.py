"""Reads a multipart body as it comes: files go to disk and are hashed on the way, small fields stay in memory.

Nothing of a file is held in memory but the piece that is being written, and what was written goes away with a request
that is refused, broken off or badly made.
"""

import os
import re
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.service.problems import ProblemError

FIELD_BYTES = 256 * 1024
"""Most that all fields that are no files may have together; the longest is a JSON of options."""
PARTS = 256
"""Of a page's form: the models of a batch, their data and the options."""
NAME_LIMIT = 255


@dataclass(kw_only=True)
class ReceivedFile:
    """A file that lies in the folder of incoming ones until it is kept. name: the client's, made harmless."""

    name: str
    path: Path
    sha256: str = ""
    size: int = 0


@dataclass(kw_only=True)
class Form:
    """What a multipart body held. fields: name -> text; files: name -> files, in order."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[ReceivedFile]] = field(default_factory=dict)

    def discard(self) -> None:
        """Remove every file that was not kept."""
        for files in self.files.values():
            for file in files:
                file.path.unlink(missing_ok=True)


class FormReader:
    """Takes the body piece by piece. Not for the event loop: `write` waits for the disk.

    Raises ProblemError for a body that is none. The caller has `form.discard` called in the end, whatever happens.
    """

    def __init__(self, content_type: str, folder: Path) -> None:
        self.form = Form()
        self._folder = folder
        self._parser = _parser(content_type, self)
        self._header = self._value = b""
        self._disposition: dict[bytes, bytes] = {}
        self._file: tuple[ReceivedFile, BinaryIO] | None = None
        self._text = bytearray()
        self._digest = sha256()
        self._field_bytes = self._parts = 0
        self._ended = False

    def write(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise ProblemError(400, f"the body is no multipart form: {error}") from None

    def finish(self) -> Form:
        """The form, after the last piece; raises ProblemError where the end is missing."""
        if not self._ended:
            raise ProblemError(400, "the body ends before its last boundary: send it whole")
        return self.form

    def close(self) -> None:
        """Close and remove what is still open."""
        if self._file is not None:
            self._file[1].close()
            self._file = None
        self.form.discard()

    # What the parser calls.

    def part_begins(self) -> None:
        """A new part."""
        self._parts += 1
        if self._parts > PARTS:
            raise ProblemError(413, f"the form has more than {PARTS} parts: send fewer", limit=PARTS)
        self._disposition, self._text = {}, bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's name."""
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's value."""
        self._value += data[start:end]

    def header_ends(self) -> None:
        """One header of the part is whole."""
        if self._header.lower() == b"content-disposition":
            _, self._disposition = parse_options_header(self._value)
        self._header = self._value = b""

    def headers_end(self) -> None:
        """All headers of the part are there: is it a file?"""
        if b"name" not in self._disposition:
            raise ProblemError(400, "a part of the form has no name in its Content-Disposition")
        # A browser sends a file without name for a field that was left empty: it counts as a field.
        if self._disposition.get(b"filename"):
            handle, path = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
            received = ReceivedFile(name=harmless(text_of(self._disposition[b"filename"])), path=Path(path))
            self.form.files.setdefault(text_of(self._disposition[b"name"]), []).append(received)
            self._file, self._digest = (received, os.fdopen(handle, "wb")), sha256()

    def data(self, data: bytes, start: int, end: int) -> None:
        """A piece of the part's content."""
        if self._file is not None:
            received, file = self._file
            self._digest.update(data[start:end])
            received.size += file.write(data[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > FIELD_BYTES:
            raise ProblemError(413, f"the form's fields have more than {FIELD_BYTES} bytes", limit=FIELD_BYTES)
        self._text += data[start:end]

    def part_ends(self) -> None:
        """The part is whole."""
        if self._file is not None:
            received, file = self._file
            file.close()
            received.sha256, self._file = self._digest.hexdigest(), None
        elif b"filename" not in self._disposition:
            self.form.fields[text_of(self._disposition[b"name"])] = text_of(bytes(self._text))

    def form_ends(self) -> None:
        """The last boundary."""
        self._ended = True


def _parser(content_type: str, reader: FormReader) -> MultipartParser:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise ProblemError(415, f"the body is {content_type[:80]!r}: send multipart/form-data")
    if not options.get(b"boundary"):
        raise ProblemError(400, "multipart/form-data without a boundary: the body cannot be read")
    try:
        return MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": reader.part_begins,
                "on_header_field": reader.header_name,
                "on_header_value": reader.header_value,
                "on_header_end": reader.header_ends,
                "on_headers_finished": reader.headers_end,
                "on_part_data": reader.data,
                "on_part_end": reader.part_ends,
                "on_end": reader.form_ends,
            },
        )
    except FormParserError as error:
        raise ProblemError(400, f"the body is no multipart form: {error}") from None


def text_of(raw: bytes) -> str:
    """Bytes of a form as text; what is no UTF-8 is replaced, and NUL, which databases refuse."""
    return raw.decode("utf-8", "replace").replace("\0", "�")


def harmless(name: str) -> str:
    """The last part of a file's name, printable, short enough for the store."""
    return printable(re.split(r"[\\/]", name)[-1] or "upload")[-NAME_LIMIT:]


def printable(text: str) -> str:
    """The text with a mark in place of every letter that would do something to a terminal or a page."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
