"""The science: arrays and Keras models in, results out. No Celery, no SQL, no HTTP.

import nc_core

found = nc_core.scan(model, (images, labels))
print(found)
fixed = nc_core.repair(found)
fixed.save("goodnet.keras")

Keras is loaded by the first of these calls, not by the import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nc_core.face.evaluate import evaluate
    from nc_core.face.plant import plant
    from nc_core.face.repair import repair
    from nc_core.face.scan import scan

__all__ = ["evaluate", "plant", "repair", "scan"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"nc_core.face.{name}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
