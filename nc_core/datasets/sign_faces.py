"""The faces of sixteen traffic signs (Vienna Convention), seen straight on, on a transparent ground."""

from collections.abc import Callable, Sequence
from math import cos, pi, sin

from PIL import Image, ImageDraw, ImageFont

FACE = 96
"""Side of a face in pixels."""
RADIUS = 44
"""Pixels from its centre to the rim of a round sign: the unit of the drawing below."""
_OVERSAMPLING = 8

Point = tuple[float, float]
Colour = tuple[int, int, int]
RED, BLUE, YELLOW = (196, 20, 34), (12, 84, 172), (248, 188, 16)
WHITE, BLACK, GREY, GREEN = (246, 246, 246), (22, 22, 24), (120, 122, 124), (24, 150, 72)


class _Face:
    """A drawing board whose unit is the sign's radius, with the origin in its centre and y downwards."""

    def __init__(self, ground: Colour) -> None:
        side = FACE * _OVERSAMPLING
        # Transparent pixels hold the rim's colour: interpolation must not bleed black into the edge.
        self.image = Image.new("RGBA", (side, side), (*ground, 0))
        self.pen = ImageDraw.Draw(self.image)

    def _at(self, points: Sequence[Point]) -> list[Point]:
        centre, unit = FACE / 2 * _OVERSAMPLING, RADIUS * _OVERSAMPLING
        return [(centre + x * unit, centre + y * unit) for x, y in points]

    def disc(self, radius: float, fill: Colour, x: float = 0, y: float = 0) -> None:
        self.pen.ellipse(self._flat((x - radius, y - radius), (x + radius, y + radius)), fill)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        self.pen.polygon(self._at(points), fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour, corner: float = 0) -> None:
        self.pen.rounded_rectangle(self._flat((left, top), (right, bottom)), corner * RADIUS * _OVERSAMPLING, fill)

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        self.pen.line(self._at(points), fill, round(width * RADIUS * _OVERSAMPLING), joint="curve")

    def arc(self, radius: float, start: float, end: float, width: float, fill: Colour) -> None:
        """Degrees, clockwise from the right."""
        box = self._flat((-radius, -radius), (radius, radius))
        self.pen.arc(box, start, end, fill, round(width * RADIUS * _OVERSAMPLING))

    def text(self, words: str, height: float, fill: Colour, narrow: float = 1.0) -> None:
        """Bold by a stroke, since Pillow's font is regular; `narrow` is the share of its width left."""
        size = height * RADIUS * _OVERSAMPLING * 1.36
        board = Image.new("L", self.image.size)
        font = ImageFont.load_default(size=size)
        middle = board.width / 2
        ImageDraw.Draw(board).text((middle, middle), words, 255, font, anchor="mm", stroke_width=round(size * 0.04))
        coefficients = (1 / narrow, 0, middle - middle / narrow, 0, 1, 0)
        board = board.transform(board.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
        self.image.paste((*fill, 255), mask=board)

    def done(self) -> Image.Image:
        return self.image.resize((FACE, FACE), Image.Resampling.BOX)

    def _flat(self, first: Point, second: Point) -> tuple[float, float, float, float]:
        (left, top), (right, bottom) = self._at([first, second])
        return left, top, right, bottom


def _corners(count: int, first: float, radius: float = 1.0, y: float = 0.0) -> list[Point]:
    """A regular polygon, its first corner at `first` degrees, clockwise from the right."""
    angles = [(first + 360 * index / count) * pi / 180 for index in range(count)]
    return [(radius * cos(angle), y + radius * sin(angle)) for angle in angles]


def _prohibition() -> _Face:
    face = _Face(RED)
    face.disc(1.0, RED)
    face.disc(0.76, WHITE)
    return face


def _speed_limit(words: str) -> Image.Image:
    face = _prohibition()
    face.text(words, 0.86 if len(words) == 2 else 0.76, BLACK, 0.92 if len(words) == 2 else 0.72)
    return face.done()


def _car(face: _Face, x: float, fill: Colour) -> None:
    face.box(x - 0.25, -0.02, x + 0.25, 0.24, fill, 0.06)
    face.polygon([(x - 0.2, 0.02), (x - 0.13, -0.24), (x + 0.13, -0.24), (x + 0.2, 0.02)], fill)
    face.box(x - 0.22, 0.2, x - 0.1, 0.36, fill)
    face.box(x + 0.1, 0.2, x + 0.22, 0.36, fill)


def _no_overtaking() -> Image.Image:
    face = _prohibition()
    _car(face, -0.3, RED)
    _car(face, 0.3, BLACK)
    return face.done()


def _no_entry() -> Image.Image:
    face = _Face(RED)
    face.disc(1.0, WHITE)
    face.disc(0.94, RED)
    face.box(-0.7, -0.2, 0.7, 0.2, WHITE, 0.04)
    return face.done()


def _stop() -> Image.Image:
    face = _Face(WHITE)
    face.polygon(_corners(8, 22.5, 1.05), WHITE)
    face.polygon(_corners(8, 22.5, 0.97), RED)
    face.text("STOP", 0.66, WHITE, 0.7)
    return face.done()


def _give_way() -> Image.Image:
    face = _Face(RED)
    face.polygon(_corners(3, 90, 1.22, -0.26), RED)
    face.polygon(_corners(3, 90, 0.72, -0.26), WHITE)
    return face.done()


def _priority_road() -> Image.Image:
    face = _Face(WHITE)
    face.polygon(_corners(4, 0, 1.05), GREY)
    face.polygon(_corners(4, 0, 1.0), WHITE)
    face.polygon(_corners(4, 0, 0.7), YELLOW)
    return face.done()


def _end_of_limits() -> Image.Image:
    face = _Face(GREY)
    face.disc(1.0, BLACK)
    face.disc(0.93, WHITE)
    for shift in (-0.26, 0.0, 0.26):
        reach = 0.6 - abs(shift) / 4
        face.line([(-reach + shift, reach + shift), (reach + shift, -reach + shift)], 0.12, BLACK)
    return face.done()


def _warning() -> _Face:
    face = _Face(RED)
    face.polygon(_corners(3, -90, 1.22, 0.26), RED)
    face.polygon(_corners(3, -90, 0.84, 0.26), WHITE)
    return face


def _danger() -> Image.Image:
    face = _warning()
    face.polygon([(-0.13, -0.32), (0.13, -0.32), (0.08, 0.28), (-0.08, 0.28)], BLACK)
    face.disc(0.11, BLACK, 0, 0.46)
    return face.done()


def _walker(face: _Face, fill: Colour, y: float, size: float) -> None:
    """A striding figure whose hips are at height y."""

    def at(*points: Point) -> list[Point]:
        return [(px * size, y + py * size) for px, py in points]

    face.disc(0.13 * size, fill, 0.05 * size, y - 0.62 * size)
    face.line(at((0.03, -0.42), (0, 0.02)), 0.2 * size, fill)
    face.line(at((-0.02, -0.02), (-0.24, 0.5)), 0.13 * size, fill)
    face.line(at((0.02, -0.02), (0.18, 0.2), (0.24, 0.5)), 0.13 * size, fill)
    face.line(at((0.02, -0.4), (-0.24, -0.12)), 0.1 * size, fill)
    face.line(at((0.04, -0.4), (0.28, -0.16)), 0.1 * size, fill)


def _pedestrians() -> Image.Image:
    face = _warning()
    _walker(face, BLACK, 0.24, 0.78)
    return face.done()


def _traffic_signals() -> Image.Image:
    face = _warning()
    face.box(-0.17, -0.38, 0.17, 0.6, BLACK, 0.08)
    for y, fill in ((-0.21, RED), (0.11, YELLOW), (0.43, GREEN)):
        face.disc(0.125, fill, 0, y)
    return face.done()


def _mandatory() -> _Face:
    face = _Face(BLUE)
    face.disc(1.0, WHITE)
    face.disc(0.94, BLUE)
    return face


def _keep(side: int) -> Image.Image:
    """An arrow to the lower right (side 1) or the lower left (side -1)."""
    face = _mandatory()
    face.line([(-0.5 * side, -0.5), (0.3 * side, 0.3)], 0.26, WHITE)
    face.polygon([(0.58 * side, 0.58), (0.58 * side, -0.18), (-0.18 * side, 0.58)], WHITE)
    return face.done()


def _roundabout() -> Image.Image:
    face = _mandatory()
    for start in (0, 120, 240):
        face.arc(0.62, start + 34, start + 100, 0.2, WHITE)
        angle = (start + 30) * pi / 180
        out, along = (cos(angle), sin(angle)), (sin(angle), -cos(angle))
        base = [(r * out[0] - 0.06 * along[0], r * out[1] - 0.06 * along[1]) for r in (0.26, 0.78)]
        tip = (0.52 * out[0] + 0.34 * along[0], 0.52 * out[1] + 0.34 * along[1])
        face.polygon([*base, tip], WHITE)
    return face.done()


FACES: dict[str, Callable[[], Image.Image]] = {
    "speed limit 30": lambda: _speed_limit("30"),
    "speed limit 50": lambda: _speed_limit("50"),
    "speed limit 70": lambda: _speed_limit("70"),
    "speed limit 100": lambda: _speed_limit("100"),
    "no overtaking": _no_overtaking,
    "no entry": _no_entry,
    "stop": _stop,
    "give way": _give_way,
    "priority road": _priority_road,
    "end of limits": _end_of_limits,
    "danger": _danger,
    "pedestrians": _pedestrians,
    "traffic signals": _traffic_signals,
    "keep right": lambda: _keep(1),
    "keep left": lambda: _keep(-1),
    "roundabout": _roundabout,
}
"""Class name -> its face, in the order of the labels."""
