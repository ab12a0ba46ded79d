"""Small files that declare much."""

from typing import Any

from tests.hostile import seeds
from tests.hostile.families.case import Case, edited, layer, options


def _deep_numbers(depth: int, count: int) -> Any:
    value: Any = [1.0] * count
    for _ in range(depth):
        value = [value]
    return value


def _instead(kind: str, **config: Any) -> Any:
    """Another layer in the place of `norm`, which has no weights then."""

    def change(config_of: seeds.Config) -> None:
        seeds.layer(config_of, "norm").update(class_name=kind, config={"name": "norm", **config})

    def make(folder: Any) -> Any:
        changed = seeds.classifier()
        change(changed)
        arrays = {name: own for name, own in seeds.weights().items() if name != "norm"}
        return seeds.write_h5(folder / "model.h5", changed, arrays)

    return make


CASES = {
    "2,000,000,000 units": Case(options("answer", units=2_000_000_000), "units"),
    "2^24 units": Case(options("answer", units=2**24), "parameters; the limit is"),
    "2^24 filters of 2^12": Case(options("conv", filters=2**24, kernel_size=[8, 8]), "the limit is"),
    "no filters": Case(options("conv", filters=0), "filters"),
    "negative filters": Case(options("conv", filters=-4), "filters"),
    "half a filter": Case(options("conv", filters=4.5), "filters"),
    "true filters": Case(options("conv", filters=True), "filters"),
    "kernel larger than the image": Case(options("conv", kernel_size=[9, 9]), "shape"),
    "strides of nothing": Case(options("conv", strides=[0, 0]), "strides"),
    "three strides": Case(options("conv", strides=[1, 1, 1]), "strides"),
    "groups that divide nothing": Case(options("conv", groups=7), "groups"),
    "image of 2^24 x 2^24": Case(options("picture", batch_shape=[None, 2**24, 2**24, 3]), "the limit is"),
    "image of open size": Case(options("picture", batch_shape=[None, None, None, 3]), "must be fixed"),
    "image of negative size": Case(options("picture", batch_shape=[None, -8, 8, 3]), "shape"),
    "image of 9 axes": Case(options("picture", batch_shape=[None] + [8] * 9), "shape"),
    "upsampling by 2^24": Case(_instead("UpSampling2D", size=[2**24, 2**24]), "activation values"),
    "padding by 2^24": Case(_instead("ZeroPadding2D", padding=[[2**24, 0], [2**24, 0]]), "activation values"),
    "cropping to nothing": Case(_instead("Cropping2D", cropping=[[9, 9], [9, 9]]), "shape"),
    "1,200,000 means": Case(
        _instead("Normalization", axis=-1, mean=[0.0] * 1_200_000, variance=[1.0] * 1_200_000), "1,048,576 numbers"
    ),
    "numbers 80 lists deep": Case(_instead("Rescaling", scale=_deep_numbers(80, 1000)), "scale"),
    "infinite epsilon": Case(options("norm", epsilon=10**400), "epsilon"),
    "momentum as text": Case(options("norm", momentum="1"), "momentum"),
    "axis far away": Case(options("norm", axis=10**6), "axis"),
    "reshape to 2^48": Case(_instead("Reshape", target_shape=[2**24, 2**24]), "do not fill"),
    "dropout of everything": Case(_instead("Dropout", rate=1.0), "rate"),
    "shape as an object": Case(layer("picture", config={"batch_shape": {"0": 8}}), "shape"),
    "regression": Case(options("answer", activation="tanh"), "no classifier"),
    "keras version of a million digits": Case(
        lambda folder: seeds.write_h5(
            folder / "model.h5", change=lambda file: file.attrs.modify("keras_version", "9" * 1_000_000)
        ),
        None,
    ),
    "layers in an object": Case(edited(lambda config: config["config"].update(layers={"a": 1})), "not a list"),
}
