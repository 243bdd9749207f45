#!/usr/bin/python3
"""Renders the bundled lane: vehicles that come up to a border booth by day, at dusk and at night.

usage: render_lane.py [FOLDER]     writes lane-NNN.jpg and expected.tsv (default: lane/ beside this file)

Nothing in it is a photograph: every surface is drawn here, and the same pictures come out at every run. Needs
python3-numpy and python3-opencv; the tests do not, they use the pictures that are committed.
"""
import os
import sys

import cv2
import numpy as np

import plates
from plates import cloud

WIDTH, HEIGHT, SUPER = 1280, 720, 2
FOCAL = 1500.0
EYE = np.array([-1.05, 1.75, 0.0])
LOOK = np.array([0.1, 0.62, 5.0])
M = 240  # pixels a metre in the textures of vehicles


class Camera:
    def __init__(self):
        z = LOOK - EYE
        z /= np.linalg.norm(z)
        x = np.cross([0, 1, 0], z)
        x /= np.linalg.norm(x)
        self.rotation = np.stack([x, -np.cross(z, x), z])

    def project(self, points):
        p = (np.asarray(points, float) - EYE) @ self.rotation.T
        depth = np.maximum(p[:, 2:3], 0.05)
        return (FOCAL * p[:, :2] / depth + [WIDTH / 2, HEIGHT / 2]) * SUPER


def draw_quad(picture, camera, texture, corners):
    """Lays an RGBA texture on a quadrilateral in space: corners from the top left, clockwise."""
    seen = camera.project(corners).astype(np.float32)
    height, width = texture.shape[:2]
    size = max(np.linalg.norm(seen[1] - seen[0]), np.linalg.norm(seen[2] - seen[3]), 1)
    shrink = min(1.0, 1.3 * size / width)
    if shrink < 0.9:  # a smaller copy first, or fine detail would flicker
        texture = cv2.resize(texture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        height, width = texture.shape[:2]
    h = cv2.getPerspectiveTransform(
        np.float32([[0, 0], [width, 0], [width, height], [0, height]]), seen
    )
    low = np.maximum(np.floor(seen.min(0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(seen.max(0)).astype(int) + 2, [WIDTH * SUPER, HEIGHT * SUPER])
    if (high <= low).any():
        return
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]], float)
    layer = texture.astype(np.float32)
    if texture.shape[2] == 4:
        alpha = layer[..., 3:] / 255
    else:
        alpha = np.ones_like(layer[..., :1])
    layer = np.dstack([layer[..., :3] * alpha, alpha])
    layer = cv2.warpPerspective(
        layer, shift @ h, tuple(int(v) for v in high - low), flags=cv2.INTER_LINEAR
    )
    part = picture[low[1] : high[1], low[0] : high[0]]
    part *= 1 - layer[..., 3:]
    part += layer[..., :3]


def flat(width, height, colour, rng, roughness=0.05, spots=40):
    picture = np.full((height, width, 3), colour, np.float32)
    picture *= (1 + roughness * cloud(rng, picture.shape, spots, 5))[..., None]
    return picture


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
    picture += (60 * np.sin(x * 260) * mask * (1 - bowl))[..., None] * 0.3
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


def box(x0, x1, y0, y1, z):
    return [(x0, y1, z), (x1, y1, z), (x1, y0, z), (x0, y0, z)]


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


