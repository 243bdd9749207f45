"""Collects a locator's false alarms on the packed pictures for training to see again."""
import argparse
import pickle
from pathlib import Path

import cv2
import numpy as np

from locate_eval import judge, measure, open_reader


def sheet(found, columns=12, tile=128):
    """Numbered contact sheet, for the eye to say which are plates that nobody labelled."""
    tiles = []
    for number, (picture, quad, score) in enumerate(found):
        centre, reach = quad.mean(0), max(np.ptp(quad, 0)) * 1.1 + 6
        m = np.float32([[1, 0, reach - centre[0]], [0, 1, reach - centre[1]]]) * (tile / 2 / reach)
        part = cv2.cvtColor(cv2.warpAffine(picture['grey'], m, (tile, tile)), cv2.COLOR_GRAY2BGR)
        cv2.polylines(
            part,
            [np.int32(cv2.transform(quad[None].astype(np.float32), m)[0])],
            True,
            (0, 0, 255),
            1,
        )
        cv2.putText(part, f'{number} {score:.2f}', (2, 12), 0, 0.42, (0, 255, 0), 1)
        tiles.append(part)
    while len(tiles) % columns:
        tiles.append(np.zeros((tile, tile, 3), np.uint8))
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', type=Path)
    parser.add_argument('--cache', type=Path, default=Path('.train/locate_cache.pkl'))
    parser.add_argument('--out', type=Path, default=Path('.train/locate_mined.pkl'))
    parser.add_argument('--threshold', type=float, default=0.2)
    parser.add_argument(
        '--plates', default='', help='numbers on the sheet that are unlabelled plates: 3,17,40'
    )
    args = parser.parse_args()
    cv2.setNumThreads(1)
    with open(args.cache, 'rb') as file:
        pictures = pickle.load(file)['pictures']
    pictures = [p for p in pictures if p['set'] != 'roboflow_plates']
    found = []
    for result in measure(open_reader(args.model), pictures, args.threshold):
        for score, quad in judge(result, args.threshold)[1]:
            found.append((result['picture'], (quad / result['scale']).astype(np.float32), score))
    found.sort(key=lambda f: (f[0]['set'], -f[2]))
    cv2.imwrite(str(args.out.with_suffix('.png')), sheet(found))
    plates = {int(n) for n in args.plates.split(',') if n}
    with open(args.out, 'wb') as out:
        pickle.dump(
            [((p['set'], p['name']), quad, i in plates) for i, (p, quad, _) in enumerate(found)],
            out,
        )
    print(f'{len(found)} alarms, {len(plates)} of them unlabelled plates')


if __name__ == '__main__':
    main()
