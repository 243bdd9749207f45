"""Trains the plate reader: CTC over a two-row raster, bfloat16, moving average of the weights.

Real crops and synthetic plates are mixed; the checkpoint with the best validation figure is kept.
"""
import argparse
import collections
import json
import os
import time

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

import plates as synthetic
import reader_augment
import reader_data
from reader_net import ALPHABET, STEPS, Reader, from_onnx

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = os.path.join(HERE, "../../.train")
# Share of each source in the real part of a batch.
SHARE = {"us_nyc_crops": 0.14, "us_state_crops": 0.26, "br_crops": 0.14, "eu_crops_1row": 0.22,
         "eu_crops_2row": 0.05, "tn_crops": 0.025, "cn_crops": 0.025, "misc_crops": 0.015,
         "in_nl_cars": 0.015, "kaggle_cars": 0.015, "openimages_lp": 0.025, "misc_images": 0.015,
         "ro_dashcam": 0.01, "cn_easypr": 0.01, "cn_ccpd_corners": 0.005}

POOL, FRESH = 3000, 0.34  # synthetic plates at hand; each is drawn about three times before it goes
MILD_FROM, MILD = 0.97, 0.8  # milder at the very end; a milder last fifth lost on held-out plates


def weights_of(items):
    """Sampling weight of each real plate: source shares, the New York taxi form held down."""
    w = np.ones(len(items))
    for i, p in enumerate(items):
        if p.source == "us_nyc_crops":
            if len(p.text) == 8 and p.text[0] == "T" and p.text[-1] == "C":
                w[i] = 0.3
            elif p.state and not p.state.startswith("NEWYORK"):
                w[i] = 2.0
    sums = collections.defaultdict(float)
    for p, x in zip(items, w):
        sums[p.source] += x
    w = np.array([x * SHARE[p.source] / sums[p.source] for p, x in zip(items, w)])
    return w / max(w.sum(), 1e-9)


class Batches(IterableDataset):
    """Endless augmented batches: uint8 plates, class indices, lengths."""

    def __init__(self, items, batch, seed, made, strength):
        self.items, self.batch, self.seed = items, batch, seed
        self.made, self.strength = made if items else 1.0, strength
        self.progress = torch.zeros(1).share_memory_()  # set by the trainer, read in the loader
        self.p = weights_of(items)

    def __iter__(self):
        cv2.setNumThreads(1)
        rng = np.random.default_rng(self.seed)
        maker, pool = synthetic.Maker(rng) if self.made > 0 else None, {}
        while True:
            x = np.empty((self.batch, 1, 64, 128), np.uint8)
            texts = []
            strength = self.strength * (1.0 if self.progress.item() < MILD_FROM else MILD)
            if self.items:
                real = rng.choice(len(self.items), self.batch, p=self.p)
            for i in range(self.batch):
                if maker and (not self.items or rng.random() < self.made):
                    if rng.random() < FRESH or len(pool) < POOL:
                        full = len(pool) == POOL
                        pool[int(rng.integers(POOL)) if full else len(pool)] = maker.plate()
                    pixels, quad, text = pool[int(rng.integers(len(pool)))]
                else:
                    p = self.items[real[i]]
                    pixels, quad, text = p.pixels, p.quad, p.text
                x[i, 0] = reader_augment.augmented(rng, pixels, quad, strength)
                texts.append(text)
            codes = [ALPHABET.index(c) + 1 for t in texts for c in t]
            yield torch.from_numpy(x), torch.tensor(codes), torch.tensor([len(t) for t in texts])


def greedy(logits):
    """Best-path texts of [N,STEPS,37] logits."""
    out = []
    for row in logits.argmax(2).tolist():
        out.append("".join(ALPHABET[c - 1] for c, before in zip(row, [0] + row)
                           if c and c != before))
    return out


VIEWS = 4  # looks at each held-out plate: as it is, and disturbed


