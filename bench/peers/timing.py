"""What the peers share: the command line, the clock, and the line of JSON that sinter-bench prints too."""

import argparse
import json
import os
import resource
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=4)
    return parser.parse_args()


def sizes_of(workload):
    """"nanogpt:layers=3,width=80" → {"layers": 3, "width": 80}"""
    items = workload.partition(":")[2].split(",")
    return {name: int(value) for name, value in (item.split("=") for item in items if "=" in item)}


def since_process_start():
    with open("/proc/self/stat") as stat, open("/proc/uptime") as uptime:
        ticks = float(stat.read().rsplit(")", 1)[1].split()[19])
        return float(uptime.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def report(system, options, step):
    """Times step(), which returns when its work is done."""
    begin = time.perf_counter()
    step()
    first = time.perf_counter() - begin
    cold = since_process_start()
    for _ in range(5):
        step()
    times = []
    end = time.perf_counter() + options.seconds
    while time.perf_counter() < end or len(times) < 5:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    times.sort()
    print(json.dumps({
        "workload": options.workload,
        "system": system,
        "threads": options.threads,
        "calls": len(times),
        "min_us": 1e6 * times[0],
        "median_us": 1e6 * times[len(times) // 2],
        "p95_us": 1e6 * times[len(times) * 95 // 100],
        "first_step_ms": 1e3 * first,
        "cold_ms": 1e3 * cold,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))
