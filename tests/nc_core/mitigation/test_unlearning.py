"""Unlearning on a small net; what it is good for is seen end to end, on a real BadNet."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.datasets.prepared import Prepared
from nc_core.errors import Cancelled
from nc_core.evaluation import accuracy, attack_success_rate
from nc_core.intake import CanonicalModel, load_canonical
from nc_core.inversion import Predictor, Trigger
from nc_core.mitigation import METHODS, Case, Progress, Repair, lessons, unlearning
from nc_core.mitigation.finetune import TEACHING, Tuning
from nc_core.mitigation.loop import Bench
from nc_core.mitigation.redraw import redraw
from nc_core.mitigation.unlearning import RELEARNING, Unlearning
from nc_core.models import build_logits
from tests.nc_core.mitigation.conftest import dense_badnet

Unlearn = Callable[..., Repair]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few updates: these nets are of a few hundred weights."""
    monkeypatch.setattr(unlearning, "RELEARNING", replace(RELEARNING, epochs=1, least_updates=20))


@pytest.fixture
def unlearn(case: Callable[..., Case]) -> Unlearn:
    def run(*, progress: Progress | None = None, should_stop: Callable[[], bool] | None = None) -> Repair:
        return METHODS["unlearning"](case(), progress=progress, should_stop=should_stop)

    return run


def test_the_goodnet_is_another_net_that_reads_back_with_the_same_scores(
    unlearn: Unlearn, tiny_net: CanonicalModel, prepared: Prepared, trigger: Trigger, tmp_path: Path
) -> None:
    # Given a repair
    repair = unlearn()
    # When its net is written and read
    digest = repair.goodnet.save(tmp_path / "goodnet.safetensors")
    read = load_canonical(tmp_path / "goodnet.safetensors", digest)
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
    assert told["rescan"]["2"].keys() >= {"norm", "flagged"}
    for rate in ("reversed_attack_success_rate", "recovery_accuracy"):
        assert told[f"{rate}_before"].keys() == told[f"{rate}_after"].keys() == {"2"}
    assert told["bound"]["measure"] == "accuracy"
    # Both layers with kernels, and the normalisation between them where weights were drawn anew
    assert [change["changed"] > 0 for change in told["changed"]] in ([True] * 2, [True] * 3)


def test_it_tells_how_far_it_is(unlearn: Unlearn) -> None:
    told: list[float] = []
    messages: set[str] = set()

    def progress(share: float, message: str) -> None:
        told.append(share)
        messages.add(message)

    unlearn(progress=progress)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
    assert "round 2 of 5: unlearning" in messages


@pytest.mark.parametrize("polls", [1, 4, 12])
def test_it_stops_when_asked(unlearn: Unlearn, polls: int) -> None:
    asked: list[None] = []

    def should_stop() -> bool:
        asked.append(None)
        return len(asked) >= polls

    with pytest.raises(Cancelled):
        unlearn(should_stop=should_stop)


@pytest.mark.parametrize(("bearable", "tried"), [(1.0, [1.0]), (0.5, [1.0, 0.3]), (0.0, [1.0, 0.3, 0.1])])
def test_a_round_is_made_at_the_fastest_rate_that_the_accuracy_bound_bears(
    case: Callable[..., Case],
    looks: Callable[..., list[int]],
    monkeypatch: pytest.MonkeyPatch,
    bearable: float,
    tried: list[float],
) -> None:
    # Given training that ruins a net above some learning rate, on a net that is right on all images
    rates: list[float] = []

    def ruinous(model: keras.Model, *_: object, tuning: Tuning, **__: object) -> None:
        rates.append(tuning.learning_rate)
        *kernels, bias = model.get_weights()
        ruins = tuning.learning_rate > bearable * TEACHING.learning_rate
        bias[0] = 1e6 if ruins else bias[0] + 1e-3
        model.set_weights([*kernels, bias])

    monkeypatch.setattr(unlearning, "fine_tune", ruinous)
    monkeypatch.setattr(unlearning, "tuning_for", lambda *_, **__: TEACHING)
    monkeypatch.setattr(unlearning, "unlearn_perturbations", lambda *_, **__: None)
    monkeypatch.setattr(lessons, "IMAGES", 100)
    looks([], [], [])
    # When it is repaired within a bound
    repair = METHODS["unlearning"](case(canonical=dense_badnet(), max_accuracy_loss=0.1))
    # Then each round, and the one of the last patch, tries slower ones until one bears it, from where the round began;
    # without any it is rejected
    ended = repair.rounds + 1 if bearable else 1
    assert rates == pytest.approx([part * TEACHING.learning_rate for part in tried] * ended)
    assert repair.bound.holds == (bearable > 0)
    if bearable:
        last = repair.goodnet.layers[-1].weights[-1]
        assert repair.goodnet.weights[last][0] == pytest.approx(ended * 1e-3)


@pytest.mark.parametrize(
    ("ruinous", "tried"),
    [([], [[False], [False]]), ([False], [[False, True], [True]]), ([False, True], [[False, True, None], [None]])],
)
def test_a_round_draws_weights_anew_where_that_costs_nothing(
    case: Callable[..., Case],
    monkeypatch: pytest.MonkeyPatch,
    ruinous: list[bool],
    tried: list[list[bool | None]],
) -> None:
    # Given training after weights were drawn anew that ruins a net where batch normalisation stays, follows, or both;
    # None stands for training without
    bench, given, made = Bench(case(canonical=dense_badnet())), list[float](), list[bool | None]()
    first = bench.model.get_weights()

    def redrawn(model: keras.Model, share: float, *, seed: int) -> None:
        redraw(model, share, seed=seed)
        given.append(share)

    def learned(model: keras.Model, *_: object, tuning: Tuning, **__: object) -> None:
        *kernels, bias = first
        drawn = len(given) > sum(one is not None for one in made)
        made.append(tuning.normalising if drawn else None)
        wrong = made[-1] in ruinous
        model.set_weights([*kernels, bias + np.eye(4, dtype=np.float32)[0] * (1e6 if wrong else 0.0)])

    monkeypatch.setattr(unlearning, "redraw", redrawn)
    monkeypatch.setattr(unlearning, "fine_tune", learned)
    rounds = Unlearning(anew=[RELEARNING, replace(RELEARNING, normalising=True)])
    # When two rounds are made, then each learns in the first way that costs nothing, and tries none again that did
    for seed, expected in enumerate(tried):
        before = len(made)
        rounds(bench, (), seed=seed, progress=lambda _: None, should_stop=None)
        assert made[before:] == expected
        assert bench.bound.share(bench.predict) == bench.bound.before
    assert set(given) == {0.4}


@pytest.mark.parametrize(("labelled", "enough"), [(False, 10_000), (True, 100)])
def test_without_labels_or_with_many_nothing_is_drawn_anew(
    case: Callable[..., Case],
    looks: Callable[..., list[int]],
    monkeypatch: pytest.MonkeyPatch,
    labelled: bool,
    enough: int,
) -> None:
    # What it costs cannot be told from strangers' pictures, and labels of pictures that resemble one another hide it
    given = case(canonical=dense_badnet())
    monkeypatch.setattr(lessons, "IMAGES", enough)
    monkeypatch.setattr(unlearning, "redraw", lambda *_, **__: pytest.fail("drawn anew"))
    looks([], [], [])
    METHODS["unlearning"](replace(given, prepared=replace(given.prepared, labelled=labelled)))
