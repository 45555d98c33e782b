"""Writes figures as a safetensors file: a length, a JSON header and the bytes, by name."""

import json
import struct

import numpy as np


def write(path, figures):
    header, data = {}, b""
    for name in sorted(figures):
        array = figures[name]
        header[name] = {
            "dtype": "I32" if array.dtype == np.int32 else "F32",
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + array.nbytes],
        }
        data += array.tobytes()
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