def scene(camera, rng):
    """The empty lane by daylight: sky, hills, road and lines, kerb, booth, raised barrier."""
    picture = np.zeros((HEIGHT * SUPER, WIDTH * SUPER, 3), np.float32)
    picture[:] = np.linspace(0, 1, picture.shape[0])[:, None, None] * np.array([10, -5, -20]) + [
        214,
        202,
        190,
    ]
    hills = flat(1200, 200, (98, 112, 104), rng, 0.25, 60)
    ridge = 60 + 50 * cloud(rng, (1, 1200), 300)[0]
    alpha = np.clip((np.arange(200)[:, None] - ridge[None, :]) * 40, 0, 255)
    draw_quad(picture, camera, np.dstack([hills, alpha]), box(-90, 90, -1, 14, 120))
    grass = flat(800, 800, (72, 104, 98), rng, 0.3, 8)
    draw_quad(picture, camera, grass, [(-90, 0, 125), (90, 0, 125), (14, 0, 2), (-14, 0, 2)])
    road = flat(1200, 3000, (112, 112, 113), rng, 0.10, 3)
    road *= (1 + 0.12 * cloud(rng, road.shape, 300, 4))[..., None]
    across = np.arange(1200, dtype=np.float32)
    for at in (330, 870):  # where the tyres run
        road *= (1 - 0.14 * np.exp(-(((across - at) / 55) ** 2)))[None, :, None]
    for at in (70, 1130):
        worn = rng.random((3000, 1)) * 30 + 195
        road[:, at - 10 : at + 10] = worn[..., None]
    road[2480:2530, 120:1080] = (
        205 + 20 * cloud(rng, (50, 960), 30)[..., None]
    )  # the line to halt at
    road = np.clip(road, 0, 255)
    draw_quad(picture, camera, road, [(-2.2, 0, 40), (2.2, 0, 40), (2.2, 0, 2), (-2.2, 0, 2)])
    fence = flat(600, 60, (128, 132, 134), rng, 0.15, 20)
    draw_quad(picture, camera, fence, [(-60, 2.2, 70), (60, 2.2, 70), (60, 0, 70), (-60, 0, 70)])
    kerb = flat(900, 40, (150, 150, 148), rng, 0.12, 12)
    draw_quad(
        picture, camera, kerb, [(2.25, 0.16, 40), (2.25, 0.16, 2.5), (2.25, 0, 2.5), (2.25, 0, 40)]
    )
    draw_quad(
        picture,
        camera,
        kerb * 1.12,
        [(2.25, 0.16, 40), (4.2, 0.16, 40), (4.2, 0.16, 2.5), (2.25, 0.16, 2.5)],
    )
    front = flat(400, 560, (176, 178, 172), rng, 0.04, 90)
    cv2.rectangle(front, (40, 60), (360, 250), (70, 66, 60), -1)
    cv2.rectangle(front, (40, 60), (360, 250), (205, 205, 205), 8)
    cv2.rectangle(front, (0, 300), (400, 330), (120, 70, 40), -1)
    draw_quad(
        picture,
        camera,
        front,
        [(2.45, 2.7, 10.2), (4.1, 2.7, 10.2), (4.1, 0.16, 10.2), (2.45, 0.16, 10.2)],
    )
    flank = front * 0.72
    draw_quad(
        picture,
        camera,
        flank,
        [(2.45, 2.7, 13), (2.45, 2.7, 10.2), (2.45, 0.16, 10.2), (2.45, 0.16, 13)],
    )
    post = flat(60, 300, (60, 150, 215), rng, 0.05, 20)
    draw_quad(picture, camera, post, box(2.35, 2.6, 0.16, 1.2, 9.2))
    arm = np.zeros((30, 600, 4), np.float32)
    arm[..., 3] = 255
    for i in range(10):
        arm[:, i * 60 : (i + 1) * 60, :3] = (225, 225, 225) if i % 2 else (45, 45, 195)
    draw_quad(
        picture,
        camera,
        arm,
        [(2.36, 1.12, 9.2), (1.62, 4.1, 9.2), (1.7, 4.12, 9.2), (2.48, 1.14, 9.2)],
    )
    return picture


def glare(picture, camera, kind, x, z, power):
    """What bright lamps do to a lens: a core that clips and a wide halo."""
    light = np.zeros(picture.shape[:2], np.float32)
    for u in (0.14, 0.86):
        spot = camera.project(
            [(x + (u - 0.5) * kind["width"], kind["clear"] + kind["front"] * 0.72, z - 0.05)]
        )[0]
        radius = FOCAL * SUPER * 0.07 / max(z, 1)
        cv2.circle(light, tuple(int(v) for v in spot), int(radius), 1.0, -1, cv2.LINE_AA)
    small = cv2.resize(light, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    halo = sum(cv2.GaussianBlur(small, (0, 0), s) * g for s, g in ((6, 0.9), (24, 1.2), (70, 1.6)))
    halo = cv2.resize(halo, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_LINEAR)
    picture += (np.clip(light * 2 + halo, 0, 3) * power)[..., None]


def develop(picture, camera, light, rng, passing):
    """From a clean daylight picture to what the lane's camera would deliver at that hour."""
    h, w = picture.shape[:2]
    if light == "dusk":
        picture *= np.array([0.62, 0.47, 0.44], np.float32)
    if light == "night":
        grey = picture @ np.array([0.2, 0.5, 0.3], np.float32)
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        beam = np.exp(-(((x - w * 0.52) / (w * 0.42)) ** 2 + ((y - h * 0.62) / (h * 0.48)) ** 2))
        picture = np.repeat((grey * (0.07 + 0.72 * beam))[..., None], 3, 2)
    if passing and light != "day":
        glare(picture, camera, *passing, 150 if light == "night" else 110)
    picture = cv2.GaussianBlur(picture, (0, 0), SUPER * (0.62 if light == "day" else 0.75))
    if passing:  # it moves towards the camera while the shutter is open: a little downwards
        reach = {"day": 1, "dusk": 3, "night": 2}[light] * SUPER
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        kernel[reach:, reach] = 1 / (reach + 1)
        picture = cv2.filter2D(picture, -1, kernel)
    picture = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)
    picture *= (1.02 - 0.16 * (x**2 + y**2))[..., None]
    gain = {"day": 1.8, "dusk": 4.0, "night": 4.5}[light]
    noise = rng.standard_normal(picture.shape).astype(np.float32)
    if light == "night":
        noise = np.repeat(noise[..., :1], 3, 2)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 1.6
    picture += noise * gain * np.sqrt(np.clip(picture, 4, 255) / 110)
    return np.clip(picture, 0, 255).astype(np.uint8)


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

