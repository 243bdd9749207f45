"""Measures the plate locator on held-out pictures and scenes, or to report on a labelled folder."""
import argparse
import pickle
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

import scenes
from locate_export import frame_of, load_net, write_onnx
from locate_net import decode, iou_of

SMALL = 20  # plates narrower than this in the working frame are neither wanted nor held against us


def read_bench(folder):
    """Pictures of a labelled folder as in the data README; its unlabelled plates are ignored."""
    ignore = {}
    table = folder.parent / 'ignore.tsv'
    if table.exists():
        for line in table.read_text().splitlines():
            part = line.split('\t')
            if len(part) >= 5:
                ignore.setdefault(part[0], []).append([float(v) for v in part[1:5]])
    box = lambda x, y, w, h: np.float32([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])
    for text in sorted(folder.glob('*.txt')):
        for line in text.read_text(encoding='utf-8-sig').splitlines():
            part = line.split('\t')
            grey = cv2.imread(str(folder / part[0]), cv2.IMREAD_GRAYSCALE)
            yield {
                'grey': grey,
                'set': folder.name,
                'name': part[0],
                'plates': [(box(*[float(v) for v in part[1:5]]), False, 1.0)],
                'ignored': [box(*b) for b in ignore.get(Path(part[0]).stem, [])],
            }


def held_out(args):
    """Held-out real pictures and a fixed set of scenes made from held-out pictures and crops."""
    with open(args.cache, 'rb') as file:
        cache = pickle.load(file)
    if args.mined:  # plates that nobody labelled, marked by eye
        with open(args.mined, 'rb') as file:
            for key, quad, plate in pickle.load(file):
                for picture in cache['pictures']:
                    if plate and picture['test'] and (picture['set'], picture['name']) == key:
                        picture.setdefault('unlabelled', []).append(quad)
    yield from (p for p in cache['pictures'] if p['test'])
    scene = scenes.Scenes(
        scenes.Pools(cache, args.data, test=True, drawn=200, seed=99), 384, seed=99, replace=0.9
    )
    for i in range(args.scenes):
        grey, plates, ignored = scene.sample()
        yield {
            'grey': grey,
            'set': 'scenes',
            'name': f'scene{i}',
            'plates': plates,
            'ignored': ignored,
            'as_is': True,
        }


def measure(reader, pictures, floor=0.1):
    """For each picture its truth and every plate found above floor, in the network's pixels."""
    results = []
    for picture in pictures:
        if picture.get('as_is'):
            frame, scale = picture['grey'].astype(np.float32) / 255, np.float32([1, 1])
        else:
            frame, scale = frame_of(picture['grey'])
        reader.setInput(frame[None, None])
        begin = time.perf_counter()
        out = reader.forward()[0]
        spent = time.perf_counter() - begin
        unlabelled = [*picture.get('ignored', []), *picture.get('unlabelled', [])]
        wanted, ignored = [], [q * scale for q in unlabelled]
        for quad, known, weight in picture['plates']:
            quad = quad * scale
            if (np.ptp(quad[:, 0]) >= SMALL or 'ignored' in picture) and weight > 0:
                wanted.append((quad, known))
            else:
                ignored.append(quad)
        results.append(
            {
                'picture': picture,
                'wanted': wanted,
                'ignored': ignored,
                'found': decode(out, floor),
                'scale': scale,
                'ms': spent * 1e3,
            }
        )
    return results


def judge(result, threshold):
    """(hits: list of (label, known, quad or None, score), false alarms); one plate a label."""
    found = [f for f in result['found'] if f[0] >= threshold]
    free = set(range(len(found)))
    hits = []
    for quad, known in result['wanted']:
        best = max(free, key=lambda i: iou_of(quad, found[i][1]), default=None)
        if best is not None and iou_of(quad, found[best][1]) >= 0.5:
            free.discard(best)
            hits.append((quad, known, found[best][1], found[best][0]))
        else:
            hits.append((quad, known, None, 0))
    inside = lambda a, b: float(
        np.prod(np.maximum(0, np.minimum(a.max(0), b.max(0)) - np.maximum(a.min(0), b.min(0))))
        / max(1e-6, np.prod(np.ptp(a, 0)))
    )
    false = [
        found[i]
        for i in sorted(free)
        if not any(
            iou_of(found[i][1], q) >= 0.3 or inside(found[i][1], q) >= 0.5
            for q in result['ignored']
        )
    ]
    return hits, false


