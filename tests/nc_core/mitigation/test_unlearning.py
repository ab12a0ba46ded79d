"""Detect and patch: on a small net for its rounds, on a real BadNet for what it is good for."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nc_core.detection import LabelNorm, StillFlagged
from nc_core.domain import Domain
from nc_core.errors import Cancelled
from nc_core.evaluation import accuracy, attack_success_rate
from nc_core.intake import CanonicalModel, read_model
from nc_core.inversion import FAST, Predictor, Profile, Trigger
from nc_core.mitigation import METHODS, Repair
from nc_core.mitigation.finetune import TEACHING, fine_tune
from nc_core.mitigation.lessons import clean_lessons
from nc_core.models import build_logits
from nc_core.prepared import Part, Prepared

Unlearn = Callable[..., Repair]


@pytest.fixture
def unlearn(tiny_net: CanonicalModel, prepared: Prepared, trigger: Trigger, short_profile: Profile) -> Unlearn:
    def run(**changed: object) -> Repair:
        given = {"still_flagged": lambda _: False, "seed": 0, "profile": short_profile, "slots": 1, **changed}
        return METHODS["unlearning"](tiny_net, prepared, {2: trigger}, **given)  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize(("found", "rounds"), [(False, 2), (True, 3)])
def test_it_patches_until_detection_finds_nothing_but_at_least_twice(
    unlearn: Unlearn, found: bool, rounds: int
) -> None:
    judged: list[LabelNorm] = []

    def still_flagged(fresh: LabelNorm) -> bool:
        judged.append(fresh)
        return found

    repair = unlearn(still_flagged=still_flagged)
    assert repair.rounds == rounds
    assert [fresh.label for fresh in judged] == [2] * rounds
    assert repair.rescan[2].flagged is found
    assert any("still find label 2" in note for note in repair.notes) is found


def test_the_goodnet_is_another_net_that_reads_back_with_the_same_scores(
    unlearn: Unlearn, tiny_net: CanonicalModel, prepared: Prepared, trigger: Trigger, tmp_path: Path
) -> None:
    # Given a repair
    repair = unlearn()
    # When its net is written and read
    digest = repair.goodnet.save(tmp_path / "goodnet.safetensors")
    read = CanonicalModel.load(tmp_path / "goodnet.safetensors", digest)
    # Then it is no copy of the submitted net, has its head, and scores on holdout what the repair said
    assert any(not np.array_equal(array, tiny_net.weights[key]) for key, array in read.weights.items())
    assert (read.head, read.layers) == (tiny_net.head, tiny_net.layers)
    x, y = prepared.holdout.x, prepared.holdout.y
    before, after = (Predictor(build_logits(net)) for net in (tiny_net, read))
    assert repair.accuracy_before == accuracy(before(x), y)
    assert repair.accuracy_after == accuracy(after(x), y)
    rate = attack_success_rate(after(trigger.stamp(x)), y, 2)
    assert repair.reversed_attack_success_rate_after == {2: rate}


def test_its_json_has_the_contracts_keys(unlearn: Unlearn) -> None:
    told = json.loads(json.dumps(unlearn().to_json(), allow_nan=False))
    assert told["method"] == "unlearning"
    assert told["rescan"]["2"].keys() == {"norm", "flagged"}
    assert told["reversed_attack_success_rate_before"].keys() == {"2"}


def test_it_tells_how_far_it_is(unlearn: Unlearn) -> None:
    told: list[float] = []
    messages: set[str] = set()

    def progress(share: float, message: str) -> None:
        told.append(share)
        messages.add(message)

    unlearn(progress=progress)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert "round 2 of 3: unlearning" in messages


@pytest.mark.parametrize("polls", [1, 4, 12])
def test_it_stops_when_asked(unlearn: Unlearn, polls: int) -> None:
    asked: list[None] = []

    def should_stop() -> bool:
        asked.append(None)
        return len(asked) >= polls

    with pytest.raises(Cancelled):
        unlearn(should_stop=should_stop)


def test_a_real_badnet_forgets_the_planted_trigger_and_keeps_its_accuracy(shared: Path) -> None:
    # Given the real GTSRB BadNet, the trigger its author reversed for label 1, and 3000 labelled images
    badnet = read_model(shared / "models" / "oaramoon_gtsrb_badnet_target1_yellow3x3.hdf5")
    published = np.load(shared / "models" / "oaramoon_gtsrb_neural_cleanse_triggers.npz")
    reversed_trigger = Trigger(mask=published["mask"][1], pattern=published["pattern"][1])
    data = np.load(shared / "data" / "gtsrb_32.npz")
    prepared = traffic_signs(data["x_test"], data["y_test"])
    norms = [LabelNorm(label=n, state="done", norm=float(l1)) for n, l1 in enumerate(published["l1"])]
    still = StillFlagged(labels=tuple(norms), flagged=(1,), pixels=1024, alpha=0.05)
    # When it is unlearned, and a control is fine-tuned on the same images without the trigger
    repair = METHODS["unlearning"](
        badnet, prepared, {1: reversed_trigger}, still_flagged=still, seed=0, profile=FAST, slots=1
    )
    control = build_logits(badnet)
    clean = clean_lessons(prepared, Predictor(control), [1])
    for seed in range(repair.rounds):
        fine_tune(control, clean, [], tuning=TEACHING, seed=seed)
    # Then on images never seen the planted trigger (yellow 3x3) is dead, in the control it is not
    x, y = data["x_train"][::3].astype(np.float32) / 255, data["y_train"][::3]
    stamped = x.copy()
    stamped[:, 16:19, 16:19] = (1, 1, 0)
    before, after = (Predictor(build_logits(net)) for net in (badnet, repair.goodnet))
    assert attack_success_rate(before(stamped), y, 1) > 0.98
    assert attack_success_rate(after(stamped), y, 1) <= 0.02
    assert attack_success_rate(Predictor(control)(stamped), y, 1) > 0.8
    # And accuracy is above the BadNet's, and the control's up to half a point
    assert accuracy(after(x), y) >= accuracy(before(x), y)
    assert accuracy(after(x), y) >= accuracy(Predictor(control)(x), y) - 0.005
    assert not repair.rescan[1].flagged


def traffic_signs(pixels: np.ndarray, labels: np.ndarray) -> Prepared:
    order = np.random.default_rng(0).permutation(len(labels))[:3000]

    def part(index: np.ndarray) -> Part:
        return Part(x=pixels[index].astype(np.float32) / 255, y=labels[index].astype(np.int32))

    domain = Domain(value_range="0..1", scale=(1 / 255,) * 3, offset=(0.0,) * 3)
    fit, holdout, repair = np.split(order, 3)
    return Prepared(fit=part(fit), holdout=part(holdout), repair=part(repair), labelled=True, domain=domain, classes=43)
