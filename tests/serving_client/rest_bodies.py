"""What bodies of TensorFlow Serving's REST API say: rows, columns, base64 texts."""

import base64
import binascii


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def from_rows(instances, names):
    """Input name to list, of the row format."""
    if not isinstance(instances, list) or not instances:
        raise Refused(400, "'instances' must be a list with at least one element")
    columns = {name: [] for name in names}
    for index, row in enumerate(instances):
        if not (isinstance(row, dict) and set(row) != {"b64"}):
            row = {names[0]: row}  # of a single input the name may be left out
        if set(row) != set(names):
            raise Refused(
                400,
                f"Failed to process element: {index} of 'instances' list. Error: "
                f"INVALID_ARGUMENT: JSON object: does not have named input: {names[0]}",
            )
        for name, value in row.items():
            columns[name].append(_decoded(value))
    return columns


def from_columns(inputs, names):
    """Input name to value, of the column format."""
    if not isinstance(inputs, dict):
        inputs = {names[0]: inputs}
    if set(inputs) != set(names):
        raise Refused(400, f"Missing named input: {names[0]} in 'inputs' object.")
    return {name: _decoded(value) for name, value in inputs.items()}


def _decoded(value):
    if isinstance(value, dict):
        if set(value) != {"b64"} or not isinstance(value["b64"], str):
            raise Refused(400, "JSON Value is not a b64 object")
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error:
            raise Refused(400, "Unable to base64 decode") from None
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value


def to_rows(outputs):
    """Arrays as the row format answers them."""
    sizes = {len(value) for value in outputs.values()}
    if len(sizes) > 1:
        raise Refused(400, "Tensors have inconsistent batch size")
    columns = {name: listed(name, value) for name, value in outputs.items()}
    if len(columns) == 1:
        return [*columns.values()][0]
    return [
        {name: column[row] for name, column in columns.items()}
        for row in range(sizes.pop())
    ]


def listed(name, value):
    """Nested lists; texts are base64 where the output's name ends in `_bytes`."""

    def text(item):
        if isinstance(item, list):
            return [text(part) for part in item]
        if not isinstance(item, bytes):
            return item
        if name.endswith("_bytes"):
            return {"b64": base64.b64encode(item).decode()}
        return item.decode("utf-8", "replace")

    return text(value.tolist())
