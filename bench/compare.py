#!/usr/bin/env python3
"""Compares Sinter with other frameworks on the workloads of sinter-bench.

    bench/compare.py flagship sdpa:1024 --threads 1 2 --plot speed.png
    bench/compare.py tagger --tagger train.conllu dev.conllu --rounds 3

Every system runs in a process of its own, in turn, for several rounds; each ratio is taken within a round, so that
what slows the whole machine cancels out. A ratio above 1 says that Sinter is faster. Peers are PyTorch, JAX and
onnxruntime, as far as the Python interpreter named by --python has them. `start` is from the beginning of the process
to the end of its first step, Sinter's with no cache on disk and then with one. `tagger` is a whole training run of
examples/attention_classifier, reading the files included.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = {"torch": "torch", "jax": "jax", "onnxruntime": "onnxruntime,onnx"}  # and the modules each imports
WORKLOADS = ["flagship", "infer1", "nanogpt", "block", "rows", "sdpa:1024", "sdpa:1024:causal", "gemm:1024x1024x1024"]


def has_modules(python, modules):
    return subprocess.run([python, "-c", f"import {modules}"], capture_output=True).returncode == 0


def run(command, limit, cache=""):
    """The JSON line that a timed process ends with, or None, having said why. Without a cache folder, none is used."""
    environment = {**os.environ, **({"SINTER_CACHE_DIR": cache} if cache else {"SINTER_CACHE": "off"})}
    begin = time.perf_counter()
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=limit,
                              env=environment)
    except subprocess.TimeoutExpired:
        print(f"  {command[1]}: stopped after {limit} s", file=sys.stderr)
        return None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        print(f"  {reason}", file=sys.stderr)
        return None
    line = done.stdout.strip().splitlines()[-1]
    result = json.loads(line) if line.startswith("{") else {}
    result.setdefault("median_us", 1e6 * (time.perf_counter() - begin))  # of a program that trains and ends
    return result


def run_sinter(command, seconds, limit, cache):
    """Once to see how long it takes to start, once to fill the cache, and once more to be measured."""
    cold = run([*command, "--seconds", 0], limit)
    if cold is None or run([*command, "--seconds", 0], limit, cache) is None:
        return None
    result = run([*command, "--seconds", seconds], limit, cache)
    return result and {**result, "cold_ms": cold["cold_ms"], "warm_ms": result["cold_ms"]}


def measure(workload, threads, systems, options, cache):
    """Rounds of {system: result}; a system that failed once is left out from then on."""
    rounds = []
    systems = dict(systems)
    for _ in range(options.rounds):
        results = {}
        for system, command in list(systems.items()):
            if workload == "tagger":
                result = run([*command, "--threads", threads], options.limit, cache)
            else:
                words = [*command, workload, "--threads", threads]
                result = (run_sinter(words, options.seconds, options.limit, cache) if system == "sinter" else
                          run([*words, "--seconds", options.seconds], options.limit))
            if result is None:
                del systems[system]
            else:
                results[system] = result
        rounds.append(results)
        if "sinter" not in systems:
            break
    return rounds


def compare(workload, threads, rounds):
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
            "threads": threads,
            "system": system,
            **{
                key: statistics.median(results[system][key] for results in rounds)
                for key in ["median_us", "cold_ms", "warm_ms", "peak_rss_mb"] if key in rounds[0][system]
            },
            "ratio_min": min(ratios),
            "ratio": statistics.median(ratios),
            "ratio_max": max(ratios),
        })
    return rows


def print_rows(rows):
    for row in rows:
        line = ("{workload:20} {threads} thread(s) {system:12} {median_us:12.1f} us"
                "  ratio {ratio:7.2f} ({ratio_min:.2f} .. {ratio_max:.2f})").format(**row)
        if "cold_ms" in row:
            line += "  start {:6.0f} ms".format(row["cold_ms"])
        if "warm_ms" in row:
            line += ", {:.0f} ms with a cache".format(row["warm_ms"])
        if "peak_rss_mb" in row:
            line += "  memory {:5.0f} MiB".format(row["peak_rss_mb"])
        print(line, flush=True)


def tagger_systems(options):
    """The example and its peer, on the files that --tagger names."""
    train, dev = options.tagger
    systems = {"sinter": [options.bench.parent / "attention_classifier", "train", "--train", train, "--dev", dev]}
    if has_modules(options.python, PEERS["torch"]):
        systems["torch"] = [options.python, "-B", ROOT / "bench/peers/tagger_torch.py", train, dev]
    return systems


def plot(rows, path):
    """A bar for each workload and peer."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [{**row, "workload": "{workload}, {threads}T".format(**row)} for row in rows]
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
    parser.add_argument("--threads", type=int, nargs="+", default=[len(os.sched_getaffinity(0))])
    parser.add_argument("--tagger", nargs=2, metavar=("TRAIN", "DEV"), help="CoNLL-U files for the workload `tagger`")
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
    if "tagger" in options.workloads and not options.tagger:
        parser.error("the workload `tagger` needs --tagger TRAIN DEV")
    with tempfile.TemporaryDirectory() as cache:
        for workload in options.workloads:
            those = tagger_systems(options) if workload == "tagger" else systems
            for threads in options.threads:
                new = compare(workload, threads, measure(workload, threads, those, options, cache))
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
