"""Which signs, made without a true trigger, tell how much of the attack a repair left.

    python -m tests.benchmarks.signs FOLDER [--nets 0,1,2,3,4,5] [--record]

The planted nets of `tests.benchmarks.trigger_free`, each repaired in several ways, from none to the default repair: so
that of one net there are some that keep all of the attack, some that keep a part and some that keep nothing. Of each
the rate of its worst true trigger is measured, and every sign that is asked here. What a sign is worth is how well it
ranks the nets of one planted net by that rate (Spearman's rank correlation, the mean over the planted nets; 1 is
perfect, 0 is a coin), and how well it tells those of all planted nets that keep 10% and more from the others (AUROC).
Rows are kept in FOLDER/signs.jsonl as soon as they are known, and what stands there is not computed again.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from nc_core.gangsweep import Sweeper
from nc_core.inversion import FAST, Inversion, Inverter, Predictor, Trigger
from nc_core.mitigation import Case, unlearn
from nc_core.mitigation.finetune import Tuning, make_ready
from nc_core.mitigation.lessons import TargetTrigger
from nc_core.mitigation.loop import Bench
from nc_core.mitigation.measures import attack_rate
from nc_core.mitigation.perturbation import BATCH, Perturbations
from nc_core.mitigation.unlearning import unlearn_round
from nc_core.models import build_logits
from tests.benchmarks import record, trigger_free
from tests.benchmarks.trigger_free import CARDS, VARIANTS, case_of, planted
from tests.benchmarks.zoo_repairs import attack_rates

SUBMITTED, ROUND, DEFAULT = "none", "unlearning, one round", "unlearning"
REPAIRS = (
    SUBMITTED,
    "fine-tuning",
    ROUND,
    "fst penalty 0.02",
    "fst penalty 0.1",
    "fst penalty 0.5",
    "i-bau rms 0.18, rate 0.001",
    DEFAULT,
)
LEFT = 0.1
"""Attack success rate of the worst true trigger from which on a repair has left something."""
STARTS = (0, 1, 2)
STEPS = 60
"""Of the perturbations within a fixed budget."""
AGAIN, STAMPED, TEACHING = (5, 20), 32, Tuning(learning_rate=1e-4, stamped_share=0.0)
"""Updates after which a net that is taught the reversed trigger anew is asked how well it knows it, and stamped images
in a batch beside as many clean ones. At 1e-3 every net knew it after 10."""
LARGER = 1.5
"""The submitted net's own perturbation is tried at this multiple of the least norm that works on it."""
TABLE = "What tells of the attack that a repair left"

FAR = -1000.0
"""What a sign is of which nothing was found: no fresh trigger, or no way to one."""

Row = dict[str, Any]


