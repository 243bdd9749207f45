#!/usr/bin/python3
"""Renders the bundled lane: vehicles that come up to a border booth by day, at dusk and at night.

usage: render_lane.py [FOLDER]   writes lane-NNN.jpg and expected.tsv (default: lane/ beside it)

Nothing in it is a photograph: every surface is drawn here, and the same pictures come out at every
run. Needs python3-numpy and python3-opencv; the tests do not, they use the committed pictures.
"""
import os
import sys

import cv2
import numpy as np

import plates
from plates import cloud
from space import FOCAL, HEIGHT, SUPER, WIDTH, Camera, box, draw_quad, flat
from vehicles import PICKUP, SEDAN, SUV, TRUCK, draw_vehicle, make_parts

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
        (9.0, 7.4, 6.6, 6.0, 5.4, 4.9),
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
            for _ in range(2):
                save(develop(empty.copy(), camera, light, rng, None))
            first, before = number + 1, None
            for z in distances:
                picture = empty.copy()
                if z != before:  # not one that stands
                    place = x + rng.normal(0, 0.02)
                before = z
                draw_vehicle(
                    picture, camera, kind, parts, place, z, 0.75 if light == "day" else 0.45
                )
                save(develop(picture, camera, light, rng, (kind, place, z)))
            expected.write(f"{order}\t{text}\tlane-{first:03d}.jpg\tlane-{number:03d}.jpg\n")
        for _ in range(2):
            save(develop(empty.copy(), camera, "night", rng, None))


if __name__ == "__main__":
    main()
