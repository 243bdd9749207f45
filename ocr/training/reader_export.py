"""Exports a checkpoint to ONNX, checks it against OpenCV, calibrates it, and writes reader.json."""
import argparse
import hashlib
import json
import os

import cv2
import numpy as np
import torch

import reader_augment
import reader_data
from reader_decode import beam, log_softmax, probability
from reader_eval import MODELS, opened, scores
from reader_net import (ALPHABET, HEIGHT, MARGIN_X, MARGIN_Y, ROWS, STEPS, WIDTH, Reader,
                        count_macs, fold)

TOLERANCE = 1e-3


def export(net, path):
    torch.onnx.export(fold(net), torch.zeros(1, 1, HEIGHT, WIDTH), path, opset_version=11,
                      input_names=["plate"], output_names=["logits"])


def largest_difference(net, path, plates):
    """Between OpenCV's and torch's scores."""
    ours, worst = opened(path), 0.0
    for plate in plates:
        with torch.no_grad():
            want = net(torch.from_numpy(plate.astype(np.float32)[None, None] / 255))[0].numpy()
        worst = max(worst, float(np.abs(scores(ours, plate) - want).max()))
    return worst


def calibrated(net, held, seed=7):
    """The temperature that makes the best text's probability the chance that it is right.

    Measured on held-out plates as they are and once more disturbed, for the lane is no album.
    """
    rng, rows = np.random.default_rng(seed), []
    for p in held:
        for plate in (reader_augment.plain(p.pixels, p.quad),
                      reader_augment.augmented(rng, p.pixels, p.quad, 0.5)):
            logits = scores(net, plate)
            best = beam(log_softmax(logits), width=6, keep=1)[0][0]
            rows.append((logits, best, best == p.text))
    costs = {}
    for t in np.arange(0.6, 2.6, 0.1):
        cost = 0.0
        for logits, best, right in rows:
            q = float(np.clip(np.exp(probability(log_softmax(logits, t), best)), 1e-6, 1 - 1e-6))
            cost -= np.log(q if right else 1 - q)
        costs[round(float(t), 1)] = cost / len(rows)
    return min(costs, key=costs.get), costs


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("checkpoint")
    ap.add_argument("--cache", default=reader_data.CACHE)
    ap.add_argument("--out", default=MODELS)
    args = ap.parse_args()
    net = Reader()
    net.load_state_dict(torch.load(args.checkpoint)["average"])
    net.eval()
    path = os.path.join(args.out, "reader.onnx")
    export(net, path)
    held = [p for p in reader_data.load(args.cache) if p.split == "test"]
    some = [reader_augment.plain(p.pixels, p.quad) for p in held[::13]]
    worst = largest_difference(net, path, some)
    print("largest difference from torch: %.2g" % worst)
    if worst > TOLERANCE:
        raise SystemExit("OpenCV does not compute what was trained")
    temperature, costs = calibrated(opened(path), held[::2])
    print("temperature", temperature, {t: round(c, 4) for t, c in costs.items()})
    size = sum(p.numel() for p in net.parameters())
    print("%.1f MMAC, %d parameters" % (count_macs(net) / 1e6, size))
    about = {"file": "reader.onnx", "sha256": hashlib.sha256(open(path, "rb").read()).hexdigest(),
             "input_width": WIDTH, "input_height": HEIGHT,
             "margin_x": MARGIN_X, "margin_y": MARGIN_Y,
             "alphabet": ALPHABET, "blank": 0, "rows": ROWS, "steps": STEPS,
             "temperature": temperature}
    with open(os.path.join(args.out, "reader.json"), "w") as f:
        json.dump(about, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
