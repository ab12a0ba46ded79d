"""WebDataset: a tar of samples, each the members of one key, KEY.jpg and KEY.cls or KEY.json.

Nothing is unpacked to disk, and names are names alone: members that are links, devices, folders or sparse are left out.
"""

import json
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import BinaryIO

from nc_core.datasets.archive import SUFFIXES, Entry, check_entry, is_hidden, shown
from nc_core.datasets.budget import MAX_PICTURES
from nc_core.datasets.shards import LABELS, Content
from nc_core.errors import DataRefused

MAX_LABEL_BYTES = 2**20
"""Of one .cls or .json."""
MAX_MEMBERS = 4 * MAX_PICTURES
BLOCK = 512
"""Of a tar; one of zeros ends it."""

_KEY = re.compile(r"(?P<key>(?:.*/)?[^./][^./]*)\.(?P<suffix>[^/]+)", re.DOTALL)
_NUMBER = re.compile(rb"\s*-?[0-9]{1,18}\s*")

Sample = Mapping[str, tarfile.TarInfo]
"""Suffix behind the first dot of the name, such as ".jpg" -> the member."""


def read_webdataset(file: BinaryIO, *, labelled: bool) -> Content:
    """The samples of an open tar that have a picture. Raises DataRefused."""
    try:
        samples, others = _samples(file)
        pictures = {key: suffix for key, sample in samples.items() if (suffix := _picture(sample))}
        entries = [_entry(file, samples[key][suffix]) for key, suffix in pictures.items()]
        for number, entry in enumerate(entries):
            check_entry(entry, number)
        others += sum(len(sample) for key, sample in samples.items() if key not in pictures)
        labels = [_label(file, samples[key]) for key in pictures] if labelled else []
        return Content(entries, _all_or_none(labels, entries), others=others)
    except (tarfile.TarError, ValueError, OverflowError, OSError, EOFError, RecursionError) as fault:
        raise DataRefused("the tar file is damaged or cut short; write it again") from fault


def _samples(file: BinaryIO) -> tuple[dict[str, dict[str, tarfile.TarInfo]], int]:
    """Key -> its members in the tar's order, and how many members belong to none."""
    samples: dict[str, dict[str, tarfile.TarInfo]] = {}
    others = 0
    for member in _members(file):
        named = _KEY.fullmatch(member.name)
        if named is None or not member.isreg() or member.issparse() or is_hidden(PurePosixPath(member.name)):
            others += not member.isdir()
            continue
        sample = samples.setdefault(named["key"], {})
        suffix = f".{named['suffix'].lower()}"
        if suffix in sample:
            raise DataRefused(f"{_shown(member)} is in the tar twice; write each sample once, under a key of its own")
        sample[suffix] = member
    return samples, others


def _members(file: BinaryIO) -> Iterator[tarfile.TarInfo]:
    file.seek(0)
    # Without a name it would ask the system where a member of a zip lies
    with tarfile.open("", "r:", file) as archive:
        for number, member in enumerate(archive):
            if number >= MAX_MEMBERS:
                raise DataRefused(f"the tar holds more than {MAX_MEMBERS} members, which is the limit; write fewer")
            if member.size < 0:
                raise tarfile.ReadError("a member of negative size")
            yield member
        file.seek(archive.offset)
    if len(file.read(BLOCK)) < BLOCK:
        raise DataRefused("the tar file is cut short: the block that ends it is missing; copy it again")


def _picture(sample: Sample) -> str | None:
    """The suffix of its picture, None where it has none; raises DataRefused where it has several."""
    found = [suffix for suffix in sample if suffix in SUFFIXES]
    if len(found) > 1:
        raise DataRefused(
            f"sample {_shown(sample[found[0]])} has another picture, {found[1]}; leave one picture in each sample"
        )
    return found[0] if found else None


def _entry(file: BinaryIO, member: tarfile.TarInfo) -> Entry:
    return Entry(PurePosixPath(member.name), member.size, _reader(file, member))


def _reader(file: BinaryIO, member: tarfile.TarInfo) -> Callable[[], bytes]:
    """The bytes behind the header, whatever a link in the tar may say of their name."""

    def read() -> bytes:
        file.seek(member.offset_data)
        return file.read(member.size)

    return read


def _label(file: BinaryIO, sample: Sample) -> int | None:
    """Of .cls, else of a field of .json; None where there is neither."""
    for suffix, parsed in ((".cls", _of_text), (".json", _of_json)):
        member = sample.get(suffix)
        if member is None:
            continue
        if member.size > MAX_LABEL_BYTES:
            raise DataRefused(
                f"{_shown(member)} has {member.size} bytes, the limit is {MAX_LABEL_BYTES}; write the label alone"
            )
        label = parsed(_reader(file, member)(), _shown(member))
        if label is not None:
            return label
    return None


def _of_text(text: bytes, place: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise DataRefused(f"{place} holds {text[:40]!a}; expected the number of a class, such as 3")
    return int(text)


def _of_json(text: bytes, place: str) -> int | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise DataRefused(f'{place} is no JSON; write {{"label": 3}}, or the number into a .cls file') from None
    found = [name for name in LABELS if isinstance(fields, dict) and name in fields]
    if len(found) > 1:
        raise DataRefused(f"{place} has the fields {', '.join(found)}, so which is the label is not known; leave one")
    if not found:
        return None
    label = fields[found[0]]
    if not isinstance(label, int) or isinstance(label, bool) or abs(label) >= 2**63:
        raise DataRefused(f"{place}: {found[0]} is {ascii(label)[:40]}; expected the number of a class, such as 3")
    return label


def _all_or_none(labels: list[int | None], entries: list[Entry]) -> list[int] | None:
    """Raises DataRefused where some samples have a label and others have none."""
    known = [label for label in labels if label is not None]
    if known and len(known) < len(labels):
        without = entries[labels.index(None)].place
        raise DataRefused(
            f"{shown(without)} has no label (.cls, or {LABELS[0]} in .json), {len(known)} other samples have; write "
            "one for each, or pass --unlabelled"
        )
    return known or None


def _shown(member: tarfile.TarInfo) -> str:
    return shown(PurePosixPath(member.name))
