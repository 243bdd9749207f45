"""laneward doctor and selftest as an operator calls them: words, JSON, exit statuses."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

LANEWARD = sys.argv.pop(1)
VERDICTS = {"pass", "warn", "fail", "skip"}


def run(*arguments, program=LANEWARD):
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=120, check=False
    )


class Doctor(unittest.TestCase):
    """Without the daemon's program beside it: breaking out of roles is in tests/breach."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="laneward-doctor-bin-")
        cls.addClassCleanup(folder.cleanup)
        cls.alone = shutil.copy(LANEWARD, folder.name)

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="laneward-doctor-")
        self.addCleanup(self.dir.cleanup)
        self.state = os.path.join(self.dir.name, "state")
        os.makedirs(self.state, mode=0o700)
        os.makedirs(os.path.join(self.dir.name, "pictures"))
        self.config = os.path.join(self.dir.name, "laneward.conf")
        self.configure("")

    def configure(self, more):
        with open(self.config, "w") as file:
            file.write(
                f"[daemon]\nstate_dir = {self.state}\nrun_dir = {self.dir.name}/run\n{more}"
                f"[storage]\ntpm = none\n[camera a]\nsource = dir:{self.dir.name}/pictures\n"
            )
        os.chmod(self.config, 0o644)

    def checks(self):
        done = run("doctor", "--config", self.config, "--json", program=self.alone)
        answer = json.loads(done.stdout)
        checks = {check["check"]: check for check in answer["checks"]}
        self.assertEqual(len(checks), len(answer["checks"]))
        self.assertLessEqual({check["verdict"] for check in checks.values()}, VERDICTS)
        n_failed = sum(check["verdict"] == "fail" for check in checks.values())
        self.assertEqual(answer["failed"], n_failed)
        self.assertEqual(done.returncode, 1 if n_failed else 0, done.stdout)
        text = json.dumps(answer["checks"], sort_keys=True, separators=(",", ":"))
        self.assertEqual(answer["digest"], hashlib.sha256(text.encode()).hexdigest())
        return checks

    def test_every_check_has_a_verdict_and_what_fails_says_what_to_do(self):
        with open(os.path.join(self.state, "old.db"), "wb") as file:
            file.write(b"SQLite format 3\0" + bytes(4080))
        os.chmod(os.path.join(self.state, "old.db"), 0o600)
        checks = self.checks()
        self.assertGreaterEqual(len(checks), 20)
        self.assertEqual(checks["plaintext"]["verdict"], "fail")
        self.assertIn("database in the clear", checks["plaintext"]["found"])
        for check in checks.values():
            if check["verdict"] == "fail":
                self.assertTrue(check["advice"], check)

    def test_a_wrong_configuration_fails_and_the_rest_is_still_looked_at(self):
        self.configure("no_such_key = 1\n")
        checks = self.checks()
        self.assertEqual(checks["configuration"]["verdict"], "fail")
        self.assertIn("no_such_key", checks["configuration"]["found"])
        self.assertIn(checks["swap"]["verdict"], VERDICTS)

    def test_the_text_has_a_line_a_check_and_a_sum(self):
        done = run("doctor", "--config", self.config, program=self.alone)
        self.assertRegex(done.stdout, r"(?m)^(pass|warn|fail|skip) +configuration ")
        self.assertRegex(done.stdout, r"(?m)^\d+ pass, \d+ warn, \d+ fail, \d+ skip$")
        self.assertRegex(done.stdout, r"(?m)^digest [0-9a-f]{64}$")

    def test_wrong_use_is_2(self):
        self.assertEqual(run("doctor", "--no-such-option").returncode, 2)
        self.assertEqual(run("doctor", "word").returncode, 2)
        self.assertEqual(run("selftest", "word").returncode, 2)
        self.assertEqual(run("doctor", "--help").returncode, 0)


class Selftest(unittest.TestCase):
    def test_the_bundled_pictures_are_read_rightly(self):
        done = run("selftest", "--json")
        answer = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertGreaterEqual(len(answer["pictures"]), 7)
        self.assertEqual(answer["right"], len(answer["pictures"]))
        self.assertTrue(all(picture["ms"] > 0 for picture in answer["pictures"]))

    def test_a_picture_that_is_read_otherwise_is_wrong(self):
        bundled = os.path.join(os.path.dirname(LANEWARD), "../share/laneward/selftest")
        with tempfile.TemporaryDirectory(prefix="laneward-selftest-") as folder:
            with open(os.path.join(bundled, "day_front.jpg"), "rb") as file:
                picture = file.read()
            for name, text in (("a", "7KLM482\n"), ("b", "7KLM483\n"), ("c", None)):
                with open(os.path.join(folder, name + ".jpg"), "wb") as file:
                    file.write(picture)
                if text is not None:
                    with open(os.path.join(folder, name + ".txt"), "w") as file:
                        file.write(text)
            done = run("selftest", "--pictures", folder)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^right .* a\.jpg$")
        self.assertRegex(done.stdout, r"(?m)^WRONG .* b\.jpg$")
        self.assertRegex(done.stdout, r"(?m)^WRONG .* c\.jpg$")
        self.assertNotIn("7KLM482", done.stdout)


if __name__ == "__main__":
    unittest.main()
