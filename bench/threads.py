#!/usr/bin/env python3
"""Predicts how the time of a step falls with threads, from what the compiler knows of its kernels.

    bench/threads.py flagship nanogpt block --measure 2

A kernel's time on one thread is its operations or its bytes, whichever take longer, at rates that make the sum that
of the measured step. With p threads its units are dealt out in rounds; its bytes come at p times the rate of one
thread, up to what --memory says the machine has of those; and there is a launch and a wait. docs/scaling.md says more.
The units are those that are cut for p threads, so that no machine with so many is needed.
"""

import argparse
import json
import math
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
THREADS = [1, 2, 4, 8, 16, 32, 64]
WORKLOADS = ["flagship", "infer1", "nanogpt", "block", "rows", "sdpa:1024", "sdpa:1024:causal", "gemm:1024x1024x1024",
             "gemm:2048x2048x2048"]
# As backends/cpu/run/executable.cc deals work out; in operations, of which a byte counts as three.
PARALLEL_WORK, UNIT_WORK, THREAD_WORK, WORK_OF_BYTE = 200_000, 1 << 15, 100_000, 3
PREFIXES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


def run(*command, text=""):
    return subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True, check=True).stdout


def kernels(bench, opt, workload, target, threads):
    """Of each launch: operations, bytes, units."""
    graph = run(bench, workload, "--graph")
    text = run(opt, "--explain", "--target", target, "--threads", threads, "-", text=graph)
    line = r"      ([\d.e+]+) (k|M|G|)flop, ([\d.e+]+) (k|M|G|)B, (\d+) units?(?: of [^,\n]*)?(?:, (\d+) times)?"
    result = []
    for flops, fp, size, bp, units, times in re.findall(line, text):
        kernel = (float(flops) * PREFIXES[fp], float(size) * PREFIXES[bp], int(units))
        result += [kernel] * int(times or 1)
    return result


class Machine:
    def __init__(self, flops, bandwidth, memory, launch, wait):
        self.flops, self.bandwidth, self.memory, self.launch, self.wait = flops, bandwidth, memory, launch, wait

    def seconds(self, kernel, threads):
        flops, size, units = kernel
        work = flops + WORK_OF_BYTE * size
        if work >= PARALLEL_WORK:
            units = min(units, max(1, int(work / UNIT_WORK)))
            threads = min(threads, units, int(work / THREAD_WORK))
        else:
            threads = 1
        share = math.ceil(units / threads) / units if threads > 1 else 1
        arithmetic = flops / self.flops * share
        memory = size / self.bandwidth * max(share, 1 / self.memory)
        return max(arithmetic, memory) + (self.launch + self.wait * threads if threads > 1 else 0)


def calibrated(step, seconds, arguments):
    """The machine on which the step takes so long on one thread: as fast in memory as in arithmetic."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        factor = math.sqrt(low * high)
        machine = Machine(arguments.flops * 1e9 * factor, arguments.bandwidth * 1e9 * factor, arguments.memory,
                          arguments.launch * 1e-6, arguments.wait * 1e-6)
        if sum(machine.seconds(kernel, 1) for kernel in step) > seconds:
            low = factor
        else:
            high = factor
    return machine


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    parser.add_argument("--bench", default=ROOT / "build/release/bin/sinter-bench")
    parser.add_argument("--opt", default=ROOT / "build/release/bin/sinter-opt")
    parser.add_argument("--target", default="native")
    parser.add_argument("--measure", type=int, nargs="*", default=[], help="numbers of threads to measure, too")
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement")
    parser.add_argument("--flops", type=float, default=150, help="GFLOP/s of a core, against its bandwidth")
    parser.add_argument("--bandwidth", type=float, default=20, help="GB/s of a core, against its GFLOP/s")
    parser.add_argument("--memory", type=float, default=16, help="cores whose bandwidth the memory has")
    parser.add_argument("--launch", type=float, default=2, help="us that a launch costs, with what threads then fetch from one another")
    parser.add_argument("--wait", type=float, default=0.1, help="us that each thread adds to it")
    arguments = parser.parse_args()

    print("| workload | us, 1 thread | " + " | ".join(str(t) for t in THREADS[1:]) + " |")
    print("| --- " * (len(THREADS) + 1) + "|")
    for workload in arguments.workloads:
        def measured(threads):
            line = run(arguments.bench, workload, "--target", arguments.target, "--threads", threads, "--seconds",
                       arguments.seconds, "--json")
            return json.loads(line)["median_us"] * 1e-6

        alone = measured(1)
        steps = {t: kernels(arguments.bench, arguments.opt, workload, arguments.target, t) for t in THREADS}
        machine = calibrated(steps[1], alone, arguments)
        cells = []
        for threads in THREADS[1:]:
            cell = f"{alone / sum(machine.seconds(kernel, threads) for kernel in steps[threads]):.2f}"
            cells.append(cell + (f" ({alone / measured(threads):.2f})" if threads in arguments.measure else ""))
        print(f"| `{workload}` | {alone * 1e6:.0f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
