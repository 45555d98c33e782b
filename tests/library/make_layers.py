#!/usr/bin/env python3
"""Makes layers.safetensors: what PyTorch 2.15 gives in f64, or the paper's formula written with it. Of a layer `name`:
name.x, what it takes; name.weight and so on, its parameters, laid out as here; name.value; name.seed, what
multiplies the value in a sum, whose gradients to x and the parameters are name.x.gradient, name.weight.gradient.

    python3 make_layers.py    (torch and numpy from PyPI)
"""
import json
import math
import struct

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(11)
figures = {}


def put(name, value):
    figures[name] = np.ascontiguousarray(np.asarray(value, dtype=np.float32))


def made(name, shape, scale=1.0):
    """An f32 array of normal numbers, put under its name, as an f64 leaf."""
    array = (scale * rng.normal(size=shape)).astype(np.float32)
    put(name, array)
    return torch.tensor(array.astype(np.float64), requires_grad=True)


def case(name, x_shape, parameters, apply):
    """apply(x, *parameters) of a layer whose parameters are {path: (shape, scale)}."""
    x = made(name + ".x", x_shape)
    leaves = [made(f"{name}.{path}", shape, scale) for path, (shape, scale) in parameters.items()]
    y = apply(x, *leaves)
    seed = torch.tensor(rng.normal(size=tuple(y.shape)).astype(np.float32).astype(np.float64))
    gradients = torch.autograd.grad((y * seed).sum(), [x] + leaves, allow_unused=True)
    put(name + ".value", y.detach().numpy())
    put(name + ".seed", seed.numpy())
    for path, gradient in zip(["x"] + list(parameters), gradients):
        put(f"{name}.{path}.gradient", gradient.numpy())


# Positions.
def rotary(x, positions, base=10000.0):
    half = x.shape[-1] // 2
    angle = positions[:, None].double() * base ** (-torch.arange(half).double() / half)
    cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return x * cos + turned * sin


def slopes(heads):  # as in the code of the paper
    def of_power(n):
        return [2 ** (-8 * (i + 1) / n) for i in range(n)]
    if math.log2(heads).is_integer():
        return of_power(heads)
    power = 2 ** math.floor(math.log2(heads))
    return of_power(power) + of_power(2 * power)[0::2][: heads - power]


def alibi(heads, t, s):
    distance = (torch.arange(t)[:, None] - torch.arange(s)[None, :]).abs().double()
    return -torch.tensor(slopes(heads)).double()[:, None, None] * distance


case("rotary", (2, 3, 5, 6), {}, lambda x: rotary(x, torch.arange(5) + 7))
put("alibi.4", alibi(4, 3, 5))
put("alibi.6", alibi(6, 3, 5))
angles = torch.tensor([0, 3, 17])[:, None].double() / 10000 ** (torch.arange(4).double() / 4)
put("sinusoidal", torch.stack([angles.sin(), angles.cos()], -1).reshape(3, 8))


# Attention.
WIDTH = 12


def projections(width=WIDTH, kv=WIDTH, context=WIDTH):
    sizes = {"query": (width, width), "key": (context, kv), "value": (context, kv), "output": (width, width)}
    result = {}
    for name, size in sizes.items():
        result[name + ".weight"] = (size, 0.4)
        result[name + ".bias"] = ((size[1],), 0.3)
    return result


def attention(heads, kv_heads=None, turn=None, bias=None, seen=None, softcap=None, context=None):
    kv_heads = kv_heads or heads

    def split(x, n):
        return x.reshape(x.shape[0], x.shape[1], n, -1).transpose(1, 2)

    def apply(x, wq, bq, wk, bk, wv, bv, wo, bo):
        source = x if context is None else context
        q, k, v = split(x @ wq + bq, heads), split(source @ wk + bk, kv_heads), split(source @ wv + bv, kv_heads)
        if turn:
            q, k = turn(q), turn(k)
        k, v = (a.repeat_interleave(heads // kv_heads, 1) for a in (k, v))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        if bias is not None:
            scores = scores + bias
        if seen is not None:
            scores = scores.masked_fill(~seen, -math.inf)
        y = torch.softmax(scores, -1) @ v
        return y.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1) @ wo + bo

    return apply


at = torch.arange(5)
back = at[:, None] - at[None, :]
case("attention_rotary", (2, 5, WIDTH), projections(kv=6),
     attention(2, 1, turn=lambda x: rotary(x, at), seen=back >= 0))
case("attention_alibi", (2, 5, WIDTH), projections(), attention(3, bias=alibi(3, 5, 5), seen=back >= 0))
case("attention_window", (2, 5, WIDTH), projections(), attention(2, softcap=0.8, seen=back.abs() < 2))
context = made("attention_cross.context", (2, 4, 7)).detach()
case("attention_cross", (2, 5, WIDTH), projections(context=7), attention(2, context=context))


# Writing: safetensors is a length, a JSON header and the bytes.
def write(path):
    header, data, offset = {}, [], 0
    for name, array in sorted(figures.items()):
        kind = {"float32": "F32", "int32": "I32"}[str(array.dtype)]
        data.append(array.tobytes())
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + len(data[-1])]}
        offset += len(data[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(data))


write(__file__.replace("make_layers.py", "layers.safetensors"))
