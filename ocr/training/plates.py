"""Draws synthetic plates: grey pixels with some surroundings, the quad of the plate, its text.

Run alone it writes a contact sheet: plates.py SHEET.png [SEED].
"""
import sys

import cv2
import numpy as np
from PIL import Image, ImageDraw

import plates_font
import plates_forms as forms

GAPS = {" ": (.2, .5), "-": (.3, .5), ".": (.3, .6), ":": (.25, .5)}  # widths, in cap heights
PAD = 0.22  # surroundings on each side, as a share of the plate's size


class Maker:
    def __init__(self, rng, dies=150):
        self.rng = rng
        self.dies = [plates_font.Strokes(rng) for _ in range(dies)]
        self.outlines = plates_font.outlines()
        german = [f for f in self.outlines if "Nummernschild" in f.font.path]
        self.german = german or self.dies
        self.small = plates_font.small_fonts()
        self.drawn = {}
        self.kinds = ((self.american, 0.58), (self.european, 0.21), (self.brazilian, 0.09),
                      (self.mercosur, 0.05), (self.two_row, 0.07))
        self.shares = np.array([k[1] for k in self.kinds])

    def plate(self):
        """One plate: pixels (uint8, with surroundings), quad [4,2], text."""
        kind = self.kinds[self.rng.choice(len(self.kinds), p=self.shares)][0]
        face, text = kind()
        return *self.placed(face), "".join(c for c in text if c.isalnum())

    # Drawing on a face: a float32 picture of the plate alone, 0..255.

    def chance(self, p):
        return self.rng.random() < p

    def between(self, a, b):
        return float(self.rng.uniform(a, b))

    def face(self, w, h, dark=0.12):
        """An empty plate with a background design, and the colour of its characters."""
        rng = self.rng
        bright, deep = self.between(140, 255), self.between(0, 90)
        if self.chance(dark):
            bright, deep = deep, bright
        face = np.full((h, w), bright, np.float32)
        if self.chance(0.35):  # sky, hills, a fade
            fade = np.linspace(-1, 1, h, dtype=np.float32)[:, None]
            face += fade * self.between(-35, 35)
        if self.chance(0.3):
            x = np.linspace(0, self.between(3, 9), w)
            ridge = (h * (self.between(.4, .9) + .12 * np.sin(x + self.between(0, 6)))).astype(int)
            face[np.arange(h)[:, None] > ridge[None]] += self.between(-40, 20)
        if self.chance(0.3):
            small = rng.normal(0, 1, (rng.integers(2, 8), rng.integers(3, 14))).astype(np.float32)
            face += cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC) * self.between(3, 18)
        return face, deep

    def letters(self, font, text, high, tight=1.0, squeeze=1.0):
        """Masks and gaps of a serial at a height: list of (mask or None, width)."""
        gap = high * self.between(0.07, 0.22) * tight
        out = []
        for c in text:
            if c in " .-:":
                out.append((c, self.between(*GAPS[c]) * high))
            else:
                m = font.glyph(c)
                out.append((m, max(2.0, m.shape[1] * high / plates_font.GLYPH * squeeze)))
        return out, gap

    def write(self, face, deep, text, area, font, squeeze=None):
        """The serial into area (x0, y0, x1, y1), as large as its height or width allows."""
        x0, y0, x1, y1 = area
        rng, high = self.rng, y1 - y0
        parts, gap = self.letters(font, text, high, squeeze=squeeze or self.between(0.85, 1.15))
        total = sum(w for _, w in parts) + gap * (len(parts) - 1)
        fit = min(1.0, (x1 - x0) / total)
        if fit < 0.75:  # squeeze the characters rather than shrink them
            high *= max(fit / 0.75, 0.8)
        y0 += ((y1 - y0) - high) * 0.5
        x = x0 + max(0.0, (x1 - x0) - total * fit) * self.between(0.35, 0.65)
        wobble = self.between(0, 0.03) * high if self.chance(0.5) else 0
        ink = np.zeros(face.shape, np.uint8)
        for part, wide in parts:
            wide *= fit
            if isinstance(part, str):
                self.separator(face, deep, part, x, y0, wide, high)
            else:
                h = max(5, int(round(high * (1 + (rng.normal(0, .01) if wobble else 0)))))
                w = max(2, int(round(wide)))
                self.stamp(ink, part, x, y0 + rng.normal(0, 1) * wobble * .5, w, h)
            x += wide + gap * fit
        self.ink(face, ink, deep)

    def stamp(self, ink, mask, x, y, w, h):
        x, y = int(round(x)), int(round(y))
        w, h = min(w, ink.shape[1] - x), min(h, ink.shape[0] - y)
        if x < 0 or y < 0 or w < 2 or h < 3:
            return
        small = cv2.resize(mask, (w, h), interpolation=cv2.INTER_AREA)
        np.maximum(ink[y:y + h, x:x + w], small, out=ink[y:y + h, x:x + w])

    def ink(self, face, ink, deep):
        """Paints the mask, sometimes worn, sometimes with an embossed edge."""
        m = ink.astype(np.float32) / 255
        if self.chance(0.1):
            cells = self.rng.integers(4, 12), self.rng.integers(8, 30)
            small = self.rng.random(cells, np.float32)
            m *= np.clip(cv2.resize(small, face.shape[::-1]) * 2.2 + self.between(.1, .6), 0, 1)
        face += m * (deep - face)
        if self.chance(0.35):
            dy, dx = (1, 1) if self.chance(0.5) else (1, 0)
            edge = m - np.roll(m, (dy, dx), (0, 1))
            face += edge * self.between(-50, 50)

    def disc(self, face, x, y, r, tone, thick=-1):
        cv2.circle(face, (round(x), round(y)), r, tone, thick, cv2.LINE_AA)

    def separator(self, face, deep, kind, x, y, wide, high):
        cx, cy, h = x + wide / 2, y + high / 2, face.shape[0]
        if kind == "-":
            t = max(1, round(high * self.between(.05, .11)))
            a, b = round(x + .1 * wide), round(x + .9 * wide)
            cv2.line(face, (a, round(cy)), (b, round(cy)), deep, t)
        elif kind == ":" or (kind == "." and self.chance(0.3)):
            r = max(1, round(high * self.between(.1, .18)))
            for k in (-1, 1) if self.chance(0.7) else (0,):
                self.disc(face, cx, cy + k * high * .24, r, self.between(0, 255))
        elif kind == "." and self.chance(0.8):  # an outline map, a seal, a picture
            n = self.rng.integers(5, 11)
            a = np.sort(self.rng.random(n)) * 2 * np.pi
            r = self.rng.uniform(0.25, 0.5, n) * min(wide * 1.2, high)
            points = np.stack([cx + r * np.cos(a), cy + r * np.sin(a)], 1)
            tone = deep if self.chance(0.4) else self.between(0, 255)
            cv2.fillPoly(face, [points.astype(np.int32)], tone, cv2.LINE_AA)
            if self.chance(0.4):
                self.disc(face, cx, cy, max(1, h // 30), self.between(0, 255))

    def lettering(self, number, text):
        """The mask of a small text, remembered."""
        key = (number, text)
        if key not in self.drawn:
            if len(self.drawn) > 6000:
                self.drawn.clear()
            font = self.small[number]
            x0, y0, x1, y1 = font.getbbox(text)
            image = Image.new("L", (x1 - x0 + 2, y1 - y0 + 2))
            ImageDraw.Draw(image).text((1 - x0, 1 - y0), text, fill=255, font=font)
            self.drawn[key] = np.array(image)
        return self.drawn[key]

    def small_text(self, face, text, cx, cy, high, tone, squeeze=1.0):
        """Lettering that is not the serial."""
        if not self.small or high < 3:
            return
        mask = self.lettering(int(self.rng.integers(len(self.small))), text)
        w = int(min(mask.shape[1] * high / mask.shape[0] * squeeze, face.shape[1] * 0.96))
        ink = np.zeros(face.shape, np.uint8)
        self.stamp(ink, mask, max(0, cx - w / 2), max(0, cy - high / 2), max(3, w), int(high))
        face += (ink.astype(np.float32) / 255) * (tone - face)

    def stacked(self, face, deep, x, y, high):
        """Two or three small letters above each other beside the serial: never part of the text."""
        font = self.any_font(0)
        n = self.rng.integers(2, 4)
        ink = np.zeros(face.shape, np.uint8)
        each = high / n * 0.86
        pool = forms.LETTERS if self.chance(0.7) else forms.DIGITS
        for i in range(n):
            m = font.glyph(pool[self.rng.integers(len(pool))])
            w = int(max(3, m.shape[1] * each / plates_font.GLYPH))
            self.stamp(ink, m, x, y + i * high / n, w, int(each))
        self.ink(face, ink, deep)
        return each * 0.75

    def sticker(self, face, x, y, w, h):
        x, y, w, h = (int(v) for v in (x, y, w, h))
        face[y:y + h, x:x + w] = self.between(60, 250)
        r = self.rng.random()
        text = str(self.rng.choice(forms.MONTHS)) if r < 0.5 else "%02d" % self.rng.integers(0, 30)
        high = h * self.between(.5, .9)
        self.small_text(face, text, x + w / 2, y + h / 2, high, self.between(0, 80))

    def bolts(self, face, spots):
        h, w = face.shape
        tone = self.between(0, 255)
        for x, y in spots:
            r = max(1, round(h * self.between(.02, .045)))
            self.disc(face, x * w, y * h, r, tone)
            if self.chance(0.5):
                self.disc(face, x * w, y * h, max(1, r - 1), self.between(0, 255), 1)

    def rim(self, face, deep):
        if self.chance(0.5):
            h, w = face.shape
            t, m = int(self.rng.integers(1, 3)), int(self.rng.integers(0, 3))
            tone = deep if self.chance(.7) else self.between(0, 255)
            cv2.rectangle(face, (m, m), (w - 1 - m, h - 1 - m), tone, t)

    def holder(self, face):
        """A dealer's frame over the edges, often with lettering."""
        h, w = face.shape
        top, bottom = int(h * self.between(.02, .2)), int(h * self.between(.03, .2))
        side = int(w * self.between(.01, .04))
        tone = self.between(0, 70) if self.chance(.6) else self.between(120, 255)
        if self.chance(0.7):
            face[:top] = tone
        face[h - bottom:] = tone
        face[:, :side] = tone
        face[:, w - side:] = tone
        far = 255 - tone if abs(255 - 2 * tone) > 80 else 255
        for y, t in ((top / 2, top), (h - bottom / 2, bottom)):
            if t > 6 and self.chance(0.75):
                words = " ".join(self.rng.choice(forms.DEALERS, self.rng.integers(1, 4)))
                self.small_text(face, words, w * self.between(.4, .6), y, t * .85, far,
                                self.between(.8, 1.4))

    # The jurisdictions.

    def any_font(self, dies):
        if not self.outlines or self.chance(dies):
            return self.dies[self.rng.integers(len(self.dies))]
        return self.outlines[self.rng.integers(len(self.outlines))]

    def german_font(self):
        return self.german[self.rng.integers(len(self.german))]

    def american(self):
        w, h = 176, 88
        face, deep = self.face(w, h)
        place, text = forms.serial_us(self.rng)
        name = place if self.chance(.5) else place.title()
        tone = deep if self.chance(.6) else self.between(0, 160)
        if self.chance(0.3):  # a painted band under the name
            face[:int(h * self.between(.15, .27))] = self.between(0, 120)
            tone = 255
        if self.chance(0.92):
            x = .5 if self.chance(.8) else self.between(.3, .7)
            self.small_text(face, name, w * x, h * self.between(.10, .17),
                            h * self.between(.1, .2), tone, self.between(.8, 1.5))
        if self.chance(0.75):
            tone = deep if self.chance(.6) else self.between(0, 160)
            self.small_text(face, str(self.rng.choice(forms.SLOGANS)), w * .5,
                            h * self.between(.87, .92), h * self.between(.08, .15), tone,
                            self.between(.8, 1.4))
        for x in (.03, .83):
            for y in (.03, .80):
                if self.chance(0.22):
                    self.sticker(face, w * x, h * y, w * self.between(.1, .14),
                                 h * self.between(.13, .18))
        if self.chance(.8):
            holes = ((.2, .09), (.8, .09), (.2, .91), (.8, .91))
            self.bolts(face, [s for s in holes if self.chance(.9)])
        high = self.between(.40, .57) * h
        y0 = h * self.between(.52, .58) - high / 2
        x0, x1 = w * self.between(.03, .08), w * self.between(.92, .97)
        if len(text) < 5:
            x0, x1 = x0 + w * .1, x1 - w * .1
        if self.chance(0.12) and len(text) < 8:
            used = self.stacked(face, deep, x0, y0, high)
            x0 += used + w * .02
        if self.chance(0.08) and len(text) < 8:
            self.stacked(face, deep, x1 - high * .3, y0, high)
            x1 -= high * .36
        if self.chance(0.1) and len(text) < 6:  # a logo at the left
            middle = int(x0 + high * .4), int(y0 + high / 2)
            cv2.ellipse(face, middle, (int(high * .4), int(high * .45)), 0, 0, 360,
                        self.between(30, 230), -1, cv2.LINE_AA)
            x0 += high * .9
        self.write(face, deep, text, (x0, y0, x1, y0 + high), self.any_font(.6))
        self.rim(face, deep)
        if self.chance(0.35):
            self.holder(face)
        return face, text

    def band(self, face, country, w):
        h = face.shape[0]
        tone = self.between(20, 110)
        face[:, :w] = tone
        for a in np.arange(0, 2 * np.pi, np.pi / 6):
            x, y = w / 2 + w * .27 * np.cos(a), h * .3 + w * .27 * np.sin(a)
            cv2.circle(face, (round(x), round(y)), 1, 220, -1)
        self.small_text(face, country, w / 2, h * .78, h * .25, 235, self.between(.7, 1.0))

    def european(self):
        w, h = 208, int(self.rng.integers(40, 50))
        face, deep = self.face(w, h, .06)
        country, text = forms.serial_eu(self.rng)
        x0, x1 = w * .03, w * .97
        if self.chance(0.75):
            wide = int(w * self.between(.06, .1))
            self.band(face, country[:3], wide)
            x0 = wide + w * .02
        if self.chance(0.15):  # a right band: department, year
            wide = int(w * self.between(.05, .08))
            face[:, w - wide:] = self.between(20, 130)
            number = "%02d" % self.rng.integers(1, 96)
            self.small_text(face, number, w - wide / 2, h * .7, h * .3, 235)
            x1 = w - wide - w * .02
        german = country in ("D", "A", "SK", "CZ", "EST", "TR", "CY", "M", "BG") and self.chance(.7)
        font = self.german_font() if german else self.any_font(.35)
        high = h * self.between(.6, .8)
        y0 = h * self.between(.49, .53) - high / 2
        self.write(face, deep, text, (x0, y0, x1, y0 + high), font)
        if self.chance(.3):
            self.bolts(face, [(self.between(.05, .2), .5), (self.between(.8, .95), .5)])
        self.rim(face, deep)
        if self.chance(.25):  # the holder's lower edge
            t = int(h * self.between(.06, .16))
            face[h - t:] = self.between(0, 60)
            if t > 4:
                words = " ".join(self.rng.choice(forms.DEALERS, 2))
                self.small_text(face, words, w / 2, h - t / 2, t, 220)
        return face, text

    def brazilian(self):
        w, h = 200, int(self.rng.integers(62, 72))
        face, deep = self.face(w, h, .3)
        text = forms.filled(self.rng, str(self.rng.choice(forms.BRAZIL)), .8)
        town = str(self.rng.choice(forms.STATES_BR)) + "-" + str(self.rng.choice(forms.CITIES))
        self.small_text(face, town, w * .5, h * self.between(.13, .18), h * .16, deep,
                        self.between(.8, 1.4))
        high = h * self.between(.5, .62)
        y0 = h * self.between(.56, .62) - high / 2
        self.write(face, deep, text, (w * .04, y0, w * .96, y0 + high), self.any_font(.4))
        if self.chance(.6):
            self.bolts(face, ((.12, .16), (.88, .16)))
        self.rim(face, deep)
        return face, text

    def mercosur(self):
        w, h = 200, int(self.rng.integers(62, 70))
        face, deep = self.face(w, h, .03)
        country = list(forms.MERCOSUR)[self.rng.choice(4, p=(.7, .2, .05, .05))]
        text = forms.filled(self.rng, str(self.rng.choice(forms.MERCOSUR[country])), .7)
        band = int(h * self.between(.2, .27))
        face[:band] = self.between(20, 110)
        self.small_text(face, country, w * .5, band / 2, band * .7, 240, self.between(1, 1.4))
        if self.chance(.6):
            self.small_text(face, "BR", w * .07, h * .85, h * .14, deep)
        high = h * self.between(.52, .64)
        y0 = band + (h - band) * .5 - high / 2
        font = self.german_font() if self.chance(.5) else self.any_font(.3)
        self.write(face, deep, text, (w * .07, y0, w * .95, y0 + high), font)
        self.rim(face, deep)
        return face, text

    def two_row(self):
        w, h = int(self.rng.integers(90, 126)), int(self.rng.integers(76, 92))
        face, deep = self.face(w, h, .12)
        r = self.rng.random()
        if r < .6:
            country, text = forms.serial_eu(self.rng)
        elif r < .85:
            country, text = "", forms.filled(self.rng, str(self.rng.choice(forms.BRAZIL)), .8)
        else:
            country, text = "", forms.serial_us(self.rng)[1]
        upper, lower = forms.two_lines(self.rng, text)
        x0, top = w * .04, h * self.between(.03, .08)
        if country and self.chance(.65):
            wide = int(w * self.between(.12, .18))
            part = face[:h // 2] if self.chance(.6) else face
            self.band(part, country[:3], wide)
            x0 = wide + w * .03
        if not country and self.chance(.7):
            name = str(self.rng.choice(forms.STATES_BR + forms.CITIES))
            self.small_text(face, name, w / 2, h * .1, h * .12, deep)
            top = h * .18
        high = (h * .96 - top) / 2 * self.between(.75, .92)
        step = (h * .96 - top) / 2
        german = country in ("D", "A") and self.chance(.7)
        font = self.german_font() if german else self.any_font(.35)
        squeeze = self.between(.9, 1.15)
        left = x0
        if len(upper) < 3 and self.chance(.5):
            left += (w * .95 - x0) * self.between(.1, .3)
        self.write(face, deep, upper, (left, top, w * .95, top + high), font, squeeze)
        low = x0 if self.chance(.3) else w * .05
        self.write(face, deep, lower, (low, top + step, w * .95, top + step + high), font, squeeze)
        self.rim(face, deep)
        if self.chance(.3):
            self.bolts(face, ((.5, .08), (.5, .92)) if self.chance(.5) else ((.1, .5), (.9, .5)))
        return face, text

    def placed(self, face):
        """The face on a patch of bodywork: pixels and quad."""
        h, w = face.shape
        px, py = int(w * PAD), int(h * PAD)
        cells = self.rng.integers(2, 6), self.rng.integers(2, 6)
        small = self.rng.normal(self.between(20, 220), self.between(2, 35), cells)
        small = small.astype(np.float32)
        scene = cv2.resize(small, (w + 2 * px, h + 2 * py), interpolation=cv2.INTER_LINEAR)
        if self.chance(.4):  # a shadow gap, a bumper's edge
            y = int(self.rng.integers(0, py)) + (h + py if self.chance(.5) else 0)
            thick = int(self.rng.integers(1, 8))
            cv2.line(scene, (0, y), (scene.shape[1], y), self.between(0, 255), thick)
        scene[py:py + h, px:px + w] = face
        quad = np.float32([[px, py], [px + w, py], [px + w, py + h], [px, py + h]])
        return np.clip(scene, 0, 255).astype(np.uint8), quad


def main():
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    maker, rows = Maker(rng, 40), []
    for _ in range(11):
        row = []
        for _ in range(8):
            pixels, _, text = maker.plate()
            k = min(168 / pixels.shape[1], 84 / pixels.shape[0])
            cell = np.full((100, 170), 255, np.uint8)
            small = cv2.resize(pixels, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            cell[:small.shape[0], :small.shape[1]] = small
            cv2.putText(cell, text, (0, 97), 0, .4, 0, 1)
            row.append(cell)
        rows.append(np.hstack(row))
    cv2.imwrite(sys.argv[1], np.vstack(rows))


if __name__ == "__main__":
    main()
