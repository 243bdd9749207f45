"""Packs the data folder's pictures and plate crops into one grey cache for the plate locator."""
import argparse
import json
import pickle
import zlib
from pathlib import Path

import cv2
import numpy as np

AREA = (
    640 * 384
)  # working area in pixels: every picture is brought to about this size before the network
KEEP = 2.25 * AREA  # cached pictures hold up to this many pixels, so that training may also zoom in

# folder -> (aspect to give back to a picture that its publisher stretched to a square, or None;
# weight of its labels)
PICTURES = {
    'cn_easypr': (None, 1.0),
    'cn_ccpd_corners': (None, 1.0),
    'in_nl_cars': (None, 1.0),
    'kaggle_cars': (None, 1.0),
    'misc_images': (None, 1.0),
    'ro_dashcam': (None, 1.0),
    'tn_cars': (None, 1.0),
    'es_streets': (None, 1.0),
    'openimages_lp': (4 / 3, 0.6),
    'roboflow_plates': (4 / 3, 0.3),
    'negatives': (None, 1.0),
}
# folder -> inset of the plate's edge from the crop's edge (x, y as parts of the size); seen by eye
CROPS = {
    'us_state_crops': (0.01, 0.015),
    'us_nyc_crops': (0.03, 0.04),
    'br_crops': (0.03, 0.09),
    'eu_crops_1row': (0.01, 0.04),
    'eu_crops_2row': (0.01, 0.01),
    'tn_crops': (0.02, 0.04),
}
OWN_SPLIT = (
    'ro_dashcam',
    'roboflow_plates',
    'us_state_crops',
    'us_nyc_crops',
    'eu_crops_1row',
    'eu_crops_2row',
)
HELD_OUT = 12  # percent of a folder without a test split that is kept for validation


def is_test(folder, record, name):
    """The publisher's split where there is one, else a share of the names by their checksum."""
    if record.get('split') == 'test':
        return True
    if folder in OWN_SPLIT:
        return False
    return zlib.crc32(f'{folder}/{name}'.encode()) % 100 < HELD_OUT


def read_manifest(folder):
    with open(folder / 'manifest.jsonl', encoding='utf-8') as lines:
        return [json.loads(line) for line in lines]


def clockwise(quad):
    """The corners clockwise from the top left, in whatever order they were labelled."""
    centre = quad.mean(0)
    quad = quad[np.argsort(np.arctan2(quad[:, 1] - centre[1], quad[:, 0] - centre[0]))]
    return np.roll(quad, -int(quad.sum(1).argmin()), axis=0)


def plate_quad(plate, sx, sy):
    """(corners 4x2, known): known is False where only a box was labelled."""
    if plate.get('corners'):
        return clockwise(np.float32(plate['corners'])) * np.float32([sx, sy]), True
    x, y, w, h = plate['box']
    quad = np.float32([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
    return quad * np.float32([sx, sy]), False


def pack_picture(root, folder, record):
    """One picture as a dict of grey pixels and plates, or None where its labels cannot be used."""
    stretch, weight = PICTURES[folder]
    grey = cv2.imread(str(root / folder / record['image']), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        return None
    height, width = grey.shape
    out_w = width * stretch if stretch else width
    scale = min(1.0, (KEEP / (out_w * height)) ** 0.5)
    size = (max(8, round(out_w * scale)), max(8, round(height * scale)))
    sx, sy = size[0] / record['width'], size[1] / record['height']
    plates = []
    for plate in record['plates']:
        quad, known = plate_quad(plate, sx, sy)
        w, h = np.ptp(quad[:, 0]), np.ptp(quad[:, 1])
        if w < 2 or h < 2:
            continue
        if w < 0.8 * h or w * h > 0.7 * size[0] * size[1]:
            return None  # turned on its side, or a crop rather than a scene
        plates.append((quad, known, weight))
    if not plates and folder != 'negatives':
        return None
    if size != (width, height):
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    name = Path(record['image']).name
    return {
        'grey': grey,
        'plates': plates,
        'set': folder,
        'name': name,
        'test': is_test(folder, record, name),
    }


def pack_crop(root, folder, record):
    grey = cv2.imread(str(root / folder / record['crop']), cv2.IMREAD_GRAYSCALE)
    if grey is None or min(grey.shape) < 14:
        return None
    h, w = grey.shape
    if w > 256:
        grey = cv2.resize(grey, (256, max(8, round(h * 256 / w))), interpolation=cv2.INTER_AREA)
        h, w = grey.shape
    ix, iy = CROPS[folder]
    quad = np.float32([[ix, iy], [1 - ix, iy], [1 - ix, 1 - iy], [ix, 1 - iy]]) * np.float32([w, h])
    name = Path(record['crop']).name
    return {
        'grey': grey,
        'quad': quad,
        'set': folder,
        'name': name,
        'test': is_test(folder, record, name),
    }


def pack(root, limit=0):
    """{'pictures': [...], 'crops': [...]}; limit > 0 takes that many records a folder."""
    cache = {'pictures': [], 'crops': []}
    for folders, pack_one, key in (
        (PICTURES, pack_picture, 'pictures'),
        (CROPS, pack_crop, 'crops'),
    ):
        for folder in folders:
            records = read_manifest(root / folder)
            if limit:
                records = records[:limit]
            got = [pack_one(root, folder, record) for record in records]
            got = [item for item in got if item]
            cache[key] += got
            print(
                f'{folder}: {len(got)} of {len(records)},'
                f' {sum(item["test"] for item in got)} held out',
                flush=True,
            )
    return cache


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--out', type=Path, default=Path('.train/locate_cache.pkl'))
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out, 'wb') as out:
        pickle.dump(pack(args.data), out, protocol=4)


if __name__ == '__main__':
    main()
