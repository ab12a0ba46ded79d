"""Which files a scan has, said once for folder, service, pages and command line."""

from collections.abc import Callable
from typing import Any

import pytest

from api.results.absent import check_final, missing
from nc_core.results.files import FILES, available_files, folder_files
from nc_tasks.errors import WrongState

Make = Callable[..., dict[str, Any]]
ALWAYS = ["report.html", "triggers.npz", "result.json"]


def names(result: dict[str, Any]) -> list[str]:
    return [file.name for file in folder_files(result)]


def test_a_repaired_model_has_all_three_nets_and_result_json_is_written_last(make_result: Make) -> None:
    result = make_result(infected={33: 8.2})
    assert names(result) == ["goodnet.keras", "guarded.keras", "scanned.keras", *ALWAYS]
    assert {file.name for file in available_files(result)} == set(FILES)


def test_nets_are_written_as_onnx_beside_keras_where_that_is_asked_for(make_result: Make) -> None:
    result = make_result(infected={33: 8.2})
    nets = ["goodnet.keras", "guarded.keras", "scanned.keras", "goodnet.onnx", "guarded.onnx", "scanned.onnx"]
    assert [file.name for file in folder_files(result, "onnx")] == [*nets, *ALWAYS]
    assert [file.name for file in folder_files(make_result(), "onnx")] == ["scanned.keras", "scanned.onnx", *ALWAYS]


def test_a_clean_model_has_the_scanned_net_alone(make_result: Make) -> None:
    assert names(make_result()) == ["scanned.keras", *ALWAYS]


def test_a_filter_has_guarded_the_model_and_repaired_none(make_result: Make) -> None:
    result = make_result(infected={33: 8.2})
    result["mitigation"] |= {"method": "filter", "goodnet_sha256": None}
    assert names(result) == ["guarded.keras", "scanned.keras", *ALWAYS]


def test_a_repair_that_is_not_handed_out_leaves_no_net(make_result: Make) -> None:
    result = make_result(infected={33: 8.2})
    result["mitigation"] = {"method": None, "candidates": [], "failed": [], "reason": "none holds", "closest": None}
    assert names(result) == ["scanned.keras", *ALWAYS]


def test_a_scan_of_a_version_that_kept_no_net_has_none_and_says_how_to_get_it(make_result: Make) -> None:
    result = make_result()
    result["model"]["scanned_sha256"] = None
    assert names(result) == ALWAYS
    assert "`cleanse retry 0123456789ab` makes it" in missing("scanned.keras", submission_id="0123456789ab")


@pytest.mark.parametrize("name", sorted(FILES))
def test_while_a_repair_runs_what_it_decides_is_not_handed_out(name: str) -> None:
    if name.startswith(("goodnet", "guarded")) or name == "attestation.json":
        with pytest.raises(WrongState, match=f"{name} is there once that has ended"):
            check_final(name, submission_id="0123456789ab", state="repairing")
    else:
        check_final(name, submission_id="0123456789ab", state="repairing")
    check_final(name, submission_id="0123456789ab", state="done")
