"""laneward audit honey: a plan follows from its secret, and looks like plates."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

LANEWARD, REGIONS = sys.argv.pop(1), sys.argv.pop(1)
LINE = re.compile(r"^(\d{4}-\d\d-\d\d) (\d\d):(\d\d) north ([A-Z0-9]{5,9}) ([a-z0-9-]+)$")


class Plan(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.secret = self.write("secret", bytes(range(32)))

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, data):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def run_it(self, *arguments):
        return subprocess.run(
            [LANEWARD, "audit", "honey", "--regions", REGIONS, "--lane", "north", *arguments],
            capture_output=True, text=True, timeout=60, check=False)

    def plan(self, *arguments):
        done = self.run_it("--from", "2026-12-30", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [LINE.match(line) for line in done.stdout.splitlines()]
        self.assertTrue(all(lines), done.stdout)
        return [line.groups() for line in lines]

    def test_a_plan_is_the_same_from_the_same_secret(self):
        one = self.plan("--secret", self.secret, "--days", "4", "--per-day", "5")
        self.assertEqual(len(one), 20)
        self.assertEqual(one, self.plan("--secret", self.secret, "--days", "4", "--per-day", "5"))
        self.assertEqual([d for d, *_ in one[::5]],
                         ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"])
        self.assertEqual(one, sorted(one, key=lambda p: p[:3]))
        self.assertTrue(all(int(h) < 24 and int(m) < 60 for _, h, m, _, _ in one))
        self.assertEqual(len({plate for _, _, _, plate, _ in one}), 20)

    def test_a_day_does_not_depend_on_where_the_plan_begins(self):
        long = self.plan("--secret", self.secret, "--days", "3")
        done = self.run_it("--from", "2027-01-01", "--days", "1", "--secret", self.secret)
        self.assertEqual(done.stdout.splitlines()[0].split()[3], long[6][3])

    def test_another_secret_or_lane_gives_other_plates(self):
        other = self.write("other", bytes(range(1, 33)))
        mine = {plate for _, _, _, plate, _ in self.plan("--secret", self.secret)}
        self.assertFalse(mine & {p for _, _, _, p, _ in self.plan("--secret", other)})
        done = self.run_it("--from", "2026-12-30", "--secret", self.secret, "--lane", "south")
        self.assertFalse(mine & {line.split()[3] for line in done.stdout.splitlines()})

    def test_a_country_may_be_chosen(self):
        for _, _, _, plate, region in self.plan("--secret", self.secret, "--country", "us-ny"):
            self.assertEqual(region, "us-ny")
            self.assertRegex(plate, r"[A-Z]")
        done = self.run_it("--secret", self.secret, "--country", "xx")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--country", done.stderr)

    def test_wrong_use_is_told(self):
        short = self.write("short", b"fifteen bytes..")
        for words, arguments in (("usage", []), ("16 bytes", ["--secret", short]),
                                 ("--days", ["--secret", self.secret, "--days", "0"]),
                                 ("--from", ["--secret", self.secret, "--from", "tomorrow"]),
                                 ("--lane", ["--secret", self.secret, "--lane", "No/rth"])):
            done = self.run_it(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(self.run_it("--secret", "/nowhere").returncode, 1)


if __name__ == "__main__":
    unittest.main()
