#!/usr/bin/env python3
"""Compares Sinter with other frameworks on the workloads of sinter-bench.

    bench/compare.py flagship sdpa:1024 --threads 2 --plot speed.png

Every system runs in a process of its own, in turn, for several rounds; each ratio is taken within a round, so that
what slows the whole machine cancels out. A ratio above 1 says that Sinter is faster. Peers are PyTorch, JAX and
onnxruntime, as far as the Python interpreter named by --python has them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = {"torch": "torch", "jax": "jax", "onnxruntime": "onnxruntime,onnx"}  # and the modules each imports
WORKLOADS = ["flagship", "infer1", "nanogpt", "block", "rows", "sdpa:1024", "sdpa:1024:causal", "gemm:1024x1024x1024"]


def has_modules(python, modules):
    return subprocess.run([python, "-c", f"import {modules}"], capture_output=True).returncode == 0


def run(command, limit):
    """The JSON line that a timed process ends with, or None, having said why."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        print(f"  {command[1]}: stopped after {limit} s", file=sys.stderr)
        return None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        print(f"  {reason}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(workload, systems, options):
    """Rounds of {system: result}; a system that failed once is left out from then on."""
    rounds = []
    systems = dict(systems)
    for _ in range(options.rounds):
        results = {}
        for system, command in list(systems.items()):
            result = run([*command, workload, "--threads", options.threads, "--seconds", options.seconds],
                         options.limit)
            if result is None:
                del systems[system]
            else:
                results[system] = result
        rounds.append(results)
        if "sinter" not in systems:
            break
    return rounds


def compare(workload, rounds):
    """A row for each peer that was there in every round."""
    if not all("sinter" in results for results in rounds):
        return []
    rows = []
    for system in rounds[0]:
        if not all(system in results for results in rounds):
            continue
        ratios = [results[system]["median_us"] / results["sinter"]["median_us"] for results in rounds]
        rows.append({
            "workload": workload,
            "system": system,
            "median_us": statistics.median(results[system]["median_us"] for results in rounds),
            "cold_ms": statistics.median(results[system]["cold_ms"] for results in rounds),
            "peak_rss_mb": statistics.median(results[system]["peak_rss_mb"] for results in rounds),
            "ratio_min": min(ratios),
            "ratio": statistics.median(ratios),
            "ratio_max": max(ratios),
        })
    return rows


def print_rows(rows):
    for row in rows:
        print("{workload:20} {system:12} {median_us:12.1f} us  ratio {ratio:7.2f} ({ratio_min:.2f} .. {ratio_max:.2f})"
              "  cold {cold_ms:6.0f} ms  memory {peak_rss_mb:5.0f} MiB".format(**row), flush=True)


def plot(rows, path):
    """A bar for each workload and peer."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    workloads = list(dict.fromkeys(row["workload"] for row in rows))
    peers = [peer for peer in PEERS if any(row["system"] == peer for row in rows)]
    height = 0.8 / max(1, len(peers))
    figure, axes = pyplot.subplots(figsize=(8, 1 + 0.7 * len(workloads)))
    for i, peer in enumerate(peers):
        bars = [row for row in rows if row["system"] == peer]
        places = [workloads.index(row["workload"]) + i * height for row in bars]
        errors = [[row["ratio"] - row["ratio_min"] for row in bars], [row["ratio_max"] - row["ratio"] for row in bars]]
        axes.barh(places, [row["ratio"] - 1 for row in bars], height, left=1, xerr=errors, capsize=3, label=peer)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks([place + height * (len(peers) - 1) / 2 for place in range(len(workloads))], workloads)
    axes.invert_yaxis()
    axes.set_xlabel("time of the peer / time of Sinter (above 1: Sinter is faster)")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    parser.add_argument("--bench", type=Path, default=ROOT / "build/release/bin/sinter-bench")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=2, help="of measuring, for each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a run is given up")
    parser.add_argument("--json", type=Path, help="write the table there as JSON")
    parser.add_argument("--plot", type=Path, help="write a picture of the ratios there, with matplotlib")
    options = parser.parse_args()

    systems = {"sinter": [options.bench, "--json"]}
    for peer, modules in PEERS.items():
        if has_modules(options.python, modules):
            systems[peer] = [options.python, "-B", ROOT / f"bench/peers/{peer}_peer.py"]
        else:
            print(f"left out: {peer} ({options.python} has no {modules})", file=sys.stderr)

    rows = []
    for workload in options.workloads:
        new = compare(workload, measure(workload, systems, options))
        print_rows(new)
        rows += new
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options.plot and rows:
        try:
            plot(rows, options.plot)
        except ImportError:
            print("no picture: matplotlib is not installed", file=sys.stderr)
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
