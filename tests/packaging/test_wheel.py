"""The wheel, installed where there is no checkout, does what the checkout does."""

import re
import tomllib
from pathlib import Path
from zipfile import ZipFile

import httpx
import keras
import numpy as np

from tests.packaging.conftest import ROOT, Installed

PACKAGES = ("api", "deploy", "nc_core", "nc_tasks")
NOT_SHIPPED = (
    "deploy/action/",
    "deploy/gitlab/",
    "deploy/docker/",
    "deploy/kubernetes/",
    "deploy/monitoring/",
    "deploy/compose.yaml",
    "deploy/Caddyfile",
)
"""What runs nowhere: it is read where it lies."""
SIDE, CLASSES = 12, 4


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wanted - shipped if not name.startswith(NOT_SHIPPED)} == set()
    assert any(name.endswith("licenses/LICENSE") for name in shipped)


def test_it_runs_from_its_own_files(installed: Installed) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert installed("cleanse", "--version").stdout == f"cleanse {version}\n"
    told = installed("python", "-c", "import api, nc_core, nc_tasks; print(api.__file__, nc_core.__file__)")
    assert told.stdout.count(str(installed.environment)) == 2, told.stdout + told.stderr


def test_it_scans(installed: Installed) -> None:
    # Given a net that tells which quarter of a picture is bright
    images, labels = quarters(400)
    net = keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    net.add(keras.layers.Softmax())
    net.compile("adam", "sparse_categorical_crossentropy")
    net.fit(images / np.float32(255), labels, epochs=20, verbose=0)
    net.save(installed.folder / "net.keras")
    np.savez(installed.folder / "clean.npz", x_test=images, y_test=labels)
    # When two of its labels are scanned
    scanning = ("net.keras", "--data", "clean.npz", "--labels", "0-1", "--value-range", "0..1", "--mitigate", "none")
    ran = installed("cleanse", "run", *scanning, "--out", "result")
    # Then there is a verdict, with its report
    assert ran.returncode in (3, 4), ran.stdout + ran.stderr
    assert {"result.json", "report.html", "triggers.npz", "scanned.keras"} <= {
        path.name for path in (installed.folder / "result").iterdir()
    }


def quarters(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise (n, SIDE, SIDE, 3) in 0..255 of which one quarter is brighter, and which."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, number).astype(np.int32)
    images = generator.integers(0, 128, (number, SIDE, SIDE, 3), np.uint8)
    half = SIDE // 2
    for image, label in zip(images, labels, strict=True):
        top, left = divmod(int(label), 2)
        image[top * half : (top + 1) * half, left * half : (left + 1) * half] += 100
    return images, labels


def test_the_service_has_its_pages_and_all_that_they_load(installed: Installed) -> None:
    ran = installed("cleanse", "up", "--port", "0", "--workers", "1", "--detach")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    address = re.findall(r"http://\S+", ran.stdout)[0]
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        front = client.get("/")
        assert front.status_code == 200
        loaded = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', front.text))
        assert loaded
        there = {f"/static/{path.name}" for path in (ROOT / "api").rglob("static/*") if path.is_file()}
        for name in there | loaded:
            assert client.get(name).status_code == 200, name
        # And the program that makes Flower's rows is found, and its address answers
        assert client.get("/flower/tasks").status_code == 200
