"""Looks at a whole daemon leave evidence: heads, two persons, sealed pictures, a rollback."""
import json
import os
import shutil
import subprocess
import sys
import unittest

from lab import PATIENCE, SOURCE, Lab

sys.path.insert(0, os.path.join(SOURCE, "tests", "tools"))
from false_desk import Key  # noqa: E402  (it stands in another folder)

WHO = ["--reason", "stolen vehicle", "--case", "26-114"]
SOME = 4  # vehicles of the lane that also a slow machine reads


def read(path):
    with open(path) as file:
        return file.read()


class LooksTest(unittest.TestCase):
    """A lane with every key that a site may have."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)
        lab = cls.lab
        keys = lab.folder("keys")
        cls.port, cls.auditor = Key(keys, "port"), Key(keys, "auditor")
        cls.supervisor = Key(lab.folder("private"), "root")
        supervisors, cls.recipients = lab.folder("supervisors"), lab.folder("recipients")
        shutil.copy(cls.supervisor.public, os.path.join(supervisors, "root.pem"))
        cls.court = os.path.join(lab.dir, "court.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                        "/CN=court", "-days", "30", "-keyout", cls.court, "-out",
                        os.path.join(cls.recipients, "court.pem")], check=True,
                       capture_output=True)
        lab.configure_lane(daemon="")
        with open(lab.config) as file:
            text = file.read()
        text = text.replace("[storage]\n", f"[storage]\nport_key = {cls.port.public}\n")
        text += (f"[audit]\nauditor_key = {cls.auditor.public}\n"
                 f"witness_file = {lab.folder('witness')}/heads\n"
                 f"[desk]\nsupervisor_keys = {supervisors}\nrecipients_dir = {cls.recipients}\n")
        with open(lab.config, "w") as file:
            file.write(text)
        for folder in (keys, supervisors, cls.recipients):
            for name in os.listdir(folder):
                os.chmod(os.path.join(folder, name), 0o644)
        lab.start()
        lab.wait_for_words("replay finished")
        lab.wait_for_stored(SOME)
        cls.rows = [row for row in lab.query("--lane", "lane-1") if row["best_plate_number"]]
        cls.plate = cls.rows[0]["best_plate_number"]
        cls.restart()

    @classmethod
    def restart(cls):
        """At a stop the log's head is signed."""
        cls.lab.stop()
        cls.lab.start()

    def laneward(self, command, *arguments):
        """As the daemon's own user: officer, and auditor where there is no group of these."""
        return self.lab.ask(command, *arguments)

    def as_root(self, command, *arguments):
        environment = {**os.environ, "LANEWARD_STATE": os.path.join(self.lab.dir, "root")}
        return subprocess.run(
            [os.path.join(self.lab.bin, "laneward"), command, "--socket",
             os.path.join(self.lab.run_dir, "laneward.sock"), *arguments],
            capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment,
            stdin=subprocess.DEVNULL)

    def query(self, *arguments):
        return self.laneward("query", *WHO, "--plate", self.plate,
                             *arguments)

    def done(self, process, status=0):
        self.assertEqual(process.returncode, status, process.stdout + process.stderr)
        return process


