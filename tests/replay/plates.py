"""Draws number plates of no real issuer, with glyphs of our own, as flat pictures with a relief."""
import cv2
import numpy as np

PX = 4  # pixels a millimetre of a plate

# Glyphs as strokes on a grid 4 wide and 8 high; a point is (x, y[, radius of the corner there]).
# "o" closes the stroke.
GLYPHS = {
    "0": [("o", (0, 0, 2), (4, 0, 2), (4, 8, 2), (0, 8, 2))],
    "1": [("-", (0.9, 1.7), (2.3, 0), (2.3, 8))],
    "2": [("-", (0, 2.3), (0, 0, 1.9), (4, 0, 1.9), (4, 3.6, 1.2), (0, 8), (4, 8))],
    "3": [
        ("-", (0, 1.5), (0, 0, 1.5), (3.9, 0, 1.8), (3.9, 3.8, 1.7), (1.6, 3.8)),
        ("-", (1.6, 3.8), (4, 3.8, 1.8), (4, 8, 1.9), (0, 8, 1.5), (0, 6.6)),
    ],
    "4": [("-", (3, 8), (3, 0), (0, 5.8), (4.2, 5.8))],
    "5": [("-", (3.7, 0), (0.4, 0), (0.3, 3.5), (4, 3.1, 1.8), (4, 8, 1.9), (0, 8, 1.8), (0, 6.3))],
    "6": [
        (
            "-",
            (3.9, 1.7),
            (3.8, 0, 1.7),
            (0, 0, 2),
            (0, 8, 2),
            (4, 8, 2),
            (4, 3.4, 2),
            (0, 3.4, 2),
            (0, 5.2),
        )
    ],
    "7": [("-", (0, 0), (4, 0), (1.5, 8))],
    "8": [
        ("o", (0.3, 0, 1.6), (3.7, 0, 1.6), (3.7, 3.8, 1.6), (0.3, 3.8, 1.6)),
        ("o", (0, 3.8, 1.8), (4, 3.8, 1.8), (4, 8, 1.8), (0, 8, 1.8)),
    ],
    "9": [
        (
            "-",
            (0.1, 6.3),
            (0.2, 8, 1.7),
            (4, 8, 2),
            (4, 0, 2),
            (0, 0, 2),
            (0, 4.6, 2),
            (4, 4.6, 2),
            (4, 2.8),
        )
    ],
    "A": [("-", (0, 8), (2, 0), (4, 8)), ("-", (0.8, 5.3), (3.2, 5.3))],
    "B": [
        (
            "-",
            (0, 3.8),
            (0, 0),
            (3.7, 0, 1.7),
            (3.7, 3.8, 1.7),
            (0, 3.8),
            (4, 3.8, 1.8),
            (4, 8, 1.8),
            (0, 8),
            (0, 3.8),
        )
    ],
    "C": [("-", (4, 2.3), (4, 0, 1.9), (0, 0, 2), (0, 8, 2), (4, 8, 1.9), (4, 5.7))],
    "D": [("-", (0, 4), (0, 0), (4, 0, 2), (4, 8, 2), (0, 8), (0, 4))],
    "E": [("-", (4, 0), (0, 0), (0, 8), (4, 8)), ("-", (0, 3.8), (3.3, 3.8))],
    "F": [("-", (4, 0), (0, 0), (0, 8)), ("-", (0, 3.9), (3.3, 3.9))],
    "G": [("-", (4, 2.3), (4, 0, 1.9), (0, 0, 2), (0, 8, 2), (4, 8, 1.9), (4, 4.4), (2.3, 4.4))],
    "H": [("-", (0, 0), (0, 8)), ("-", (4, 0), (4, 8)), ("-", (0, 3.9), (4, 3.9))],
    "I": [("-", (2, 0), (2, 8))],
    "J": [("-", (3.6, 0), (3.6, 8, 1.8), (0, 8, 1.8), (0, 5.8))],
    "K": [("-", (0, 0), (0, 8)), ("-", (4, 0), (0, 4.7)), ("-", (1.3, 3.4), (4, 8))],
    "L": [("-", (0, 0), (0, 8), (4, 8))],
    "M": [("-", (0, 8), (0, 0), (2.2, 5), (4.4, 0), (4.4, 8))],
    "N": [("-", (0, 8), (0, 0), (4, 8), (4, 0))],
    "O": [("o", (0, 0, 2), (4, 0, 2), (4, 8, 2), (0, 8, 2))],
    "P": [("-", (0, 8), (0, 0), (4, 0, 1.9), (4, 4.3, 1.9), (0, 4.3))],
    "Q": [("o", (0, 0, 2), (4, 0, 2), (4, 8, 2), (0, 8, 2)), ("-", (2.3, 5.7), (4.3, 8.4))],
    "R": [("-", (0, 8), (0, 0), (4, 0, 1.9), (4, 4.2, 1.9), (0, 4.2)), ("-", (2.1, 4.2), (4, 8))],
    "S": [
        (
            "-",
            (4, 2),
            (4, 0, 1.8),
            (0, 0, 1.8),
            (0, 3.7, 1.8),
            (4, 4.1, 1.8),
            (4, 8, 1.8),
            (0, 8, 1.8),
            (0, 6),
        )
    ],
    "T": [("-", (0, 0), (4, 0)), ("-", (2, 0), (2, 8))],
    "U": [("-", (0, 0), (0, 8, 2), (4, 8, 2), (4, 0))],
    "V": [("-", (0, 0), (2, 8), (4, 0))],
    "W": [("-", (0, 0), (1.1, 8), (2.3, 2.2), (3.5, 8), (4.6, 0))],
    "X": [("-", (0, 0), (4, 8)), ("-", (4, 0), (0, 8))],
    "Y": [("-", (0, 0), (2, 4.2), (4, 0)), ("-", (2, 4.2), (2, 8))],
    "Z": [("-", (0, 0), (4, 0), (0, 8), (4, 8))],
    "-": [("-", (1, 4.4), (3, 4.4))],
    ".": [("-", (2, 4.2), (2, 4.5))],
    " ": [],
}


