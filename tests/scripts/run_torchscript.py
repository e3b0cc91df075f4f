"""Runs the TorchScript models that FOLDER/cases.json lists and compares what comes out.

    HSCONAS_TOLERANCE=1e-5 python3 run_torchscript.py FOLDER
"""
import json
import os
import sys

import numpy
import torch

folder = sys.argv[1]
tolerance = float(os.environ["HSCONAS_TOLERANCE"])
with open(os.path.join(folder, "cases.json"), encoding="utf-8") as file:
    cases = json.load(file)
largest = 0.0
for case in cases:
    model = torch.jit.load(os.path.join(folder, case["model"]))
    model.eval()
    images = numpy.fromfile(os.path.join(folder, case["images"]), dtype=numpy.float32)
    expected = numpy.fromfile(os.path.join(folder, case["logits"]), dtype=numpy.float32)
    with torch.no_grad():
        logits = model(torch.from_numpy(images.reshape(case["shape"]))).numpy().reshape(-1)
    largest = max(largest, float(abs(logits - expected).max() / abs(expected).max()))
print(f"torch {torch.__version__}: {len(cases)} runs, largest relative difference {largest:.2e}",
      file=sys.stderr)
sys.exit(0 if largest <= tolerance else 1)
