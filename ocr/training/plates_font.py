"""Letter shapes for synthetic plates: die strokes drawn here, and free fonts when present."""
import glob
import os

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

HERE = os.path.dirname(os.path.abspath(__file__))
GLYPH = 64  # pixels of a cap height in the cached masks
FOLDERS = (
    os.path.join(HERE, "../../.train/fonts"), os.path.join(HERE, "../../../shared/data/fonts"),
    os.path.join(HERE, "../../../../shared/data/fonts"), "/usr/share/fonts")
# Free families near enough to plates' letters, as parts of file names.
SERIAL = (
    "GL-Nummernschild", "RG2014", "Liberation-Sans", "LiberationSans", "LiberationSansNarrow",
    "Roboto-Medium", "Roboto-Bold", "RobotoCondensed-Regular", "RobotoCondensed-Bold",
    "Dosis-SemiBold", "Dosis-Bold", "Dosis-Medium", "Cabin-Bold", "OpenDIN", "opendin",
    "Play-Bold", "B612-Bold", "B612Mono-Bold", "FreeSansBold", "FreeSans", "NimbusSans-Bold",
    "NimbusSansNarrow", "Lato-Bold", "Inconsolata", "JetBrainsMono-Bold", "RoutedGothic",
    "routed-gothic", "Jura", "DejaVuSansCondensed-Bold", "DejaVuSansCondensed", "barlow",
    "saira", "oswald", "bebas", "pathway", "antonio", "fjalla", "rajdhani", "share-tech",
    "sofia", "big-shoulders", "overpass", "league-gothic", "teko", "ibm-plex-sans-condensed",
    "archivo-narrow", "pragati", "mohave", "chakra", "Oxygen-Bold", "Hack-Bold", "mononoki-Bold",
    "LeagueMono-Bold", "LeagueMono-Condensed")
UNWANTED = (
    "Italic", "Oblique", "italic", "oblique", "ext", "-100-", "-200-", "-300-", "Light", "Thin",
    "Black", "-900-", "-800-", "Slab", "X.otf", "Arrows", "Dingbats", "vietnamese", "cyrillic",
    "greek")
SMALL = (
    "Cabin-Bold", "Lato-Bold", "FreeSerifBold", "FreeSansBold", "Roboto-Bold",
    "DejaVuSerif-Bold", "DejaVuSans-Bold", "Dosis-Bold", "Z003", "C059-Bold", "GentiumBasic",
    "Karla-Bold", "P052-Bold", "LiberationSerif-Bold", "DejaVuSansCondensed", "Cantarell-Bold",
    "Gentium")

S = "s"  # marks a sharp corner


def box(x0, y0, x1, y1):
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1), "c"]


