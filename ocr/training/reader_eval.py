"""Measures an exported reader with OpenCV: whole-plate exact and top ten, reliability, time.

On the validation split; with --bench on the benchmark pictures' true boxes, to report only.
"""
import argparse
import collections
import glob
import json
import os
import time

import cv2
import numpy as np

import reader_augment
import reader_data
from reader_decode import beam, greedy, log_softmax
from reader_net import HEIGHT, WIDTH

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../models")


def opened(path):
    cv2.setNumThreads(1)
    return cv2.dnn.readNetFromONNX(path)


def scores(net, plate):
    """Logits [STEPS,37] of one uint8 input."""
    net.setInput(plate.astype(np.float32)[None, None] / 255)
    return net.forward()[0]


def bench_plates(folder):
    for name in sorted(glob.glob(os.path.join(folder, "*.txt"))):
        row = open(name).read().strip().split("\t")
        grey = cv2.imread(os.path.join(folder, row[0]), 0)
        x, y, w, h = (float(v) for v in row[1:5])
        yield os.path.basename(folder.rstrip("/")), row[5], reader_augment.plain(
            grey, reader_data.box_quad(x, y, w, h))


def held_plates(cache):
    for p in reader_data.load(cache):
        if p.split == "test":
            yield p.source, p.text, reader_augment.plain(p.pixels, p.quad)


def reliability(found):
    """Rows of (low, high, count, mean probability, share right)."""
    edges = (0, .3, .5, .7, .8, .9, .95, .98, .99, 1.0001)
    for low, high in zip(edges, edges[1:]):
        chosen = [(p, r) for p, r in found if low <= p < high]
        if chosen:
            yield low, high, len(chosen), *np.mean(chosen, 0)


def measured(net, plates, temperature, wrong=None):
    """Counts per set (see main's heading); each plate's probability and whether it was right."""
    counts, found = collections.defaultdict(lambda: np.zeros(5, int)), []
    fold = lambda s: s.replace("O", "0").replace("I", "1")
    for name, text, plate in plates:
        logits = scores(net, plate)
        best = greedy(logits)
        ten = beam(log_softmax(logits, temperature))
        counts[name] += (1, best == text, fold(best) == fold(text), ten[0][0] == text,
                         text in [t for t, _ in ten])
        found.append((float(np.exp(ten[0][1])), ten[0][0] == text))
        if wrong is not None and ten[0][0] != text:
            wrong.append((name, text, ten[:3], plate))
    return counts, found


def milliseconds(net):
    plate = np.zeros((HEIGHT, WIDTH), np.uint8)
    times = []
    for _ in range(300):
        began = time.perf_counter()
        scores(net, plate)
        times.append(1e3 * (time.perf_counter() - began))
    return np.median(times), np.min(times)


def sheet(wrong, path):
    """A contact sheet of what was misread: label, then the reading."""
    cells = []
    for name, text, ten, plate in wrong:
        cell = np.full((HEIGHT + 26, WIDTH + 6), 255, np.uint8)
        cell[:HEIGHT, :WIDTH] = plate
        cv2.putText(cell, text, (0, HEIGHT + 11), 0, 0.4, 0, 1)
        cv2.putText(cell, ten[0][0] + " %.2f" % np.exp(ten[0][1]), (0, HEIGHT + 24), 0, 0.4, 0, 1)
        cells.append(cell)
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % 9)
    cv2.imwrite(path, np.vstack([np.hstack(cells[i:i + 9]) for i in range(0, len(cells), 9)]))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--model", default=os.path.join(MODELS, "reader.onnx"))
    ap.add_argument("--cache", default=reader_data.CACHE)
    ap.add_argument("--bench", nargs="*", help="benchmark folders, instead of validation")
    ap.add_argument("--sheet", help="write what was misread to this picture")
    args = ap.parse_args()
    net = opened(args.model)
    about = os.path.splitext(args.model)[0] + ".json"
    temperature = json.load(open(about))["temperature"] if os.path.exists(about) else 1.0
    if args.bench:
        plates = (p for d in args.bench for p in bench_plates(d))
    else:
        plates = held_plates(args.cache)
    wrong = []
    counts, found = measured(net, plates, temperature, wrong)
    print("set, plates, exact greedy, exact folded, exact beam, among ten (%)")
    for name, c in sorted(counts.items()):
        print(name, c[0], *(round(100 * v / c[0], 1) for v in c[1:]))
    print("probability: from, to, plates, mean, right")
    for row in reliability(found):
        print(*(round(float(v), 3) for v in row))
    print("ms a plate, one thread: median %.2f, least %.2f" % milliseconds(net))
    if args.sheet and wrong:
        sheet(wrong, args.sheet)


if __name__ == "__main__":
    main()