def rounded(points, closed):
    """The stroke's points with every corner that has a radius replaced by a curve."""
    out, n = [], len(points)
    for i, point in enumerate(points):
        radius = point[2] if len(point) > 2 else 0
        here = np.array(point[:2], float)
        if radius == 0 or (not closed and i in (0, n - 1)):
            out.append(here)
            continue
        before, after = np.array(points[i - 1][:2], float), np.array(points[(i + 1) % n][:2], float)
        a = here + (before - here) * min(1, radius / np.linalg.norm(before - here))
        b = here + (after - here) * min(1, radius / np.linalg.norm(after - here))
        for t in np.linspace(0, 1, 10):
            # A conic through a and b, a little fuller than a parabola: near to a circle.
            weights = np.array([(1 - t) ** 2, 2 * 0.72 * t * (1 - t), t**2])
            out.append((weights[0] * a + weights[1] * here + weights[2] * b) / weights.sum())
    return np.array(out)


def advance(char, width, height, stroke):
    strokes = GLYPHS[char]
    xs = [p[0] for s in strokes for p in s[1:]]
    return (
        (max(xs) if char not in " -." else 4) * (width - stroke) / 4 + stroke if xs else width * 0.6
    )


def text_mask(shape, text, centre_mm, height, width, stroke, gap, room=None):
    """Coverage 0..1 of a text with glyphs of height x width mm, at most `room` wide."""
    mask = np.zeros(shape[:2], np.uint8)
    for _ in range(20):
        widths = [
            advance(c, width, height, stroke) if c not in "-. " else width * 0.5 for c in text
        ]
        if room is None or sum(widths) + gap * (len(text) - 1) <= room:
            break
        width, gap = width * 0.97, gap * 0.95
    x = centre_mm[0] - (sum(widths) + gap * (len(text) - 1)) / 2
    top = centre_mm[1] - height / 2
    for char, wide in zip(text, widths):
        for kind, *points in GLYPHS[char]:
            line = rounded(points, kind == "o")
            shift = -4 * 0.225 if char in "-." else 0
            line = np.stack(
                [
                    x + stroke / 2 + (line[:, 0] + shift) * (width - stroke) / 4,
                    top + stroke / 2 + line[:, 1] * (height - stroke) / 8,
                ],
                1,
            )
            cv2.polylines(
                mask,
                [np.round(line * PX * 16).astype(np.int32)],
                kind == "o",
                255,
                max(1, int(round(stroke * PX))),
                cv2.LINE_AA,
                4,
            )
        x += wide + gap
    return cv2.GaussianBlur(mask, (0, 0), 0.35 * PX).astype(np.float32) / 255


