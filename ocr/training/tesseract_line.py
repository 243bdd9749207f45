"""Makes the text line that Tesseract reads out of the network's input; ocr/line.c does the same.

A plate of one row gives its band of characters, one of two rows gives both bands side by side.
Which it is, and where the bands lie, is told by how much changes along each row of pixels.
"""
import cv2
import numpy as np

from reader_net import HEIGHT, WIDTH

LINE_HEIGHT, LINE_WIDTH, HALF_WIDTH = 30, 132, 90  # pixels: the line, of one row; each of two rows
SIDE = 5  # columns of the input left away on each side
VALLEY_FROM, VALLEY_TO = 27, 40  # where the gap between two rows is looked for
TOP, BOTTOM = 4, 60  # rows that a band may take
GAP = 55  # percent of the weaker row's peak: a valley below it parts two rows
EDGE = 40  # percent of its peak: a band ends where there is less
PAD, LEAST = 2, 16  # rows added to a band on each side; its least height


def profile(plate):
    """What changes along each row of pixels: int [HEIGHT], smoothed over five rows."""
    x = plate.astype(np.int32)
    rows = np.abs(x[:, 10:WIDTH - 8] - x[:, 8:WIDTH - 10]).sum(1)
    return np.convolve(rows, np.ones(5, np.int32), "same")


def band(rows, low, high, peak):
    """The rows round `peak` within low..high (exclusive) that hold characters."""
    floor = EDGE * rows[peak] / 100
    first, last = peak, peak
    while first > low and rows[first - 1] >= floor:
        first -= 1
    while last + 1 < high and rows[last + 1] >= floor:
        last += 1
    first, last = max(first - PAD, 0), min(last + PAD, HEIGHT - 1)
    lack = LEAST - (last + 1 - first)
    if lack > 0:
        first = max(first - (lack + 1) // 2, 0)
        last = min(first + LEAST - 1, HEIGHT - 1)
    return first, last + 1


def bands(plate):
    """One or two bands (from, to) of pixel rows, upper one first."""
    rows = profile(plate)
    valley = VALLEY_FROM + int(np.argmin(rows[VALLEY_FROM:VALLEY_TO]))
    upper = TOP + int(np.argmax(rows[TOP:valley]))
    lower = valley + 1 + int(np.argmax(rows[valley + 1:BOTTOM]))
    if 100 * rows[valley] < GAP * min(rows[upper], rows[lower]):
        return [band(rows, TOP, valley, upper), band(rows, valley + 1, BOTTOM, lower)]
    peak = 24 + int(np.argmax(rows[24:44]))
    return [band(rows, TOP, BOTTOM, peak)]


def scaled(piece, width):
    shrinks = width < piece.shape[1] or LINE_HEIGHT < piece.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(piece), (width, LINE_HEIGHT), interpolation=how)


def line_of(plate):
    """The line, uint8 [LINE_HEIGHT, LINE_WIDTH or 2 * HALF_WIDTH], and its number of rows."""
    found = bands(plate)
    wide = LINE_WIDTH if len(found) == 1 else HALF_WIDTH
    parts = [scaled(plate[a:b, SIDE:WIDTH - SIDE], wide) for a, b in found]
    return np.hstack(parts), len(found)
