"""The workloads of bench/workloads in eager PyTorch. usage: torch_peer.py WORKLOAD [--threads N] [--seconds S]"""

import torch
from torch import nn
from torch.nn import functional as F

import timing


class Attention(nn.Module):
    def __init__(self, width, heads, causal, bias):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.inputs = nn.Linear(width, 3 * width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)

    def forward(self, x):
        batch, length, width = x.shape
        heads = self.inputs(x).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.output(y.transpose(1, 2).reshape(batch, length, width))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention(64, 1, False, True)
        self.expand, self.contract, self.classes = nn.Linear(64, 128), nn.Linear(128, 64), nn.Linear(64, 5)

    def forward(self, x):
        x = x + self.attention(x)
        x = x + self.contract(F.relu(self.expand(x)))
        return self.classes(x)


class Block(nn.Module):
    def __init__(self, width, heads, bias):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, bias=bias)
        self.attention = Attention(width, heads, True, bias)
        self.feed_forward_norm = nn.LayerNorm(width, bias=bias)
        self.expand = nn.Linear(width, 4 * width, bias=bias)
        self.contract = nn.Linear(4 * width, width, bias=bias)

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.contract(F.gelu(self.expand(self.feed_forward_norm(x))))


class Gpt(nn.Module):
    def __init__(self, characters=65, context=64, layers=4, heads=4, width=128):
        super().__init__()
        self.characters = nn.Embedding(characters, width)
        self.positions = nn.Parameter(torch.randn(context, width))
        self.blocks = nn.Sequential(*[Block(width, heads, False) for _ in range(layers)])
        self.norm = nn.LayerNorm(width, bias=False)

    def forward(self, ids):
        x = self.blocks(self.characters(ids) + self.positions)
        return F.linear(self.norm(x), self.characters.weight)


class Rows(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        return F.softmax(F.gelu(self.norm(x)), -1)


def training(model, x, labels, clip_norm=None):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x).flatten(0, 1), labels.flatten()).backward()
        if clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()

    return step


def gradients(function, parameters, *inputs):
    """Forward and backward with a dense output gradient, for the inputs and the parameters."""
    for tensor in inputs:
        tensor.requires_grad_()
    with torch.no_grad():
        dy = torch.randn_like(function(*inputs))
    wrt = [*inputs, *parameters]

    def step():
        torch.autograd.grad(function(*inputs), wrt, dy)

    return step


def make_step(workload):
    name, *rest = workload.split(":")
    sizes = timing.sizes_of(workload)
    if name == "flagship":
        batch = sizes.get("batch", 32)
        return training(Classifier(), torch.randn(batch, 10, 64), torch.randint(5, (batch, 10)))
    if name == "infer1":
        model, x = Classifier().eval(), torch.randn(1, 10, 64)
        return torch.inference_mode()(lambda: model(x))
    if name == "nanogpt":
        batch = sizes.pop("batch", 12)
        ids, labels = (torch.randint(sizes.get("characters", 65), (batch, sizes.get("context", 64))) for _ in range(2))
        return training(Gpt(**sizes), ids, labels, clip_norm=1.0)
    if name == "block":
        model = Block(512, 8, True)
        return gradients(model, model.parameters(), torch.randn(8, 256, 512))
    if name == "rows":
        width = sizes.get("width", 1024)
        model = Rows(width)
        return gradients(model, model.parameters(), torch.randn(sizes.get("rows", 4096), width))
    if name == "sdpa":
        causal = rest[1:] == ["causal"]
        q, k, v = (torch.randn(1, 8, int(rest[0]), 64) for _ in range(3))
        return gradients(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=causal), [], q, k, v)
    if name == "gemm":
        m, n, k = map(int, rest[0].split("x"))
        forms = rest[1] if rest[1:] else "nn"
        a = torch.randn(k, m).T if forms[0] == "t" else torch.randn(m, k)
        b = torch.randn(n, k).T if forms[1] == "t" else torch.randn(k, n)
        return lambda: a @ b
    raise SystemExit(f"no workload is called {workload}")


options = timing.arguments()
torch.set_num_threads(options.threads)
torch.manual_seed(0)
timing.report("torch", options, make_step(options.workload))
