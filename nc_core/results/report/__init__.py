"""The report: one self-contained page about one scan."""

from nc_core.results.report.render import render_report

__all__ = ["render_report"]
