#!/usr/bin/env python3
"""Makes the JPEGs, good and bad, of tests/fuzz/corpus/jpeg.

Needs Pillow and numpy; run by hand, its output is committed.
"""
import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).resolve().parents[1] / 'fuzz' / 'corpus' / 'jpeg'


def waves(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.uint8(127 + 60 * np.sin(x / 3.0) + 60 * np.cos(y / 5.0))


def encoded(image, **how):
    out = io.BytesIO()
    image.save(out, 'JPEG', quality=80, **how)
    return out.getvalue()


def with_size(jpeg, width, height):
    """The same bytes with another size in the frame header."""
    at = next(i for i in range(2, len(jpeg)) if jpeg[i] == 0xff and jpeg[i + 1] in (0xc0, 0xc2))
    return jpeg[:at + 5] + height.to_bytes(2, 'big') + width.to_bytes(2, 'big') + jpeg[at + 9:]


def main():
    grey = Image.fromarray(waves(48, 32))
    colour = Image.merge('RGB', [grey, grey.rotate(180), grey])
    whole = encoded(colour)
    files = {
        'grey.jpg': encoded(grey),
        'colour.jpg': whole,
        'progressive.jpg': encoded(colour, progressive=True),
        'one_pixel.jpg': encoded(Image.new('L', (1, 1), 200)),
        'four_colours.jpg': encoded(Image.merge('CMYK', [grey] * 4)),
        'cut_short.jpg': whole[:len(whole) * 2 // 3],
        'cut_in_header.jpg': whole[:40],
        'wide_header.jpg': with_size(whole, 65500, 32),
        'wide_and_high_header.jpg': with_size(whole, 65500, 65500),
        'no_width.jpg': with_size(whole, 0, 32),
        'damaged.jpg': whole[:-60] + bytes(range(1, 41)) + whole[-20:],
        'empty.jpg': b'',
        'mark_alone.jpg': b'\xff\xd8',
        'not_a_jpeg.jpg': b'\x89PNG\r\n\x1a\n' + bytes(64),
    }
    OUT.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (OUT / name).write_bytes(data)
    print(len(files), 'files in', OUT, file=sys.stderr)


if __name__ == '__main__':
    main()
