"""The head taken off: N linear outputs with the same probabilities."""

import keras
import numpy as np
import pytest

from nc_core.models import build, build_logits, canonical_of, strip_head

L = keras.layers


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def body(*head):
    return keras.Sequential([keras.Input((6, 5, 3)), L.Conv2D(4, 3, name="conv"), *head])


def pooled(*head):
    return body(L.GlobalAveragePooling2D(), *head)


HEADS = {
    "dense softmax": (lambda: pooled(L.Dense(3, activation="softmax")), "softmax", 3, softmax),
    "softmax layer": (lambda: pooled(L.Dense(3), L.Softmax()), "softmax", 3, softmax),
    "activation layer": (lambda: pooled(L.Dense(3), L.Activation("softmax")), "softmax", 3, softmax),
    "softmax, then dropout": (
        lambda: pooled(L.Dense(3), L.Activation("softmax"), L.Dropout(0.1)),
        "softmax",
        3,
        softmax,
    ),
    "softmax, then reshape": (
        lambda: body(L.GlobalAveragePooling2D(keepdims=True), L.Conv2D(3, 1, activation="softmax"), L.Reshape((3,))),
        "softmax",
        3,
        softmax,
    ),
    "softmax of pooled scores": (
        lambda: body(L.Conv2D(3, 1), L.GlobalAveragePooling2D(), L.Softmax()),
        "softmax",
        3,
        softmax,
    ),
    "logits": (lambda: pooled(L.Dense(3)), "logits", 3, lambda z: z),
    "sigmoids": (lambda: pooled(L.Dense(3, activation="sigmoid")), "sigmoid", 3, sigmoid),
    "one sigmoid": (lambda: pooled(L.Dense(1, activation="sigmoid")), "single-sigmoid", 2, None),
    "one sigmoid layer": (lambda: pooled(L.Dense(1), L.Activation("sigmoid")), "single-sigmoid", 2, None),
}


@pytest.mark.parametrize("name", HEADS)
def test_logits_give_back_the_answers_of_the_net(name, shake):
    # Given a net with such a head
    make, head, classes, to_answer = HEADS[name]
    canonical = canonical_of(shake(make()))
    assert (canonical.head, canonical.classes) == (head, classes)
    images = np.random.default_rng(0).normal(size=(4, 6, 5, 3)).astype(np.float32)
    # When the head is off
    logits = build_logits(canonical).predict_on_batch(images)
    answer = build(canonical).predict_on_batch(images)
    # Then there are as many outputs as classes, and their probabilities are the net's own answers
    assert logits.shape == (4, classes)
    if to_answer is None:
        np.testing.assert_allclose(softmax(logits), np.hstack([1 - answer, answer]), atol=1e-6)
        np.testing.assert_array_equal(logits[:, 0], 0)
    else:
        np.testing.assert_allclose(to_answer(logits), answer, atol=1e-6)


def test_one_output_without_a_sigmoid_is_the_logit_of_the_second_class(shake):
    canonical = canonical_of(shake(pooled(L.Dense(1))))
    assert (canonical.head, canonical.classes) == ("single-logit", 2)
    images = np.random.default_rng(0).normal(size=(4, 6, 5, 3)).astype(np.float32)
    answer = build(canonical).predict_on_batch(images)
    logits = build_logits(canonical).predict_on_batch(images)
    np.testing.assert_allclose(logits, np.hstack([np.zeros((4, 1)), answer]), atol=1e-6)


def test_stripping_twice_changes_nothing_more(shake):
    once = strip_head(canonical_of(shake(pooled(L.Dense(1, activation="sigmoid")))))
    assert strip_head(once) is once
