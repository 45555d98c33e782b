"""examples/image_classifier in PyTorch: the same model, distortions, loss and optimiser, epoch by epoch.

    python3 bench/peers/digits_torch.py FOLDER [--epochs N] [--threads N] [--seed N]

FOLDER is what examples/image_classifier/make_digits.py writes.
"""

import argparse
import math
import pathlib
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

HELD_OUT = 360


def read_idx(path):
    data = path.read_bytes()
    shape = numpy.frombuffer(data, ">u4", data[3], 4)
    return torch.tensor(numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * data[3]).reshape(shape).copy())


def stage(channels, filters):
    def layer(inputs):
        return [nn.Conv2d(inputs, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters, momentum=0.02), nn.ReLU()]

    return layer(channels) + layer(filters) + [nn.MaxPool2d(2, ceil_mode=True)]


def distort(images):
    """Turns by up to 0.21, stretches by a tenth and moves by an eighth, each image by itself."""

    def between(most):
        return (torch.rand(len(images)) * 2 - 1) * most

    angle, tall, wide = between(0.21), 1 + between(0.1), 1 + between(0.1)
    rows = torch.stack([torch.cos(angle) * wide, torch.sin(angle) * tall, between(0.25)], 1)
    columns = torch.stack([-torch.sin(angle) * wide, torch.cos(angle) * tall, between(0.25)], 1)
    grid = functional.affine_grid(torch.stack([rows, columns], 1), images.shape, align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    images = read_idx(options.folder / "images.idx").float().unsqueeze(1) / 16
    labels = read_idx(options.folder / "labels.idx").long()
    known, unknown = images[:-HELD_OUT], images[-HELD_OUT:]
    model = nn.Sequential(*stage(1, 32), *stage(32, 64), nn.Flatten(), nn.Dropout(0.5), nn.Linear(256, 10))
    steps = math.ceil(len(known) / 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps * options.epochs,
                                                   cycle_momentum=False)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98))
    for epoch in range(options.epochs):
        start = time.perf_counter()
        model.train()
        total = 0
        for rows in torch.randperm(len(known)).split(32):
            scores = model(distort(known[rows]))
            loss = functional.cross_entropy(scores, labels[rows], label_smoothing=0.2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            total += loss.item()
        with torch.no_grad():
            model.eval()
            average.eval()
            right = (average(unknown).argmax(1) == labels[-HELD_OUT:]).float().mean().item()
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1:>3}  loss {total / steps:.4f}  held out {right:.4f}  {seconds:.2f} s", flush=True)


main()
