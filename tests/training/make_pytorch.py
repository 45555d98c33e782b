#!/usr/bin/env python3
"""Makes pytorch.safetensors: the state of a layer of PyTorch 2.15, an input x, and y, what it gives.

    python3 make_pytorch.py    (torch and numpy from PyPI)
"""
import json
import struct

import torch

torch.manual_seed(1)
layer = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0, batch_first=True)
tensors = {"x": torch.randn(2, 5, 8)}
with torch.no_grad():
    for parameter in layer.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    tensors["y"] = layer(tensors["x"])
tensors.update({"layers.0." + name: value for name, value in layer.state_dict().items()})

header, data = {}, b""
for name, tensor in sorted(tensors.items()):
    array = tensor.detach().contiguous().numpy().tobytes()
    header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(array)]}
    data += array
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(__file__.replace("make_pytorch.py", "pytorch.safetensors"), "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
