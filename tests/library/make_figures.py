#!/usr/bin/env python3
"""Makes figures.safetensors: what PyTorch 2.15 gives in f64, and where it has no such thing, the paper's formula
in numpy. Inputs are f32 numbers. A loss `x` is x.value, its gradient to the first operand x.gradient; an optimiser
x is x.w and x.b, the parameters after five steps; a schedule its rates at the steps 0, 1, ...

    python3 make_figures.py    (torch and numpy from PyPI)
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

import figures_file

rng = np.random.default_rng(7)
figures = {}


def put(name, value):
    figures[name] = np.ascontiguousarray(np.asarray(value, dtype=np.float32))


def made(name, array):
    put(name, array)
    return torch.tensor(np.asarray(array, dtype=np.float32).astype(np.float64), requires_grad=True)


# Losses.
logits = made("logits", rng.normal(size=(4, 3, 5)))
labels = torch.tensor(rng.integers(0, 5, size=(4, 3)))
labels[1, 2] = 7  # ignored where a case says so
figures["labels"] = labels.numpy().astype(np.int32)
valid = labels.clamp(max=4)
class_weights = made("class_weights", [0.5, 1, 2, 0, 1.5])
position_weights = made("position_weights", rng.uniform(0, 2, size=(4, 3)))
x = made("x", rng.normal(size=(6, 4)))
y = made("y", rng.normal(size=(6, 4)))
z = made("z", rng.normal(size=(6, 4)))
weights = made("weights", rng.uniform(0, 2, size=(6, 4)))
chances = made("chances", rng.uniform(0, 1, size=(6, 4)))
signs = made("signs", np.sign(rng.normal(size=(6, 4))))
row_signs = made("row_signs", [1, -1, 1, 1, -1, -1])
variances = made("variances", rng.uniform(0.1, 2, size=(6, 4)))
targets = made("targets", np.where(rng.uniform(size=(6, 4)) < 0.2, 0, rng.uniform(0.1, 1, size=(6, 4))))


def loss(name, value, wrt):
    (gradient,) = torch.autograd.grad(value.sum(), wrt, retain_graph=True)
    put(name + ".value", value.detach().numpy())
    put(name + ".gradient", gradient.numpy())


def weighted(values, by):
    return (values * by).sum() / by.sum()


def losses(name, values, wrt, by, whole=None):
    """What each element, position or pair has, reduced in each way; whole(reduction) gives the mean and the sum by
    PyTorch's own, where it has them."""
    loss(name + ".mean", whole("mean") if whole else values.mean(), wrt)
    loss(name + ".sum", whole("sum") if whole else values.sum(), wrt)
    loss(name + ".none", values, wrt)
    loss(name + ".weighted", weighted(values, by.detach()), wrt)


def torch_losses(name, call, wrt, by):
    losses(name, call("none"), wrt, by, call)


def entropy(**options):
    return F.cross_entropy(logits.movedim(-1, 1), options.pop("labels", valid), **options)


loss("cross_entropy", entropy(), logits)
loss("cross_entropy.sum", entropy(reduction="sum"), logits)
loss("cross_entropy.none", entropy(reduction="none"), logits)
loss("cross_entropy.smooth", entropy(label_smoothing=0.1), logits)
loss("cross_entropy.smooth_weighted",
     entropy(labels=labels, label_smoothing=0.1, weight=class_weights.detach(), ignore_index=7), logits)
