"""The files that a scan leaves: one table, for the folder, the service, the pages and the command line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nc_core.results import scanned
from nc_core.results.folder import check_folder

Kind = Literal["net", "onnx", "text", "arrays"]
"""What has to be done for a file: a net lies there as it is, and is written as ONNX when it is asked for."""
Format = Literal["keras", "onnx"]
"""Of the nets in a folder: .keras alone, or .onnx beside it."""
BINARY = "application/octet-stream"
SCANNED, GOODNET, GUARDED = scanned.SCANNED, "goodnet.keras", "guarded.keras"
SCANNED_ONNX, GOODNET_ONNX, GUARDED_ONNX = "scanned.onnx", "goodnet.onnx", "guarded.onnx"
REPORT, RESULT, TRIGGERS = "report.html", "result.json", "triggers.npz"
SARIF, ATTESTATION = "result.sarif", "attestation.json"


def _always(_: Mapping[str, Any]) -> bool:
    return True


def _repaired(result: Mapping[str, Any]) -> bool:
    """Whether a net was repaired: a filter guards the submitted one, and repairs none."""
    return bool((result["mitigation"] or {}).get("goodnet_sha256"))


def _guarded(result: Mapping[str, Any]) -> bool:
    return (result["mitigation"] or {}).get("method") is not None


def _kept_net(result: Mapping[str, Any]) -> bool:
    return scanned.digest_of(result) is not None


@dataclass(frozen=True, kw_only=True)
class OutputFile:
    """One file of a scan that has a verdict.

    exists: whether the scan of this result.json has it, once it has ended. final: not before its repairs have ended.
    formats: with which `--format` `cleanse run` writes it.
    """

    name: str
    kind: Kind
    media_type: str
    exists: Callable[[Mapping[str, Any]], bool] = _always
    final: bool = False
    formats: tuple[Format, ...] = ("keras", "onnx")


def _as_onnx(name: str, like: OutputFile) -> OutputFile:
    return replace(like, name=name, kind="onnx", formats=("onnx",))


_GOODNET = OutputFile(name=GOODNET, kind="net", media_type=BINARY, exists=_repaired, final=True)
_GUARDED = OutputFile(name=GUARDED, kind="net", media_type=BINARY, exists=_guarded, final=True)
_SCANNED = OutputFile(name=SCANNED, kind="net", media_type=BINARY, exists=_kept_net)

FILES: Mapping[str, OutputFile] = {
    file.name: file
    for file in (
        _GOODNET,
        _GUARDED,
        _SCANNED,
        _as_onnx(GOODNET_ONNX, _GOODNET),
        _as_onnx(GUARDED_ONNX, _GUARDED),
        _as_onnx(SCANNED_ONNX, _SCANNED),
        OutputFile(name=REPORT, kind="text", media_type="text/html; charset=utf-8"),
        OutputFile(name=TRIGGERS, kind="arrays", media_type=BINARY),
        OutputFile(name=SARIF, kind="text", media_type="application/sarif+json", formats=()),
        OutputFile(
            name=ATTESTATION,
            kind="text",
            media_type="application/vnd.dsse.envelope.v1+json",
            final=True,
            formats=(),
        ),
        OutputFile(name=RESULT, kind="text", media_type="application/json"),
    )
}
"""By name: the nets first, which most come for, result.json last, which vouches for the others in a folder."""


def available_files(result: Mapping[str, Any]) -> list[OutputFile]:
    """The files of a scan that has ended. result: result.json, whole or without labels."""
    return [file for file in FILES.values() if file.exists(result)]


def folder_files(result: Mapping[str, Any], format: Format = "keras") -> list[OutputFile]:
    """What `cleanse run` writes of them, in the order in which it is written."""
    return [file for file in available_files(result) if format in file.formats]


def renewed(folder: Path, result: Mapping[str, Any], format: Format = "keras") -> list[str]:
    """Make the folder ready for the files of this scan; returns their names, in the order in which to write them.

    Of an earlier scan result.json is removed, and what has no successor. Raises OptionRefused where there can be no
    such folder.
    """
    check_folder(folder)
    names = [file.name for file in folder_files(result, format)]
    stale = {file.name for file in FILES.values() if file.formats} - {*names}
    for name in (RESULT, *stale):
        (folder / name).unlink(missing_ok=True)
    return names


def as_json(value: Mapping[str, Any]) -> str:
    """As it is written into files."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
