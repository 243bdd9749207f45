"""Draws number plates and other lettering for the plate locator's training scenes."""
import string
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SQUARE = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]])
WORDS = (
    'POLICE TAXI EXPRESS CARGO Logistics FREIGHT Ford Toyota turbo 4x4 HYBRID Diesel EXIT STOP '
    'CUSTOMS '
    'BORDER School BUS For Sale www.transport.com Call 555-0142 How is my driving? MARKET Open 24h '
    'SERVICE TRUCK Volvo SCANIA MAN Iveco PARKING NO ENTRY Zone 30 SPEED LIMIT Caution baby on '
    'board '
    'Rental Moving AIR BRAKES Wide Load Sprinter Transit Hotel Restaurant CAFE Cinema'
).split()
FONT_FOLDERS = ('/usr/share/fonts/truetype/dejavu',)
STYLES = {  # name: (width, height, rows, share)
    'eu': (520, 114, 1, 5),
    'eu2': (280, 200, 2, 2),
    'us': (300, 150, 1, 6),
    'br': (400, 130, 1, 2),
    'mercosur': (400, 130, 1, 2),
    'moto': (200, 170, 2, 2),
    'in2': (340, 200, 2, 1.5),
    'cn': (440, 140, 1, 1),
    'mx': (300, 150, 1, 1.5),
}


def find_fonts(data):
    fonts = sorted(Path(data, 'fonts').glob('*.ttf'))
    for folder in FONT_FOLDERS:
        fonts += sorted(
            p
            for p in Path(folder).glob('*.ttf')
            if 'Oblique' not in p.name and ('Bold' in p.name or 'Condensed' in p.name)
        )
    return [str(p) for p in fonts]


def draw_text(draw, box, text, font_path, ink, rng):
    """Fills box (x0, y0, x1, y1) with letters as high as it, squeezed where they are too wide."""
    x0, y0, x1, y1 = box
    font = ImageFont.truetype(font_path, max(8, int((y1 - y0) * 1.32)))
    left, top, right, bottom = font.getbbox(text)
    strip = Image.new('L', (max(1, right - left), max(1, bottom - top)), 0)
    ImageDraw.Draw(strip).text((-left, -top), text, fill=255, font=font)
    width = min(
        int((x1 - x0)),
        int((right - left) * (y1 - y0) / max(1, bottom - top) * rng.uniform(0.8, 1.1)),
    )
    strip = strip.resize((max(1, width), max(1, int(y1 - y0))), Image.BILINEAR)
    draw.bitmap((int((x0 + x1 - width) / 2), int(y0)), strip, fill=int(ink))


def plate_text(rng, count):
    digits = rng.random(count) < rng.choice([0.3, 0.5, 0.7])
    chars = [rng.choice(list(string.digits if d else string.ascii_uppercase)) for d in digits]
    if rng.random() < 0.5 and count > 4:
        chars.insert(rng.integers(2, count - 1), rng.choice(list('- .')))
    return ''.join(chars)


def draw_surround(draw, style, size, ink, fonts, rng):
    """Band, words above and below; returns what is left for the serial (x0, y0, x1, y1)."""
    w, h = size
    x0, x1, y0, y1 = w * 0.04, w * 0.96, h * 0.14, h * 0.86
    if style in ('eu', 'eu2') and rng.random() < 0.6:
        band = w * rng.uniform(0.07, 0.1)
        draw.rectangle(
            [0, 0, band, h if style == 'eu' else h * 0.45], fill=int(rng.uniform(20, 110))
        )
        x0 += band
    if style in ('mercosur', 'us', 'mx', 'br') and rng.random() < 0.9:
        top = h * rng.uniform(0.14, 0.24)
        if rng.random() < 0.4 or style == 'mercosur':
            draw.rectangle([0, 0, w, top], fill=int(rng.uniform(20, 130)))
        word = str(rng.choice(WORDS)).upper() + ' ' + str(rng.choice(WORDS))
        draw_text(
            draw,
            (w * 0.2, h * 0.03, w * 0.8, top * 0.85),
            word[:16],
            str(rng.choice(fonts)),
            ink if rng.random() < 0.5 else 255 - ink,
            rng,
        )
        y0 = top + h * 0.04
    if style in ('us', 'mx') and rng.random() < 0.7:
        y1 = h * rng.uniform(0.76, 0.84)
        draw_text(
            draw,
            (w * 0.2, h * 0.87, w * 0.8, h * 0.96),
            str(rng.choice(WORDS)) * 2,
            str(rng.choice(fonts)),
            ink,
            rng,
        )
    return x0, y0, x1, y1


def draw_serial(draw, rows, field, h, pen, rng):
    """The serial in one or two rows; pen is (ink, font path)."""
    x0, y0, x1, y1 = field
    ink, font = pen
    if rows == 1:
        draw_text(draw, (x0, y0, x1, y1), plate_text(rng, rng.integers(4, 9)), font, ink, rng)
    else:
        mid = h * rng.uniform(0.42, 0.52)
        draw_text(
            draw,
            (x0, h * 0.08, x1, mid - h * 0.03),
            plate_text(rng, rng.integers(2, 6)),
            font,
            ink,
            rng,
        )
        draw_text(
            draw,
            (x0, mid + h * 0.03, x1, h * 0.92),
            plate_text(rng, rng.integers(3, 6)),
            font,
            ink,
            rng,
        )


def draw_plate(rng, fonts):
    """One drawn plate as grey pixels, its own edge at the picture's edge."""
    names = list(STYLES)
    share = np.array([STYLES[n][3] for n in names], float)
    style = names[rng.choice(len(names), p=share / share.sum())]
    w, h, rows, _ = STYLES[style]
    w, h = w * 256 // max(w, 256), h * 256 // max(w, 256)
    paper, ink = (rng.uniform(140, 255), rng.uniform(0, 90))
    if rng.random() < 0.25:
        paper, ink = rng.uniform(10, 90), rng.uniform(150, 255)
    img = Image.new('L', (w, h), int(paper))
    draw = ImageDraw.Draw(img)
    field = draw_surround(draw, style, (w, h), ink, fonts, rng)
    draw_serial(draw, rows, field, h, (ink, str(rng.choice(fonts))), rng)
    if rng.random() < 0.6:
        edge = rng.integers(2, 6)
        draw.rectangle(
            [0, 0, w - 1, h - 1],
            outline=int(ink if rng.random() < 0.6 else rng.uniform(0, 255)),
            width=int(edge),
        )
    for _ in range(rng.integers(0, 5)):  # stickers and bolts
        x, y, r = rng.uniform(0, w), rng.choice([h * 0.12, h * 0.88]), rng.uniform(2, 7)
        draw.ellipse([x - r, y - r, x + r, y + r], fill=int(rng.uniform(0, 255)))
    return np.asarray(img, np.uint8)


def draw_sign(rng, fonts):
    """(ink, board): lettering of some lines, and whether it stands on a board."""
    lines = rng.integers(1, 5)
    texts = [' '.join(rng.choice(WORDS, rng.integers(1, 4))) for _ in range(lines)]
    font = ImageFont.truetype(str(rng.choice(fonts)), 30)
    width = max(int(font.getlength(t)) for t in texts) + 16
    img = Image.new('L', (width, 38 * int(lines) + 12), 0)
    draw = ImageDraw.Draw(img)
    for i, text in enumerate(texts):
        draw.text((8, 4 + 38 * i), text, fill=255, font=font)
    ink = np.asarray(img, np.uint8)
    return ink, lines > 1 and rng.random() < 0.6