class Asked:
    """The signs of one planted net's repairs. All are the larger, the more of the attack is left."""

    def __init__(self, case: Case) -> None:
        self.case, self.first = case, build_logits(case.canonical)
        inverter = self._inverter(self.first)
        labels = list(case.triggers)
        self.norms = self._norms(inverter)
        self.margins = self._margins(inverter)
        found = {label: several[0] for label, several in inverter.invert(labels, seed=0).items()}
        self.perturbations = {
            label: one for label, one in inverter.perturbations(list(found.values()), seed=0).items() if one is not None
        }
        sweeper = Sweeper(self.first, case.prepared, profile=FAST, slots=case.slots)
        others = {label: several[0].trigger for label, several in sweeper.invert(labels, seed=0).items()}
        self.others = {label: trigger for label, trigger in others.items() if trigger is not None}

    def of(self, model: keras.Model) -> dict[str, float]:
        """Every sign of a net."""
        predict, inverter, case = Predictor(model), self._inverter(model), self.case
        reactivated = self._reactivated(model)
        norms = self._norms(inverter)
        return {
            "reversed triggers of the scan": self._rate(predict, case.triggers),
            "triggers of another method": self._rate(predict, self.others),
            "the scan's perturbation": self._perturbed(predict),
            "perturbation in a budget": self._in_budget(model, predict),
            "fresh norm": closest(norms, self.norms),
            "fresh perturbation": closest(self._lengths(inverter), self._known_lengths),
            "margin": max((now - self.margins[label] for label, now in self._margins(inverter).items()), default=FAR),
            **{f"taught anew, {updates} updates": rate for updates, rate in reactivated.items()},
        }

    def _inverter(self, model: keras.Model) -> Inverter:
        return Inverter(model, self.case.prepared, profile=FAST, slots=self.case.slots)

    def _rate(self, predict: Predictor, triggers: Mapping[int, Trigger]) -> float:
        """The rate on held-out images of the trigger that works best."""
        holdout = self.case.prepared.holdout
        rates = (attack_rate(predict, holdout, label, trigger) for label, trigger in triggers.items())
        return max((rate or 0.0 for rate in rates), default=0.0)

    def _norms(self, inverter: Inverter) -> dict[int, float]:
        """Of each label the least of several starts; infinite where none converges."""
        found = inverter.invert(list(self.case.triggers), seed=1, starts=STARTS)
        return {label: min(map(_size, several)) for label, several in found.items()}

    def _lengths(self, inverter: Inverter) -> dict[int, float]:
        asked = [several[0] for several in inverter.invert(list(self.case.triggers), seed=1).values()]
        found = inverter.perturbations(asked, seed=1)
        return {label: np.inf if one is None or one.norm is None else one.norm for label, one in found.items()}

    @property
    def _known_lengths(self) -> dict[int, float]:
        return {label: one.norm for label, one in self.perturbations.items() if one.norm is not None}

    def _margins(self, inverter: Inverter) -> dict[int, float]:
        asked = [several[0] for several in inverter.invert(list(self.case.triggers), seed=1).values()]
        found = {one.label: inverter.margin(one, seed=1) for one in asked}
        return {label: one.margin for label, one in found.items() if one is not None}

    def _perturbed(self, predict: Predictor) -> float:
        """The rate of the submitted net's perturbations, made larger."""
        domain, rates = self.case.prepared.domain, []
        for label, one in self.perturbations.items():
            if one.delta is not None:
                moved = self._others_of(label) + np.float32(LARGER) * one.delta
                answers = predict(np.clip(moved, domain.low, domain.high).astype(np.float32))
                rates.append(float((answers.argmax(axis=1) == label).mean()))
        return max(rates, default=0.0)

    def _others_of(self, label: int) -> npt.NDArray[np.float32]:
        holdout = self.case.prepared.holdout
        return holdout.x[holdout.y != label]

    def _in_budget(self, model: keras.Model, predict: Predictor) -> float:
        """The best rate of a perturbation of the size that the last patch of the default repair learns against."""
        fit, generator = self.case.prepared.fit, np.random.default_rng(0)
        found = Perturbations(model, self.case.prepared.domain, list(self.case.triggers), shape=fit.x.shape[1:])
        found.begin(generator)
        for _ in range(STEPS):
            rows = generator.integers(len(fit.y), size=3 * BATCH)
            found.improve(fit.x[rows], fit.y[rows])
        rates = []
        for number, label in enumerate(found.targets):
            x = self._others_of(int(label))
            answers = predict(found.stamp(x, np.full(len(x), number, np.int32))).argmax(axis=1)
            rates.append(float((answers == label).mean()))
        return max(rates)

    def _reactivated(self, model: keras.Model) -> dict[int, float]:
        """How well the net knows the reversed triggers again after so many updates (Min et al. 2024)."""
        case, generator, rates = self.case, np.random.default_rng(0), {}
        part, weights = case.prepared.repair, model.get_weights()
        net = build_logits(case.canonical)
        net.set_weights(weights)
        make_ready(net, TEACHING, steps=10**6, seed=0, logits=False)
        eye = np.eye(case.prepared.classes, dtype=np.float32)
        for update in range(1, AGAIN[-1] + 1):
            clean, drawn = generator.integers(len(part.y), size=(2, STAMPED))
            labels = generator.choice(list(case.triggers), size=STAMPED)
            stamped = np.concatenate(
                [case.triggers[int(to)].stamp(part.x[row : row + 1]) for row, to in zip(drawn, labels, strict=True)]
            )
            net.train_on_batch(
                np.concatenate([part.x[clean], stamped]), np.concatenate([eye[part.y[clean]], eye[labels]])
            )
            if update in AGAIN:
                rates[update] = self._rate(Predictor(net), case.triggers)
        return rates


