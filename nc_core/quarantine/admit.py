"""Admits files that users hand in: each is read by a child, and what comes back is checked again.

A reader that crashes, hangs or takes too much is a file that is refused: the worker goes on.
"""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Unpack

from nc_core.datasets import Images, Resize, pack_folder, pack_pictures
from nc_core.datasets.images import check_clean, read_written
from nc_core.datasets.layout import Channels, Shape, Wanted
from nc_core.datasets.reading import check_file as check_data_file
from nc_core.datasets.shards import may_hold_parquet
from nc_core.errors import DataRefused, InputRefused, ModelRefused, QuarantineFailed
from nc_core.intake import CanonicalModel
from nc_core.intake.load import read_canonical
from nc_core.intake.savedmodel.folder import opened
from nc_core.intake.sniff import check_file as check_model_file
from nc_core.quarantine.limits import MIB, Limits, for_data, for_model
from nc_core.quarantine.process import UNCONFINED, Ended, run, signal_name
from nc_core.reading import Reading

log = logging.getLogger(__name__)


def admit_model(path: Path, **reading: Unpack[Reading]) -> CanonicalModel:
    """What `nc_core.intake.read_model` returns, read by a child; its arrays are read-only.

    Raises ModelRefused as that does, and where the child died; QuarantineFailed where none can be run.
    """
    check_model_file(path)
    with opened(path) as (source, name), tempfile.TemporaryFile() as output:
        order = {"kind": "model", "name": name, "reading": reading}
        _read(order, source, output, for_model(_size(source)), "model file", ModelRefused)
        return read_canonical(output)


def admit_images(
    path: Path,
    *,
    input_shape: Shape | None = None,
    resize: Resize | None = None,
    channels: Channels | None = None,
    labelled: bool = True,
    poisoned: bool = False,
) -> Images:
    """What `nc_core.datasets.read_images` returns, read by a child; its arrays are read-only.

    Raises DataRefused and OptionRefused as that does, DataRefused also where the child died; QuarantineFailed where
    none can be run.
    """
    wanted = Wanted(input_shape, resize, channels).check()
    with tempfile.TemporaryFile() as packed:
        if path.is_dir():
            pack_folder(path, packed)
            images = _images(packed, "file", wanted, labelled=labelled)
        else:
            check_data_file(path)
            with path.open("rb") as source:
                images = _images(source, "file", wanted, labelled=labelled)
    if not poisoned:
        check_clean(images)
    return images


def admit_pictures(paths: Sequence[Path], *, input_shape: Shape, resize: Resize | None = None) -> Images:
    """What `nc_core.datasets.read_pictures` returns, likewise."""
    wanted = Wanted(input_shape, resize).check()
    with tempfile.TemporaryFile() as packed:
        pack_pictures(paths, packed)
        return _images(packed, "pictures", wanted, labelled=False)


def _images(source: BinaryIO, form: str, wanted: Wanted, *, labelled: bool) -> Images:
    order = {"kind": "images", "form": form, **wanted._asdict(), "labelled": labelled}
    order |= {"parquet": may_hold_parquet(source)}
    with tempfile.TemporaryFile() as output:
        _read(order, source, output, for_data(_size(source)), "data file", DataRefused)
        return read_written(output, wanted.input_shape)


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _read(
    order: Mapping[str, Any],
    source: BinaryIO,
    output: BinaryIO,
    limits: Limits,
    what: str,
    refused: type[InputRefused],
) -> None:
    """Have the child read; raises `refused` with one line unless it says that it has."""
    ended = run(order, source, output, limits)
    answer = ended.answer
    if answer is not None and answer.outcome == "read":
        if answer.text:
            _warn_once(answer.text)
        return
    if answer is not None and answer.outcome == "refused" and answer.text:
        raise refused(answer.text)
    if answer is not None and answer.outcome == "unconfined":
        raise QuarantineFailed(
            f"untrusted files are not read here, since their reader cannot be confined: {answer.text}; run the worker "
            f"on Linux with seccomp (x86-64 or ARM64), or set {UNCONFINED}=1 where every file can be trusted"
        )
    log.warning("%s: the reader ended with %s", what, ended)
    if answer is None and ended.status == 1 and ended.complaint:
        raise QuarantineFailed(f"the process that reads untrusted files fails: {ended.complaint}")
    raise refused(_why(ended, limits, what))


def _why(ended: Ended, limits: Limits, what: str) -> str:
    """One line about a file that its reader did not survive."""
    told = ended.answer.outcome if ended.answer else ""
    if told == "memory":
        return (
            f"reading the {what} takes more than {limits.memory // MIB:,} MiB of memory, the limit for its size: it "
            "declares more than it holds, or is too large; submit a smaller one"
        )
    if told == "fault":
        return (
            f"the {what} cannot be read: it is damaged, or holds something in a form that is not known here; save it "
            "anew with the program that wrote it (what the reader met with stands in the log)"
        )
    if signal_name(ended.status) == "SIGXCPU":
        return (
            f"reading the {what} takes more than {limits.seconds} s of processor time, the limit for its size: it is "
            "damaged or built to do that; copy it again or save it anew"
        )
    if ended.overdue:
        return f"reading the {what} took more than {limits.deadline:.0f} s, the limit for its size: copy it again"
    end = f"was ended by {signal_name(ended.status)}" if ended.status < 0 else "gave no answer"
    return (
        f"the process that read the {what} {end}, and nothing else came to harm: the file is damaged or built to do "
        "that; copy it again or save it anew"
    )


_warned: set[str] = set()


def _warn_once(missing: str) -> None:
    if missing not in _warned:
        _warned.add(missing)
        log.warning("untrusted files are read in a process that is limited but not confined: %s", missing)