# Each: its plate, the light, the vehicle, where in the lane, how far in each picture (metres).
FAR = (9.6, 7.6, 6.2, 5.2, 4.5)
VEHICLES = [
    (
        "7LNW482",
        "day",
        dict(SEDAN, colour=(112, 62, 40)),
        lambda r: plates.plate_us("7LNW482", r, 0.30),
        0.05,
        FAR,
    ),
    (
        "LNWD2716",
        "day",
        dict(SUV, colour=(52, 50, 150), tilt=0.015),
        lambda r: plates.plate_eu("LN-WD 2716", r, 0.30),
        0.2,
        FAR,
    ),
    (
        "BV72LNR",
        "day",
        dict(TRUCK, colour=(190, 186, 180), plate_x=0.3),
        lambda r: plates.plate_two_rows("BV 72/LNR", r, 0.4),
        -0.1,
        (11.0, 9.0, 7.4, 6.2, 5.4),
    ),
    (
        "KLN3850",
        "dusk",
        dict(SEDAN, colour=(160, 162, 164), tilt=-0.02),
        lambda r: plates.plate_br("KLN-3850", r, 0.35),
        0.12,
        FAR,
    ),
    (
        "",
        "dusk",
        dict(PICKUP, colour=(70, 82, 74), dust=0.85),
        lambda r: plates.plate_us("HJK3065", r, 1.16),
        0.0,
        FAR,
    ),
    (
        "NLW4821",
        "night",
        dict(PICKUP, colour=(92, 92, 95)),
        lambda r: plates.plate_mx("NLW-48-21", r, 0.35),
        0.1,
        FAR,
    ),
    # The last one halts at the line and stands there.
    (
        "HVN4630",
        "night",
        dict(SUV, colour=(120, 116, 112), tilt=0.02),
        lambda r: plates.plate_us("HVN 4630", r, 0.25),
        0.05,
        (9.6, 7.2, 5.6, 4.9, 4.9, 4.9, 4.9),
    ),
]


def main():
    folder = (
        sys.argv[1]
        if len(sys.argv) > 1
        else os.path.join(os.path.dirname(os.path.abspath(__file__)), "lane")
    )
    os.makedirs(folder, exist_ok=True)
    camera, rng = Camera(), np.random.default_rng(20260)
    empty = scene(camera, rng)
    number = 0

    def save(picture):
        nonlocal number
        number += 1
        cv2.imwrite(
            os.path.join(folder, f"lane-{number:03d}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 80]
        )

    with open(os.path.join(folder, "expected.tsv"), "w") as expected:
        expected.write(
            "# passage\tplate (empty: a plate that cannot be read)\tfirst picture\tlast picture\n"
        )
        for order, (text, light, kind, plate, x, distances) in enumerate(VEHICLES, 1):
            kind = dict(kind, plate=plate)
            parts = make_parts(kind, rng, light != "day")
            save(develop(empty.copy(), camera, light, rng, None))
            first = number + 1
            for z in distances:
                picture = empty.copy()
                place = x + rng.normal(0, 0.02)
                draw_vehicle(
                    picture, camera, kind, parts, place, z, 0.75 if light == "day" else 0.45
                )
                save(develop(picture, camera, light, rng, (kind, place, z)))
            expected.write(f"{order}\t{text}\tlane-{first:03d}.jpg\tlane-{number:03d}.jpg\n")
        save(develop(empty.copy(), camera, "night", rng, None))


if __name__ == "__main__":
    main()
