"""The workloads of bench/workloads in JAX, jitted. usage: jax_peer.py WORKLOAD [--threads N] [--seconds S]"""

import os

import timing

options = timing.arguments()
# XLA takes one thread for each core that the process may use when it starts.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax import nn, numpy as jnp  # noqa: E402

random = np.random.default_rng(0)


def normal(*shape, deviation=1.0):
    return jnp.asarray(deviation * random.standard_normal(shape), jnp.float32)


def linear_parameters(inputs, outputs, bias=True):
    weight = normal(inputs, outputs, deviation=inputs**-0.5)
    return {"weight": weight, "bias": jnp.zeros(outputs)} if bias else {"weight": weight}


def linear(p, x):
    y = x @ p["weight"]
    return y + p["bias"] if "bias" in p else y


def norm_parameters(width, bias=True):
    return {"scale": jnp.ones(width), "bias": jnp.zeros(width)} if bias else {"scale": jnp.ones(width)}


def norm(p, x):
    centred = x - x.mean(-1, keepdims=True)
    y = centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5) * p["scale"]
    return y + p["bias"] if "bias" in p else y


def attend(q, k, v, causal):
    """[batch, head, token, feature]"""
    scores = jnp.einsum("bhqf,bhkf->bhqk", q, k) * q.shape[-1] ** -0.5
    if causal:
        scores = jnp.where(jnp.tril(jnp.ones(scores.shape[-2:], bool)), scores, -jnp.inf)
    return jnp.einsum("bhqk,bhkf->bhqf", nn.softmax(scores), v)


def attention_parameters(width, bias=True):
    return {"inputs": linear_parameters(width, 3 * width, bias), "output": linear_parameters(width, width, bias)}


def attention(p, x, heads, causal):
    batch, length, width = x.shape
    parts = linear(p["inputs"], x).reshape(batch, length, 3, heads, width // heads)
    q, k, v = parts.transpose(2, 0, 3, 1, 4)
    y = attend(q, k, v, causal)
    return linear(p["output"], y.transpose(0, 2, 1, 3).reshape(batch, length, width))


def classifier_parameters():
    return {"attention": attention_parameters(64), "expand": linear_parameters(64, 128),
            "contract": linear_parameters(128, 64), "classes": linear_parameters(64, 5)}


def classifier(p, x):
    x = x + attention(p["attention"], x, 1, False)
    x = x + linear(p["contract"], nn.relu(linear(p["expand"], x)))
    return linear(p["classes"], x)


def block_parameters(width, bias):
    return {"attention_norm": norm_parameters(width, bias), "attention": attention_parameters(width, bias),
            "feed_forward_norm": norm_parameters(width, bias),
            "expand": linear_parameters(width, 4 * width, bias),
            "contract": linear_parameters(4 * width, width, bias)}


def block(p, x, heads):
    x = x + attention(p["attention"], norm(p["attention_norm"], x), heads, True)
    hidden = nn.gelu(linear(p["expand"], norm(p["feed_forward_norm"], x)), approximate=False)
    return x + linear(p["contract"], hidden)


def gpt_parameters(characters, context, layers, width):
    return {"characters": normal(characters, width), "positions": normal(context, width),
            "norm": norm_parameters(width, False), "blocks": [block_parameters(width, False) for _ in range(layers)]}


def gpt(p, ids, heads):
    x = p["characters"][ids] + p["positions"]
    for block_p in p["blocks"]:
        x = block(block_p, x, heads)
    return norm(p["norm"], x) @ p["characters"].T


def adamw(p, gradients, state, rate=1e-3, beta1=0.9, beta2=0.99, decay=0.1, epsilon=1e-8):
    count, first, second = state
    count = count + 1
    first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, second, gradients)

    def update(w, m, v):
        return w * (1 - rate * decay) - rate * (m / (1 - beta1**count)) / (
            jnp.sqrt(v / (1 - beta2**count)) + epsilon)

    return jax.tree.map(update, p, first, second), (count, first, second)


def clip(gradients, largest):
    length = jnp.sqrt(sum(jnp.square(g).sum() for g in jax.tree.leaves(gradients)))
    scale = jnp.minimum(1, largest / (length + 1e-6))
    return jax.tree.map(lambda g: g * scale, gradients)


def training(model, p, x, labels, clip_norm=None):
    def loss(p):
        scores = nn.log_softmax(model(p, x))
        return -jnp.take_along_axis(scores, labels[..., None], -1).mean()

    def update(p, state):
        value, gradients = jax.value_and_grad(loss)(p)
        if clip_norm is not None:
            gradients = clip(gradients, clip_norm)
        return value, *adamw(p, gradients, state)

    update = jax.jit(update, donate_argnums=(0, 1))
    zeros = jax.tree.map(jnp.zeros_like, p)
    now = [p, (jnp.float32(0), zeros, jax.tree.map(jnp.copy, zeros))]

    def step():
        value, *now[:] = update(*now)
        jax.block_until_ready((value, now))

    return step


def gradients(function, *inputs):
    """Forward and backward with a dense output gradient."""
    dy = normal(*jax.eval_shape(function, *inputs).shape)

    @jax.jit
    def both(dy, *inputs):
        y, backward = jax.vjp(function, *inputs)
        return y, backward(dy)

    return lambda: jax.block_until_ready(both(dy, *inputs))


def make_step(workload):
    name, *rest = workload.split(":")
    sizes = timing.sizes_of(workload)
    if name == "flagship":
        batch = sizes.get("batch", 32)
        return training(classifier, classifier_parameters(), normal(batch, 10, 64), random.integers(0, 5, (batch, 10)))
    if name == "infer1":
        p, x, run = classifier_parameters(), normal(1, 10, 64), jax.jit(classifier)
        return lambda: run(p, x).block_until_ready()
    if name == "nanogpt":
        sizes = {"layers": 4, "width": 128, "heads": 4, "context": 64, "batch": 12, "characters": 65, **sizes}
        ids, labels = random.integers(0, sizes["characters"], (2, sizes.pop("batch"), sizes["context"]))
        heads = sizes.pop("heads")
        return training(lambda p, ids: gpt(p, ids, heads), gpt_parameters(**sizes), ids, labels, clip_norm=1.0)
    if name == "block":
        return gradients(lambda p, x: block(p, x, 8), block_parameters(512, True), normal(8, 256, 512))
    if name == "rows":
        width = sizes.get("width", 1024)
        return gradients(lambda p, x: nn.softmax(nn.gelu(norm(p, x), approximate=False)),
                         norm_parameters(width), normal(sizes.get("rows", 4096), width))
    if name == "sdpa":
        causal = rest[1:] == ["causal"]
        return gradients(lambda q, k, v: attend(q, k, v, causal), *(normal(1, 8, int(rest[0]), 64) for _ in range(3)))
    if name == "gemm" and len(rest) == 1:
        m, n, k = map(int, rest[0].split("x"))
        a, b, run = normal(m, k), normal(k, n), jax.jit(jnp.matmul)
        return lambda: run(a, b).block_until_ready()
    raise SystemExit(f"no workload is called {workload}")


timing.report("jax", options, make_step(options.workload))
