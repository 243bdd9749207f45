"""laneward bench over the project's own pictures: LANEWARD GOLDEN_FOLDER."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

LANEWARD, GOLDEN = sys.argv.pop(1), sys.argv.pop(1)
SVG = "{http://www.w3.org/2000/svg}"


def labels_of(name):
    """The plates of a golden picture: text and the four corners, with tabs between."""
    for line in open(os.path.join(GOLDEN, name), encoding="ascii"):
        text, *numbers = line.rstrip("\n").split("\t")
        corners = [[float(x), float(y)] for x, y in zip(numbers[::2], numbers[1::2])]
        xs, ys = zip(*corners)
        yield {"text": text, "corners": corners,
               "box": [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]}


class Bench(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def label(self, *stems, wrong=()):
        """A folder of golden pictures; those in `wrong` are labelled with another text."""
        with open(f"{self.folder.name}/manifest.jsonl", "w", encoding="ascii") as manifest:
            for stem in stems:
                os.symlink(f"{GOLDEN}/{stem}.jpg", f"{self.folder.name}/{stem}.jpg")
                plates = list(labels_of(stem + ".txt"))
                if stem in wrong:
                    plates[0]["text"] = "WRONG1"
                manifest.write(json.dumps({"image": stem + ".jpg", "plates": plates}) + "\n")

    def bench(self, *arguments):
        done = subprocess.run([LANEWARD, "bench", *arguments, self.folder.name], check=False,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_what_is_right_and_wrong_is_shown(self):
        self.label("day_front", "night", "no_plate", "two_plates", wrong=("night",))
        out = f"{self.folder.name}/out"
        table = self.bench("--show", out)
        self.assertRegex(table, r"(?m)^labelled plates +4$")
        self.assertRegex(table, r"(?m)^exact % +75\.0$")
        self.assertEqual(sorted(os.listdir(out)), [
            "1_night.jpg", "3_day_front.jpg", "3_no_plate.jpg", "3_two_plates.jpg",
            "error-yield.svg"])

    def test_the_curve_ends_where_everything_is_given_out(self):
        self.label("day_front", "night", "two_plates", wrong=("night",))
        out = f"{self.folder.name}/out"
        self.bench("--show", out)
        drawn = xml.etree.ElementTree.parse(f"{out}/error-yield.svg").getroot()
        curve = [p for p in drawn.iter(SVG + "path") if p.get("stroke-width") == "2"][0]
        x, y = map(float, curve.get("d").split()[-2:])
        self.assertEqual(x, 620)  # yield 100 %
        self.assertAlmostEqual(y, 308 - 0.25 / 0.5 * (308 - 24))  # one of four wrong, of 50 %

    def test_pictures_without_a_plate_make_an_empty_plot(self):
        self.label("no_plate")
        out = f"{self.folder.name}/out"
        self.bench("--show", out)
        drawn = xml.etree.ElementTree.parse(f"{out}/error-yield.svg").getroot()
        self.assertFalse([p for p in drawn.iter(SVG + "path") if p.get("stroke-width")])


if __name__ == "__main__":
    unittest.main()
