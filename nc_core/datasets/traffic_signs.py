"""Draws pictures of traffic signs, so that demo and self-test need no download and no licence.

Every picture is a sign face seen through a random camera: place, size, turn, shear and perspective, before a
random background, in random light, with shadow, leaves, haze, blur and sensor noise.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from nc_core.datasets.sign_faces import FACE, FACES, RADIUS

SIDE = 32
"""Height and width of a picture."""
CLASS_NAMES = tuple(FACES)
PER_CLASS = 200
"""Pictures of each of the 16 classes: 3,200 train a net to 0.98 in half a minute on two cores."""
_CANVAS = 2 * SIDE

Floats = npt.NDArray[np.float32]


def draw_signs(per_class: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Draw 16 * per_class pictures: pixels (N, 32, 32, 3) uint8 and labels (N,) int32 into CLASS_NAMES.

    The labels run 0..15, 0..15, ...; the same arguments give the same pictures.
    """
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(len(CLASS_NAMES), dtype=np.int32), per_class)
    centre, radius = _places(len(labels), rng)
    signs = _signs(labels, centre, radius, rng)
    rgb, alpha = signs[..., :3], signs[..., 3:] / np.float32(255)
    scene = _background(len(labels), rng)
    _add_poles(scene, centre, rng)
    scene += alpha * (rgb - scene)
    _add_leaves(scene, centre, radius, rng)
    _light(scene, rng)
    return _camera(scene, rng), labels


def _places(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Centres (n, 2) as x, y and radii (n,), in pixels of the picture."""
    radius = rng.uniform(10.5, 14.5, n)
    room = 0.8 * np.maximum(SIDE / 2 - radius, 1.0)[:, np.newaxis]
    centre = SIDE / 2 + rng.uniform(-1, 1, (n, 2)) * room
    return centre.astype(np.float32), radius.astype(np.float32)


def _signs(labels: npt.NDArray[np.int32], centre: Floats, radius: Floats, rng: np.random.Generator) -> Floats:
    """The faces through their cameras, (n, 32, 32, 4) RGBA."""
    faces = [draw() for draw in FACES.values()]
    out = np.empty((len(labels), SIDE, SIDE, 4), np.float32)
    for index, view in enumerate(_views(centre, radius, rng)):
        seen = faces[labels[index]].transform(
            (_CANVAS, _CANVAS), Image.Transform.PERSPECTIVE, view.tolist(), Image.Resampling.BILINEAR
        )
        out[index] = np.asarray(seen.reduce(_CANVAS // SIDE))
    return out


def _views(centre: Floats, radius: Floats, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(n, 8) coefficients of Pillow's perspective transform, from canvas pixels back to face pixels."""
    n, scale = len(radius), _CANVAS / SIDE
    turn = rng.normal(0, 0.08, n)
    squeeze = rng.uniform(1.0, 1.2, n)  # seen from the side, a sign grows narrow
    shear, tilt_x, tilt_y = rng.normal(0, 0.06, n), rng.normal(0, 0.08, n), rng.normal(0, 0.08, n)
    back = np.zeros((n, 3, 3))
    back[:, 0, 0], back[:, 0, 1] = squeeze * np.cos(turn), np.sin(turn) + shear
    back[:, 1, 0], back[:, 1, 1] = -np.sin(turn), np.cos(turn)
    back[:, 2, 0], back[:, 2, 1], back[:, 2, 2] = tilt_x, tilt_y, 1.0
    to_unit = np.zeros((n, 3, 3))
    to_unit[:, 0, 0] = to_unit[:, 1, 1] = 1 / (radius * scale)
    to_unit[:, :2, 2] = -centre / radius[:, np.newaxis]
    to_unit[:, 2, 2] = 1.0
    to_face = np.array([[RADIUS, 0, FACE / 2], [0, RADIUS, FACE / 2], [0, 0, 1.0]])
    view = to_face @ back @ to_unit
    view /= view[:, 2:, 2:]
    return view.reshape(n, 9)[:, :8]


_GROUNDS = np.array(
    [
        (150, 190, 230),  # sky
        (205, 215, 225),  # cloud
        (120, 135, 150),  # asphalt
        (95, 125, 70),  # grass
        (60, 80, 50),  # wood
        (150, 120, 95),  # earth
        (90, 75, 70),  # stone
        (222, 176, 50),  # rape in flower
        (165, 60, 50),  # brick
        (45, 95, 165),  # evening sky
    ],
    np.float32,
)
"""The last three have the colours of signs, so that no class can be told by a spot of colour alone."""
_LEAVES = np.array([(40, 70, 30), (70, 100, 40), (215, 165, 40), (170, 50, 35), (110, 75, 45)], np.float32)


def _background(n: int, rng: np.random.Generator) -> Floats:
    """(n, 32, 32, 3): two grounds that meet at a random edge, with soft patches of light and dark."""
    first, second = (_GROUNDS[rng.integers(len(_GROUNDS), size=n)] for _ in range(2))
    share = _half_planes(n, rng, softness=(0.5, 12.0))[..., np.newaxis]
    scene = first[:, np.newaxis, np.newaxis] * share + second[:, np.newaxis, np.newaxis] * (1 - share)
    return scene + 22 * _patches(n, 6, rng) + 12 * _patches(n, 14, rng)


def _half_planes(n: int, rng: np.random.Generator, softness: tuple[float, float]) -> Floats:
    """(n, 32, 32) in 0..1: a soft step across a random line; softness is the range of its width in pixels."""
    angle, shift = rng.uniform(0, 2 * np.pi, n), rng.uniform(-10, 10, n)
    width = rng.uniform(*softness, n)
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    distance = np.cos(angle)[:, None, None] * axis[None, None, :] + np.sin(angle)[:, None, None] * axis[None, :, None]
    step = (distance - shift[:, None, None]) / width[:, None, None]
    return (1 / (1 + np.exp(-np.clip(step, -30, 30)))).astype(np.float32)


def _patches(n: int, cells: int, rng: np.random.Generator) -> Floats:
    """(n, 32, 32, 3) smooth noise: a coarse grid of normal numbers, interpolated."""
    grid = rng.standard_normal((n, cells, cells, 3), np.float32)
    grid = 0.3 * grid + 0.8 * grid.mean(axis=3, keepdims=True)  # mostly light, a little colour
    position = np.linspace(0, cells - 1, SIDE)
    weights = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(cells))).astype(np.float32)
    rows = np.tensordot(weights, grid, axes=(1, 1))  # (32, n, cells, 3)
    return np.ascontiguousarray(np.tensordot(weights, rows, axes=(1, 2)).transpose(2, 1, 0, 3))  # (n, 32, 32, 3)


