"""Which program is this?"""

from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nc_core
import nc_tasks


@cache
def package_version() -> str:
    """The installed version, or "source" when run from a checkout that is not installed."""
    try:
        return version("cleanse")
    except PackageNotFoundError:
        return "source"


@cache
def build_version() -> str:
    """The version with a digest of the source files that workers run: it changes with every edit."""
    digest = sha256()
    for package in (nc_core, nc_tasks):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return f"{package_version()}+{digest.hexdigest()[:12]}"
