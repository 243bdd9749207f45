#!/usr/bin/python3
"""Fits the calibration table of reader.json on held-out crops, through the program itself.

The held-out crops are read with `laneward read --plate-only`, without a table. An isotonic fit
(pool adjacent violators; Ayer et al. 1955) of exact or not against confidence, in groups of at
least so many readings, becomes the table "calibration": [[from, to], ...] of the card.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile

import reader_data

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = ["us_nyc_crops", "us_state_crops", "br_crops", "eu_crops_1row", "eu_crops_2row"]
# How much a folder counts: the countries alike, whatever number of crops they have.
SHARE = {"us_nyc_crops": .2, "us_state_crops": .3, "br_crops": .2, "eu_crops_1row": .2,
         "eu_crops_2row": .1}
GROUP = 30  # readings in a step of the table


def readings(program, models, folder):
    """(confidence, exact, weight) of each held-out crop of a folder."""
    truth = {}
    for line in open(folder / "manifest.jsonl", encoding="utf-8"):
        entry = json.loads(line)
        text = entry.get("text") or ""
        held = reader_data.split_of(folder.name, text, entry["split"]) == "test"
        if held and reader_data.usable(folder.name, text):
            truth[str(folder / entry["crop"])] = text
    with tempfile.TemporaryDirectory() as cards:
        for name in os.listdir(models):
            os.symlink(models / name, f"{cards}/{name}")
        card = json.load(open(models / "reader.json", encoding="utf-8"))
        card.pop("calibration", None)
        os.unlink(f"{cards}/reader.json")
        json.dump(card, open(f"{cards}/reader.json", "w", encoding="utf-8"))
        command = [program, "read", "--json", "--plate-only", "--models", cards,
                   "--regions", HERE / "../../config/regions", *truth]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = []
    for line in told.splitlines():
        answer = json.loads(line)
        best = answer["results"][0] if answer["results"] else {"plate": "", "confidence": 0}
        right = best["plate"] == truth[answer["file"]]
        found.append((best["confidence"] / 100, right, SHARE[folder.name] / len(truth)))
    return found


def isotonic(pairs):
    """Steps of rising confidence with not falling share of exact ones: [from, to, weight, n]."""
    steps = []
    for confidence, right, weight in sorted(pairs):
        steps.append([confidence * weight, right * weight, weight, 1])
        while len(steps) > 1:
            (c0, r0, w0, n0), (c1, r1, w1, n1) = steps[-2], steps[-1]
            if r0 / w0 < r1 / w1 and n0 >= GROUP:
                break
            steps[-2:] = [[c0 + c1, r0 + r1, w0 + w1, n0 + n1]]
    if len(steps) > 1 and steps[-1][3] < GROUP:
        last = steps.pop()
        steps[-1] = [a + b for a, b in zip(steps[-1], last)]
    return [(c / w, r / w, n) for c, r, w, n in steps]


def table(steps):
    """Points through the steps' middles, from nothing to the last step; strictly rising."""
    points = [[0.0, 0.0]]
    for confidence, share, n in steps:
        # A step without an error still had n readings only: the rule of succession.
        # Never surer than the network: these crops all are plates, a lane's places are not.
        share = min(confidence, (n * share + 1) / (n + 2))
        if confidence > points[-1][0] + 1e-4:
            points.append([round(confidence, 5), round(max(share, points[-1][1]), 5)])
    if points[-1][0] < 1:
        points.append([1.0, points[-1][1]])
    return points


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--program", default=HERE / "../../build/release/bin/laneward")
    ap.add_argument("--data", type=pathlib.Path, default=HERE / "../../../shared/data")
    ap.add_argument("--models", type=pathlib.Path, default=HERE / "../models")
    options = ap.parse_args()
    models = options.models.resolve()
    pairs = []
    for name in FOLDERS:
        pairs += readings(options.program, models, options.data.resolve() / name)
    steps = isotonic(pairs)
    for confidence, share, n in steps:
        print(f"{n:5d} readings at {confidence:.4f}: {100 * share:.1f} % exact")
    path = models / "reader.json"
    card = json.load(open(path, encoding="utf-8"))
    card["calibration"] = table(steps)
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    print(f"{len(pairs)} readings, {len(card['calibration'])} points in {path.name}")


if __name__ == "__main__":
    main()
