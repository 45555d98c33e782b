"""Writes the 1,797 handwritten digits that scikit-learn ships (UCI, 8 x 8 grey values from 0 to 16) as IDX files:
images and labels, in scikit-learn's order, of which the last 360 are what models are usually measured on.

    python3 make_digits.py FOLDER
"""

import pathlib
import struct
import sys

import numpy
from sklearn.datasets import load_digits


def write_idx(path, array):
    # Two zero bytes, 8 for unsigned bytes, the rank, the extents (big-endian), the elements.
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.astype(numpy.uint8).tobytes())


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
digits = load_digits()
write_idx(folder / "images.idx", digits.images)
write_idx(folder / "labels.idx", digits.target)
