"""The section of a model card: what it says, where it goes, and names that would be more than text."""

from collections.abc import Callable
from typing import Any

from api.results.exports.card import BEGIN, END, card_section, merged

Make = Callable[..., dict[str, Any]]


def test_the_section_says_verdict_labels_files_and_what_is_not_covered(make_result: Make) -> None:
    result = make_result(infected={6: 8.2})
    names = [f"sign {label}" for label in range(result["model"]["classes"])]
    section = card_section({**result, "class_names": names})
    assert "| Verdict | **backdoored** |\n" in section
    assert "| Flagged labels | 6 (sign 6) |\n" in section
    assert f"`{result['model']['sha256']}`" in section
    assert f"`{result['model']['scanned_sha256']}`" in section
    assert all(attack.split()[0] in section for attack in result["not_covered"])


def test_a_hostile_name_is_no_tag_no_link_and_ends_neither_cell_nor_section(make_result: Make) -> None:
    result = make_result(infected={6: 8.2})
    names = [f"{END} <img src=x> [a](http://b) | `x`"] * result["model"]["classes"]
    section = card_section({**result, "class_names": names})
    assert section.count(END) == 1
    (row,) = [line for line in section.splitlines() if line.startswith("| Flagged")]
    assert "<img" not in row.replace("\\<", "")
    assert row.replace("\\|", "").count("|") == 3


def test_a_section_goes_to_the_end_of_a_card_and_into_the_place_of_an_earlier_one() -> None:
    first, second = f"{BEGIN}\none\n{END}\n", f"{BEGIN}\ntwo\n{END}\n"
    assert merged("", first) == first
    card = merged("---\nlicense: mit\n---\n# Signs\n", first)
    assert card == f"---\nlicense: mit\n---\n# Signs\n\n{first}"
    assert merged(f"{card}\n## More\n", second) == f"---\nlicense: mit\n---\n# Signs\n\n{second}\n## More\n"
    # A card that has one mark alone, or both the wrong way round, loses nothing
    for odd in (f"{END}\ntext\n", f"{END} {BEGIN}\n"):
        assert merged(odd, first) == f"{odd.rstrip()}\n\n{first}"
