"""The multipart forms as the OpenAPI document describes them."""

from typing import Any

from api.service.models.submission import DIGEST_PATTERN
from nc_tasks.request.scan import RequestParameters

IMAGES = 32
"""Most pictures of one request to classify."""
NETS = ("guarded", "goodnet", "model")
"""What pictures may be classified by."""
FORM_FILES = {"model": 1, "data": 1, "poisoned": 16}
"""Files of a submission, and the most of each."""
FILE = {"type": "string", "format": "binary"}
SUBMISSION_FILES = {
    "model": {
        **FILE,
        "description": "Keras or ONNX model, .keras, .h5 or .onnx, or PyTorch weights, .pth or .safetensors.",
    },
    "data": {**FILE, "description": "Clean data: .npz, .h5 (CSAW), a .zip of pictures, .parquet or .tar."},
    "poisoned": {
        "type": "array",
        "items": FILE,
        "maxItems": FORM_FILES["poisoned"],
        "description": "Known poisoned pictures, to measure the repair with.",
    },
}
SUBMISSION_FIELDS = {
    "model_sha256": {
        "type": "string",
        "pattern": DIGEST_PATTERN,
        "description": "Instead of `model`: of a file that was uploaded before, or that a scan has handed out.",
    },
    "model_name": {
        "type": "string",
        "maxLength": 255,
        "description": "With `model_sha256`: what to call it. Its suffix says what kind of file it is.",
    },
    "data_sha256": {
        "type": "string",
        "pattern": DIGEST_PATTERN,
        "description": "Instead of `data`: of a file that was uploaded before.",
    },
    "data_name": {"type": "string", "maxLength": 255, "description": "With `data_sha256`: what to call it."},
    "dataset": {"type": "string", "description": "Instead of `data`: the id of a registered data set."},
}


def submission_form() -> dict[str, Any]:
    """The body of a submission."""
    parameters = RequestParameters.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {**SUBMISSION_FILES, **SUBMISSION_FIELDS, **parameters},
        "allOf": [_either("model", "model_sha256"), _either("data", "data_sha256", "dataset")],
    }
    as_json = {"contentType": "application/json"}
    return body(schema, encoding={"options": as_json, "tags": as_json})


def dataset_form() -> dict[str, Any]:
    """The body that registers a data set."""
    name = {"type": "string", "maxLength": 255, "description": "Left out or empty: the file's own name."}
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"data": SUBMISSION_FILES["data"], "name": name},
        "required": ["data"],
    }
    return body(schema)


def images_form() -> dict[str, Any]:
    """The body that has pictures classified."""
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "images": {"type": "array", "items": FILE, "minItems": 1, "maxItems": IMAGES},
            "net": {"type": "string", "enum": list(NETS), "default": NETS[0]},
            "resize": {"type": "string", "enum": ["nearest", "bilinear"]},
        },
        "required": ["images"],
    }
    return body(schema)


def body(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What a route's `openapi_extra` says of a multipart body."""
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema, **more}}}}


def _either(*names: str) -> dict[str, Any]:
    return {"oneOf": [{"required": [name]} for name in names]}