def skeletons(style):
    """Strokes of each character in a unit box: points, `S` after a sharp one, "c" closes."""
    m = style["middle"]
    g = {
        "0": [box(0, 0, 1, 1)],
        "O": [box(0, 0, 1, 1)],
        "1": [[(.15, .22), S, (.55, 0), S, (.55, 1)]],
        "2": [[(0, .25), (0, 0), (1, 0), (1, .45), (0, 1), S, (1, 1)]],
        "3": [[(0, .22), (0, 0), (1, 0), (1, m), (.35, m)],
              [(.35, m), (1, m), (1, 1), (0, 1), (0, .78)]],
        "4": [[(.75, 1), (.75, 0), S, (0, .7), S, (1, .7)]],
        "5": [[(.95, 0), (.05, 0), S, (.02, m), S, (1, m - .06), (1, 1), (0, 1), (0, .78)]],
        "6": [[(1, .22), (1, 0), (0, 0), (0, 1), (1, 1), (1, m), (0, m)]],
        "7": [[(0, 0), (1, 0), S, (.35, 1)]],
        "8": [box(.05, 0, .95, m), box(0, m, 1, 1)],
        "9": [[(0, .78), (0, 1), (1, 1), (1, 0), (0, 0), (0, 1 - m), (1, 1 - m)]],
        "A": [[(0, 1), S, (.5, 0), S, (1, 1)], [(.17, .66), (.83, .66)]],
        "B": [[(0, 0), S, (.95, 0), (.95, m), (0, m)],
              [(0, m), S, (1, m), (1, 1), (0, 1), S, (0, 0)]],
        "C": [[(1, .27), (1, 0), (0, 0), (0, 1), (1, 1), (1, .73)]],
        "D": [[(0, 0), S, (1, 0), (1, 1), (0, 1), S, "c"]],
        "E": [[(1, 0), (0, 0), S, (0, 1), S, (1, 1)], [(0, m), (.85, m)]],
        "F": [[(1, 0), (0, 0), S, (0, 1)], [(0, m), (.85, m)]],
        "G": [[(1, .25), (1, 0), (0, 0), (0, 1), (1, 1), (1, .54), S, (.55, .54)]],
        "H": [[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, m), (1, m)]],
        "I": [[(.5, 0), (.5, 1)]],
        "J": [[(1, 0), (1, 1), (0, 1), (0, .68)]],
        "K": [[(0, 0), (0, 1)], [(1, 0), (.02, .6)], [(.32, .42), (1, 1)]],
        "L": [[(0, 0), (0, 1), S, (1, 1)]],
        "M": [[(0, 1), (0, 0), S, (.5, .62), S, (1, 0), S, (1, 1)]],
        "N": [[(0, 1), (0, 0), S, (1, 1), S, (1, 0)]],
        "P": [[(0, 1), (0, 0), S, (1, 0), (1, .55), (0, .55)]],
        "Q": [box(0, 0, 1, 1), [(.6, .72), (1.05, 1.05)]],
        "R": [[(0, 1), (0, 0), S, (1, 0), (1, .53), (0, .53)], [(.5, .53), (1, 1)]],
        "S": [[(1, .24), (1, 0), (0, 0), (0, m), (1, m + .02), (1, 1), (0, 1), (0, .76)]],
        "T": [[(0, 0), (1, 0)], [(.5, 0), (.5, 1)]],
        "U": [[(0, 0), (0, 1), (1, 1), (1, 0)]],
        "V": [[(0, 0), (.5, 1), S, (1, 0)]],
        "W": [[(0, 0), (.22, 1), S, (.5, .3), S, (.78, 1), S, (1, 0)]],
        "X": [[(0, 0), (1, 1)], [(1, 0), (0, 1)]],
        "Y": [[(0, 0), (.5, .5), S, (1, 0)], [(.5, .5), (.5, 1)]],
        "Z": [[(0, 0), (1, 0), S, (0, 1), S, (1, 1)]],
    }
    if style["foot1"]:
        g["1"].append([(.1, 1), (1, 1)])
    if style["serif_i"]:
        g["I"] += [[(.1, 0), (.9, 0)], [(.1, 1), (.9, 1)]]
    if style["slashed"]:
        g["0"].append([(.05, .8), (.95, .2)])
    if style["flat3"]:
        g["3"] = [[(0, 0), (1, 0), S, (.42, .4), S, (1, .42), (1, 1), (0, 1), (0, .78)]]
    if style["open69"]:
        g["6"] = [[(.75, 0), (0, .6), (0, 1), (1, 1), (1, m), (.15, m)]]
        g["9"] = [[(.25, 1), (1, .4), (1, 0), (0, 0), (0, 1 - m), (.85, 1 - m)]]
    if style["flat_a"]:
        g["A"] = [[(0, 1), (.3, 0), S, (.7, 0), S, (1, 1)], [(.12, .66), (.88, .66)]]
    if style["round_a"]:
        g["A"] = [[(0, 1), (0, 0), (1, 0), (1, 1)], [(0, .6), (1, .6)]]
    if style["short_m"]:
        g["M"] = [[(0, 1), (0, 0), S, (.5, .4), S, (1, 0), S, (1, 1)]]
    return g


def rounded(stroke, radius, scale):
    """A stroke's points in pixels with its corners rounded."""
    closed = stroke[-1] == "c"
    points, sharp = [], []
    for item in stroke:
        if item == S:
            sharp[-1] = True
        elif item != "c":
            points.append(np.multiply(item, scale))
            sharp.append(False)
    n, out = len(points), []
    for i, p in enumerate(points):
        if not closed and i in (0, n - 1) or sharp[i]:
            out.append(p)
            continue
        a, b = points[i - 1] - p, points[(i + 1) % n] - p
        la, lb = np.hypot(*a), np.hypot(*b)
        r = min(radius, 0.5 * la, 0.5 * lb)
        start, end = p + a / la * r, p + b / lb * r
        t = np.linspace(0, 1, 7)[:, None]
        out += list((1 - t) ** 2 * start + 2 * t * (1 - t) * (0.35 * p + 0.65 * p) + t ** 2 * end)
    if closed:
        out.append(out[0])
    return np.array(out)


