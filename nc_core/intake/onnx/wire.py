"""The bytes of an ONNX file before they are parsed: every field known here, and said once.

Of two values of one field parsers of protobuf keep the last, of two messages they make one, and what they do not know
they skip. So the same bytes can be two nets to two programs, and a field of a later version, which changes the net, is
nothing to an earlier one. Such a file is refused; what is left has one meaning (protobuf.dev, "Encoding").
"""

from collections.abc import Mapping
from typing import Any

from nc_core.errors import ModelRefused
from nc_core.intake.limits import ONNX_FIELDS, within
from nc_core.intake.onnx.wording import AGAIN, EXPORT, FLOAT32
from nc_core.intake.wording import TWO_MEANINGS

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
STRING, BYTES, MESSAGE, ENUM = 9, 12, 11, 14
"""Numbers of field types in a descriptor."""
WIRE = {1: FIXED64, 2: FIXED32, 3: VARINT, 4: VARINT, 5: VARINT, 14: VARINT, 9: LENGTH, 11: LENGTH, 12: LENGTH}
"""How a value of a field type is written; numbers that repeat may also stand together in one LENGTH."""

READ: Mapping[str, str] = {
    # Who made the file, when and with what, says nothing about the net; the rest is read.
    "ModelProto": "ir_version opset_import producer_name producer_version domain model_version doc_string graph "
    "metadata_props",
    "OperatorSetIdProto": "domain version",
    # value_info repeats shapes that follow from the nodes.
    "GraphProto": "node name initializer doc_string input output value_info metadata_props",
    "NodeProto": "input output name op_type domain attribute doc_string metadata_props overload",
    "AttributeProto": "name doc_string type f i s t floats ints strings",
    "TensorProto": "dims data_type float_data int32_data int64_data double_data name doc_string raw_data data_location "
    "metadata_props",
    "ValueInfoProto": "name type doc_string metadata_props",
    "TypeProto": "tensor_type denotation",
    "Tensor": "elem_type shape",
    "TensorShapeProto": "dim",
    "Dimension": "dim_value dim_param denotation",
    "StringStringEntryProto": "key value",
}
"""The fields of each message that a file may have."""

_INLINE = "put the weights into the one file: onnx.save(onnx.load('model.onnx'), 'whole.onnx')"
_SUBGRAPH = f"has a graph within a node (If, Loop, Scan), and control flow is not read here: {EXPORT}"
REFUSED: Mapping[str, str] = {
    "ModelProto.training_info": f"is one for training: {EXPORT}",
    "ModelProto.functions": f"defines functions of its own: {EXPORT} with dynamo=False, or inline them, "
    "onnx.inliner.inline_local_functions",
    "ModelProto.configuration": f"is spread over several devices: {EXPORT}",
    "NodeProto.device_configurations": f"is spread over several devices: {EXPORT}",
    "GraphProto.sparse_initializer": f"has sparse weights: {EXPORT} with dense ones",
    "GraphProto.quantization_annotation": f"is quantised: {FLOAT32}",
    "AttributeProto.g": _SUBGRAPH,
    "AttributeProto.graphs": _SUBGRAPH,
    "AttributeProto.ref_attr_name": f"has an attribute that refers to another one: {EXPORT}",
    "AttributeProto.sparse_tensor": f"has sparse weights: {EXPORT} with dense ones",
    "TensorProto.external_data": f"keeps weights in another file, and one file is read: {_INLINE}",
    "TensorProto.segment": f"has weights in several parts: {_INLINE}",
}
"""What the file is or has, by the field that says so, and what to do."""


def look_through(content: bytes, descriptor: Any) -> None:
    """Raise ModelRefused unless these bytes are one message of that descriptor with one meaning."""
    _Scan(content).message(descriptor)


class _Scan:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._fields = 0
        self._known: dict[str, dict[int, Any]] = {}

    def message(self, top: Any) -> None:
        """All messages, from the outermost on."""
        pending = [(top, 0, len(self._content))]
        while pending:
            descriptor, at, end = pending.pop()
            fields, met = self._fields_of(descriptor), set()
            while at < end:
                at, number, wire = self._tag(at, end)
                field = fields.get(number) or self._unknown(descriptor, number)
                if not field.is_repeated and number in met:
                    raise ModelRefused(f"the ONNX file says {descriptor.name}.{field.name} twice: {TWO_MEANINGS}")
                met.add(number)
                begin, at = self._value(field, wire, at, end)
                if field.type == MESSAGE:
                    pending.append((field.message_type, begin, at))

    def _fields_of(self, descriptor: Any) -> dict[int, Any]:
        if descriptor.name not in self._known:
            names = READ.get(descriptor.name, "").split()
            self._known[descriptor.name] = {field.number: field for field in descriptor.fields if field.name in names}
        return self._known[descriptor.name]

    def _unknown(self, descriptor: Any, number: int) -> Any:
        field = descriptor.fields_by_number.get(number)
        name = f"{descriptor.name}.{field.name}" if field is not None else f"{descriptor.name}, field {number}"
        if name in REFUSED:
            raise ModelRefused(f"the ONNX file {REFUSED[name]}")
        raise ModelRefused(f"the ONNX file has {name}, which is not read here and may change the net: {EXPORT}")

    def _tag(self, at: int, end: int) -> tuple[int, int, int]:
        self._fields += 1
        within(self._fields, ONNX_FIELDS, "fields in its ONNX file")
        tag, at = self._varint(at, end)
        return at, tag >> 3, tag & 7

    def _value(self, field: Any, wire: int, at: int, end: int) -> tuple[int, int]:
        """Where a value's content begins and ends."""
        if wire != WIRE.get(field.type) and not (wire == LENGTH and field.is_repeated):
            raise _damaged()
        begin, after = at, at
        if wire == VARINT:
            number, after = self._varint(at, end)
            if field.type == ENUM and number not in field.enum_type.values_by_number:
                raise ModelRefused(f"the ONNX file has an unknown {field.enum_type.name}, {number}: {EXPORT}")
        elif wire == LENGTH:
            length, begin = self._varint(at, end)
            after = begin + length
        else:
            after = at + (8 if wire == FIXED64 else 4)
        if after > end:
            raise _damaged()
        if field.type == STRING:
            self._check_text(begin, after)
        return begin, after

    def _check_text(self, begin: int, end: int) -> None:
        try:
            self._content[begin:end].decode("utf-8")
        except UnicodeDecodeError:
            raise ModelRefused(f"the ONNX file has a name that is no UTF-8 text: {EXPORT}") from None

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        if at < end and self._content[at] < 0x80:  # most are of one byte, and there are many
            return self._content[at], at + 1
        value = 0
        for place in range(at, min(at + 10, end)):
            byte = self._content[place]
            value |= (byte & 0x7F) << (7 * (place - at))
            if byte < 0x80:
                return value, place + 1
        raise _damaged()


def _damaged() -> ModelRefused:
    return ModelRefused(f"the ONNX file is cut off or damaged: {AGAIN}")