def corner_error(quad, got):
    """Mean distance of the four corners in parts of the plate's width."""
    width = (np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
    return float(np.linalg.norm(quad - got, axis=1).mean() / width)


def table(results, threshold):
    sets = {}
    for result in results:
        sets.setdefault(result['picture']['set'], []).append(result)
    real = [r for r in results if r['picture']['set'] not in ('scenes', 'roboflow_plates')]
    rows = list(sets.items()) + ([('real', real)] if len(sets) > 1 and real else [])
    print(
        f'threshold {threshold}\nset pictures plates found% false/picture meanIoU'
        ' corner%(median p90) ms(min)'
    )
    for name, part in rows:
        hits, false = [], 0
        for result in part:
            h, f = judge(result, threshold)
            hits += h
            false += len(f)
        good = [h for h in hits if h[2] is not None]
        iou = np.mean([iou_of(h[0], h[2]) for h in good]) if good else 0
        errors = [corner_error(h[0], h[2]) for h in good if h[1]]
        corner = '%.1f %.1f' % tuple(np.percentile(errors, [50, 90]) * 100) if errors else '-'
        print(
            f'{name:17s} {len(part):4d} {len(hits):4d} {100 * len(good) / max(1, len(hits)):6.1f}'
            f' {false / len(part):.3f} {iou:.3f} {corner} {min(r["ms"] for r in part):.2f}'
        )


def curve(results):
    for t in np.arange(0.3, 0.8, 0.02):
        real = [
            judge(r, t) for r in results if r['picture']['set'] not in ('scenes', 'roboflow_plates')
        ]
        made = [judge(r, t) for r in results if r['picture']['set'] == 'scenes']
        line = f'{t:.2f}'
        for part in (real, made):
            hits = [h for r in part for h in r[0]]
            if hits:
                line += (
                    f'  found {100 * np.mean([h[2] is not None for h in hits]):.2f}'
                    f' false {sum(len(r[1]) for r in part) / len(part):.4f}'
                )
        print(line)


def show(results, threshold, folder, limit=400):
    """Annotated pictures, the misses and false alarms named so that they sort first."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results[:limit]:
        hits, false = judge(result, threshold)
        grey = result['picture']['grey']
        scale = result['scale']
        bgr = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        lines = [(q, (0, 255, 0) if g is not None else (0, 0, 255)) for q, _, g, _ in hits]
        lines += [(g, (255, 255, 0)) for _, _, g, _ in hits if g is not None] + [
            (q, (0, 0, 255)) for _, q in false
        ]
        lines += [(q, (255, 0, 255)) for q in result['ignored']]
        for quad, colour in lines:
            cv2.polylines(
                bgr,
                [np.int32(quad / scale * 8)],
                True,
                colour,
                max(1, round(1 / scale[0])),
                cv2.LINE_AA,
                3,
            )
        for s, quad in false:
            cv2.putText(
                bgr,
                f'{s:.2f}',
                tuple(int(v) for v in quad[0] / scale),
                0,
                0.6 / scale[0],
                (0, 0, 255),
                1,
            )
        bad = 'a' if any(h[2] is None for h in hits) else 'b' if false else 'c'
        name = f'{bad}_{result["picture"]["set"]}_{Path(result["picture"]["name"]).stem}.jpg'
        cv2.imwrite(str(folder / name), bgr)


def open_reader(path):
    if path.suffix == '.onnx':
        return cv2.dnn.readNetFromONNX(str(path))
    with tempfile.TemporaryDirectory() as folder:
        write_onnx(load_net(path), Path(folder, 'net.onnx'))
        return cv2.dnn.readNetFromONNX(str(Path(folder, 'net.onnx')))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', type=Path, help='.onnx or a checkpoint')
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--cache', type=Path, default=Path('.train/locate_cache.pkl'))
    parser.add_argument(
        '--bench', type=Path, action='append', help='labelled folder; for reporting only'
    )
    parser.add_argument('--mined', type=Path, help='reviewed alarms, from locate_mine.py')
    parser.add_argument('--threshold', type=float, default=0.4)
    parser.add_argument('--scenes', type=int, default=400)
    parser.add_argument('--show', type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = [p for b in args.bench for p in read_bench(b)] if args.bench else held_out(args)
    results = measure(open_reader(args.model), pictures)
    table(results, args.threshold)
    if not args.bench:
        curve(results)
    if args.show:
        show(results, args.threshold, args.show)


if __name__ == '__main__':
    main()
