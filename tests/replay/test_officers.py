"""Looks at a running daemon's store: how many, by whom, and what of them cannot be undone."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from lab import LabTest, expected_passages, lane_pictures

TAMPERED = 3  # exit status: the log is not what it was
WHO = ("--reason", "test", "--case", "TEST-1")


class Looks(LabTest):
    def begin(self, more=""):
        """A daemon with one passage; its plate."""
        plate, first, last = expected_passages()[1]
        watched = self.lab.folder("watched")
        self.lab.configure(("north", f"source = dir:{watched}\nmode = watch\n"), more=more)
        self.lab.start()
        pictures = [name for name in lane_pictures() if first <= name <= last]
        for picture in pictures:
            self.lab.drop_off(picture, watched)
        self.lab.wait_until_read("north", len(pictures))
        self.lab.wait_for_stored(1)
        return plate

    def ask_as_root(self, command, *arguments):
        done = subprocess.run(
            [os.path.join(self.lab.bin, "laneward"), command, "--socket",
             os.path.join(self.lab.run_dir, "laneward.sock"), *arguments],
            env={**os.environ, "LANEWARD_STATE": os.path.join(self.lab.dir, "supervisor")},
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_robot_meets_the_cap_and_raises_the_alarm_within_a_minute(self):
        plate = self.begin()
        answered, began = 0, time.monotonic()
        while "ALARM robot" not in self.lab.stderr():
            self.assertLess(time.monotonic() - began, 60, "no alarm within a minute")
            done = self.lab.ask("query", *WHO, "--plate", plate)
            answered += done.returncode == 0
        self.assertLessEqual(answered, 61)
        self.assertGreaterEqual(answered, 60)
        self.assertNotIn(plate, self.lab.stderr())

    def test_a_killed_keeper_does_not_give_the_robot_a_fresh_start(self):
        plate = self.begin("[desk]\nqueries_per_hour = 6\n")  # the next is ten minutes away

        def answered():
            done = self.lab.ask("query", *WHO, "--plate", plate)
            if done.returncode != 0:
                self.assertIn("too many questions of one user", done.stderr)
            return done.returncode == 0

        self.assertEqual([answered() for _ in range(8)], [True] * 6 + [False] * 2)
        for _ in range(3):
            pid = self.lab.roles()["keeper"]
            os.kill(pid, signal.SIGKILL)
            self.lab.wait_for(lambda p=pid: self.lab.roles().get("keeper", p) != p
                              and self.lab.status()["store"]["available"],
                              "the parent has started another keeper")
            self.assertFalse(answered())
        self.lab.stop()
        self.lab.start()
        self.assertFalse(answered())

    def test_a_lane_is_answered_for_ten_minutes_at_most(self):
        self.begin()
        self.assertEqual(len(self.lab.query("--lane", "north")), 1)
        for window in (["--last", "13m"], ["--last", "2h"], []):
            done = self.lab.ask("query", *WHO, "--lane", "north", *window)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("10 minutes", done.stderr)
        done = self.lab.ask("query", *WHO, "--last", "5m")
        self.assertEqual(done.returncode, 1, done.stdout)

    @unittest.skipUnless(os.getuid() == 0, "a second person takes a second user")
    def test_an_export_takes_two_people_and_the_recipients_key(self):
        recipients = self.lab.folder("recipients")
        key, cms = os.path.join(self.lab.dir, "court.key"), os.path.join(self.lab.dir, "out.cms")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=court", "-keyout", key, "-out", os.path.join(recipients, "court.pem")],
            check=True, capture_output=True)
        plate = self.begin(f"[desk]\nrecipients_dir = {recipients}\n")
        row = self.lab.query("--plate", plate)[0]
        asked = self.lab.ask("export", *WHO, "--recipient", "court", "--id", row["best_uuid"])
        self.assertEqual(asked.returncode, 0, asked.stderr)
        ticket = re.search(r"\b[0-9a-f]{8}\b", asked.stdout + asked.stderr).group()
        fetch = ("export", *WHO, "--ticket", ticket, "--output", self.lab.give("out.cms", ""))
        self.assertNotEqual(self.lab.ask(*fetch).returncode, 0, "fetched without a second person")
        own = self.lab.ask("approve", ticket, *WHO, "--yes")
        self.assertNotEqual(own.returncode, 0, "approved by who asked")
        self.assertIn(ticket, self.ask_as_root("pending"))
        self.ask_as_root("approve", ticket, *WHO, "--yes")
        done = self.lab.ask(*fetch)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(cms, "rb") as file:
            self.assertNotIn(plate.encode(), file.read())
        plain = subprocess.run(
            ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", cms, "-inkey", key],
            check=True, capture_output=True).stdout
        document = json.loads(plain)
        self.assertEqual([r["best_plate_number"] for r in document["results"]], [plate])
        self.assertEqual(document["approved_by"], "root")
        self.assertNotEqual(self.lab.ask(*fetch).returncode, 0, "one approval, two files")

    def test_a_state_that_was_rolled_back_is_told_by_the_next_client(self):
        plate = self.begin()
        self.lab.stop()
        kept = os.path.join(self.lab.dir, "kept")
        shutil.copytree(self.lab.state, kept)
        self.lab.start()
        self.assertEqual(len(self.lab.query("--plate", plate)), 1)
        self.lab.stop()  # signs a head over the question
        self.lab.start()
        self.assertEqual(len(self.lab.query("--plate", plate)), 1)  # which the client sees
        self.lab.stop()
        shutil.rmtree(self.lab.state)
        shutil.copytree(kept, self.lab.state)
        for folder, _, names in os.walk(self.lab.state):
            for name in [folder, *[os.path.join(folder, name) for name in names]]:
                os.chown(name, self.lab.user.pw_uid, self.lab.user.pw_gid)
        self.lab.start()
        done = self.lab.ask("query", *WHO, "--plate", plate)
        self.assertEqual(done.returncode, TAMPERED, done.stderr)
        self.assertIn("ALARM rollback", self.lab.stderr())


if __name__ == "__main__":
    unittest.main()
