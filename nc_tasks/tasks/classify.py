"""What a net says to pictures: one number each, N of a guarded net meaning "backdoored input"."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from nc_core.errors import OptionRefused
from nc_core.reading import reading_of
from nc_tasks.request.scan import StoredFile
from nc_tasks.store.rows import submissions
from nc_tasks.worker.inputs import domain_of, read_net, uploaded
from nc_tasks.worker.process import WorkerProcess

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nc_core.datasets.domain import Domain


def classify(worker: WorkerProcess, arguments: dict[str, Any], progress: Callable[[float], None]) -> dict[str, Any]:
    """arguments: model {"sha256", "name"}, images [the same], value_range, resize, and what
    `Reading` has.

    Result: labels, one an image.
    """
    from nc_core.inversion import Predictor
    from nc_core.models import build_logits
    from nc_core.quarantine.admit import admit_pictures

    model = arguments["model"]
    canonical = read_net(worker, StoredFile(**model), **reading_of(arguments))
    progress(0.3)
    with ExitStack() as stack:
        paths = [stack.enter_context(uploaded(worker, image["sha256"], image["name"])) for image in arguments["images"]]
        images = admit_pictures(paths, input_shape=canonical.input_shape, resize=arguments["resize"])
    domain = domain_of_model(worker, model, arguments["value_range"], images.pixels)
    answers = Predictor(build_logits(canonical))(domain.to_model(images.pixels)).argmax(axis=1)
    return {"labels": answers.tolist()}


def domain_of_model(
    worker: WorkerProcess, model: dict[str, str], value_range: str, pixels: "npt.NDArray[np.generic]"
) -> "Domain":
    """The asked range, or with "auto" the one that the scan found of which this net is the model or the result."""
    from nc_core.preflight import candidate

    if value_range != "auto":
        domain = candidate(value_range, pixels)
        if domain is None:
            raise OptionRefused(f"value range {value_range!r} needs pictures of 3 channels: pass another")
        return domain
    with worker.store.read() as session:
        known = submissions.with_model(session, digest=model["sha256"])
    if known is None:
        raise OptionRefused(
            f"the value range of {model['name']} is not known: no scan under this home read or made this file; "
            "pass --value-range (0..1 is the most common)"
        )
    return domain_of(known)
