"""Figures written for people; the report and the terminal say them alike."""

from collections.abc import Sequence

MISSING = "–"


def percent(rate: float | None) -> str:
    """0.9741 -> "97.4%"; a rate that only rounds to 0 or 100 says so: "<0.1%", ">99.9%"."""
    if rate is None:
        return MISSING
    if 0 < rate < 0.0005:
        return "<0.1%"
    if 0.9995 <= rate < 1:
        return ">99.9%"
    return f"{100 * rate:.1f}%"


def significant(value: float | None, digits: int = 3) -> str:
    """Three significant digits without an exponent for what occurs here: 8.21, 36.9, 1,204."""
    if value is None:
        return MISSING
    size = abs(value)
    whole = len(str(int(size))) if size >= 1 else 0
    return f"{value:,.{max(0, digits - whole)}f}".replace("-", "−")


def hundredths(value: float | None) -> str:
    """Two decimals: 3.56, -0.41."""
    return MISSING if value is None else f"{value:.2f}".replace("-", "−")


def probability(p: float | None) -> str:
    """0.0421 -> "0.042", 3.1e-9 -> "3.1 × 10⁻⁹", anything below 1e-12 -> "< 10⁻¹²"."""
    if p is None:
        return MISSING
    if p < 1e-12:
        return "< 10⁻¹²"
    if p >= 0.001:
        return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"
    mantissa, exponent = f"{p:.1e}".split("e")
    return f"{mantissa} × 10{_superscript(int(exponent))}"


def duration(seconds: float | None) -> str:
    """Seconds as "0.4 s", "48 s", "3 min 12 s" or "5 h 12 min"."""
    if seconds is None:
        return MISSING
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def byte_size(size: int) -> str:
    """1073741824 -> "1 GiB", 1536 -> "1.5 KiB"."""
    value, units = float(size), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.1f}".removesuffix(".0") + f" {units[0]}"


def megabytes(size: int) -> str:
    """2500000 -> "2.5 MB"."""
    return f"{size / 1e6:,.1f} MB"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """1 label, 3 labels, 1,283 labels."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(labels: Sequence[int | str], limit: int = 8) -> str:
    """[33] -> "33", [3, 7, 9] -> "3, 7 and 9"; beyond the limit "3, 7, ... and 12 more"."""
    if len(labels) > limit:
        return f"{', '.join(map(str, labels[:limit]))} and {len(labels) - limit} more"
    *first, last = map(str, labels)
    return f"{', '.join(first)} and {last}" if first else last


def spread_of(norms: Sequence[float | None] | None) -> str:
    """[8.11, 6.69, None] -> "middle of 8.11, 6.69 and none"; empty for a label that was inverted once."""
    if norms is None or len(norms) < 2:
        return ""
    *first, last = ("none" if norm is None else significant(norm) for norm in norms)
    return f"middle of {', '.join(first)} and {last}"


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
