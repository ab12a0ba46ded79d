"""What a verdict does not cover, as the report tells it."""

from nc_core.detection.result import NOT_COVERED
from nc_core.results.report.limits import limits
from nc_core.zoo.measured import CleanTally, Figures, Measured, Tally

FIGURES = Measured(
    date="2026-11-29",
    machine="2 cores (x86_64), 24 GiB",
    command="cleanse zoo score zoo --write-documents",
    many=Figures(
        nets=9,
        attacks={"warping": Tally(planted=2, found=1), "colour-shift": Tally(planted=1, found=1)},
        clean=CleanTally(nets=6, alarms=1),
    ),
    few=Figures(nets=3, attacks={"warping": Tally(planted=3, found=0)}, clean=CleanTally(nets=0, alarms=0)),
)
RESULT = {"not_covered": list(NOT_COVERED), "model": {"classes": 43}}


def test_each_family_has_its_rate_or_is_called_not_measured() -> None:
    found = limits(RESULT, FIGURES)
    assert [row.family for row in found.rows] == list(NOT_COVERED)
    told = {row.family.split(":")[0]: (row.found, row.attacks) for row in found.rows}
    assert told["triggers that depend on the image"] == ("2 of 3, 66.7% (9.4 to 99.2%)", "warping, colour-shift")
    assert told["source-specific (partial) attacks"] == ("not measured", "")
    assert found.note.endswith(
        "Measured on 2026-11-29 with 2 cores (x86_64), 24 GiB on 9 held-out nets of at least 10 "
        "classes, by which nothing was chosen; 1 of 6 "
        "clean ones was called backdoored."
    )


def test_a_net_of_few_classes_has_the_rates_of_such_nets() -> None:
    found = limits({**RESULT, "model": {"classes": 9}}, FIGURES)
    told = {row.family.split(":")[0]: row.found for row in found.rows}
    assert told["triggers that depend on the image"] == "0 of 3, 0.0% (0.0 to 70.8%)"
    assert "on 3 held-out nets of fewer than 10 classes" in found.note


def test_where_no_zoo_was_measured_that_is_said() -> None:
    found = limits(RESULT, None)
    assert {row.found for row in found.rows} == {"not measured"}
    assert found.note == "No zoo of nets with so many classes was measured for this version."