class Evidence(LooksTest):
    def test_an_officer_sees_one_log_that_grows(self):
        self.done(self.query())
        self.restart()
        self.assertEqual(self.done(self.query()).stderr, "")

    def test_the_whole_log_is_verified_with_its_witness(self):
        self.done(self.query())
        self.restart()
        done = self.done(self.laneward("audit", "verify", *WHO, "--witness",
                                       os.path.join(self.lab.dir, "witness", "heads")))
        self.assertIn("verified", done.stdout)
        self.assertIn("query", done.stdout)

    def test_details_are_for_the_auditor_alone(self):
        self.done(self.query())
        sealed = self.done(self.laneward("audit", "show", *WHO)).stdout
        self.assertNotIn("stolen vehicle", sealed)
        self.assertNotIn(self.plate, sealed)
        self.assertIn("(sealed)", sealed)
        key = self.lab.give("auditor.pem", read(self.auditor.path))
        opened = self.done(self.laneward("audit", "show", *WHO, "--auditor-key", key)).stdout
        self.assertIn("26-114 | stolen vehicle", opened)
        self.assertIn(self.plate, opened)

    def test_a_copy_is_verified_elsewhere_and_a_record_proved(self):
        path = os.path.join(self.lab.folder("copies"), "log")
        self.done(self.laneward("audit", "copy", path, *WHO))
        self.assertIn("verified", self.done(self.laneward("audit", "verify", path)).stdout)
        self.assertIn("record 0", self.done(self.laneward("audit", "prove", "0", *WHO)).stdout)

    def test_a_picture_opens_with_the_port_s_key_alone(self):
        folder = self.lab.folder("answers")
        sealed, plate = os.path.join(folder, "sealed"), os.path.join(folder, "plate.jpg")
        image = ["--image", self.rows[0]["best_uuid"]]
        self.done(self.laneward("query", *WHO, *image, "--output", sealed))
        with open(sealed, "rb") as file:
            self.assertNotIn(b"\xff\xd8\xff", file.read())
        key = self.lab.give("port.pem", read(self.port.path))
        self.done(self.lab.run_as_user([os.path.join(self.lab.bin, "laneward"), "open", sealed,
                                        "--key", key, "--output", plate]))
        with open(plate, "rb") as file:
            self.assertEqual(file.read(3), b"\xff\xd8\xff")

    @unittest.skipIf(os.getuid() != 0, "needs root as the second person")
    def test_an_export_needs_two_and_opens_for_its_recipient(self):
        ids = [row["best_uuid"] for row in self.rows[:2]]
        asked = self.done(self.laneward("export", *WHO, "--recipient", "court", "--id", ids[0],
                                        "--id", ids[1]))
        ticket = asked.stdout.strip()
        out = os.path.join(self.lab.folder("exports"), "out.p7m")
        fetch = ["export", *WHO, "--ticket", ticket, "--output", out]
        early = self.done(self.laneward(*fetch), 1)
        own = self.done(self.laneward("approve", ticket, *WHO, "--yes"), 1)
        self.assertIn(ticket, self.done(self.as_root("pending")).stdout)
        unsigned = self.done(self.as_root("approve", ticket, *WHO, "--yes"), 1)
        self.assertIn("no second person has approved", early.stderr)
        self.assertIn("nobody approves what he has asked for", own.stderr)
        self.assertIn("signature: is missing", unsigned.stderr)
        self.done(self.as_root("approve", ticket, *WHO, "--yes", "--key", self.supervisor.path))
        self.done(self.laneward(*fetch))
        text = os.path.join(self.lab.dir, "export.json")
        subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", out, "-inkey",
                        self.court, "-out", text], check=True, capture_output=True)
        with open(text) as file:
            export = json.load(file)
        self.assertEqual([row["best_uuid"] for row in export["results"]], ids)
        pictures = os.path.join(self.lab.dir, "opened")
        self.done(self.as_root_open(text, pictures))
        self.assertEqual(len(os.listdir(pictures)), 2)

    def as_root_open(self, text, folder):
        return subprocess.run([os.path.join(self.lab.bin, "laneward"), "open", text, "--key",
                               self.port.path, "--output", folder], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)


class Rollback(LooksTest):
    def test_a_whole_state_that_was_rolled_back_is_noticed_by_the_next_officer(self):
        self.lab.stop()
        kept = os.path.join(self.lab.dir, "kept")
        subprocess.run(["cp", "-a", self.lab.state, kept], check=True)
        self.lab.start()
        self.done(self.query())
        self.restart()
        self.done(self.query())  # has seen the head over its first look
        self.lab.stop()
        shutil.rmtree(self.lab.state)
        os.rename(kept, self.lab.state)
        self.lab.start()
        done = self.done(self.query(), 3)
        self.assertIn("THE LOG OF LOOKS IS NOT WHAT IT WAS", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
