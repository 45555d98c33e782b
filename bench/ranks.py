#!/usr/bin/env python3
"""Predicts a training step on many machines, and holds the prediction against simulated ones.

    bench/ranks.py --plot docs/machines.png

sinter-ranks runs ranks as threads that sleep for their work and have the real collectives between them, over a wire of
some latency and bandwidth; its median step stands beside the model's. Then the model is carried on to 1,024 machines.
The picture needs matplotlib.
"""

import argparse
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_HEAD = 16 << 10  # bytes that go with a head: runtime/collectives/collective.cc
HEAD = 49
MESSAGE = 1e-6  # seconds of a processor for each message that a rank sends or receives

# What is simulated: slow, so that what this machine takes itself is little.
CASES = [
    ("compute alone", {"compute": 2.0, "bytes": 80_000, "sums": 8, "latency": 1e-3, "bandwidth": 0}),
    ("hidden", {"compute": 4.0, "bytes": 8_000_000, "sums": 8, "latency": 5e-3, "bandwidth": 25e6}),
    ("bandwidth", {"compute": 2.0, "bytes": 16_000_000, "sums": 8, "latency": 5e-3, "bandwidth": 12.5e6}),
    ("latency", {"compute": 1.0, "bytes": 400_000, "sums": 8, "latency": 50e-3, "bandwidth": 25e6}),
    ("one sum", {"compute": 1.0, "bytes": 8_000_000, "sums": 1, "latency": 5e-3, "bandwidth": 12.5e6}),
]

# What is drawn: seconds of one machine's work, bytes of gradients, and wires.
MODELS = [
    ("125 M parameters", 1.0, 500_000_000),
    ("1 M parameters", 0.01, 4_000_000),
]
WIRES = [
    ("10 Gbit/s, 30 us", 30e-6, 1.25e9),
    ("100 Gbit/s, 5 us", 5e-6, 12.5e9),
]


def sum_time(ranks, size, latency, bandwidth):
    """Of one all_reduce of `size` bytes whose ranks have a piece each, once their heads are there."""
    if ranks == 1:
        return 0.0
    if size <= IN_HEAD:
        return 0.0
    wire = 2 * (ranks - 1) / ranks * size / bandwidth if bandwidth else 0.0
    return 2 * latency + wire + 4 * (ranks - 1) * MESSAGE


def head_time(ranks, size, latency, bandwidth):
    """Until the heads of all are there: each sends one to each."""
    if ranks == 1:
        return 0.0
    each = HEAD + (size if size <= IN_HEAD else 0)
    return latency + ((ranks - 1) * each / bandwidth if bandwidth else 0.0) + 2 * (ranks - 1) * MESSAGE


def step_time(ranks, compute, size, sums, latency, bandwidth):
    """Of a step of which each rank computes for `compute` seconds, a third forward, and gradients come in even parts."""
    end = 0.0
    for i in range(sums):
        ready = compute / 3 + compute * 2 / 3 * (i + 1) / sums
        begin = max(ready + head_time(ranks, size / sums, latency, bandwidth), end)
        end = begin + sum_time(ranks, size / sums, latency, bandwidth)
    return max(end, compute)


def simulated(options, ranks, case):
    command = [options.program, "--ranks", ranks, "--steps", options.steps]
    for name, value in case.items():
        command += [f"--{name}", value]
    return float(subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout)


def compare(options):
    print("| case | ranks | model, ms | simulated, ms | difference |")
    print("| --- | --- | --- | --- | --- |")
    for name, case in CASES:
        for ranks in (1, 2, 4):
            model = step_time(ranks, case["compute"] / ranks, case["bytes"], case["sums"], case["latency"],
                              case["bandwidth"])
            there = simulated(options, ranks, case)
            print(f"| {name} | {ranks} | {1000 * model:.0f} | {1000 * there:.0f} | {100 * (there / model - 1):+.1f} % |",
                  flush=True)


def speeds(grows):
    """Times as fast as one machine. `grows`: each machine has the work of MODELS; else they share 256 times of it."""
    counts = [2**i for i in range(11)]
    for model, compute, size in MODELS:
        for wire, latency, bandwidth in WIRES:
            yield f"{model}, {wire}", counts, [
                ranks * own / step_time(ranks, own, size, 16, latency, bandwidth)
                for ranks in counts for own in [compute if grows else 256 * compute / ranks]]


def plot(path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, both = pyplot.subplots(1, 2, figsize=(10, 4))
    for axes, grows in zip(both, (True, False)):
        for label, counts, factors in speeds(grows):
            axes.semilogx(counts, [100 * factor / ranks for ranks, factor in zip(counts, factors)], "o-", markersize=3,
                          base=2, label=label)
        axes.set_ylim(0, 105)
        axes.set_xlabel("machines, work grows with them" if grows else "machines, work of 256 steps of one is shared")
        axes.grid(alpha=0.3)
    both[0].set_ylabel("% of as many times as fast, predicted")
    both[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/bin/sinter-ranks")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--no-simulation", action="store_true", help="the model alone")
    parser.add_argument("--plot", type=Path, help="write a picture there")
    options = parser.parse_args()
    if not options.no_simulation:
        compare(options)
    for grows in (True, False):
        print("work grows:" if grows else "work is shared:")
        for label, counts, factors in speeds(grows):
            print(f"  {label}:", ", ".join(f"{ranks}: {factor:.1f}" for ranks, factor in zip(counts, factors)))
    if options.plot:
        plot(options.plot)


if __name__ == "__main__":
    main()
