"""Measures what the syntax is worth: likelihood of the right text on held-out crops.

Each plate is read as it is and five times lightly disturbed; the texts that the reader thinks
likeliest are weighed by the pattern files as ocr/syntax.c does, for several exponents and shares of
patterns. Personal plates of the state set (those that fit no form) count as a twentieth of the
United States. Printed: nats a plate and exact % of each group, and of all.
"""
import argparse
import collections
import glob
import math
import os
import re

import numpy as np

import reader_augment
import reader_data
import reader_eval
from reader_decode import beam, log_softmax

REGIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../config/regions")
SOURCES = {"us_nyc_crops": "New York", "br_crops": "BR", "eu_crops_1row": "EU",
           "eu_crops_2row": "EU", "us_state_crops": "by form"}
PERSONAL, VEHICLES = 0.06, 50
VIEWS, TEXTS = 6, 24
SHARES, EXPONENTS = (0.8, 0.9, 0.95), (0, 0.15, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNLISTED = 1e-2 * 0.005  # what a text has that is not among those of the beam


class Patterns:
    """The forms by their length: region, weight against all others, expression, count."""

    def __init__(self, folder):
        rows, absent, vehicles = [], collections.defaultdict(str), {}
        for name in sorted(glob.glob(os.path.join(folder, "*.conf"))):
            for line in open(name, encoding="ascii"):
                fields = line.rstrip("\n").split("\t")
                if line.startswith("!") and fields[1] == "absent":
                    absent[fields[0][1:]] += fields[2]
                elif line.startswith("!"):
                    vehicles[fields[0][1:]] = float(fields[2])
                elif line[0] not in "#\n":
                    rows.append((*fields[:2], float(fields[2]) if len(fields) > 2 else 1.0))
        of_region = collections.Counter()
        for region, _, weight in rows:
            of_region[region] += weight
        everywhere = sum(vehicles.get(r, VEHICLES) for r in of_region)
        self.forms, self.known = collections.defaultdict(list), {}
        for region, pattern, weight in rows:
            places = [self.place(p, absent[region]) for p in re.findall(r"\[[^]]*\]|.", pattern)]
            share = weight / of_region[region] * vehicles.get(region, VEHICLES) / everywhere
            odds = share * math.prod(36 / len(p) for p in places)
            self.forms[len(places)].append((region, odds, places))

    @staticmethod
    def place(form, absent):
        letters = "".join(c for c in LETTERS if c not in absent)
        named = {"@": letters, "#": DIGITS, "?": letters + DIGITS}
        if form.startswith("["):
            return "".join(c for c in DIGITS + LETTERS if re.fullmatch(form, c))
        return named.get(form, form)

    def fitting(self, text):
        return [(region, odds) for region, odds, places in self.forms[len(text)]
                if all(c in p for c, p in zip(text, places))]

    def odds(self, text):
        if text not in self.known:
            self.known[text] = sum(odds for _, odds in self.fitting(text))
        return self.known[text]


def free_odds(text):
    """Of a text as free text; as free_odds of ocr/syntax.c."""
    odds, letter = 1.0, 0.6
    for c in text:
        as_letter, as_digit = letter * 36 / 26, (1 - letter) * 36 / 10
        if letter > 0.5 and c in "0O":
            odds *= (as_letter + as_digit) / 2
            continue
        odds *= as_digit if c in DIGITS else as_letter
        letter = 0.2 if c in DIGITS else 0.75
    return odds


def readings(net, cache, patterns, seed=5):
    """{group: [(text, the views' likeliest texts)]}"""
    rng, groups = np.random.default_rng(seed), collections.defaultdict(list)
    for p in reader_data.load(cache):
        if p.split != "test" or p.source not in SOURCES:
            continue
        group = SOURCES[p.source]
        if group == "by form" and not any(r.startswith("us-") for r, _ in patterns.fitting(p.text)):
            group = "personal"
        views = [reader_augment.plain(p.pixels, p.quad)]
        views += [reader_augment.augmented(rng, p.pixels, p.quad, 0.6) for _ in range(VIEWS - 1)]
        groups[group].append((p.text, [
            beam(log_softmax(reader_eval.scores(net, v)), width=TEXTS, keep=TEXTS) for v in views]))
    return groups


def measured(plates, patterns, exponent, share):
    """(nats, exact) a look."""
    found = []
    for text, views in plates:
        for view in views:
            weighed = {t: p + exponent * math.log((1 - share) * free_odds(t)
                                                  + share * patterns.odds(t))
                       for t, p in view if t}
            top = max(weighed.values())
            total = sum(math.exp(w - top) for w in weighed.values())
            mine = math.exp(weighed[text] - top) / total if text in weighed else 0
            found.append((-math.log(0.995 * mine + UNLISTED), weighed.get(text) == top))
    return np.mean(found, 0)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("--model", default=os.path.join(reader_eval.MODELS, "reader.onnx"))
    ap.add_argument("--cache", default=reader_data.CACHE)
    ap.add_argument("--regions", default=REGIONS)
    args = ap.parse_args()
    patterns = Patterns(args.regions)
    groups = readings(reader_eval.opened(args.model), args.cache, patterns)
    print({g: len(p) for g, p in groups.items()})
    for share in SHARES:
        for exponent in EXPONENTS:
            r = {g: measured(p, patterns, exponent, share) for g, p in groups.items()}
            us = (1 - PERSONAL) / 2 * (r["by form"] + r["New York"]) + PERSONAL * r["personal"]
            r["all"] = 0.5 * us + 0.25 * r["EU"] + 0.25 * r["BR"]
            print("share %.2f exponent %.2f:" % (share, exponent),
                  *("%s %.3f %.1f" % (g, n, 100 * e) for g, (n, e) in r.items()), flush=True)


if __name__ == "__main__":
    main()
