#!/usr/bin/env python3
"""Makes layers.safetensors: what PyTorch 2.15 gives in f64, or the paper's formula written with it. Of a layer `name`:
name.x, what it takes; name.weight and so on, its parameters, laid out as here; name.value; name.seed, what
multiplies the value in a sum, whose gradients to x and the parameters are name.x.gradient, name.weight.gradient.
Of its training (layer_figures.py): name.inputs, what it takes at each step, times name.front; name.losses;
name.front.trained, name.weight.trained, what has become of them.

    python3 make_layers.py    (torch and numpy from PyPI)
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

import figures_file
from layer_figures import case, figures, made, module_case, put, rng, same, turned


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


# PyTorch's own modules.
def affine(prefix, own):
    return {prefix + "scale": (own + "weight", same), prefix + "bias": (own + "bias", same)}


def linear(prefix, own):
    return {prefix + "weight": (own + "weight", turned), prefix + "bias": (own + "bias", same)}


module_case("group_norm", (2, 6, 3, 2), torch.nn.GroupNorm(3, 6), affine("", ""))
module_case("instance_norm", (2, 3, 5), torch.nn.InstanceNorm1d(3), {})
module_case("instance_norm_affine", (2, 3, 4, 2), torch.nn.InstanceNorm2d(3, affine=True), affine("norm.", ""))


def third(i):
    def laid(a):
        return a.chunk(3)[i].t() if a.dim() == 2 else a.chunk(3)[i]
    return laid


def projected(prefix, own):
    paths = {}
    for i, part in enumerate(["query", "key", "value"]):
        paths[f"{prefix}{part}.weight"] = (own + "in_proj_weight", third(i))
        paths[f"{prefix}{part}.bias"] = (own + "in_proj_bias", third(i))
    return paths | linear(prefix + "output.", own + "out_proj.")


causal = torch.nn.Transformer.generate_square_subsequent_mask(5).double()
for name, first in [("block_post", False), ("block_pre", True)]:
    block = torch.nn.TransformerEncoderLayer(8, 2, 12, dropout=0, batch_first=True, norm_first=first, activation="gelu")
    module_case(name, (2, 5, 8), block,
                projected("attention.", "self_attn.") | affine("attention_norm.", "norm1.")
                | linear("feed_forward.expand.", "linear1.") | linear("feed_forward.contract.", "linear2.")
                | affine("feed_forward_norm.", "norm2."),
                lambda x, b=block: b(x, src_mask=causal))
memory = made("block_cross.context", (2, 3, 8)).detach()
block = torch.nn.TransformerDecoderLayer(8, 2, 12, dropout=0, batch_first=True)
module_case("block_cross", (2, 5, 8), block,
            projected("attention.", "self_attn.") | affine("attention_norm.", "norm1.")
            | projected("cross.", "multihead_attn.") | affine("cross_norm.", "norm2.")
            | linear("feed_forward.expand.", "linear1.") | linear("feed_forward.contract.", "linear2.")
            | affine("feed_forward_norm.", "norm3."),
            lambda x: block(x, memory, tgt_mask=causal))


def swiglu(x, expand, gate, contract):
    return (F.silu(x @ gate) * (x @ expand)) @ contract


case("swiglu", (2, 3, 4), {"expand.weight": ((4, 6), 0.4), "gate.weight": ((4, 6), 0.4),
                           "contract.weight": ((6, 4), 0.4)}, swiglu)
case("tied", (2, 3, 4), {"weight": ((7, 4), 0.5)}, lambda x, w: x @ w.t())

# Bags: lengths 3, 0, 4 of 4. x scales the rows, so that there is a gradient.
bag_ids = torch.tensor(rng.integers(0, 6, size=(3, 4)))
figures["bag_ids"] = bag_ids.numpy().astype(np.int32)
figures["bag_lengths"] = np.array([3, 0, 4], dtype=np.int32)
bag_weights = made("bag_weights", (3, 4)).detach()
flat = torch.cat([bag_ids[0, :3], bag_ids[2]])
offsets = torch.tensor([0, 3, 3])
for mode in ["sum", "mean", "max"]:
    case("bag_" + mode, (), {"weight": ((6, 5), 0.5)},
         lambda x, w, mode=mode: x * F.embedding_bag(flat, w, offsets, mode=mode))
    case("bag_whole_" + mode, (), {"weight": ((6, 5), 0.5)},
         lambda x, w, mode=mode: x * F.embedding_bag(bag_ids, w, mode=mode))
case("bag_weighted", (), {"weight": ((6, 5), 0.5)},
     lambda x, w: x * F.embedding_bag(bag_ids, w, mode="sum", per_sample_weights=bag_weights))

# Convolutions.
whole = {"weight": ("weight", same), "bias": ("bias", same)}
N = torch.nn
module_case("conv1d", (2, 4, 9), N.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), whole)
module_case("conv2d", (2, 3, 6, 7), N.Conv2d(3, 4, (2, 3), stride=(1, 2), padding=(0, 1)), whole)
sides = N.Conv2d(2, 3, 3)
module_case("conv2d_sides", (1, 2, 5, 4), sides, whole, lambda x: sides(F.pad(x, (2, 0, 1, 0))))
module_case("conv2d_same", (1, 2, 5, 6), N.Conv2d(2, 3, (4, 3), padding="same", bias=False), {"weight": whole["weight"]})
module_case("conv3d", (1, 2, 4, 3, 5), N.Conv3d(2, 3, (2, 3, 2), padding=1), whole)
module_case("conv_transpose1d", (2, 4, 5), N.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
            whole)
module_case("conv_transpose2d", (1, 3, 4, 3), N.ConvTranspose2d(3, 2, (3, 2), stride=(2, 3), dilation=(2, 1)), whole)
module_case("conv_transpose3d", (1, 2, 2, 3, 2), N.ConvTranspose3d(2, 3, 2, stride=2), whole)


# Recurrent layers: the last states are added to the outputs, so that they have gradients.
def cells(count, both):
    paths = {}
    for i in range(count):
        own = f"_l{i // 2}" + ("_reverse" if i % 2 else "") if both else f"_l{i}"
        for part, letters in [("input", "ih"), ("hidden", "hh")]:
            paths[f"cells.{i}.{part}.weight"] = (f"weight_{letters}{own}", turned)
            paths[f"cells.{i}.{part}.bias"] = (f"bias_{letters}{own}", same)
    return paths


lengths = torch.tensor([5, 2, 1])
figures["recurrent_lengths"] = lengths.numpy().astype(np.int32)
initial, initial_cell = (made(f"recurrent_{n}", (4, 3, 4)).detach() for n in ["initial", "initial_cell"])


def summed(outputs, *states):
    return outputs + sum(state.mean(0)[:, None, :].repeat(1, 1, outputs.shape[-1] // state.shape[-1]) for state in states)


def packed(module, x, first):
    pack = N.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    outputs, last = module(pack, first)
    outputs, _ = N.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    return outputs, last


gru = N.GRU(2, 4, num_layers=2, batch_first=True)
module_case("gru", (3, 5, 2), gru, cells(2, False), lambda x: summed(*gru(x)))
both_gru = N.GRU(2, 4, num_layers=2, batch_first=True, bidirectional=True)
module_case("gru_both", (3, 5, 2), both_gru, cells(4, True), lambda x: summed(*packed(both_gru, x, initial)))
lstm = N.LSTM(2, 4, batch_first=True)
module_case("lstm", (3, 5, 2), lstm, cells(1, False), lambda x: summed(lstm(x)[0], *lstm(x)[1]))
both_lstm = N.LSTM(2, 4, num_layers=2, batch_first=True, bidirectional=True)


def lstm_of_lengths(x):
    outputs, last = packed(both_lstm, x, (initial, initial_cell))
    return summed(outputs, *last)


module_case("lstm_both", (3, 5, 2), both_lstm, cells(4, True), lstm_of_lengths)


# Pools, without parameters.
module_case("max_pool", (1, 2, 6, 5), N.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 0)), {})
module_case("average_pool", (1, 2, 7), N.AvgPool1d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), {})
module_case("adaptive_max_pool", (1, 2, 5, 7), N.AdaptiveMaxPool2d((2, 3)), {})
module_case("adaptive_average_pool", (1, 2, 5, 7), N.AdaptiveAvgPool2d(3), {})
module_case("global_average_pool", (2, 3, 4, 2), N.AdaptiveAvgPool2d(1), {})

# Resizing.
module_case("upsample_nearest", (1, 2, 3, 4), N.Upsample(scale_factor=2), {})
module_case("upsample_linear", (1, 2, 3, 4), N.Upsample(scale_factor=(2, 3), mode="bilinear"), {})
module_case("upsample_corners", (1, 2, 3, 4), N.Upsample(scale_factor=3, mode="bilinear", align_corners=True), {})
module_case("resize_nearest", (1, 2, 5, 6), N.Upsample(size=(3, 8)), {})
module_case("resize_linear", (1, 2, 5, 6), N.Upsample(size=(3, 8), mode="bilinear"), {})

# The layers that most models begin with.
module_case("linear", (2, 3, 4), N.Linear(4, 5), linear("", ""))
module_case("sequential", (3, 4), N.Sequential(N.Linear(4, 6), N.ReLU(), N.Linear(6, 2)),
            linear("net.0.", "0.") | linear("net.2.", "2."))
module_case("feed_forward", (2, 3, 4), N.Sequential(N.Linear(4, 6), N.ReLU(), N.Linear(6, 4)),
            linear("expand.", "0.") | linear("contract.", "2."))
module_case("layer_norm", (2, 3, 6), N.LayerNorm(6), affine("", ""))
module_case("rms_norm", (2, 3, 6), N.RMSNorm(6, eps=1e-5), {"scale": ("weight", same)})
statistics = {"running_mean": "running_mean", "running_variance": "running_var"}
module_case("batch_norm", (3, 2, 4, 3), N.BatchNorm2d(2), affine("", ""), buffers=statistics)
module_case("batch_norm_running", (3, 2, 4), N.BatchNorm1d(2).eval(), affine("", ""), buffers=statistics)
ids = torch.tensor([[3, 0, 3], [5, 1, 3]])
table = N.Embedding(6, 4)
module_case("embedding", (2, 3, 4), table, {"weight": ("weight", same)}, lambda x: x * table(ids))
places = N.Embedding(5, 4)
module_case("positions", (2, 5, 4), places, {"weight": ("weight", same)}, lambda x: x + places(torch.arange(5)))
heads = N.MultiheadAttention(8, 2, batch_first=True)
module_case("attention", (2, 5, 8), heads, projected("", ""),
            lambda x: heads(x, x, x, need_weights=False, attn_mask=causal)[0])
module_case("global_max_pool", (2, 3, 4, 2), N.AdaptiveMaxPool2d(1), {})

figures_file.write(__file__.replace("make_layers.py", "layers.safetensors"), figures)