def place_of(plate):
    """The state of a United States plate, one name for both spellings."""
    words = plate.state.split("_")[0]
    return NAMES.get(words, words) if plate.source.startswith("us_") else plate.source


NAMES = {"NEWYORK": "NY", "NEWJERSEY": "NJ", "PENNSYLVANIA": "PA", "MASSACHUSETTS": "MA",
         "NORTHCAROLINA": "NC", "VIRGINIA": "VA", "CONNECTICUT": "CT", "OHIO": "OH",
         "SOUTHCAROLINA": "SC"}


def views_of(held, seed=5):
    """The inputs of the held-out plates, VIEWS rows: plain first, the others lightly disturbed."""
    rng = np.random.default_rng(seed)
    rows = [[reader_augment.plain(p.pixels, p.quad) for p in held]]
    rows += [[reader_augment.augmented(rng, p.pixels, p.quad, 0.6) for p in held]
             for _ in range(VIEWS - 1)]
    return torch.from_numpy(np.stack([np.stack(row) for row in rows]))


def scored(net, held, views):
    """Whole-plate exact a source, plain; `US` counts every state evenly over all views.

    `all` picks the checkpoint; `old` is the figure of the runs before (half New York, plain).
    """
    if not held:
        return {"all": 0.0}
    net.eval()
    right = np.zeros(views.shape[:2])
    with torch.no_grad():
        for row, view in zip(right, views):
            texts = []
            for i in range(0, len(held), 64):
                texts += greedy(net(view[i:i + 64, None].float() / 255))
            row[:] = [t == p.text for t, p in zip(texts, held)]
    plain, both, states = (collections.defaultdict(list) for _ in range(3))
    for p, one, many in zip(held, right[0], right.mean(0)):
        plain[p.source].append(one)
        both[p.source].append(many)
        if p.source.startswith("us_"):
            states[place_of(p)].append((one, many))
    r = {s: round(100 * float(np.mean(h)), 1) for s, h in sorted(plain.items())}
    get = lambda s: r.get(s, 0.0)
    us = 0.4 * get("us_nyc_crops") + 0.6 * get("us_state_crops")
    eu = 0.8 * get("eu_crops_1row") + 0.2 * get("eu_crops_2row")
    r["old"] = round(0.5 * us + 0.25 * eu + 0.25 * get("br_crops"), 2)
    mean = lambda s: 100 * float(np.mean(both.get(s, [0])))
    even = 100 * np.mean([np.mean(v, 0) for v in states.values()] or [[0, 0]], 0)
    r["US plain"], r["US"] = (round(float(v), 1) for v in even)
    r["EU"] = round(0.8 * mean("eu_crops_1row") + 0.2 * mean("eu_crops_2row"), 1)
    r["BR"] = round(mean("br_crops"), 1)
    r["all"] = round(0.5 * r["US"] + 0.25 * r["EU"] + 0.25 * r["BR"], 2)
    return r


class Average:
    """Moving average of weights and buffers."""

    def __init__(self, net, decay=0.999):
        self.net = Reader()
        self.net.load_state_dict(net.state_dict())
        self.decay, self.seen = decay, 0

    def update(self, net):
        self.seen += 1
        d = min(self.decay, (1 + self.seen) / (10 + self.seen))
        with torch.no_grad():
            for mine, new in zip(self.net.state_dict().values(), net.state_dict().values()):
                if mine.dtype.is_floating_point:
                    mine.mul_(d).add_(new, alpha=1 - d)
                else:
                    mine.copy_(new)


def rate(progress, peak):
    """A short warm-up, then a cosine to nearly nothing."""
    if progress < 0.03:
        return peak * (progress + 0.001) / 0.031
    return peak * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * min(1.0, (progress - 0.03) / 0.97))))