def rounded_rect(shape, box, radius):
    """Coverage of a rectangle with round corners; box = x, y, w, h in millimetres."""
    mask = np.zeros(shape[:2], np.uint8)
    x, y, w, h = [int(round(v * PX)) for v in box]
    r = int(round(radius * PX))
    cv2.rectangle(mask, (x + r, y), (x + w - r - 1, y + h - 1), 255, -1)
    cv2.rectangle(mask, (x, y + r), (x + w - 1, y + h - r - 1), 255, -1)
    for cx in (x + r, x + w - r - 1):
        for cy in (y + r, y + h - r - 1):
            cv2.circle(mask, (cx, cy), r, 255, -1, cv2.LINE_AA)
    return mask.astype(np.float32) / 255


def paint(picture, mask, colour):
    picture += mask[..., None] * (np.array(colour, np.float32) - picture)


def relief(picture, mask, depth):
    """Light from above on what stands out of the sheet."""
    slope = cv2.Sobel(cv2.GaussianBlur(mask, (0, 0), 0.8 * PX), cv2.CV_32F, 0, 1, ksize=3)
    picture += depth * slope[..., None]


def cloud(rng, shape, size, octaves=4):
    """Soft noise, mean 0, about -1..1; the largest spots are `size` pixels."""
    out = np.zeros(shape[:2], np.float32)
    for octave in range(octaves):
        cells = max(1.0, size / 2**octave)
        small = rng.standard_normal((int(shape[0] / cells) + 3, int(shape[1] / cells) + 3)).astype(
            np.float32
        )
        out += (
            cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC) / 1.6**octave
        )
    return out / 2.2


def bolts(picture, spots):
    for x, y in spots:
        centre = (int(x * PX), int(y * PX))
        cv2.circle(picture, centre, int(3.4 * PX), (95, 95, 98), -1, cv2.LINE_AA)
        cv2.circle(
            picture, (centre[0], centre[1] - PX), int(2.2 * PX), (190, 192, 195), -1, cv2.LINE_AA
        )
        cv2.line(
            picture,
            (centre[0] - 2 * PX, centre[1]),
            (centre[0] + 2 * PX, centre[1]),
            (60, 60, 60),
            PX,
        )


def sheet(width, height, colour, radius):
    picture = np.zeros((height * PX, width * PX, 3), np.float32)
    alpha = rounded_rect(picture.shape, (0, 0, width, height), radius)
    paint(picture, alpha, colour)
    return picture, alpha


def finish(picture, alpha, rng, dirt):
    """Dust, a little unevenness, and mud that hides what is below where dirt passes 1."""
    shape = picture.shape
    picture *= (1 + 0.03 * cloud(rng, shape, 60 * PX))[..., None]
    grains = cloud(rng, shape, 25 * PX, 6)
    fall = np.linspace(-0.5, 0.6, shape[0], dtype=np.float32)[:, None]
    amount = np.clip(0.35 * grains + fall * 0.4 + dirt - 0.45, 0, 1)
    brown = np.array([62, 78, 96], np.float32) * (1 + 0.25 * cloud(rng, shape, 8 * PX))[..., None]
    picture += np.minimum(amount * (0.5 if dirt < 1 else 1.6), 0.97)[..., None] * (brown - picture)
    return np.dstack([np.clip(picture, 0, 255), alpha * 255]).astype(np.uint8)


def plate_us(text, rng, dirt, state="NORTH MARCH", slogan="LAND OF LANES", ink=(110, 40, 20)):
    w, h = 305, 152
    picture, alpha = sheet(w, h, (236, 238, 238), 9)
    shade = np.linspace(0, 1, h * PX, dtype=np.float32)[:, None]
    wash = np.clip(1 - np.abs(shade - 0.05) * 4, 0, 1) * 0.55 + np.clip(shade - 0.78, 0, 1) * 1.6
    paint(picture, np.repeat(wash, w * PX, 1), (214, 170, 120))
    paint(picture, text_mask(picture.shape, state, (w / 2, 20), 16, 11, 2.6, 3), (120, 50, 30))
    paint(picture, text_mask(picture.shape, slogan, (w / 2, 138), 9, 6.5, 1.4, 2), (120, 50, 30))
    mask = text_mask(picture.shape, text, (w / 2, 78), 70, 36, 9.5, 5.5, 282)
    paint(picture, mask, ink)
    relief(picture, mask, 26)
    paint(picture, rounded_rect(picture.shape, (266, 6, 26, 20), 2), (70, 80, 205))
    bolts(picture, [(60, 11), (245, 11), (60, 141), (245, 141)])
    return finish(picture, alpha, rng, dirt), (w, h)


