import keras
import pytest

from nc_tasks.prepare import versions


def test_given_a_backend_then_the_versions_name_it_and_its_packages_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for backend, packages in (("tensorflow", {"tensorflow", "tensorflow-cpu"}), ("jax", {"jax", "jaxlib"})):
        monkeypatch.setattr(keras.backend, "backend", lambda backend=backend: backend)
        found = versions()
        assert found["backend"] == backend
        assert packages & set(found)
        assert set(found) - packages == {"cleanse", "python", "backend", "keras", "numpy", "celery", "h5py"}
        assert all(found.values())
