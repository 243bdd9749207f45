"""CTC decoding of the reader's scores: best path, prefix beam, probability of a text."""
import numpy as np

from reader_net import ALPHABET


def log_softmax(logits, temperature=1.0):
    z = logits.astype(np.float64) / temperature
    z -= z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def greedy(logits):
    """The best path's text of one [STEPS,37]."""
    path = logits.argmax(1)
    return "".join(ALPHABET[c - 1] for c, before in zip(path, np.concatenate([[0], path[:-1]]))
                   if c and c != before)


def beam(odds, width=20, keep=10, floor=-9.0):
    """The `keep` likeliest texts with log probabilities, of one plate's log odds [STEPS,37]."""
    beams = {(): (0.0, -np.inf)}  # text: log odds of ending in a blank, in a character
    for step in odds:
        nxt = {}
        chosen = np.flatnonzero(step[1:] > floor) + 1
        for text, (pb, pc) in beams.items():
            both = np.logaddexp(pb, pc)
            old = nxt.get(text, (-np.inf, -np.inf))
            last = text[-1] if text else 0
            stay = pc + step[last] if last else -np.inf
            nxt[text] = (np.logaddexp(old[0], both + step[0]), np.logaddexp(old[1], stay))
            for c in chosen:
                grown = text + (int(c),)
                o = nxt.get(grown, (-np.inf, -np.inf))
                nxt[grown] = (o[0], np.logaddexp(o[1], (pb if c == last else both) + step[c]))
        best = sorted(nxt.items(), key=lambda kv: -np.logaddexp(*kv[1]))[:width]
        beams = dict(best)
    ranked = sorted(((np.logaddexp(*v), k) for k, v in beams.items()), reverse=True)[:keep]
    return [("".join(ALPHABET[c - 1] for c in k), p) for p, k in ranked]


def probability(odds, text):
    """Log probability of a text: the sum over its alignments."""
    codes = [0]
    for c in text:
        codes += [ALPHABET.index(c) + 1, 0]
    codes = np.array(codes)
    skip = np.zeros(len(codes), bool)
    skip[2:] = (codes[2:] != 0) & (codes[2:] != codes[:-2])
    a = np.full(len(codes), -np.inf)
    a[0] = odds[0, 0]
    if len(codes) > 1:
        a[1] = odds[0, codes[1]]
    for step in odds[1:]:
        one = np.concatenate([[-np.inf], a[:-1]])
        two = np.where(skip, np.concatenate([[-np.inf, -np.inf], a])[:len(a)], -np.inf)
        a = np.logaddexp(np.logaddexp(a, one), two) + step[codes]
    return np.logaddexp(a[-1], a[-2]) if len(a) > 1 else a[-1]