def _add_poles(scene: Floats, centre: Floats, rng: np.random.Generator) -> None:
    """A grey pole from the sign down, under most signs."""
    n = len(scene)
    width = rng.uniform(0.7, 1.4, n) * (rng.random(n) < 0.7)
    axis = np.arange(SIDE) + 0.5
    column = np.clip(width[:, None] + 0.5 - np.abs(axis - centre[:, :1]), 0, 1)  # (n, 32)
    below = axis > centre[:, 1:]
    cover = (column[:, None, :] * below[:, :, None])[..., np.newaxis].astype(np.float32)
    scene += cover * (rng.uniform(90, 170, (n, 1, 1, 1)).astype(np.float32) - scene)


def _add_leaves(scene: Floats, centre: Floats, radius: Floats, rng: np.random.Generator) -> None:
    """A tuft of leaves over the rim of every fourth sign."""
    n = len(scene)
    angle, size = rng.uniform(0, 2 * np.pi, n), rng.uniform(2.0, 4.5, n) * (rng.random(n) < 0.25)
    middle = centre + (radius * 0.8)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    axis = np.arange(SIDE) + 0.5
    across, down = axis - middle[:, :1], axis - middle[:, 1:]
    distance = np.hypot(across[:, None, :], down[:, :, None] * rng.uniform(0.6, 1.6, (n, 1, 1)))
    ragged = size[:, None, None] + 1.5 * _patches(n, 14, rng)[..., 0] * (size[:, None, None] > 0)
    cover = np.clip(ragged - distance, 0, 1)[..., np.newaxis].astype(np.float32)
    leaf = _LEAVES[rng.integers(len(_LEAVES), size=n)][:, None, None]
    leaf = leaf * rng.uniform(0.5, 1.2, (n, 1, 1, 1)).astype(np.float32)
    scene += cover * (leaf - scene)


def _light(scene: Floats, rng: np.random.Generator) -> None:
    """Shadow across a third of the pictures, brightness, a colour cast, haze."""
    n = len(scene)
    depth = (rng.uniform(0.25, 0.6, n) * (rng.random(n) < 0.35)).astype(np.float32)
    scene *= 1 - depth[:, None, None, None] * _half_planes(n, rng, softness=(0.3, 1.0))[..., np.newaxis]
    gain = np.exp(rng.normal(-0.15, 0.3, (n, 1, 1, 1)))
    cast = 1 + rng.normal(0, 0.05, (n, 1, 1, 3))
    scene *= (gain * cast).astype(np.float32)
    haze = (rng.beta(1, 7, (n, 1, 1, 1)) * 0.8).astype(np.float32)
    scene += haze * (np.float32(170) - scene)


def _camera(scene: Floats, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Blur, sensor noise and rounding: (n, 32, 32, 3) uint8."""
    pixels = np.clip(scene, 0, 255).astype(np.uint8)
    for index, blur in enumerate(rng.uniform(0.0, 0.8, len(pixels)).tolist()):
        pixels[index] = np.asarray(Image.fromarray(pixels[index]).filter(ImageFilter.GaussianBlur(blur)))
    noise = rng.standard_normal(pixels.shape, np.float32) * rng.uniform(1, 7, (len(pixels), 1, 1, 1))
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)