def some_inputs(items, count=512, seed=3):
    """Training inputs to take statistics from."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(items), count, p=weights_of(items))
    x = [reader_augment.augmented(rng, items[i].pixels, items[i].quad) for i in chosen]
    return torch.from_numpy(np.stack(x))[:, None].float() / 255


def train(args, items, held):
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    net = Reader()
    if args.from_onnx:
        net = from_onnx(args.from_onnx, some_inputs(items))
    elif args.resume:
        net.load_state_dict(torch.load(args.resume)["average"])
    net = net.to(memory_format=torch.channels_last)
    average = Average(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=0.02)
    ctc = nn.CTCLoss(zero_infinity=True)
    source = Batches(items, args.batch, args.seed, args.made, args.strength)
    loader = DataLoader(source, batch_size=None, num_workers=args.workers,
                        prefetch_factor=8 if args.workers else 2)
    views = views_of(held) if held else None
    print(json.dumps(scored(net, held, views)), flush=True)
    began, told, step, best, losses = time.time(), time.time(), 0, -1.0, []
    for x, codes, lengths in loader:
        now = time.time()
        progress = step / args.steps if args.steps else (now - began) / (60 * args.minutes)
        progress = args.begin + (1 - args.begin) * progress
        source.progress[0] = progress
        for group in optimiser.param_groups:
            group["lr"] = rate(progress, args.lr)
        net.train()
        x = (x.float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(x)
        odds = logits.float().log_softmax(2).transpose(0, 1)
        loss = ctc(odds, codes, torch.full((len(x),), STEPS, dtype=torch.long), lengths)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        average.update(net)
        losses.append(loss.item())
        step += 1
        done = progress >= 1 or (args.steps and step >= args.steps)
        if done or now - told > args.every:
            told, r = now, scored(average.net, held, views)
            print(json.dumps({"step": step, "minutes": round((now - began) / 60, 1),
                              "plates_s": round(step * args.batch / (now - began)),
                              "loss": round(float(np.mean(losses[-200:])), 4), **r}), flush=True)
            state = {"average": average.net.state_dict(), "score": r, "step": step}
            torch.save(state, args.out + ".last.pt")
            if r["all"] >= best:
                best = r["all"]
                torch.save(state, args.out + ".pt")
        if done:
            return


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--data", default=reader_data.DATA)
    ap.add_argument("--cache", default=reader_data.CACHE)
    ap.add_argument("--out", default=os.path.join(WORK, "reader"))
    ap.add_argument("--minutes", type=float, default=85)
    ap.add_argument("--steps", type=int, default=0, help="instead of --minutes")
    ap.add_argument("--resume", help="start from this checkpoint's averaged weights")
    ap.add_argument("--from-onnx", help="start from this exported model (the released one)")
    ap.add_argument("--begin", type=float, default=0.0, help="place in the schedule to take up")
    ap.add_argument("--lr", type=float, default=2.5e-3)
    ap.add_argument("--batch", type=int, default=96)
    ap.add_argument("--made", type=float, default=0.5, help="share of synthetic plates")
    ap.add_argument("--strength", type=float, default=1.0)
    ap.add_argument("--seed", type=int, default=20261122)
    ap.add_argument("--workers", type=int, default=1)
    ap.add_argument("--every", type=float, default=120, help="seconds between validations")
    ap.add_argument("--smoke", action="store_true", help="a few steps on ten pictures")
    args = ap.parse_args()
    if args.smoke:
        args.cache, args.out = os.path.join(WORK, "smoke.npz"), os.path.join(WORK, "smoke")
        args.steps, args.batch, args.workers = 4, 8, 0
        reader_data.pack(args.data, args.cache, limit=1)
    elif not os.path.exists(args.cache):
        reader_data.pack(args.data, args.cache)
    every = reader_data.load(args.cache)
    items = [p for p in every if p.split == "train"] or every
    held = [p for p in every if p.split == "test"] or every
    print(len(items), "to train on,", len(held), "held out", flush=True)
    train(args, items, held)


if __name__ == "__main__":
    main()
