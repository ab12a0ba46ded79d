"""`nc_core.evaluate`: how well a net does, and what it makes of poisoned images."""

from dataclasses import dataclass
from typing import Any, Unpack

from nc_core.datasets import Images, Resize, check_labels
from nc_core.datasets.domain import Domain
from nc_core.errors import DataRefused, OptionRefused
from nc_core.evaluation import accuracy
from nc_core.face.found import Found
from nc_core.face.inputs import images_of, net_of
from nc_core.face.options import one_of
from nc_core.face.repair import Fixed
from nc_core.intake import CanonicalModel
from nc_core.inversion import Predictor
from nc_core.models import build_logits
from nc_core.preflight import candidate, likeliest_domain
from nc_core.preflight.ranges import VALUE_RANGES
from nc_core.reading import Reading
from nc_core.results.numbers import count, percent


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Shares in 0..1. accuracy: of clean images, None without labels. attack_success_rate: of poisoned images that get
    the label of the attack, None where none were given. value_range: what the net was fed in."""

    accuracy: float | None
    images: int
    attack_success_rate: float | None
    poisoned: int
    value_range: str

    def __str__(self) -> str:
        lines = [f"clean accuracy {percent(self.accuracy)} ({count(self.images, 'picture')}, in {self.value_range})"]
        if self.attack_success_rate is not None:
            lines.append(f"attack success rate {percent(self.attack_success_rate)} ({count(self.poisoned, 'picture')})")
        return "\n".join(lines)


def evaluate(
    model: Any,
    data: Any,
    *,
    poisoned: Any = None,
    value_range: str = "auto",
    resize: Resize | None = None,
    architecture: str | None = None,
    output: str | None = None,
    input_shape: str | None = None,
) -> Evaluation:
    """Measure a net on clean images, and on poisoned ones.

    Args:
        model: as for `nc_core.scan`; or what that gave, or `nc_core.repair`, for the net that was scanned or repaired.
        data: clean images, as for `nc_core.scan`.
        poisoned: poisoned images likewise; their labels are what the attack wants them called.
        architecture, output, input_shape: as for `nc_core.scan`.
        value_range: what the net makes of pixels; "auto": the range of its scan, else the one that fits the clean
            images best.

    Raises:
        InputRefused: with one line that says what to pass.
    """
    one_of(("auto", *VALUE_RANGES), value_range=value_range)
    net = _net_of(model, data, architecture=architecture, output=output, input_shape=input_shape)
    clean = _read(data, net, resize)
    stamped = None if poisoned is None else _read(poisoned, net, resize, poisoned=True)
    predict = Predictor(build_logits(net))
    domain = _domain_of(model, value_range, predict, clean)
    return Evaluation(
        accuracy=None if clean.labels is None else accuracy(predict(domain.to_model(clean.pixels)), clean.labels),
        images=len(clean),
        attack_success_rate=None if stamped is None else _attack_rate(predict, domain, stamped),
        poisoned=0 if stamped is None else len(stamped),
        value_range=domain.value_range,
    )


def _net_of(model: Any, data: Any, **reading: Unpack[Reading]) -> CanonicalModel:
    if isinstance(model, Found):
        return model.scan.preparation.canonical
    if isinstance(model, Fixed):
        return model.repair.goodnet
    return net_of(model, data, **reading)


def _read(data: Any, net: CanonicalModel, resize: Resize | None, *, poisoned: bool = False) -> Images:
    images = images_of(data, net, resize=resize, poisoned=poisoned)
    check_labels(images, net.classes)
    return images


def _domain_of(model: Any, value_range: str, predict: Predictor, clean: Images) -> Domain:
    if value_range != "auto":
        domain = candidate(value_range, clean.pixels)
        if domain is None:
            raise OptionRefused(f"value range {value_range!r} needs pictures of 3 channels: pass another")
        return domain
    found = model.found if isinstance(model, Fixed) else model
    return found.scan.prepared.domain if isinstance(found, Found) else likeliest_domain(predict, clean)


def _attack_rate(predict: Predictor, domain: Domain, stamped: Images) -> float:
    if stamped.labels is None:
        raise DataRefused("the poisoned images have no labels: pass (images, labels), what the attack calls each")
    return accuracy(predict(domain.to_model(stamped.pixels)), stamped.labels)
