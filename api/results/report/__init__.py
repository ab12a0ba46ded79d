"""The report: one self-contained page about one scan."""

from api.results.report.render import render_report

__all__ = ["render_report"]
