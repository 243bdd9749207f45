"""Trains the plate locator on the packed cache; checkpoints carry all that a later run needs."""
import argparse
import math
import pickle
import time
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import torch

import locate_data
import scenes
from locate_net import Net, corner_loss, score_loss, targets


def load_cache(args):
    if args.smoke:
        return locate_data.pack(args.data, limit=10)
    if not args.cache.exists():
        args.cache.parent.mkdir(parents=True, exist_ok=True)
        with open(args.cache, 'wb') as out:
            pickle.dump(locate_data.pack(args.data), out, protocol=4)
    with open(args.cache, 'rb') as file:
        return pickle.load(file)


def load_extra(path):
    if not path:
        return None
    with open(path, 'rb') as file:
        return pickle.load(file)


class Bank:
    """Batches of one size each: new scenes, and from a store of seen ones, mirrored and relit."""

    SIZES, SHARES = (256, 320, 384), (0.35, 0.3, 0.35)

    def __init__(self, scene, reuse, room=1500):
        self.scene, self.reuse, self.room = scene, reuse, room
        self.seen = {size: [] for size in self.SIZES}

    def batch(self, count):
        rng = self.scene.rng
        size = int(rng.choice(self.SIZES, p=self.SHARES))
        self.scene.size, seen = size, self.seen[size]
        old = int(count * self.reuse) if len(seen) > count else 0
        samples = [self.again(*seen[rng.integers(len(seen))]) for _ in range(old)]
        for _ in range(count - old):
            sample = self.scene.sample()
            samples.append(sample)
            if len(seen) < self.room:
                seen.append(sample)
            else:
                seen[rng.integers(self.room)] = sample
        images = np.stack([s[0] for s in samples])[:, None].astype(np.float32) / 255
        plates = max(1, sum(len(s[1]) for s in samples))
        return torch.from_numpy(images), targets([s[1:] for s in samples], size), plates

    def again(self, img, plates, ignored):
        rng = self.scene.rng
        img, plates, ignored = self.scene.flip(img, plates, ignored)
        return (
            cv2.convertScaleAbs(img, None, rng.uniform(0.7, 1.2), rng.uniform(0, 25)),
            plates,
            ignored,
        )


def update_average(average, net, step, decay):
    decay = min(decay, (step + 1) / (step + 20))
    with torch.no_grad():
        for old, new in zip(average.state_dict().values(), net.state_dict().values()):
            if old.dtype.is_floating_point:
                old.lerp_(new, 1 - decay)
            else:
                old.copy_(new)


def rate(progress, peak):
    """One cycle: a short warm-up, then a cosine down to a hundredth."""
    if progress < 0.03:
        return peak * (0.1 + 0.9 * progress / 0.03)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.03) / 0.97)))


def learn(net, optimizer, batch, corner_share):
    """One step in bfloat16 on float32 weights; returns the losses (score, corners, 1 - IoU)."""
    images, (heat, care, rows), plates = batch
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = net(images.to(memory_format=torch.channels_last))
    out = out.float()
    score = score_loss(out[:, 0], heat, care, plates)
    corner, iou = corner_loss(out, rows)
    optimizer.zero_grad(set_to_none=True)
    (score + corner_share * corner).backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimizer.step()
    return float(score), float(corner), iou


def train(args):
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(args.seed)
    pools = scenes.Pools(
        load_cache(args),
        args.data,
        drawn=30 if args.smoke else 2500,
        seed=args.seed,
        snaps=load_extra(args.snaps),
        mined=load_extra(args.mined) or (),
    )
    net = Net().to(memory_format=torch.channels_last)
    average = deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=0.01)
    step = 0
    if args.resume:
        state = torch.load(args.resume, map_location='cpu')
        net.load_state_dict(state['average'] if args.fresh else state['net'])
        average.load_state_dict(state['average'])
        if not args.fresh:
            optimizer.load_state_dict(state['optimizer'])
        step = state['step']
    first, begin, logged = step, time.time(), time.time()
    scene = scenes.Scenes(pools, seed=args.seed * 1000003 + step)
    bank = Bank(scene, args.reuse, 50 if args.smoke else 1500)
    sums = np.zeros(4)
    net.train()
    while True:
        progress = max(
            (step - first) / args.steps if args.steps else 0,
            (time.time() - begin) / (60 * args.minutes) if args.minutes else 0,
        )
        progress = args.start + (1 - args.start) * progress
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group['lr'] = rate(progress, args.rate)
        losses = learn(net, optimizer, bank.batch(args.batch), args.corner)
        step += 1
        update_average(average, net, step - first, args.decay)
        sums += [*losses, 1]
        if step % 100 == 0 or args.smoke:
            span = time.time() - logged
            print(
                f'step {step} {progress:.3f} score {sums[0] / sums[3]:.4f}'
                f' corner {sums[1] / sums[3]:.4f}'
                f' iou {1 - sums[2] / sums[3]:.4f} pictures/s {sums[3] * args.batch / span:.0f}',
                flush=True,
            )
            sums[:], logged = 0, time.time()
        if step % 250 == 0:
            save(args, net, average, optimizer, step)
    save(args, net, average, optimizer, step)


def save(args, net, average, optimizer, step):
    args.out.parent.mkdir(parents=True, exist_ok=True)
    part = args.out.with_suffix('.part')
    torch.save(
        {
            'net': net.state_dict(),
            'average': average.state_dict(),
            'optimizer': optimizer.state_dict(),
            'step': step,
            'seed': args.seed,
        },
        part,
    )
    part.replace(args.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', type=Path, default=Path('../shared/data'))
    parser.add_argument('--cache', type=Path, default=Path('.train/locate_cache.pkl'))
    parser.add_argument('--snaps', type=Path, help='corners inside the crops, from locate_snap.py')
    parser.add_argument(
        '--mined', type=Path, help='false alarms to look at again, from locate_mine.py'
    )
    parser.add_argument('--out', type=Path, default=Path('.train/locate.pt'))
    parser.add_argument('--minutes', type=float, default=0)
    parser.add_argument('--steps', type=int, default=0)
    parser.add_argument('--resume', type=Path)
    parser.add_argument(
        '--fresh', action='store_true', help='resume the averaged weights, not the optimizer'
    )
    parser.add_argument(
        '--start', type=float, default=0, help='part of the rate cycle already behind a resumed run'
    )
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--reuse', type=float, default=0.5, help='share of a batch seen before')
    parser.add_argument('--rate', type=float, default=3e-3)
    parser.add_argument('--corner', type=float, default=1.0)
    parser.add_argument('--decay', type=float, default=0.998)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--smoke', action='store_true', help='a few steps on ten pictures a folder')
    args = parser.parse_args()
    if args.smoke:
        args.steps, args.minutes, args.batch, args.out = (
            3,
            0,
            4,
            args.out.with_name('locate_smoke.pt'),
        )
    if not args.steps and not args.minutes:
        args.minutes = 80
    train(args)


if __name__ == '__main__':
    main()
