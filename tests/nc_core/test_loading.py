"""Keras is loaded without the backend that it does not run on, and that one is as it was afterwards."""

import gc
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from nc_core import loading


@pytest.mark.parametrize(
    ("variable", "file", "hidden"),
    [
        (None, None, True),
        ("tensorflow", None, True),
        ("jax", None, False),
        (None, {"backend": "jax"}, False),
        (None, {"backend": "tensorflow"}, True),
        (None, {"floatx": "float32"}, True),
        ("tensorflow", {"backend": "jax"}, True),
        ("", {"backend": "jax"}, False),
    ],
)
def test_jax_is_out_of_reach_only_where_keras_will_run_on_tensorflow(
    variable: str | None, file: dict[str, str] | None, hidden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that has not imported JAX, and a choice of backend
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if variable is not None:
        monkeypatch.setenv("KERAS_BACKEND", variable)
    if file is not None:
        (tmp_path / "keras.json").write_text(json.dumps(file))
    seen: list[bool] = []
    monkeypatch.setattr(loading, "import_module", lambda _: seen.append("jax" in sys.modules))
    # When Keras is loaded, then JAX cannot be imported meanwhile, or can, and always can afterwards
    loading.load_inversion()
    assert seen == [hidden]
    assert "jax" not in sys.modules


@pytest.mark.parametrize("collected", [True, False])
def test_nothing_is_searched_for_garbage_meanwhile_and_all_is_as_it_was_afterwards(
    collected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a process that looks for garbage, or does not
    seen: list[bool] = []

    def imported(_: str) -> None:
        seen.append(gc.isenabled())
        raise ImportError("broken installation")

    monkeypatch.setattr(loading, "import_module", imported)
    was_on = gc.isenabled()
    try:
        (gc.enable if collected else gc.disable)()
        # When Keras is loaded, and even where that fails, then it looks for none meanwhile and goes on as before
        with pytest.raises(ImportError, match="broken"):
            loading.load_inversion()
        assert seen == [False]
        assert gc.isenabled() == collected
    finally:
        (gc.enable if was_on else gc.disable)()


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_on_tensorflow_jax_is_not_loaded_and_can_be_imported_afterwards() -> None:
    program = (
        "import sys; from nc_core.loading import load_inversion; load_inversion(); "
        "print('tensorflow' in sys.modules, 'jax' in sys.modules); import jax; print(int(jax.numpy.ones(3).sum()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "", "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.split() == ["True", "False", "3"], ran.stderr
