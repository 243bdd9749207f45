"""Says, with a locator trained so far, in which loosely cut crops the plate stands upright."""
import argparse
import pickle
from pathlib import Path

import cv2
import numpy as np

from locate_eval import open_reader
from locate_net import decode, iou_of

SETS = ('us_nyc_crops', 'br_crops', 'eu_crops_1row', 'tn_crops')
WIDTHS = (90, 130, 180)  # a crop is looked at in these widths; the corners must agree
CANVAS = (192, 288)


def look(reader, grey, width, rng):
    """The quad found in one placement of the crop, in the crop's pixels, or None."""
    h, w = grey.shape
    scale = min(width / w, 0.8 * CANVAS[0] / h)
    small = cv2.resize(grey, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_AREA)
    top = rng.integers(8, CANVAS[0] - small.shape[0] - 7)
    left = rng.integers(8, CANVAS[1] - small.shape[1] - 7)
    frame = cv2.copyMakeBorder(
        small,
        int(top),
        int(CANVAS[0] - top - small.shape[0]),
        int(left),
        int(CANVAS[1] - left - small.shape[1]),
        cv2.BORDER_REPLICATE,
    )
    reader.setInput(frame[None, None].astype(np.float32) / 255)
    whole = np.float32([[0, 0], [w, 0], [w, h], [0, h]])
    for score, quad in decode(reader.forward()[0], 0.25):
        quad = (quad - [left, top]) * [w / small.shape[1], h / small.shape[0]]
        if iou_of(quad, whole) > 0.5:
            return quad
    return None


def snap(reader, crop, rng, slack=0.05):
    """Median corners where the placements agree within slack of the crop's width, else None."""
    quads = [look(reader, crop['grey'], width, rng) for width in WIDTHS]
    quads = np.array([q for q in quads if q is not None])
    if len(quads) < 2:
        return None
    middle = np.median(quads, 0)
    if np.abs(quads - middle).max(0).mean() > slack * crop['grey'].shape[1]:
        return None
    return middle.astype(np.float32)


def upright(cut, found, limit=0.035):
    """The crop's own cut where the plate stands upright in it, else None."""
    if found is None:
        return None
    across, down = (
        found[1] + found[2] - found[0] - found[3],
        found[2] + found[3] - found[0] - found[1],
    )
    if abs(across[1]) > limit * abs(across[0]) or abs(down[0]) > 2.5 * limit * abs(down[1]):
        return None
    return cut


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', type=Path)
    parser.add_argument('--cache', type=Path, default=Path('.train/locate_cache.pkl'))
    parser.add_argument('--out', type=Path, default=Path('.train/locate_snap.pkl'))
    args = parser.parse_args()
    cv2.setNumThreads(1)
    reader, rng = open_reader(args.model), np.random.default_rng(1)
    with open(args.cache, 'rb') as file:
        crops = pickle.load(file)['crops']
    found, counts = {}, {}
    for crop in crops:
        if crop['set'] in SETS:
            quad = upright(crop['quad'], snap(reader, crop, rng))
            count = counts.setdefault(crop['set'], [0, 0])
            count[0] += 1
            if quad is not None:
                count[1] += 1
                found[crop['set'], crop['name']] = quad
    print({k: f'{v[1]} of {v[0]}' for k, v in counts.items()})
    with open(args.out, 'wb') as out:
        pickle.dump(found, out)


if __name__ == '__main__':
    main()
