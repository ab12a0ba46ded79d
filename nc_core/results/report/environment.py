"""The environment of every template: all text is escaped, a name that is missing is an error."""

from functools import lru_cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from nc_core.results import numbers
from nc_core.results.names import called, named, row_named
from nc_core.results.report import view


@lru_cache
def environment(*packages: str) -> Environment:
    """Templates of these packages, the first that has a template gives it; with the filters that figures need."""
    loader = ChoiceLoader([PackageLoader(package, "templates") for package in packages])
    made = Environment(
        loader=loader,
        autoescape=True,
        auto_reload=False,  # a page is of ten files, and none of them changes while this runs
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(view=view)
    names = ("percent", "significant", "hundredths", "probability", "duration", "count", "listed")
    made.filters.update(
        {name: getattr(numbers, name) for name in names},
        rules=view.rules_of,
        called=called,
        named=named,
        row_named=row_named,
    )
    return made