def closest(now: Mapping[int, float], before: Mapping[int, float]) -> float:
    """Minus the logarithm of how much larger than before, of the label that grew least; FAR where there is none."""
    grown = (before[label] / value for label, value in now.items() if np.isfinite(value) and label in before)
    return max((float(np.log(one)) for one in grown), default=FAR)


def _size(inversion: Inversion) -> float:
    return np.inf if inversion.norm is None else inversion.norm


def repaired(case: Case, method: str) -> keras.Model:
    """The net that a repair makes."""
    if method == SUBMITTED:
        return build_logits(case.canonical)
    if method == DEFAULT:
        return build_logits(unlearn(case).goodnet)
    bench = Bench(case)
    if method == ROUND:
        scanned = [TargetTrigger(label, trigger) for label, trigger in case.triggers.items()]
        unlearn_round(bench, scanned, anew=(), seed=0, progress=lambda _: None, should_stop=None)
        return bench.model
    VARIANTS[method](bench, (), seed=0, progress=lambda _: None, should_stop=None)
    return bench.model


def measure(folder: Path, path: Path) -> None:
    """Measure what is not known of a planted net, and keep each row as soon as it is."""
    there = {row["method"] for row in known(path) if row["net"] == folder.name}
    if not (todo := [method for method in REPAIRS if method not in there]):
        return
    case = case_of(folder)
    asked = Asked(case)
    for method in todo:
        model = repaired(case, method)
        left, _ = attack_rates(folder, case.prepared, Predictor(model))
        row = {"net": folder.name, "method": method, "left": left, "signs": asked.of(model)}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


def known(path: Path) -> list[Row]:
    """The rows that are known."""
    return [row for row in trigger_free.known(path) if row["method"] in REPAIRS]


def summary(rows: Sequence[Row]) -> list[list[record.Cell]]:
    """The rows of the documents' table: one for each sign, the best first."""
    signs = list(rows[0]["signs"])
    found = [(sign, _correlation(rows, sign), _area(rows, sign)) for sign in signs]
    nets = len({row["net"] for row in rows})
    return [
        [sign, nets, len(rows), round(rank, 2), round(area, 2)]
        for sign, rank, area in sorted(found, key=lambda one: -one[1])
    ]


def _correlation(rows: Sequence[Row], sign: str) -> float:
    groups = defaultdict[str, list[Row]](list)
    for row in rows:
        groups[row["net"]].append(row)
    return float(np.mean([spearman([row["signs"][sign] for row in one], worst(one)) for one in groups.values()]))


def worst(rows: Sequence[Row]) -> list[float]:
    """Of each net the rate of the worst true trigger."""
    return [max(row["left"]) for row in rows]


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation, equal values at the mean of their ranks; 0 where one is the same throughout."""
    ranks = [_ranks(np.asarray(values)) for values in (one, other)]
    if min(np.ptp(rank) for rank in ranks) == 0.0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return (values[:, None] > values).sum(axis=1) + ((values[:, None] == values).sum(axis=1) - 1) / 2.0


def _area(rows: Sequence[Row], sign: str) -> float:
    values, left = np.asarray([row["signs"][sign] for row in rows]), np.asarray(worst(rows)) >= LEFT
    above = values[left][:, None] > values[~left]
    same = values[left][:, None] == values[~left]
    return float((above + same / 2.0).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nets", default=",".join(str(card.number) for card in CARDS))
    record.add_option(parser)
    given = parser.parse_args()
    path, wanted = given.folder / "signs.jsonl", [int(number) for number in given.nets.split(",")]
    for folder in planted(given.folder, [card for card in CARDS if card.number in wanted]):
        measure(folder, path)
    rows = known(path)
    for cells in summary(rows):
        print(*cells)
    record.rows(given, "repairs", TABLE, summary(rows))


if __name__ == "__main__":
    main()
