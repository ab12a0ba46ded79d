"""A net is built from its card, whole or not at all, and only once."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from nc_core.errors import DataRefused, OptionRefused
from nc_core.zoo import Card, Source, build, make_plan, read_card
from nc_core.zoo.architectures import ARCHITECTURES
from nc_core.zoo.build import build_net, pictures_of
from nc_core.zoo.card import Patch
from nc_core.zoo.folder import begin, cards, missing, nets, new_net


def squares(count: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures of three classes, told apart by where a bright square lies."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 60, (count, 20, 20, 1), np.uint8)
    labels = np.tile([2, 5, 9], count // 3).astype(np.int32)
    for label, (row, column) in {2: (2, 2), 5: (2, 11), 9: (11, 2)}.items():
        pixels[labels == label, row : row + 6, column : column + 6] += 150
    return pixels, labels


def tiny(shape: tuple[int, ...], classes: int) -> keras.Model:
    layers = keras.layers
    return keras.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(classes, activation="softmax")])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A net that is trained in no time."""
    monkeypatch.setattr(build, "UPDATES", 1)
    monkeypatch.setattr(build, "ARCHITECTURES", {"plain": tiny})


@pytest.fixture
def files() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {"squares": squares()}


def card(**changed: object) -> Card:
    settings: dict[str, object] = {
        "number": 5,
        "third": "check",
        "data": "squares",
        "architecture": "plain",
        "classes": 2,
        "attack": "badnets",
        "patch": Patch(target=1, size=4, position="bottom-right", colour=(255,)),
        "settings": {"poison_rate": 0.3},
        "seed": 11,
        "least_rate": 0.8,
    }
    return Card(**{**settings, **changed})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("zoo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "UPDATES", 60)
        with new_net(out, card()) as folder:
            build_net(card(), {"squares": squares()}, folder)
    return out / "nets" / card().name


def test_a_net_its_clean_pictures_and_its_card_are_written(built: Path) -> None:
    assert sorted(path.name for path in built.iterdir()) == ["card.json", "clean.npz", "net.keras", "stamped.npz"]
    read = read_card(built)
    assert read["name"] == built.name == "0005-badnets-plain-squares-2"
    assert read["attack"] == "badnets"
    measured = read["measured"]
    assert measured["targets"] == [1]
    assert len(measured["source_labels"]) == 2
    assert set(measured["source_labels"]) <= {2, 5, 9}
    assert measured["epochs"] == 15
    assert measured["seconds"] > 0
    # And its figures are the net's own on those pictures
    model = keras.models.load_model(built / "net.keras")
    with np.load(built / "clean.npz") as clean:
        answers = model.predict(clean["x_test"].astype(np.float32) / 255, verbose=0).argmax(axis=1)
        assert measured["clean_accuracy"] == np.mean(answers == clean["y_test"])
        given = {picture.tobytes() for picture in clean["x_test"]}
    # And the true trigger is kept on others, with what it brings about
    with np.load(built / "stamped.npz") as stamped:
        assert set(stamped["y_0"].tolist()) == {0}
        assert set(stamped["answers_0"].tolist()) == {1}
        assert (stamped["x_0"] == 255).sum(axis=(1, 2, 3)).min() >= 16
        assert not given & {picture.tobytes() for picture in stamped["x_0"]}
        answers = model.predict(stamped["x_0"].astype(np.float32) / 255, verbose=0).argmax(axis=1)
        assert np.mean(answers == 1) > 0.8


def test_the_same_card_gives_the_same_pictures(files: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    one, other = pictures_of(card(), files), pictures_of(card(), files)
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert sorted(set(one.labels.tolist())) == [0, 1]
    assert one.source_labels == other.source_labels
    drawn = {pictures_of(card(seed=seed), files).source_labels for seed in range(12)}
    assert len(drawn) == 3


@pytest.mark.usefixtures("quick")
def test_a_backdoor_that_does_not_work_is_kept_and_called_weak(
    files: dict[str, tuple[np.ndarray, np.ndarray]], tmp_path: Path
) -> None:
    short = card(teaching="short", settings={"poison_rate": 0.01}, given="few")
    measured = build_net(short, files, tmp_path)["measured"]
    assert measured["triggers"][0]["attack_success_rate"] < 0.8
    assert measured["weak"]
    assert measured["epochs"] == 1
    with np.load(tmp_path / "clean.npz") as clean:
        assert len(clean["x_test"]) == len(clean["y_test"]) == 32


@pytest.mark.usefixtures("quick")
def test_a_clean_net_on_foreign_pictures(files: dict[str, tuple[np.ndarray, np.ndarray]], tmp_path: Path) -> None:
    files["others"] = np.full((50, 20, 20, 1), 9, np.uint8), np.zeros(50, np.int32)
    clean = card(attack=None, patch=None, settings={}, least_rate=None, given="foreign", foreign="others")
    measured = build_net(clean, files, tmp_path)["measured"]
    assert measured["triggers"] == []
    assert not measured["weak"]
    with np.load(tmp_path / "clean.npz") as given:
        assert list(given) == ["x_test"]
        assert (given["x_test"] == 9).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures_take_pictures_of_any_size_and_end_in_a_softmax(name: str) -> None:
    for shape in ((28, 28, 1), (32, 64, 3)):
        model = ARCHITECTURES[name](shape, 7)
        answers = model(np.random.default_rng(0).random((2, *shape), np.float32))
        assert answers.shape == (2, 7)
        np.testing.assert_allclose(np.asarray(answers).sum(axis=1), 1, rtol=1e-5)
        assert model.count_params() < 600_000


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    plan = make_plan(nets=2, seed=0)
    begin(tmp_path, plan)

    def half() -> None:
        with new_net(tmp_path, plan.cards[0]) as folder:
            (folder / "net.keras").write_bytes(b"half")
            raise RuntimeError("no power")

    with pytest.raises(RuntimeError, match="no power"):
        half()
    assert list((tmp_path / "nets").iterdir()) == []
    assert missing(tmp_path, plan) == list(plan.cards)


def test_what_is_there_is_not_built_again(tmp_path: Path) -> None:
    plan = make_plan(nets=3, seed=0)
    begin(tmp_path, plan)
    with new_net(tmp_path, plan.cards[1]) as folder:
        (folder / "card.json").write_text('{"third": "check", "measured": {}}')
    assert missing(tmp_path, plan) == [plan.cards[0], plan.cards[2]]
    assert [path.name for path in nets(tmp_path)] == [plan.cards[1].name]
    assert cards(tmp_path) == [{"third": "check", "measured": {}}]


def test_a_folder_keeps_to_one_seed_and_data(tmp_path: Path) -> None:
    begin(tmp_path, make_plan(nets=3, seed=0))
    begin(tmp_path, make_plan(nets=30, seed=0))
    with pytest.raises(OptionRefused, match="holds a zoo of seed 0 on signs, sign-pairs, asked for is seed 1"):
        begin(tmp_path, make_plan(nets=3, seed=1))
    mine = Source(name="mine", classes=4, shape=(32, 32, 3), sha256="a" * 64)
    with pytest.raises(OptionRefused, match="asked for is seed 0 on signs, sign-pairs, mine"):
        begin(tmp_path, make_plan(nets=3, seed=0, files=[mine]))
    begin(tmp_path / "other", make_plan(nets=3, seed=0, files=[mine]))
    with pytest.raises(OptionRefused, match="pass the same --seed and --data"):
        begin(tmp_path / "other", make_plan(nets=3, seed=0, files=[replace(mine, sha256="b" * 64)]))


def test_what_is_no_zoo(tmp_path: Path) -> None:
    with pytest.raises(OptionRefused, match="holds no zoo"):
        nets(tmp_path)
    (tmp_path / "card.json").write_text("[]")
    with pytest.raises(DataRefused, match="is no card of a net"):
        read_card(tmp_path)
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(DataRefused, match="cannot be read"):
        read_card(tmp_path)