def plate_eu(text, rng, dirt, letter="L"):
    w, h = 520, 110
    picture, alpha = sheet(w, h, (238, 240, 240), 9)
    paint(
        picture,
        rounded_rect(picture.shape, (0, 0, w, h), 9)
        - rounded_rect(picture.shape, (3.5, 3.5, w - 7, h - 7), 7),
        (30, 30, 30),
    )
    paint(picture, rounded_rect(picture.shape, (3.5, 3.5, 42, h - 7), 6), (150, 60, 15))
    for i in range(12):
        angle = i * np.pi / 6
        cv2.circle(
            picture,
            (int((24 + 13 * np.sin(angle)) * PX), int((36 - 13 * np.cos(angle)) * PX)),
            int(1.9 * PX),
            (40, 205, 240),
            -1,
            cv2.LINE_AA,
        )
    paint(picture, text_mask(picture.shape, letter, (24, 82), 22, 14, 4, 2), (240, 240, 240))
    mask = text_mask(picture.shape, text, (w / 2 + 22, h / 2), 77, 45, 10.5, 7.5, 440)
    paint(picture, mask, (24, 24, 24))
    relief(picture, mask, 24)
    return finish(picture, alpha, rng, dirt), (w, h)


def plate_br(text, rng, dirt, town="LN - MARCO DO NORTE"):
    w, h = 400, 130
    picture, alpha = sheet(w, h, (178, 181, 180), 6)
    paint(
        picture,
        rounded_rect(picture.shape, (0, 0, w, h), 6)
        - rounded_rect(picture.shape, (3, 3, w - 6, h - 6), 5),
        (40, 40, 42),
    )
    paint(picture, rounded_rect(picture.shape, (70, 8, 260, 24), 2), (196, 198, 198))
    paint(picture, text_mask(picture.shape, town, (w / 2, 20), 13, 8.5, 2.2, 2.4), (40, 40, 40))
    mask = text_mask(picture.shape, text, (w / 2, 79), 64, 43, 10.5, 6, 368)
    paint(picture, mask, (26, 26, 26))
    relief(picture, mask, 20)
    bolts(picture, [(40, 20), (360, 20)])
    return finish(picture, alpha, rng, dirt), (w, h)


def plate_mx(text, rng, dirt, state="PASO LARGO", slogan="DELANTERA"):
    w, h = 300, 150
    picture, alpha = sheet(w, h, (228, 232, 232), 9)
    paint(picture, rounded_rect(picture.shape, (5, 5, 84, 30), 3), (75, 110, 60))
    paint(picture, rounded_rect(picture.shape, (211, 5, 84, 30), 3), (70, 60, 175))
    paint(picture, text_mask(picture.shape, state, (w / 2, 128), 15, 11, 2.6, 3), (50, 50, 50))
    paint(picture, text_mask(picture.shape, slogan, (w / 2, 22), 9, 7, 1.5, 2), (60, 60, 60))
    mask = text_mask(picture.shape, text, (w / 2, 77), 62, 33, 8.5, 4.6, 274)
    paint(picture, mask, (28, 28, 28))
    relief(picture, mask, 24)
    bolts(picture, [(105, 12), (195, 12), (60, 141), (240, 141)])
    return finish(picture, alpha, rng, dirt), (w, h)


def plate_two_rows(text, rng, dirt):
    w, h = 280, 200
    upper, lower = text.split("/")
    picture, alpha = sheet(w, h, (238, 240, 240), 9)
    paint(
        picture,
        rounded_rect(picture.shape, (0, 0, w, h), 9)
        - rounded_rect(picture.shape, (3.5, 3.5, w - 7, h - 7), 7),
        (30, 30, 30),
    )
    paint(picture, rounded_rect(picture.shape, (3.5, 3.5, 40, 92), 6), (150, 60, 15))
    paint(picture, text_mask(picture.shape, "L", (23, 76), 20, 13, 4, 2), (240, 240, 240))
    for i in range(12):
        angle = i * np.pi / 6
        cv2.circle(
            picture,
            (int((23 + 12 * np.sin(angle)) * PX), int((34 - 12 * np.cos(angle)) * PX)),
            int(1.8 * PX),
            (40, 205, 240),
            -1,
            cv2.LINE_AA,
        )
    mask = np.maximum(
        text_mask(picture.shape, upper, (160, 53), 77, 45, 10.5, 9, 214),
        text_mask(picture.shape, lower, (w / 2, 147), 77, 45, 10.5, 9),
    )
    paint(picture, mask, (24, 24, 24))
    relief(picture, mask, 24)
    return finish(picture, alpha, rng, dirt), (w, h)
