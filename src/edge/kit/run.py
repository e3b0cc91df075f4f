#!/usr/bin/env python3
"""Times the models of this folder with ONNX Runtime and writes results.csv.

    pip install onnxruntime numpy
    python3 run.py [--threads 1] [--rounds 15] [--provider CUDAExecutionProvider]

Then copy results.csv into the kit's folder on the machine with hsconas and run there:

    hsconas latency import results.csv

Each round loads and times every model once, in random order; a result is the median over rounds.
One block, the reference, is timed repeatedly; timings made while it was slow are dropped.
results.csv is replaced after every round, so it can be used before the last round, with wider
intervals.
"""
import argparse
import csv
import os
import random
import statistics
import sys
import time

import numpy
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
GROUP = 24  # Models that are loaded at once.
MODELS_PER_REFERENCE = 6
SLOW = 1.15  # The reference is slow above this multiple of its lower quartile.
FEWEST = 3  # With fewer quiet timings than this, all timings of the model are used.


class Model:
    """A loaded model and its input."""

    def __init__(self, row, options):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        providers = [options.provider] if options.provider else onnxruntime.get_available_providers()
        self.session = onnxruntime.InferenceSession(
            os.path.join(HERE, row["file"]), settings, providers=providers)
        shape = (int(row["batch"]), int(row["channels"]), int(row["size"]), int(row["size"]))
        draw = numpy.random.default_rng(1)
        if self.session.get_inputs()[0].type == "tensor(uint8)":  # A block of an int8 kit.
            images = draw.integers(0, 256, shape, dtype=numpy.uint8)
        else:
            images = draw.random(shape, dtype=numpy.float32)
        self.inputs = {"images": images}

    def milliseconds(self, runs):
        """Mean time of `runs` consecutive runs."""
        begin = time.perf_counter()
        for _ in range(runs):
            self.session.run(None, self.inputs)
        return 1000.0 * (time.perf_counter() - begin) / runs

    def runs_for(self, sample_ms):
        """Number of runs that take at least `sample_ms`, after a warm-up."""
        self.milliseconds(2)
        return max(1, int(numpy.ceil(sample_ms / max(self.milliseconds(2), 1e-6))))


class Timer:
    """All timings so far, each with the latest timing of the reference."""

    def __init__(self, reference, options):
        self.options = options
        self.reference = Model(reference, options)
        self.reference_runs = self.reference.runs_for(options.sample_ms)
        self.reference_ms = []
        self.runs = {}
        self.samples = {}  # file -> [(ms, index into reference_ms)]

    def round(self, rows):
        rows = random.sample(rows, len(rows))
        for first in range(0, len(rows), GROUP):
            group = [(row["file"], Model(row, self.options)) for row in rows[first:first + GROUP]]
            for file, model in group:
                runs = model.runs_for(self.options.sample_ms)
                self.runs.setdefault(file, runs)
            for i, (file, model) in enumerate(group):
                if i % MODELS_PER_REFERENCE == 0:
                    self.reference_ms.append(self.reference.milliseconds(self.reference_runs))
                model.milliseconds(1)  # Brings the model's memory back into the cache.
                ms = model.milliseconds(self.runs[file])
                self.samples.setdefault(file, []).append((ms, len(self.reference_ms) - 1))

    def quiet(self, file):
        """The model's timings made while the reference was not slow."""
        quarter = sorted(self.reference_ms)[len(self.reference_ms) // 4]
        kept = [ms for ms, i in self.samples[file] if self.reference_ms[i] <= SLOW * quarter]
        return kept if len(kept) >= FEWEST else [ms for ms, _ in self.samples[file]]

    def slow_percent(self):
        quarter = sorted(self.reference_ms)[len(self.reference_ms) // 4]
        slow = sum(ms > SLOW * quarter for ms in self.reference_ms)
        return 100.0 * slow / len(self.reference_ms)


def interval(values):
    """90 % bootstrap interval of the median."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(200))
    return medians[10], medians[-11]


def write_results(path, timer, rows):
    with open(path + ".tmp", "w", newline="", encoding="utf-8") as out:
        table = csv.writer(out)
        table.writerow(["file", "ms", "low", "high", "n"])
        for row in rows:
            values = timer.quiet(row["file"])
            low, high = interval(values)
            table.writerow([row["file"], repr(statistics.median(values)), repr(low), repr(high),
                            len(values)])
    os.replace(path + ".tmp", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (1)")
    parser.add_argument("--rounds", type=int, default=15, help="timings of every model (15)")
    parser.add_argument("--sample-ms", type=float, default=5.0, help="shortest timing (5)")
    parser.add_argument("--provider", default="", help="e.g. CUDAExecutionProvider")
    parser.add_argument("--out", default=os.path.join(HERE, "results.csv"))
    options = parser.parse_args()
    with open(os.path.join(HERE, "manifest.csv"), newline="", encoding="utf-8") as manifest:
        rows = list(csv.DictReader(manifest))
    reference = next(row for row in rows if row["role"] == "reference")
    rows = [row for row in rows if row["role"] != "reference"]
    timer = Timer(reference, options)
    for number in range(options.rounds):
        timer.round(rows)
        write_results(options.out, timer, rows)
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    print(f"{len(rows)} models, the machine was slow {timer.slow_percent():.0f} % of the time; "
          f"the times are in {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
