"""Measures the second reader, alone and beside the network, and what agreement is worth.

On the validation split, or with --bench on the benchmark pictures' true boxes, to report only. With
--card it writes what the daemon needs (of validation only) into the model's card, with its hash.
"""
import argparse
import collections
import ctypes
import hashlib
import json
import os
import time

import numpy as np

import reader_data
import reader_eval
from reader_decode import beam, log_softmax
from tesseract_line import LINE_HEIGHT, line_of

MODEL = os.path.join(reader_eval.MODELS, "plate.traineddata")
RAW_LINE, LSTM_ONLY, SYMBOL = 13, 1, 4
SETTINGS = {"debug_file": "/dev/null", "load_system_dawg": "0", "load_freq_dawg": "0",
            "classify_enable_learning": "0", "tessedit_do_invert": "0", "invert_threshold": "0"}
UNSURE = 0.95  # the second reader is asked below it
HEARD = 0.25  # what the second reader believes less, calibrated, counts as silence
LIKELY = 0.5  # what agreement is worth is measured above it


class Tesseract:
    """The library's C API, used as ocr/second.c does."""

    def __init__(self, path):
        self.lib = ctypes.CDLL("libtesseract.so.5")
        for name, kind in (("Create", ctypes.c_void_p), ("GetIterator", ctypes.c_void_p)):
            getattr(self.lib, "TessBaseAPI" + name).restype = kind
        self.lib.TessResultIteratorGetUTF8Text.restype = ctypes.c_void_p
        self.lib.TessResultIteratorConfidence.restype = ctypes.c_float
        self.api = ctypes.c_void_p(self.lib.TessBaseAPICreate())
        data, n = open(path, "rb").read(), len(SETTINGS)
        names = (ctypes.c_char_p * n)(*(k.encode() for k in SETTINGS))
        values = (ctypes.c_char_p * n)(*(v.encode() for v in SETTINGS.values()))
        if self.lib.TessBaseAPIInit5(self.api, data, len(data), b"plate", LSTM_ONLY, None, 0,
                                     names, values, ctypes.c_size_t(n), 0):
            raise SystemExit(path + ": Tesseract cannot load it")
        self.lib.TessBaseAPISetPageSegMode(self.api, RAW_LINE)

    def read(self, line):
        """Text and least symbol confidence, 0..1."""
        line = np.ascontiguousarray(line)
        h, w = line.shape
        self.lib.TessBaseAPISetImage(self.api, line.ctypes.data_as(ctypes.c_void_p), w, h, 1, w)
        self.lib.TessBaseAPISetSourceResolution(self.api, 300)
        self.lib.TessBaseAPIRecognize(self.api, None)
        at, text, least = self.lib.TessBaseAPIGetIterator(self.api), "", 1.0
        at = ctypes.c_void_p(at)
        while at:
            symbol = self.lib.TessResultIteratorGetUTF8Text(at, SYMBOL)
            if not symbol:
                break
            text += ctypes.string_at(symbol).decode()
            self.lib.TessDeleteText(ctypes.c_void_p(symbol))
            least = min(least, self.lib.TessResultIteratorConfidence(at, SYMBOL) / 100)
            if not self.lib.TessResultIteratorNext(at, SYMBOL):
                break
        if at:
            self.lib.TessResultIteratorDelete(at)
        self.lib.TessBaseAPIClear(self.api)
        good = 0 < len(text) <= 12 and all(c in reader_data.ALPHABET for c in text)
        return (text, max(0.0, min(1.0, least))) if good else ("", 0.0)


# `first`: a list of (text, odds); `heard`: `second`, or nothing where it is believed too little.
Pair = collections.namedtuple("Pair", "source truth first second belief heard")


def both_read(tesseract, net, temperature, plates):
    times = []
    for source, truth, plate in plates:
        odds = log_softmax(reader_eval.scores(net, plate), temperature)
        first = [(t, float(np.exp(p))) for t, p in beam(odds)]
        began = time.thread_time()
        second, belief = tesseract.read(line_of(plate)[0])
        times.append(1e3 * (time.thread_time() - began))
        yield Pair(source, truth, first, second, belief, second)
    print("second reader, CPU ms a plate: median %.2f, p95 %.2f" %
          (np.median(times), np.percentile(times, 95)))


def rules_of(pairs, unsure):
    """What agree_apply needs, of the plates that the network is unsure of.

    Each share is taken as if one plate more had gone either way.
    """
    asked = [p for p in pairs if p.first[0][1] < unsure]
    # On what the network can hardly read Tesseract agrees with nothing, right or wrong: that would
    # overstate what agreement is worth where two readers are deceived by the same look-alike.
    likely = [p for p in asked if p.first[0][1] >= LIKELY]
    right = [p for p in likely if p.first[0][0] == p.truth]
    wrong = [p for p in likely if p.first[0][0] != p.truth]
    strange = [p for p in asked if p.heard and p.heard not in [t for t, _ in p.first]]
    share = lambda hits, of: round((hits + 1) / (of + 2), 4)
    print("asked %d of %d plates; above %.1f network right %d, wrong %d; strange texts %d" %
          (len(asked), len(pairs), LIKELY, len(right), len(wrong), len(strange)))
    return {"unsure_below": unsure, "heard_from": HEARD,
            "same_if_right": share(sum(p.heard == p.first[0][0] for p in right), len(right)),
            "same_if_wrong": share(sum(p.heard == p.first[0][0] for p in wrong), len(wrong)),
            "alone": share(sum(p.heard == p.truth for p in strange), len(strange))}


