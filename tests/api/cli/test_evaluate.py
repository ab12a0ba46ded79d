"""What `cleanse evaluate` prints of what a worker found."""

from api.cli.evaluate import lines


def test_a_plain_net_is_told_by_accuracy_and_attack_rate() -> None:
    clean = {"images": 1204, "accuracy": 0.987, "flagged_rate": None}
    found = {"classes": 43, "guarded": False, "clean": clean, "poisoned": None}
    assert lines(found) == ["clean accuracy 98.7% (1,204 pictures)"]
    poisoned = {"images": 10, "attack_success_rate": None, "flagged_rate": None}
    assert lines({**found, "poisoned": poisoned})[1:] == ["attack success rate – (10 pictures)"]


def test_a_guarded_net_also_by_what_it_calls_backdoored() -> None:
    clean = {"images": 100, "accuracy": 0.95, "flagged_rate": 0.01}
    poisoned = {"images": 50, "attack_success_rate": 0.0, "flagged_rate": 0.98}
    assert lines({"classes": 44, "guarded": True, "clean": clean, "poisoned": poisoned}) == [
        "clean accuracy 95.0% (100 pictures)",
        "clean pictures called backdoored 1.0%",
        "attack success rate 0.0% (50 pictures)",
        "poisoned pictures called backdoored 98.0%",
    ]
