"""Scans of a zoo judged anew: by their labels alone."""

from nc_core.zoo.judging import judged_anew, labels_of
from tests.nc_core.zoo.results import result


def test_the_labels_alone_decide() -> None:
    # Given a result whose recorded verdict is not that of its labels
    infected = {**result(2.0), "verdict": "clean", "flagged_labels": [], "p_value": 1.0}
    found = judged_anew(infected)
    assert (found["verdict"], found["flagged_labels"]) == ("backdoored", [3])
    assert found["p_value"] < 0.05
    assert found["labels"] == infected["labels"]
    assert judged_anew(result(40.0))["verdict"] == "clean"
    assert [label.label for label in labels_of(infected)] == list(range(12))


def test_what_was_refused_stays_so() -> None:
    assert judged_anew({"verdict": None, "reason": "too few"}) == {"verdict": None, "reason": "too few"}
