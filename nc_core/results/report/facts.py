"""Everything a scan can be repeated from, as tables of names and texts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nc_core.results.numbers import MISSING, count, duration, percent

NAMES = {
    "sha256": "SHA-256",
    "scanned_sha256": "scanned.keras SHA-256",
    "input_shape": "input (height, width, channels)",
    "gradient_images": "images the gradient was taken of",
    "total_seconds": "in all",
    "inversion_seconds": "reversing triggers",
    "p_value": "p-value",
}
"""Keys whose own words would not do; the others are written with spaces."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One table: name and text a row."""

    title: str
    rows: list[tuple[str, str]]


def run_facts(result: Mapping[str, Any]) -> list[Facts]:
    """Model, data, settings, timing and versions, as far as the result holds them."""
    keys = ("submission", "profile", "seed", "slots", "threshold")
    settings = {key: result[key] for key in keys if key in result} | result.get("options", {})
    sections = {
        "Model": result["model"],
        "Data": result.get("data", {}),
        "Settings": settings,
        "Timing": result["timing"],
        "Versions": result["versions"],
    }
    return [Facts(title=title, rows=list(_rows(section))) for title, section in sections.items() if section]


def preflight_facts(preflight: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How the pictures were brought into the model's input, and what the model makes of them."""
    rows = [
        ("Value range", str(preflight["value_range"])),
        ("Input from pixels", _formula(preflight["scale"], preflight["offset"])),
        ("Layout of the file", str(preflight["layout"])),
        ("Labels", "the file's own" if preflight["labelled"] else "none: the model's own answers stand in"),
        ("Clean accuracy", percent(preflight["clean_accuracy"])),
    ]
    if preflight.get("images"):
        rows.append(("Pictures", f"{preflight['images']:,}"))
    for text in preflight.get("doubts", ()):
        rows.append(("Doubt", text))
    if preflight.get("scores"):
        measure = "accuracy" if preflight["labelled"] else "entropy of the answers, in nats"
        tried = ", ".join(f"{name}: {score:.3f}" for name, score in preflight["scores"].items())
        rows.append((f"Ranges tried ({measure})", tried))
    return rows


def _formula(scale: list[float], offset: list[float]) -> str:
    """pixel × 0.003922 + 0, once where all channels have the same map."""
    maps = [f"pixel × {a:.4g} {'−' if b < 0 else '+'} {abs(b):.4g}" for a, b in zip(scale, offset, strict=True)]
    return maps[0] if len(set(maps)) == 1 else "; ".join(maps)


def _rows(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in section.items():
        name = prefix + NAMES.get(key, str(key).replace("_", " "))
        if isinstance(value, Mapping):
            yield from _rows(value, f"{name}: ")
        else:
            yield name, _text(key, value)


def _text(key: str, value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("seconds"):
        return duration(float(value))
    if isinstance(value, list):
        if not value:
            return "none"
        return " × ".join(map(str, value)) if key == "input_shape" else _listing(value)
    if isinstance(value, int) and key in ("parameters", "gradient_images", "classes", "images"):
        return f"{value:,}"
    return str(value)


def _listing(values: list[Any]) -> str:
    shown = ", ".join(
        str(value.get("name", value)) if isinstance(value, Mapping) else str(value) for value in values[:24]
    )
    return shown if len(values) <= 24 else f"{shown} and {count(len(values) - 24, 'more', 'more')}"
