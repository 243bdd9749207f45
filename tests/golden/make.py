#!/usr/bin/env python3
"""Renders the golden pictures: simple vehicles with plates in perspective, by day and by night.

Needs numpy, OpenCV and Pillow with a condensed sans font; run by hand, its output is committed. The
texts that are expected are written by `test_golden --generate` and looked at with
`test_golden --show FOLDER`.
"""
import argparse
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
FONTS = ('/usr/share/fonts/truetype/liberation/LiberationSansNarrow-Bold.ttf',
         '/usr/share/fonts/truetype/dejavu/DejaVuSansCondensed-Bold.ttf')
WIDTH, HEIGHT = 1280, 720


def font(size):
    for path in FONTS:
        if Path(path).exists():
            return ImageFont.truetype(path, size)
    raise SystemExit('none of the fonts is installed: ' + ', '.join(FONTS))


def plate(lines, width, height, motto='', dark=False):
    """A plate's face, 4 pixels to a millimetre or so, grey."""
    ink, ground = (235, 40) if dark else (25, 225)
    image = Image.new('L', (width, height), ground)
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((4, 4, width - 5, height - 5), 18, outline=ink, width=5)
    top = 0.16 if motto else 0.08
    each = (0.92 - top) / len(lines)
    for i, line in enumerate(lines):
        room = (int(width * 0.88), int(height * each * 0.86))
        letters = Image.new('L', (2000, 400), 0)
        ImageDraw.Draw(letters).text((20, 20), ' '.join(line), fill=255, font=font(260))
        letters = letters.crop(letters.getbbox()).resize(room, Image.LANCZOS)
        at = (int(width * 0.06), int(height * (top + each * i + each * 0.07)))
        image.paste(ink, at, letters)
    if motto:
        draw.text((width // 2, int(height * 0.1)), motto, fill=ink, font=font(height // 9),
                  anchor='mm')
    return np.array(image)


def framed(face):
    """The same with a national band on the left and a dark holder around it."""
    band = np.full((face.shape[0], 100), 70, np.uint8)
    cv2.putText(band, 'LW', (14, 185), cv2.FONT_HERSHEY_SIMPLEX, 1.8, 240, 5)
    face = np.hstack([band, face])
    return cv2.copyMakeBorder(face, 14, 34, 14, 14, cv2.BORDER_CONSTANT, value=30)


def scene(rng, light):
    """Sky, road and a vehicle's front."""
    y = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None]
    grey = np.repeat(np.where(y < 0.35, 200 - 80 * y, 95 + 50 * y), WIDTH, 1)
    grey += cv2.resize(rng.normal(0, 9, (60, 110)).astype(np.float32), (WIDTH, HEIGHT))
    body = int(rng.integers(60, 190))
    cv2.rectangle(grey, (330, 120), (950, 330), body * 0.5, -1)
    cv2.rectangle(grey, (270, 300), (1010, 560), float(body), -1)
    cv2.rectangle(grey, (400, 350), (880, 420), body * 0.4, -1)
    for x in range(405, 880, 16):
        cv2.line(grey, (x, 352), (x, 418), body * 0.8, 3)
    for x in (320, 960):
        cv2.circle(grey, (x, 380), 42, 235.0, -1)
    cv2.rectangle(grey, (300, 555), (420, 660), 25.0, -1)
    cv2.rectangle(grey, (860, 555), (980, 660), 25.0, -1)
    return cv2.GaussianBlur(grey, (0, 0), 1.5) * light


def place(grey, face, corners, light):
    h, w = face.shape
    corners = np.float32(corners)
    m = cv2.getPerspectiveTransform(np.float32([[0, 0], [w, 0], [w, h], [0, h]]), corners)
    small = cv2.GaussianBlur(face, (0, 0), max(0.1, 0.4 * w / np.ptp(corners[:, 0]) - 0.4))
    whole = np.full(face.shape, 255, np.uint8)
    mask = cv2.warpPerspective(whole, m, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR) / 255.0
    drawn = cv2.warpPerspective(small, m, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    return grey * (1 - mask) + drawn * light * mask


def finished(rng, grey, blur, noise):
    grey = cv2.GaussianBlur(grey, (0, 0), blur) + rng.normal(0, noise, grey.shape)
    return np.uint8(np.clip(grey, 0, 255))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=HERE)
    out = parser.parse_args().out
    american = lambda text: plate([text], 620, 310, 'FREE COUNTY')
    european = lambda text: framed(plate([text], 1040, 220))
    square = lambda upper, lower: plate([upper, lower], 560, 400)
    box = lambda x0, y0, x1, y1: [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    askew = [(520, 480), (730, 438), (733, 486), (523, 533)]
    dim = [(570, 455), (700, 458), (699, 524), (569, 520)]
    turned = [(760, 440), (910, 436), (912, 512), (762, 516)]
    pictures = {
        'day_front': ([(american('7KLM482'), box(560, 450, 720, 530))], 1.0, 0.7, 3),
        'day_askew': ([(european('BX72KLN'), askew)], 1.0, 0.7, 3),
        'night': ([(american('HRT3916'), dim)], 0.35, 0.9, 6),
        'two_lines': ([(square('KGR', '4827'), box(580, 440, 700, 526))], 0.9, 0.7, 3),
        'two_plates': ([(european('MT48WRE'), box(330, 470, 520, 510)),
                        (american('5DFX309'), turned)], 1.0, 0.7, 3),
        'cut_by_border': ([(american('8PQR157'), box(1190, 300, 1350, 380))], 1.0, 0.7, 3),
        'no_plate': ([], 1.0, 0.7, 3),
        'far_away': ([(american('6FKD204'), box(612, 470, 648, 488))], 1.0, 0.5, 2),
    }
    for number, (name, (plates, light, blur, noise)) in enumerate(pictures.items()):
        rng = np.random.default_rng(100 + number)
        grey = scene(rng, light)
        for face, corners in plates:
            grey = place(grey, face, corners, min(1.0, light * 1.4))
        picture = finished(rng, grey, blur, noise)
        cv2.imwrite(str(out / f'{name}.jpg'), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == '__main__':
    main()
