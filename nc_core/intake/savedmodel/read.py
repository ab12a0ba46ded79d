"""A zip of a SavedModel folder -> a canonical model: the layers of Keras' metadata, the weights of the variables.

The graph in saved_model.pb is not looked at: TensorFlow runs it, Keras builds its net from the layers. So a folder may
hold another program than its layers; what is scanned, and handed out, is the net of its layers, and the result says so.
"""

import zipfile
from dataclasses import replace
from typing import BinaryIO

from nc_core.errors import ModelRefused
from nc_core.intake.archive import KerasArchive
from nc_core.intake.assemble import assemble
from nc_core.intake.canonical import CanonicalModel
from nc_core.intake.config import read_config
from nc_core.intake.fields import major
from nc_core.intake.savedmodel.bundle import Bundle, Variable
from nc_core.intake.savedmodel.folder import DATA, FILES, INDEX, METADATA, beside, top_of
from nc_core.intake.savedmodel.layers import saved_arrays
from nc_core.intake.savedmodel.metadata import Metadata
from nc_core.intake.savedmodel.wording import H5
from nc_core.intake.wording import shown
from nc_core.reading import Reading

WHAT = "zip of a SavedModel"
NOTE = (
    "layers and weights of the SavedModel were read; its graph, which TensorFlow Serving runs and which may be another "
    "net, was not: deploy the scanned one"
)


def read_saved_model(file: BinaryIO, *, stored: int, reading: Reading) -> CanonicalModel:
    """The canonical model of such a zip; raises ModelRefused. stored: bytes of the file."""
    with zipfile.ZipFile(file) as archive:
        top = top_of(archive.namelist()) or ""
    with KerasArchive(file, [top + name for name in FILES], WHAT, beside(top)) as members:
        metadata = Metadata(memoryview(members.content(top + METADATA)))
        config, version = metadata.model()
        if major(version) != 2:
            raise ModelRefused(f"the SavedModel is of Keras {shown(version)}, and read here is that of Keras 2: {H5}")
        model = read_config(config, keras=2, output=reading.get("output"))
        bundle = Bundle(memoryview(members.content(top + INDEX)), memoryview(members.content(top + DATA)))
        arrays = saved_arrays(model, config["config"], metadata, bundle)
    read = assemble(model, arrays, stored=stored, input_shape=reading.get("input_shape"), read=Variable.floats)
    return replace(read, note=f"{read.note}; {NOTE}" if read.note else NOTE)
