"""`import nc_core` costs nothing, and what it gives is there whatever else was imported."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import nc_core


def ends_well(code: str) -> bool:
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["nc_core", "nc_core.detection", "nc_core.intake", "nc_core.results.report"])
def test_what_needs_no_keras_is_imported_without_it(module: str) -> None:
    assert ends_well(f"import {module}, sys; assert not {{'keras', 'tensorflow', 'jax', 'rich'}} & set(sys.modules)")


@pytest.mark.parametrize("name", ["scan", "repair", "evaluate", "plant"])
def test_what_it_gives_can_be_called_whatever_modules_were_imported(name: str) -> None:
    # Given the modules of these names, inside
    import_module(f"nc_core.face.{name}")
    import_module("nc_core.scanning.scan")
    # Then the package's name is the function, and no module took its place
    assert callable(getattr(nc_core, name))
    assert name in dir(nc_core)
    assert not Path(nc_core.__path__[0], f"{name}.py").exists()


def test_a_name_that_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'nc_core' has no attribute 'scam'"):
        nc_core.scam  # noqa: B018