loss("cross_entropy.none_ignored", entropy(labels=labels, reduction="none", ignore_index=7), logits)
loss("cross_entropy.positions", weighted(entropy(reduction="none"), position_weights.detach()), logits)
y0, z0 = y.detach(), z.detach()
torch_losses("binary", lambda r: F.binary_cross_entropy_with_logits(x, chances.detach(), reduction=r), x, weights)
torch_losses("squared", lambda r: F.mse_loss(x, y0, reduction=r), x, weights)
torch_losses("absolute", lambda r: F.l1_loss(x, y0, reduction=r), x, weights)
torch_losses("huber", lambda r: F.huber_loss(x, y0, reduction=r, delta=0.7), x, weights)
p = torch.sigmoid(x)
t = (signs.detach() + 1) / 2
pt = p * t + (1 - p) * (1 - t)
losses("focal", (0.25 * t + 0.75 * (1 - t)) * (1 - pt) ** 2 * -torch.log(pt), x, weights)
losses("hinge", torch.clamp(1 - signs.detach() * x, min=0), x, weights)
torch_losses("gaussian", lambda r: F.gaussian_nll_loss(x, y0, variances.detach(), reduction=r), x, weights)
torch_losses("gaussian.variance", lambda r: F.gaussian_nll_loss(x.detach(), y0, variances, reduction=r), variances,
             weights)
log_p = torch.log_softmax(x, -1)
row_weights = made("row_weights", weights[:, 0].detach().numpy())


def kl(reduction):
    if reduction == "none":
        return F.kl_div(log_p, targets.detach(), reduction="none").sum(-1)
    return F.kl_div(log_p, targets.detach(), reduction="batchmean" if reduction == "mean" else reduction)


def triplet(reduction):
    return F.triplet_margin_loss(x, y0, z0, margin=1.0, reduction=reduction)


def contrast(reduction):
    scores = F.normalize(x, dim=-1) @ F.normalize(y0, dim=-1).T / 0.2
    return F.cross_entropy(scores, torch.arange(6), reduction=reduction)


torch_losses("kl", kl, x, row_weights)
torch_losses("cosine", lambda r: F.cosine_embedding_loss(x, y0, row_signs.detach(), margin=0.1, reduction=r), x,
             row_weights)
torch_losses("triplet", triplet, x, row_weights)
torch_losses("info_nce", contrast, x, row_weights)
loss("logsumexp", torch.logsumexp(x, -1), x)
loss("variance", torch.var(x, 0), x)
loss("deviation", torch.std(x, -1, correction=0), x)
loss("norm", torch.linalg.vector_norm(x, dim=-1), x)

# Optimisers: five steps down sum(a * w^3 / 3) + sum(c * b^2 / 2), from w and b.
w0 = made("w", rng.normal(size=(4, 3)))
b0 = made("b", rng.normal(size=(3,)))
a = made("a", rng.uniform(0.5, 2, size=(4, 3))).detach()
c = made("c", rng.uniform(0.5, 2, size=(3,))).detach()


def gradients(w, b):
    return a.numpy() * w * w, c.numpy() * b


def torch_steps(name, make, only_matrix=False):
    w = w0.detach().clone().requires_grad_()
    b = b0.detach().clone().requires_grad_()
    optimizer = make([w] if only_matrix else [w, b])
    for _ in range(5):
        g, h = gradients(w.detach().numpy(), b.detach().numpy())
        w.grad, b.grad = torch.tensor(g), torch.tensor(h)
        optimizer.step()
    put(name + ".w", w.detach().numpy())
    if not only_matrix:
        put(name + ".b", b.detach().numpy())


def formula_steps(name, step, only_matrix=False):
    parameters = [w0.detach().numpy().copy(), b0.detach().numpy().copy()]
    states = [{}, {}]
    for t in range(1, 6):
        grads = gradients(*parameters)
        parameters = [step(v, g, s, t) for v, g, s in zip(parameters, grads, states)]
    put(name + ".w", parameters[0])
    if not only_matrix:
        put(name + ".b", parameters[1])


def lamb(x, g, s, t):
    s["m"] = 0.9 * s.get("m", 0) + 0.1 * g
    s["v"] = 0.99 * s.get("v", 0) + 0.01 * g * g
    u = s["m"] / (1 - 0.9**t) / (np.sqrt(s["v"] / (1 - 0.99**t)) + 1e-6) + 0.1 * x
    return x - 0.05 * np.linalg.norm(x) / np.linalg.norm(u) * u


