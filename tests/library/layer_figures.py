"""What make_layers.py makes its figures with. A layer's own numbers and those of its training are drawn apart."""

import numpy as np
import torch
import torch.nn.functional as F

STEPS = 5

rng = np.random.default_rng(11)
training_rng = np.random.default_rng(12)
figures = {}


def put(name, value):
    figures[name] = np.ascontiguousarray(np.asarray(value, dtype=np.float32))


def normal(shape, scale=1.0, random=rng):
    return np.asarray(scale * random.normal(size=shape), dtype=np.float32)


def f64(array):
    return torch.tensor(array.astype(np.float64))


def made(name, shape, scale=1.0):
    """An f32 array of normal numbers, put under its name, as an f64 leaf."""
    array = normal(shape, scale)
    put(name, array)
    return f64(array).requires_grad_()


def same(a):
    return a


def turned(a):
    return a.t()


def train(name, apply, shape, seed, parameters, buffers):
    """Five steps towards the seed, each on an x of its own, which is multiplied by a scale that learns by SGD; the
    parameters, {path: (leaf, how its array is laid out here)}, learn by AdamW. Its epsilon is large, so that
    gradients that are 0 but for rounding move nothing."""
    scale = normal(shape, 0.2, training_rng) + np.float32(1)
    inputs = normal((STEPS, *shape), 1, training_rng)
    put(name + ".front", scale)
    put(name + ".inputs", inputs)
    scale = f64(scale).requires_grad_()
    optimizers = [torch.optim.SGD([scale], lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)]
    leaves = list({id(leaf): leaf for leaf, _ in parameters.values()}.values())
    if leaves:
        optimizers.append(torch.optim.AdamW(leaves, lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1))
    losses = []
    for x in inputs:
        loss = F.mse_loss(apply(f64(x) * scale), seed)
        losses.append(loss.item())
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    put(name + ".losses", losses)
    put(name + ".front.trained", scale.detach().numpy())
    for path, (leaf, laid) in parameters.items():
        put(f"{name}.{path}.trained", laid(leaf.detach()).numpy())
    for path, buffer in buffers.items():
        put(f"{name}.{path}.trained", buffer.numpy())


def figures_of(name, apply, x, parameters, buffers):
    """The value at x, gradients and training of apply(x), with {path: (leaf, layout)} and {path: buffer}."""
    y = apply(x)
    seed = f64(normal(tuple(y.shape)))
    for leaf, _ in parameters.values():
        leaf.grad = None
    (y * seed).sum().backward()
    put(name + ".value", y.detach().numpy())
    put(name + ".seed", seed.numpy())
    put(name + ".x.gradient", x.grad.numpy())
    for path, (leaf, laid) in parameters.items():
        put(f"{name}.{path}", laid(leaf.detach()).numpy())
        put(f"{name}.{path}.gradient", laid(leaf.grad).numpy())
    train(name, apply, tuple(x.shape), seed, parameters, buffers)


def case(name, x_shape, parameters, apply):
    """apply(x, *parameters) of a layer whose parameters are {path: (shape, scale)}."""
    x = made(name + ".x", x_shape)
    leaves = {path: (made(f"{name}.{path}", shape, scale), same) for path, (shape, scale) in parameters.items()}
    figures_of(name, lambda x: apply(x, *[leaf for leaf, _ in leaves.values()]), x, leaves, {})


def module_case(name, x_shape, module, paths, apply=None, buffers=None):
    """A module of PyTorch's: {path: (its name of a parameter, how its array is laid out here)}, {path: its name of a
    buffer}."""
    module = module.double()
    own, states = dict(module.named_parameters()), dict(module.named_buffers())
    with torch.no_grad():
        for leaf in own.values():
            leaf.copy_(f64(normal(tuple(leaf.shape), 0.4)))
    buffers = {path: states[its] for path, its in (buffers or {}).items()}
    for path, buffer in buffers.items():
        buffer.copy_(f64(1 + normal(tuple(buffer.shape), 0.2)))
        put(f"{name}.{path}", buffer.numpy())
    figures_of(name, apply or module, made(name + ".x", x_shape),
               {path: (own[its], laid) for path, (its, laid) in paths.items()}, buffers)
