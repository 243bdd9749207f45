"""Searching bytes for what must not be there: the lane's plates, and pictures."""
import os
import re

PICTURE = re.compile(rb"\xff\xd8\xff[\xe0\xe1]..(?:JFIF|Exif)", re.DOTALL)
CHUNK, OVERLAP = 16 << 20, 64


class Found:
    """Counts over everything that was looked at."""

    def __init__(self, plates, secrets=()):
        self.words = {}
        for plate in plates:
            self.words[plate.encode()] = "plates"
            self.words[plate.encode("utf-16-le")] = "plates"
        for secret in secrets:
            for form in (secret, secret.hex().encode(), secret.hex().upper().encode()):
                self.words[form] = "keys"
        self.plates = self.pictures = self.keys = 0
        self.files = self.bytes = self.unread = 0
        self.where = []

    def _count(self, chunk, n_old, name):
        """Hits that do not lie wholly in the first n_old bytes, which were looked at before."""
        for word, kind in self.words.items():
            at = chunk.find(word)
            while at >= 0:
                if at + len(word) > n_old:
                    setattr(self, kind, getattr(self, kind) + 1)
                    self.where.append(f"{kind} in {name}")
                at = chunk.find(word, at + 1)
        for hit in PICTURE.finditer(chunk):
            if hit.end() > n_old:
                self.pictures += 1
                self.where.append(f"pictures in {name}")

    def look_at_bytes(self, data, name):
        self.bytes += len(data)
        self._count(data, 0, name)

    def look_at(self, path):
        try:
            with open(path, "rb") as file:
                self.files += 1
                kept = b""
                while True:
                    more = file.read(CHUNK)
                    if not more:
                        break
                    self.bytes += len(more)
                    data = kept + more
                    self._count(data, len(kept), path)
                    kept = data[-OVERLAP:]
        except OSError:
            self.unread += 1

    def look_below(self, folder):
        for path, folders, files in os.walk(folder):
            for name in files:
                full = os.path.join(path, name)
                if os.path.isfile(full) and not os.path.islink(full):
                    self.look_at(full)

    @property
    def is_clean(self):
        return self.plates == self.pictures == self.keys == 0

    def __str__(self):
        size = self.bytes / (1 << 20)
        text = f"{self.plates} plates, {self.pictures} pictures"
        if any(kind == "keys" for kind in self.words.values()):
            text += f", {self.keys} keys"
        return f"{text} in {size:.1f} MiB"


def control(house, folder):
    """That the search finds what is there: the same plates and pictures in the clear."""
    path = os.path.join(folder, "in-the-clear")
    with open(path, "wb") as file:
        file.write(b"x" * (CHUNK - 3) + house.plates[0].encode() + b"\xff\xd8\xff\xe0\0\x10JFIF")
    found = Found(house.plates)
    found.look_at(path)
    os.unlink(path)
    if found.plates != 1 or found.pictures != 1:
        raise AssertionError(f"the search itself is broken: {found}")
