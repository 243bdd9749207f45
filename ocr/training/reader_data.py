"""Packs labelled plates from the data folder into one cache file, and reads it back.

A packed plate is a grey picture of the plate with some surroundings, its quad there, and its text.
"""
import argparse
import collections
import itertools
import json
import os
import re
import zlib

import cv2
import numpy as np

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CACHE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.train/reader.npz")
DATA = "../shared/data"

# Crop sources and how much of the crop lies outside the plate on each side, a share of it (x, y).
CROPS = {"us_nyc_crops": (0.02, 0.04), "us_state_crops": (0.0, 0.0), "br_crops": (0.03, 0.05),
         "eu_crops_1row": (0.0, 0.0), "eu_crops_2row": (0.0, 0.0), "tn_crops": (0.0, 0.0),
         "cn_crops": (0.0, 0.0), "misc_crops": (0.02, 0.03)}
PICTURES = ("in_nl_cars", "kaggle_cars", "openimages_lp", "misc_images", "ro_dashcam", "cn_easypr",
            "cn_ccpd_corners")
# Sources without a test split of their own: one text in so many goes to validation.
OWN_SPLIT = {"br_crops": 8, "cn_crops": 10, "tn_crops": 10, "in_nl_cars": 10, "openimages_lp": 10,
             "cn_easypr": 10, "misc_images": 10, "misc_crops": 10}
MAX_HEIGHT, MAX_WIDTH = 88, 208
TAXI_CUT = re.compile(r"\d{6}C")  # New York taxi labels that lost their leading T

Plate = collections.namedtuple("Plate", "pixels quad text source country state split")


def usable(source, text):
    if not text or any(c not in ALPHABET for c in text) or len(text) > 12:
        return False
    if source == "us_state_crops" and len(text) < 3:  # samples such as "0000" cut to one character
        return False
    return not (source == "us_nyc_crops" and TAXI_CUT.fullmatch(text))


def readable(source, quad):
    """Whether a plate is worth learning: not tiny, sane corners, its lines in the label's order."""
    high, wide = np.linalg.norm(quad[3] - quad[0]), np.linalg.norm(quad[1] - quad[0])
    if high < 10 or wide < 20:
        return False
    if source.startswith("cn_"):
        return wide > 1.5 * high
    return source != "tn_crops" or wide > 2.2 * high  # two-line ones are labelled lower line first


def split_of(source, text, given):
    if source not in OWN_SPLIT:
        return given
    return "test" if zlib.crc32(text.encode()) % OWN_SPLIT[source] == 0 else "train"


def shrunk(grey, quad):
    """The picture made no larger than reading needs, with its quad."""
    high = np.linalg.norm(quad[3] - quad[0])
    wide = np.linalg.norm(quad[1] - quad[0])
    scale = min(1.0, max(MAX_HEIGHT / high, 1e-3), MAX_WIDTH / wide)
    if scale < 1.0:
        size = (max(8, round(grey.shape[1] * scale)), max(8, round(grey.shape[0] * scale)))
        quad = quad * np.float32([size[0] / grey.shape[1], size[1] / grey.shape[0]])
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return grey, quad


def box_quad(x, y, w, h):
    return np.float32([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])


def ordered(corners):
    """Corners clockwise from the upper left, whatever order they came in."""
    p = np.float32(corners)
    d = p - p.mean(0)
    p = p[np.argsort(np.arctan2(d[:, 1], d[:, 0]))]
    return np.roll(p, -int(np.argmin(p.sum(1))), 0)


def cut(grey, box, corners):
    """The surroundings of a box (30 % each side) and the plate's quad there."""
    x, y, w, h = box
    quad = ordered(corners) if corners else box_quad(x, y, w, h)
    x0, y0 = max(0, int(x - 0.3 * w)), max(0, int(y - 0.3 * h))
    x1, y1 = min(grey.shape[1], int(x + 1.3 * w) + 1), min(grey.shape[0], int(y + 1.3 * h) + 1)
    return shrunk(grey[y0:y1, x0:x1], quad - np.float32([x0, y0]))


def read_source(data, source):
    manifest = os.path.join(data, source, "manifest.jsonl")
    for line in open(manifest) if os.path.exists(manifest) else ():
        entry = json.loads(line)
        rest = (source, entry.get("country", "XX"), entry.get("state") or "")
        if "crop" in entry:
            if not usable(source, entry.get("text")):
                continue
            grey = cv2.imread(os.path.join(data, source, entry["crop"]), 0)
            if grey is None:
                continue
            h, w = grey.shape
            mx, my = CROPS[source]
            grey, quad = shrunk(grey, box_quad(mx * w, my * h, w - 2 * mx * w, h - 2 * my * h))
            yield Plate(grey, quad, entry["text"], *rest,
                        split_of(source, entry["text"], entry["split"]))
            continue
        grey = None
        for plate in entry["plates"]:
            if not usable(source, plate.get("text")):
                continue
            if grey is None:
                grey = cv2.imread(os.path.join(data, source, entry["image"]), 0)
            pixels, quad = cut(grey, plate["box"], plate.get("corners"))
            yield Plate(pixels, quad, plate["text"], *rest,
                        split_of(source, plate["text"], entry["split"]))


def pack(data, path, limit=None):
    """Writes the cache; `limit` takes only so many plates of each source."""
    plates = []
    for source in (*CROPS, *PICTURES):
        good = (p for p in read_source(data, source) if readable(source, p.quad))
        plates += itertools.islice(good, limit)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    names = ("text", "source", "country", "state", "split")
    pixels = [p.pixels.ravel() for p in plates] + [np.empty(0, np.uint8)]
    np.savez(path, bytes=np.concatenate(pixels),
             shape=np.int32([p.pixels.shape for p in plates]).reshape(-1, 2),
             quad=np.float32([p.quad for p in plates]),
             **{n: np.array([getattr(p, n) for p in plates]) for n in names})
    return len(plates)


def load(path=CACHE):
    z = np.load(path)
    ends = np.cumsum(z["shape"].prod(1))
    data = z["bytes"]
    columns = [z[n].tolist() for n in ("text", "source", "country", "state", "split")]
    return [Plate(data[e - h * w:e].reshape(h, w), q, *row)
            for e, (h, w), q, row in zip(ends, z["shape"], z["quad"], zip(*columns))]


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--data", default=DATA)
    ap.add_argument("--out", default=CACHE)
    ap.add_argument("--limit", type=int)
    args = ap.parse_args()
    print(pack(args.data, args.out, args.limit), "plates")
    for key, n in sorted(collections.Counter((p.source, p.split) for p in load(args.out)).items()):
        print(*key, n)


if __name__ == "__main__":
    main()
