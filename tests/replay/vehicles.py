"""Vehicles: their fronts, cabins and flanks as textures, and how these stand in the lane."""
import cv2
import numpy as np

import plates
from plates import cloud
from space import box, draw_quad, flat

M = 240  # pixels a metre in the textures of vehicles

SEDAN = dict(
    width=1.80,
    clear=0.20,
    front=0.62,
    roof=1.45,
    bonnet=1.15,
    lean=0.75,
    length=4.5,
    plate_y=0.44,
    trim=(200, 200, 202),
)
SUV = dict(
    width=1.90,
    clear=0.28,
    front=0.78,
    roof=1.74,
    bonnet=1.05,
    lean=0.55,
    length=4.7,
    plate_y=0.60,
    trim=(40, 40, 41),
)
PICKUP = dict(
    width=1.98,
    clear=0.34,
    front=0.84,
    roof=1.86,
    bonnet=1.2,
    lean=0.55,
    length=5.4,
    plate_y=0.70,
    trim=(208, 208, 210),
)
TRUCK = dict(
    width=2.30,
    clear=0.34,
    front=1.15,
    roof=2.75,
    bonnet=0.10,
    lean=0.15,
    length=7.5,
    plate_y=0.62,
    trim=(60, 60, 62),
)


def poly(picture, points, colour, soft=0.0):
    """Fills a polygon given in metres (x from the left, y from the top of the texture)."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(points) * M * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    mask = mask.astype(np.float32) / 255
    if soft:
        mask = cv2.GaussianBlur(mask, (0, 0), soft * M)
    plates.paint(picture, mask, colour)
    return mask


def curve(points, closed=True):
    return plates.rounded(points, closed)


def mirrored(points, width):
    return [(width - p[0],) + tuple(p[1:]) for p in points]


def sheen(picture, rng, top=1.18, bottom=0.72, edge=0.5):
    """Painted metal: lighter above, darker below and where it bends away at both sides."""
    h, w = picture.shape[:2]
    fall = np.linspace(top, bottom, h, dtype=np.float32)[:, None]
    x = np.abs(np.linspace(-1, 1, w, dtype=np.float32))[None, :]
    picture *= (fall * (1 - edge * np.clip(x - 0.72, 0, 1) ** 1.5 * 4))[..., None]
    band = np.exp(-(((np.linspace(0, 1, h, dtype=np.float32)[:, None] - 0.12) / 0.05) ** 2))
    picture += (band * 26 * (1 + 0.4 * cloud(rng, picture.shape, 0.5 * M)))[..., None]


def headlight(picture, outline, centre, radius, lit):
    poly(picture, outline, (70, 70, 72))
    mask = poly(picture, [(p[0], p[1] + 0.006) for p in outline], (176, 172, 166))
    h, w = picture.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32) / M
    bowl = np.exp(-((((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / radius**2) ** 2)) * mask
    plates.paint(picture, bowl * 0.8, (120, 118, 112))
    picture += (60 * np.sin(x * 260) * mask * (1 - bowl))[..., None] * 0.12
    spot = (
        np.exp(-((x - centre[0] + 0.01) ** 2 + (y - centre[1] + 0.015) ** 2) / (radius * 0.3) ** 2)
        * mask
    )
    plates.paint(picture, np.clip(spot * (3 if lit else 0.8), 0, 1), (255, 255, 255))


def fascia(kind, rng, lit):
    """The front of a vehicle below the bonnet, without its plate."""
    w, h = kind["width"], kind["front"]
    picture = flat(int(w * M), int(h * M), kind["colour"], rng, 0.025, 200)
    sheen(picture, rng)
    grille = curve(
        [
            (w * 0.30, h * 0.16, 0.05),
            (w * 0.70, h * 0.16, 0.05),
            (w * 0.66, h * 0.46, 0.06),
            (w * 0.34, h * 0.46, 0.06),
        ]
    )
    poly(picture, grille + [0, 0.008], (40, 40, 40), 0.008)
    poly(picture, (grille - [w / 2, h * 0.31]) * 1.05 + [w / 2, h * 0.31], kind["trim"])
    inside = poly(picture, grille, (22, 22, 23))
    y = np.arange(picture.shape[0], dtype=np.float32)[:, None] / M
    bars = np.clip(np.sin(y * 2 * np.pi / 0.055) * 3, -1, 1) * np.ones_like(inside)
    picture += (inside * np.clip(bars, 0, 1) * 55)[..., None]
    cv2.circle(
        picture,
        (int(w / 2 * M), int(h * 0.31 * M)),
        int(0.06 * M),
        (205, 205, 208),
        -1,
        cv2.LINE_AA,
    )
    cv2.circle(
        picture, (int(w / 2 * M), int(h * 0.31 * M)), int(0.045 * M), (90, 60, 50), -1, cv2.LINE_AA
    )
    lamp = [
        (w * 0.035, h * 0.14),
        (w * 0.24, h * 0.20),
        (w * 0.26, h * 0.38),
        (w * 0.20, h * 0.40),
        (w * 0.03, h * 0.32),
    ]
    for side in (lamp, mirrored(lamp, w)):
        middle = np.mean(np.array(side), 0)
        headlight(picture, side, middle, 0.085, lit)
    # Bumper: a lighter swelling, a dark intake below, fog lamps, a lip.
    poly(
        picture, [(0, h * 0.505), (w, h * 0.505), (w, h * 0.52), (0, h * 0.52)], (30, 30, 32), 0.006
    )
    band = np.zeros(picture.shape[:2], np.float32)
    band[int(h * 0.53 * M) : int(h * 0.66 * M)] = 1
    picture *= (1 + 0.16 * cv2.GaussianBlur(band, (0, 0), 0.03 * M))[..., None]
    intake = curve(
        [
            (w * 0.2, h * 0.73, 0.06),
            (w * 0.8, h * 0.73, 0.06),
            (w * 0.74, h * 0.93, 0.06),
            (w * 0.26, h * 0.93, 0.06),
        ]
    )
    poly(picture, intake, (20, 20, 21))
    for x in (0.1, 0.9):
        poly(
            picture,
            curve(
                [
                    ((x - 0.06) * w, h * 0.74, 0.03),
                    ((x + 0.06) * w, h * 0.74, 0.03),
                    ((x + 0.05) * w, h * 0.88, 0.03),
                    ((x - 0.05) * w, h * 0.88, 0.03),
                ]
            ),
            (26, 26, 27),
        )
        cv2.circle(
            picture,
            (int(x * w * M), int(h * 0.81 * M)),
            int(0.045 * M),
            (150, 150, 150),
            -1,
            cv2.LINE_AA,
        )
    poly(picture, [(0, h * 0.96), (w, h * 0.96), (w, h), (0, h)], (28, 28, 30), 0.01)
    dust = np.clip(
        np.linspace(-0.8, 0.75, picture.shape[0], dtype=np.float32)[:, None]
        + 0.25 * cloud(rng, picture.shape, 0.3 * M, 5),
        0,
        1,
    ) * kind.get("dust", 0.25)
    plates.paint(picture, dust, (88, 98, 108))
    alpha = np.zeros(picture.shape[:2], np.uint8)
    outline = curve(
        [
            (0.012 * w, 0, 0.05),
            (0.988 * w, 0, 0.05),
            (w, h * 0.3, 0.2),
            (w * 0.985, h, 0.09),
            (w * 0.015, h, 0.09),
            (0, h * 0.3, 0.2),
        ]
    )
    cv2.fillPoly(alpha, [np.round(outline * M).astype(np.int32)], 255, cv2.LINE_AA)
    return np.dstack([np.clip(picture, 0, 255), alpha])


def cabin(kind, rng):
    """Windscreen, pillars and roof, seen from the front."""
    w, h = kind["width"], kind["roof"] - kind["front"] - kind["clear"]
    picture = flat(int(w * M), int(h * M), kind["colour"], rng, 0.02, 200)
    sheen(picture, rng, 1.25, 0.8, 0.3)
    glass = curve(
        [
            (0.17 * w, 0.1 * h, 0.09),
            (0.83 * w, 0.1 * h, 0.09),
            (0.955 * w, 0.97 * h, 0.04),
            (0.045 * w, 0.97 * h, 0.04),
        ]
    )
    inside = poly(picture, glass, (58, 54, 50))
    y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32) / M
    sky = np.clip(0.75 - y / h + 0.25 * cloud(rng, picture.shape, 0.5 * M), 0, 1) * inside
    plates.paint(picture, sky * 0.55, (190, 180, 170))
    for seat in (0.3, 0.7):
        blob = np.exp(-((((x - seat * w) / 0.15) ** 2 + ((y - 0.62 * h) / 0.2) ** 2) ** 2)) * inside
        plates.paint(picture, blob * 0.6, (30, 28, 27))
    wheel = np.abs(np.hypot((x - 0.68 * w), (y - 0.95 * h) * 1.3) - 0.17) < 0.016
    plates.paint(
        picture, cv2.GaussianBlur(wheel.astype(np.float32), (0, 0), 1.5) * inside, (20, 20, 20)
    )

    def at(u, v):
        return int(u * w * M), int(v * h * M)

    cv2.rectangle(picture, at(0.46, 0.14), at(0.55, 0.2), (30, 30, 30), -1)
    cv2.line(picture, at(0.1, 0.955), at(0.46, 0.9), (18, 18, 18), 4, cv2.LINE_AA)
    alpha = np.zeros(picture.shape[:2], np.uint8)
    outline = curve(
        [(0.13 * w, 0.01 * h, 0.12), (0.87 * w, 0.01 * h, 0.12), (w, h, 0.02), (0, h, 0.02)]
    )
    cv2.fillPoly(alpha, [np.round(outline * M).astype(np.int32)], 255, cv2.LINE_AA)
    return np.dstack([np.clip(picture, 0, 255), alpha])


def side(kind, rng):
    length, h = kind["length"], kind["front"] + 0.12
    picture = flat(int(length * M), int(h * M), kind["colour"], rng, 0.02, 200)
    picture *= np.linspace(0.9, 0.45, picture.shape[0], dtype=np.float32)[:, None, None]
    return np.dstack([np.clip(picture, 0, 255), np.full(picture.shape[:2], 255)])


def flank(kind, rng):
    """The side windows, from the rear edge to the windscreen's pillar."""
    picture = flat(M // 2, 2 * M, (52, 48, 45), rng, 0.25, 120)
    for u in (0.03, 0.5, 0.97):
        picture[:, max(0, int((u - 0.03) * 2 * M)) : int((u + 0.03) * 2 * M)] = (
            np.array(kind["colour"]) * 0.7
        )
    picture[: M // 16] = np.array(kind["colour"]) * 0.9
    return picture


def wheel(rng):
    n = int(0.64 * M)
    picture = flat(n, n, (26, 26, 27), rng, 0.1, 10)
    alpha = np.zeros((n, n), np.uint8)
    cv2.ellipse(alpha, (n // 2, n // 2), (n // 2 - 1, n // 2 - 1), 0, 0, 360, 255, -1, cv2.LINE_AA)
    return np.dstack([picture, alpha])


def draw_shadow(picture, camera, kind, x, z, strength):
    n = 256
    y, u = np.mgrid[-1 : 1 : n * 1j, -1 : 1 : n * 1j]
    dark = np.clip(3 * (0.80 - np.abs(u) ** 4 - np.abs(y) ** 8), 0, 1) * strength
    texture = np.zeros((n, n, 4), np.float32)
    texture[..., 3] = cv2.GaussianBlur(np.pad(dark[24:-24, 24:-24], 24), (0, 0), 9) * 255
    w = kind["width"] / 2 + 0.35
    draw_quad(
        picture,
        camera,
        texture,
        [
            (x - w, 0, z + kind["length"]),
            (x + w, 0, z + kind["length"]),
            (x + w, 0, z - 0.3),
            (x - w, 0, z - 0.3),
        ],
    )


def draw_vehicle(picture, camera, kind, parts, x, z, shadow):
    w, clear, front, roof = kind["width"], kind["clear"], kind["front"], kind["roof"]
    low, high = clear, clear + front
    draw_shadow(picture, camera, kind, x, z, shadow)
    for wx in (x - w / 2 + 0.02, x + w / 2 - 0.24):
        draw_quad(picture, camera, parts["wheel"], box(wx, wx + 0.22, 0, 0.64, z + 0.75))
    left, right = x - w / 2, x + w / 2
    lean, deep, far = kind["lean"], kind["bonnet"], z + kind["length"]
    draw_quad(
        picture,
        camera,
        parts["flank"],
        [
            (left + 0.3, roof - 0.03, far - 0.7),
            (left + 0.3, roof - 0.01, z + deep + lean),
            (left, high, z + deep),
            (left, high, far),
        ],
    )
    draw_quad(
        picture,
        camera,
        parts["side"],
        [(left, high + 0.03, far), (left, high - 0.01, z), (left, low, z), (left, low, far)],
    )
    draw_quad(
        picture,
        camera,
        parts["cabin"],
        [
            (left + 0.08, roof, z + deep + lean),
            (right - 0.08, roof, z + deep + lean),
            (right, high + 0.04, z + deep),
            (left, high + 0.04, z + deep),
        ],
    )
    draw_quad(
        picture,
        camera,
        parts["bonnet"],
        [
            (left, high + 0.05, z + deep),
            (right, high + 0.05, z + deep),
            (right - 0.015, high - 0.03, z),
            (left + 0.015, high - 0.03, z),
        ],
    )
    for mx, edge in ((left - 0.16, 1), (right, -1)):
        draw_quad(
            picture,
            camera,
            parts["mirror"],
            box(mx, mx + 0.18, high + 0.12, high + 0.26, z + deep + 0.25),
        )
    draw_quad(picture, camera, parts["fascia"], box(left, right, low, high, z))
    draw_plate(picture, camera, kind, parts, x, z)


def draw_plate(picture, camera, kind, parts, x, z):
    texture, (pw, ph) = parts["plate"]
    pw, ph = pw / 1000, ph / 1000
    cx, cy = x + kind.get("plate_x", 0.0), kind["plate_y"]
    tilt = kind.get("tilt", 0.0)
    corners = []
    for dx, dy in ((-pw / 2, ph / 2), (pw / 2, ph / 2), (pw / 2, -ph / 2), (-pw / 2, -ph / 2)):
        corners.append(
            (
                cx + dx * np.cos(tilt) - dy * np.sin(tilt),
                cy + dx * np.sin(tilt) + dy * np.cos(tilt),
                z - 0.035 + (0.012 if dy > 0 else 0),
            )
        )
    corners = np.array(corners)
    grow = np.array([(-1, 1, 0), (1, 1, 0), (1, -1, 0), (-1, -1, 0)]) * kind.get("holder", 0.014)
    dark = np.zeros((40, 80, 4), np.float32)
    dark[..., :3] = kind.get("holder_colour", (30, 30, 31))
    dark[..., 3] = 255
    drop = dark.copy()
    drop[..., :3] = 0
    drop[..., 3] = cv2.GaussianBlur(np.pad(np.full((32, 72), 150, np.float32), 4), (0, 0), 2.5)
    draw_quad(picture, camera, drop, corners + grow * 2.2 + [0, -0.022, 0.03])
    draw_quad(picture, camera, dark, corners + grow)
    draw_quad(picture, camera, texture, corners)


def make_parts(kind, rng, lit):
    parts = {
        "plate": kind["plate"](rng),
        "wheel": wheel(rng),
        "side": side(kind, rng),
        "flank": flank(kind, rng),
        "fascia": fascia(kind, rng, lit),
        "cabin": cabin(kind, rng),
    }
    bonnet = flat(int(kind["width"] * M), 2 * M, kind["colour"], rng, 0.02, 300)
    bonnet *= np.linspace(1.05, 1.3, 2 * M, dtype=np.float32)[:, None, None]
    bonnet += (18 * cloud(rng, bonnet.shape, 0.6 * M))[..., None]
    for u in (0.28, 0.72):
        at = int(bonnet.shape[1] * u)
        bonnet[:, at - 3 : at + 3] *= 0.85
    parts["bonnet"] = np.clip(bonnet, 0, 255)
    mirror = flat(M // 4, M // 5, kind["colour"], rng)
    alpha = np.zeros(mirror.shape[:2], np.uint8)
    cv2.ellipse(
        alpha, (M // 8, M // 10), (M // 8 - 1, M // 10 - 1), 0, 0, 360, 255, -1, cv2.LINE_AA
    )
    parts["mirror"] = np.dstack([mirror * 0.8, alpha])
    return parts
