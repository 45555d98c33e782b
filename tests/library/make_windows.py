#!/usr/bin/env python3
"""Makes windows.safetensors: what PyTorch 2.15 gives in f64 for functions of windows; x.value, and by.gradient for
each of its operands, of sum(value * weight), weight being cos(0), cos(1), ... Inputs are f32 numbers.

    python3 make_windows.py    (torch and numpy from PyPI)
"""

import numpy as np
import torch
import torch.nn.functional as F

import figures_file

rng = np.random.default_rng(11)
figures = {}


def put(name, value):
    figures[name] = np.ascontiguousarray(np.asarray(value, dtype=np.float32))


def made(name, *shape):
    array = rng.normal(size=shape).astype(np.float32)
    put(name, array)
    return torch.tensor(array.astype(np.float64), requires_grad=True)


def case(name, value, **operands):
    weight = torch.cos(torch.arange(value.numel(), dtype=torch.float64)).reshape(value.shape)
    gradients = torch.autograd.grad((value * weight).sum(), list(operands.values()))
    put(name + ".value", value.detach().numpy())
    for operand, gradient in zip(operands, gradients):
        put(f"{name}.{operand}", gradient.numpy())


line, image, volume = made("line", 2, 4, 9), made("image", 2, 4, 6, 7), made("volume", 1, 2, 5, 4, 6)
k1, k2, k3 = made("k1", 6, 4, 3), made("k2", 6, 2, 2, 3), made("k3", 3, 2, 2, 3, 2)
t1, t2, t3 = made("t1", 4, 3, 3), made("t2", 4, 3, 3, 2), made("t3", 2, 2, 2, 3, 2)
bias = made("bias", 6)

case("pad.reflect", F.pad(image, (2, 3, 1, 0), mode="reflect"), x=image)
case("pad.edge", F.pad(image, (2, 9, 1, 0), mode="replicate"), x=image)
case("pad.wrap", F.pad(image, (2, 7, 1, 0), mode="circular"), x=image)
case("conv1.same", F.conv1d(line, k1, bias, padding="same", dilation=3), x=line, kernel=k1, bias=bias)
case("conv1.sides", F.conv1d(F.pad(line, (0, 2)), k1, stride=2), x=line, kernel=k1)
case("conv2.groups", F.conv2d(image, k2, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), x=image, kernel=k2)
case("conv3", F.conv3d(volume, k3, stride=(1, 2, 1), padding=1), x=volume, kernel=k3)
case("transposed1", F.conv_transpose1d(line, t1, stride=2, padding=1, output_padding=1), x=line, kernel=t1)
case("transposed2", F.conv_transpose2d(image, t2, bias, stride=(3, 1), padding=(2, 0), output_padding=(1, 1), groups=2,
                                       dilation=(1, 2)), x=image, kernel=t2, bias=bias)
case("transposed3", F.conv_transpose3d(volume, t3, stride=(1, 2, 2)), x=volume, kernel=t3)
case("max1.ceil", F.max_pool1d(line, 2, 2, ceil_mode=True), x=line)
case("max2", F.max_pool2d(image, (3, 2), (2, 1), padding=(1, 1), dilation=(1, 3)), x=image)
case("max3", F.max_pool3d(volume, 2, ceil_mode=True), x=volume)
case("average1", F.avg_pool1d(line, 4, 3, padding=2, ceil_mode=True), x=line)
case("average2", F.avg_pool2d(image, (3, 2), (2, 1), padding=(1, 1)), x=image)
case("average2.own", F.avg_pool2d(image, (3, 2), 2, padding=(1, 1), ceil_mode=True, count_include_pad=False), x=image)
case("average3", F.avg_pool3d(volume, (2, 3, 2), 1, ceil_mode=True), x=volume)
case("adaptive_max1", F.adaptive_max_pool1d(line, 4), x=line)
case("adaptive_max2", F.adaptive_max_pool2d(image, (3, 5)), x=image)
case("adaptive_average2", F.adaptive_avg_pool2d(image, (4, 3)), x=image)
case("adaptive_average3", F.adaptive_avg_pool3d(volume, (2, 4, 7)), x=volume)
case("global_max", torch.amax(volume, (2, 3, 4), keepdim=True), x=volume)
case("global_average", torch.mean(volume, (2, 3, 4), keepdim=True), x=volume)

figures_file.write("windows.safetensors", figures)