def joined(pair, rules):
    """The candidates after agree_apply, and whether a human is asked because the readers differ."""
    texts = dict(pair.first)
    if pair.first[0][1] >= rules["unsure_below"] or not pair.heard:
        return pair.first, False
    gain = rules["same_if_right"] / rules["same_if_wrong"]
    loss = (1 - rules["same_if_right"]) / (1 - rules["same_if_wrong"])
    if pair.heard in texts:
        before = texts[pair.heard]
        scale = 1 / (before * gain + 1 - before)
        texts = {t: p * scale * (gain if t == pair.heard else 1) for t, p in texts.items()}
    else:
        texts = {t: p * loss for t, p in list(texts.items())[:9]}
        texts[pair.heard] = rules["alone"]
    ranked = sorted(texts.items(), key=lambda tp: -tp[1])
    return ranked, pair.heard != pair.first[0][0]


def curve(pairs, points=8):
    """Belief to share right, rising: groups of equal size, neighbours joined until they rise."""
    known = sorted((p.belief, p.second == p.truth) for p in pairs if p.second)
    groups = [[float(np.mean([b for b, _ in g])), float(np.mean([r for _, r in g])), len(g)]
              for g in np.array_split(np.array(known, float), points)]
    at = 1
    while at < len(groups):
        (b0, r0, n0), (b1, r1, n1) = groups[at - 1], groups[at]
        if r1 <= r0 or b1 <= b0:
            n = n0 + n1
            groups[at - 1:at + 1] = [[(b0 * n0 + b1 * n1) / n, (r0 * n0 + r1 * n1) / n, n]]
            at = max(at - 1, 1)
        else:
            at += 1
    return [[round(b, 4), round(r, 4)] for b, r, _ in groups]


def heard(pairs, table):
    """The pairs with calibrated beliefs, and silence where there is too little."""
    for p in pairs:
        known, share = zip((0.0, 0.0), *table)
        belief = float(np.interp(p.belief, known, share))
        yield p._replace(belief=belief, heard=p.second if belief >= HEARD else "")


def report(pairs, rules):
    table = collections.defaultdict(lambda: np.zeros(7))
    for p in pairs:
        ranked, differs = joined(p, rules)
        row = (1, p.first[0][0] == p.truth, p.second == p.truth, ranked[0][0] == p.truth,
               p.truth in [t for t, _ in p.first], p.truth in [t for t, _ in ranked], differs)
        table[p.source] += row
        table["all"] += row
    print("set: plates; exact % network, Tesseract, both; among ten % network, both; differ %")
    for name, c in sorted(table.items()):
        print("%-16s %5d" % (name, c[0]), *("%6.1f" % (100 * v / c[0]) for v in c[1:]))
    for name, believed in (("network", lambda p: p.first[0]),
                           ("both", lambda p: joined(p, rules)[0][0])):
        asked = [believed(p) + (p.truth,) for p in pairs if p.first[0][1] < rules["unsure_below"]]
        print("%s, where the network is unsure:" % name)
        for low, high in ((0, .5), (.5, .8), (.8, .95), (.95, .99), (.99, 1.01)):
            some = [(p, t == truth) for t, p, truth in asked if low <= p < high]
            if some:
                print("  confidence %.2f to %.2f: %4d plates, mean %.3f, right %.3f" %
                      (low, min(high, 1), len(some), *np.mean(some, 0)))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--model", default=MODEL)
    ap.add_argument("--reader", default=os.path.join(reader_eval.MODELS, "reader.onnx"))
    ap.add_argument("--cache", default=reader_data.CACHE)
    ap.add_argument("--bench", nargs="*", help="benchmark folders, instead of validation")
    ap.add_argument("--card", help="write what was found into this card")
    args = ap.parse_args()
    net = reader_eval.opened(args.reader)
    heat = json.load(open(os.path.splitext(args.reader)[0] + ".json"))["temperature"]
    if args.bench:
        plates = [x for d in args.bench for x in reader_eval.bench_plates(d)]
    else:
        plates = list(reader_eval.held_plates(args.cache))
    pairs = list(both_read(Tesseract(args.model), net, heat, plates))
    if args.bench:
        rules = json.load(open(os.path.splitext(args.model)[0] + ".json"))
        pairs = list(heard(pairs, rules["calibration"]))
    else:
        table = curve(pairs)
        pairs = list(heard(pairs, table))
        rules = rules_of(pairs, UNSURE)
        print(rules)
    report(pairs, rules)
    if args.card and not args.bench:
        known = {"file": os.path.basename(args.model),
                 "sha256": hashlib.sha256(open(args.model, "rb").read()).hexdigest(),
                 "height": LINE_HEIGHT, **rules, "calibration": table}
        with open(args.card, "w", encoding="ascii") as out:
            out.write(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