def lion(x, g, s, t):
    m = s.get("m", np.zeros_like(x))
    s["m"] = 0.99 * m + 0.01 * g
    return x - 0.05 * (np.sign(0.9 * m + 0.1 * g) + 0.1 * x)


def muon(x, g, s, t):
    if x.ndim != 2:
        return x
    s["m"] = 0.95 * s.get("m", 0) + 0.05 * g
    u = 0.05 * g + 0.95 * s["m"]
    z = u.T / np.linalg.norm(u)  # four rows, three columns
    for _ in range(5):
        gram = z @ z.T
        z = 3.4445 * z + (-4.775 * gram + 2.0315 * gram @ gram) @ z
    return x * (1 - 0.05 * 0.1) - 0.05 * math.sqrt(4 / 3) * z.T


torch_steps("sgd", lambda ps: torch.optim.SGD(ps, lr=0.05, weight_decay=0.1))
torch_steps("sgd.momentum", lambda ps: torch.optim.SGD(ps, lr=0.05, momentum=0.9))
torch_steps("sgd.dampening", lambda ps: torch.optim.SGD(ps, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.1))
torch_steps("sgd.nesterov", lambda ps: torch.optim.SGD(ps, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1))
torch_steps("adam", lambda ps: torch.optim.Adam(ps, lr=0.05, betas=(0.8, 0.99), weight_decay=0.1))
torch_steps("adamw", lambda ps: torch.optim.AdamW(ps, lr=0.05, betas=(0.8, 0.99), weight_decay=0.1))
torch_steps("rmsprop", lambda ps: torch.optim.RMSprop(ps, lr=0.05, alpha=0.9, weight_decay=0.1))
torch_steps("rmsprop.centered",
            lambda ps: torch.optim.RMSprop(ps, lr=0.05, alpha=0.9, momentum=0.8, centered=True))
torch_steps("adagrad", lambda ps: torch.optim.Adagrad(ps, lr=0.05, weight_decay=0.1))
torch_steps("adafactor", lambda ps: torch.optim.Adafactor(ps, lr=0.05, weight_decay=0.1))
formula_steps("lamb", lamb)
formula_steps("lion", lion)
formula_steps("muon", muon, only_matrix=True)

# Schedules.
parameter = torch.zeros(1, requires_grad=True)


def rates(name, make, steps):
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    schedule = make(optimizer)
    values = []
    for _ in range(steps):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    put(name, values)


S = torch.optim.lr_scheduler
rates("constant", lambda o: S.ConstantLR(o, factor=1), 12)
rates("linear", lambda o: S.LinearLR(o, 1, 0, total_iters=8), 12)
rates("linear_floor", lambda o: S.LambdaLR(o, lambda step: max(1 - step / 8, 0.25)), 12)
rates("cosine", lambda o: S.CosineAnnealingLR(o, 11, eta_min=0.05), 12)


def nano_gpt(step, warmup=3, steps=9, lowest=0.1):  # its get_lr, as a share of the rate
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if step > steps:
        return lowest
    return lowest + 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) * (1 - lowest)


rates("cosine_warm_up", lambda o: S.LambdaLR(o, nano_gpt), 12)
rates("exponential", lambda o: S.ExponentialLR(o, 0.9), 12)
rates("staircase", lambda o: S.StepLR(o, 3, 0.5), 12)
rates("one_cycle",
      lambda o: S.OneCycleLR(o, 0.5, total_steps=12, pct_start=0.4, div_factor=10, final_div_factor=100), 12)
rates("warm_up", lambda o: S.SequentialLR(
    o, [S.LinearLR(o, 1 / 5, 1, total_iters=4), S.ExponentialLR(o, 0.9)], milestones=[4]), 12)

measures = [3, 2, 2.5, 2.1, 1.9999, 2.2, 1, 1, 1, 1, 1]
optimizer = torch.optim.SGD([parameter], lr=0.5)
plateau = S.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=1e-3)
values = []
for measure in measures:
    plateau.step(measure)
    values.append(optimizer.param_groups[0]["lr"])
put("plateau", values)

figures_file.write("figures.safetensors", figures)
