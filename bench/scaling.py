#!/usr/bin/env python3
"""Shows what a training step costs by its batch, and what compiling costs by whatever a program has more of.

    bench/scaling.py --plot docs/scaling.png
    bench/scaling.py --only taps --only parts --device vulkan

A step of `flagship` is timed for batches from 1 to 512, and `nanogpt` is compiled without a cache for 1 to 48 layers.
Then sinter-run compiles the programs of bench/programs.py without a cache and runs them once; their times are of the
processor, all threads together. Prints tables; the picture needs matplotlib.
"""

import argparse
import json
import os
import resource
import struct
import subprocess
import tempfile
from pathlib import Path

from programs import PROGRAMS

ROOT = Path(__file__).resolve().parent.parent
BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
LAYERS = [1, 2, 4, 8, 12, 16, 24, 32, 48]


def bench(options, workload, seconds):
    command = [options.bench, workload, "--threads", options.threads, "--seconds", seconds, "--json"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True,
                          env={**os.environ, "SINTER_CACHE": "off"})
    return json.loads(done.stdout.strip().splitlines()[-1])


def step_time(options, batch):
    """Of the fastest of a few runs, in microseconds."""
    return min(bench(options, f"flagship:batch={batch}", options.seconds)["median_us"] for _ in range(options.rounds))


def compile_time(options, layers):
    """From the start of the process to the first step, in milliseconds, the fastest of a few runs."""
    runs = [bench(options, f"nanogpt:layers={layers}", 0) for _ in range(options.rounds)]
    return min(run["cold_ms"] - run["first_step_ms"] for run in runs)


def write_zeros(path, shape):
    """As an .npy file of f32."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    count = 4
    for extent in shape:
        count *= extent
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(count))


def processor_time(options, program, size):
    """Of compiling a program and running it once, in milliseconds."""
    text, shapes = program(size)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        (path / "f.sg").write_text(text)
        command = [options.run, "--device", options.device, "--function", "f", path / "f.sg", "--output-dir", path]
        for name, shape in shapes.items():
            file = path / f"{'_'.join(map(str, shape))}.npy"
            if not file.exists():
                write_zeros(file, shape)
            command += ["--input", f"{name}={file}"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([str(word) for word in command], check=True, env={**os.environ, "SINTER_CACHE": "off"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def show_growth(options, names):
    print(f"what grows       n   ms on {options.device}   ms of each")
    for name in names:
        program, sizes = PROGRAMS[name]
        for size in sizes:
            time = min(processor_time(options, program, size) for _ in range(options.rounds))
            print(f"{name:10} {size:7} {time:11.0f} {time / size:12.2f}", flush=True)


def plot(path, steps, compiles):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    left.loglog(list(steps), list(steps.values()), "o-")
    left.set_xlabel("sentences in a batch")
    left.set_ylabel("us a training step of flagship")
    right.plot(list(compiles), list(compiles.values()), "o-")
    right.set_ylim(bottom=0)
    right.set_xlabel("layers")
    right.set_ylabel("ms from start to ready, nanogpt, no cache")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / "build/release/bin/sinter-bench")
    parser.add_argument("--run", type=Path, default=ROOT / "build/release/bin/sinter-run")
    parser.add_argument("--only", action="append", choices=list(PROGRAMS), help="of these programs alone")
    parser.add_argument("--device", default="cpu", help="that the programs are compiled for")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.5, help="of measuring, for each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="write a picture there")
    options = parser.parse_args()
    if options.only:
        return show_growth(options, options.only)

    steps = {batch: step_time(options, batch) for batch in BATCHES}
    print("batch   us a step   us a sentence")
    for batch, time in steps.items():
        print(f"{batch:5} {time:11.1f} {time / batch:15.2f}")
    compiles = {layers: compile_time(options, layers) for layers in LAYERS}
    print("layers   ms to compile   ms a layer")
    for layers, time in compiles.items():
        print(f"{layers:6} {time:15.0f} {time / layers:12.1f}")
    show_growth(options, PROGRAMS)
    if options.plot:
        plot(options.plot, steps, compiles)


if __name__ == "__main__":
    main()