class Strokes:
    """A die of uniform strokes with a random but fixed style."""

    def __init__(self, rng):
        yes = lambda p: bool(rng.random() < p)
        self.style = {"middle": rng.uniform(0.44, 0.52), "foot1": yes(.35), "serif_i": yes(.45),
                      "slashed": yes(.08), "flat3": yes(.2), "open69": yes(.25), "flat_a": yes(.4),
                      "round_a": yes(.08), "short_m": yes(.5)}
        self.width = rng.uniform(0.36, 0.6)
        self.stroke = rng.uniform(0.1, 0.17)
        self.radius = rng.uniform(0.12, 0.5)
        self.o_width = rng.choice([1.0, 1.0, 1.12, 1.25])
        self.o_radius = rng.choice([1.0, 1.0, 0.6, 1.6])
        self.glyphs = skeletons(self.style)
        self.cache = {}

    def glyph(self, c):
        """The character's mask, GLYPH high, 0..255."""
        if c not in self.cache:
            self.cache[c] = self.draw(c)
        return self.cache[c]

    def draw(self, c):
        k, t = 2 * GLYPH, 2 * GLYPH * self.stroke  # drawn double, then halved
        wide = self.width * {"M": 1.2, "W": 1.3, "1": 0.8, "I": 0.7, "V": 1.1, "A": 1.1, "Y": 1.1,
                             "O": self.o_width, "Q": self.o_width}.get(c, 1.0)
        if c == "I" and not self.style["serif_i"]:
            wide = self.stroke * 1.05
        if c == "1" and not self.style["foot1"]:
            wide *= 0.75
        w = max(t + 2, wide * k)
        canvas = np.zeros((k, int(w) + 1), np.uint8)
        scale = np.array([w - t, k - t])
        radius = self.radius * (w - t) * (self.o_radius if c in "OQ" else 1.0)
        for stroke in self.glyphs[c]:
            p = rounded(stroke, radius, scale) + t / 2
            cv2.polylines(canvas, [np.round(p * 8).astype(np.int32)], False, 255, max(1, round(t)),
                          cv2.LINE_AA, 3)
        size = max(2, canvas.shape[1] // 2), GLYPH
        return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)


class Outline:
    """A font file's capitals and digits as masks of one cap height."""

    def __init__(self, path):
        self.font = ImageFont.truetype(path, GLYPH * 2)
        self.cache = {}

    def glyph(self, c):
        if c not in self.cache:
            x0, y0, x1, y1 = self.font.getbbox(c)
            image = Image.new("L", (x1 - x0 + 8, y1 - y0 + 8))
            ImageDraw.Draw(image).text((4 - x0, 4 - y0), c, fill=255, font=self.font)
            mask = np.array(image)
            rows, cols = np.flatnonzero(mask.max(1) > 100), np.flatnonzero(mask.max(0) > 100)
            mask = mask[rows[0]:rows[-1] + 1, cols[0]:cols[-1] + 1]
            w = max(3, round(mask.shape[1] * GLYPH / mask.shape[0]))
            self.cache[c] = cv2.resize(mask, (w, GLYPH), interpolation=cv2.INTER_AREA)
        return self.cache[c]


def files(names):
    found = set()
    for folder in FOLDERS:
        for kind in ("ttf", "otf", "woff"):
            for path in glob.glob(os.path.join(folder, "**", "*." + kind), recursive=True):
                base = os.path.basename(path)
                if any(n in base for n in names) and not any(u in base for u in UNWANTED):
                    found.add(os.path.realpath(path))
    return sorted({os.path.basename(p): p for p in sorted(found)}.values())


def outlines():
    """Every usable serial font found, of letters no wider than they are on plates."""
    fonts = []
    for path in files(SERIAL):
        try:
            font = Outline(path)
            shapes = [font.glyph(c) for c in "ABCXYZ0189Q"]
        except (OSError, IndexError, ValueError):
            continue
        if max(s.shape[1] for s in shapes) < 1.3 * GLYPH and (shapes[0].shape != shapes[1].shape or
                                                              (shapes[0] != shapes[1]).any()):
            fonts.append(font)
    return fonts


def small_fonts():
    return [ImageFont.truetype(p, 22) for p in files(SMALL)]
