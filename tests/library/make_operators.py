#!/usr/bin/env python3
"""Makes operators.safetensors: what PyTorch 2.15 gives in f64 for operators: x.value, and x.gradient, that of
sum(value * weight) for the first operand, weight being cos(0), cos(1), ... Inputs are f32 numbers.

    python3 make_operators.py    (torch and numpy from PyPI)
"""
import math

import numpy as np
import torch

import figures_file

rng = np.random.default_rng(13)
figures = {}


def put(name, value):
    array = np.asarray(value)
    integers = array.dtype.kind in "iu"
    figures[name] = np.array(array, dtype=np.int32 if integers else np.float32, order="C")


def made(name, array):
    put(name, np.asarray(array, dtype=np.float32))
    return torch.tensor(figures[name].astype(np.float64), requires_grad=True)


def case(name, value, x):
    weight = torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape)
    (gradient,) = torch.autograd.grad((value * weight).sum(), [x])
    put(name + ".value", value.detach().numpy())
    put(name + ".gradient", gradient.numpy())


# Products, prefixes. Of `sparse`, rows have no zero, one, two; `tied` has equal elements and -inf.
x = made("x", rng.normal(size=(3, 7, 4)))
sparse = made("sparse", [[0.5, -2, 3, 1.5, 2], [0.5, 0, 3, 1.5, 2], [0.5, 0, 3, 0, 2]])
tied = made("tied", [[1, 3, 3, -math.inf, 2, 3], [-math.inf, -math.inf, 0, 0, -1, -1]])
case("product", torch.prod(x, 1), x)
case("product.sparse", torch.prod(sparse, -1), sparse)
case("cumulative_product", torch.cumprod(x, 1), x)
case("cumulative_product.sparse", torch.cumprod(sparse, -1), sparse)
case("cumulative_max", torch.cummax(x, 1)[0], x)
case("cumulative_max.tied", torch.cummax(tied, 1)[0], tied)
case("cumulative_min", torch.cummin(x, 0)[0], x)
put("cumulative_max.positions", torch.cummax(x, 1)[1].numpy())
put("cumulative_max.tied_positions", torch.cummax(tied, 1)[1].numpy())
case("log_cumulative_sum_exp", torch.logcumsumexp(x, 1), x)

# Movement.
places = torch.tensor(rng.integers(0, 7, size=(3, 5, 4)))
put("places", places.numpy())
case("take_along_axis", torch.gather(x, 1, places), x)
put("sort.tied", torch.sort(tied.detach(), stable=True)[1].numpy())
put("sort.tied_descending", torch.sort(tied.detach(), stable=True, descending=True)[1].numpy())
case("sort", torch.sort(x, 1)[0], x)
case("sort.descending", torch.sort(x, 0, descending=True)[0], x)
case("lower_triangle", torch.tril(x, -1), x)
case("upper_triangle", torch.triu(x, 1), x)

# Scatters: several updates of one element, ties and zeros among them; of `set` one.
at = torch.tensor([[0, 2, 2, 0, 4], [1, 1, 1, 3, 3]])
once = torch.tensor([[4, 0, 2], [1, 3, 0]])
put("at", at.numpy())
put("once", once.numpy())
base = made("base", [[1, -2, 0.5, 3, 0], [2, 1, 1, 0, -1]])
updates = made("updates", [[2, 0.5, -1, 2, 0], [0, 3, 0, 2, -0.5]])
few = updates[:, :3]
case("scatter.set", base.scatter(1, once, few.detach()), base)
case("scatter.set.updates", base.detach().scatter(1, once, few), updates)
for name, how in (("add", "sum"), ("product", "prod"), ("max", "amax"), ("min", "amin")):
    case("scatter." + name, base.scatter_reduce(1, at, updates.detach(), how), base)
    case("scatter." + name + ".updates", base.detach().scatter_reduce(1, at, updates, how), updates)

# Alignments. The second target has a label twice, the third sequence is too short, the fourth target is empty.
logits = made("logits", rng.normal(size=(7, 4, 5)))
ctc_targets = torch.tensor([[1, 2, 3], [4, 4, 1], [2, 2, 0], [3, 3, 3]])
ctc_inputs, ctc_lengths = torch.tensor([7, 6, 2, 5]), torch.tensor([3, 3, 2, 0])
put("ctc_targets", ctc_targets.numpy())
put("ctc_inputs", ctc_inputs.numpy())
put("ctc_lengths", ctc_lengths.numpy())


def ctc(reduction):
    return torch.nn.functional.ctc_loss(torch.log_softmax(logits, -1), ctc_targets, ctc_inputs, ctc_lengths,
                                        reduction=reduction, zero_infinity=True)


case("ctc", ctc("mean"), logits)
case("ctc.sum", ctc("sum"), logits)
case("ctc.none", ctc("none"), logits)

# Rounding to 0.
dividend = made("dividend", [7.5, -7.5, 7.5, -7.5, -0.25, 1e-20, 6])
divisor = torch.tensor([2.0, 2, -2, -2, 3, -1, 3], dtype=torch.float64)
put("divisor", divisor.numpy())
case("truncated_remainder", torch.fmod(dividend, divisor), dividend)
put("truncated_divide.value", torch.div(dividend, divisor, rounding_mode="trunc").detach().numpy())

figures_file.write("operators.safetensors", figures)
