"""The drawn traffic signs."""

import numpy as np

from nc_core.datasets.traffic_signs import CLASS_NAMES, draw_signs


def test_shapes_and_labels() -> None:
    pixels, labels = draw_signs(5, 0)
    assert len(CLASS_NAMES) == 16
    assert (pixels.shape, pixels.dtype, labels.dtype) == ((80, 32, 32, 3), np.uint8, np.int32)
    assert np.bincount(labels).tolist() == [5] * 16
    assert "stop" in CLASS_NAMES


def test_the_seed_decides_every_pixel() -> None:
    first, again, other = draw_signs(2, 7)[0], draw_signs(2, 7)[0], draw_signs(2, 8)[0]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_two_pictures_are_alike() -> None:
    pixels, _ = draw_signs(8, 1)
    assert len(np.unique(pixels.reshape(len(pixels), -1), axis=0)) == len(pixels)


def test_classes_differ_more_than_chance_but_a_mean_picture_does_not_tell_them_apart() -> None:
    # Given mean pictures of each class and fresh pictures
    pixels, labels = draw_signs(60, 2)
    means = np.stack([pixels[labels == label].mean(axis=0) for label in range(16)])
    fresh, truth = draw_signs(20, 3)
    # When each is given the nearest mean
    distance = ((fresh[:, None].astype(np.float64) - means[None]) ** 2).sum(axis=(2, 3, 4))
    right = (distance.argmin(axis=1) == truth).mean()
    # Then that is well above 1 in 16, and far from solved
    assert 0.15 < right < 0.7
