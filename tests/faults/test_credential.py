"""The host's credential, kept by the real systemd-creds: the store opens with it alone."""
import os
import shutil
import signal
import unittest

from credstore import NAME, Credstore
from lab import SOURCE, LabTest, expected_passages, lane_pictures


@unittest.skipIf(shutil.which("systemd-creds") is None, "systemd-creds is not installed")
class HostCredential(LabTest):
    def setUp(self):
        super().setUp()
        self.plate, first, last = expected_passages()[0]
        self.pictures = [name for name in lane_pictures() if first <= name <= last]
        self.folder = self.lab.folder("watched")
        self.configure()

    def configure(self, more=""):
        camera = ("north", f"source = dir:{self.folder}\nmode = watch\n")
        self.lab.configure(camera, more=more)

    def credstore(self, name, secret):
        made = Credstore(os.path.join(self.lab.dir, name))
        made.keep(secret)
        return made

    def wait_for_passage(self):
        self.lab.wait_for_rows(
            lambda rows: [row["best_plate_number"] for row in rows] == [self.plate],
            "the passage is there",
        )

    def start_and_fill(self):
        self.lab.start()
        for picture in self.pictures:
            self.lab.drop_off(picture, self.folder)
        self.wait_for_passage()

    def is_part(self):
        status = self.lab.status()
        self.assertEqual(status["binding"], "software")
        return status["credential"]

    def refuses(self, words):
        self.lab.start(wait=False)
        self.lab.wait_for_words(words)
        self.lab.daemon.wait(timeout=30)
        self.assertNotEqual(self.lab.daemon.returncode, 0)
        self.lab.output.close()
        self.lab.daemon = None

    def test_the_state_folder_opens_with_the_credential_alone(self):
        here = self.credstore("here", os.urandom(32))
        here.give(self.lab)
        self.start_and_fill()
        self.assertTrue(self.is_part())
        self.assertIn("binding=software epoch=1, with the host's credential", self.lab.stderr())
        self.lab.stop()
        del self.lab.environment["CREDENTIALS_DIRECTORY"]
        self.refuses("which was not given")
        self.credstore("there", os.urandom(32)).give(self.lab)
        self.refuses("is not the one that the store was bound to")
        here.give(self.lab)
        self.lab.start()
        self.wait_for_passage()

    def test_another_host_s_key_does_not_open_the_credential(self):
        here, there = (self.credstore(name, os.urandom(32)) for name in ("here", "there"))
        shutil.copyfile(here.file, there.file)
        with self.assertRaises(OSError):
            there.give(self.lab)
        here.give(self.lab)

    def test_the_same_bytes_under_a_new_host_key_open_the_store(self):
        here = self.credstore("here", os.urandom(64))
        here.give(self.lab)
        self.start_and_fill()
        self.lab.stop()
        secret = here.creds("decrypt", here.file, "-")
        self.credstore("anew", secret).give(self.lab)
        self.lab.start()
        self.wait_for_passage()

    def test_a_store_from_before_takes_it_in(self):
        self.start_and_fill()
        self.assertFalse(self.is_part())
        self.lab.stop()
        self.credstore("here", os.urandom(32)).give(self.lab)
        self.lab.start()
        self.wait_for_passage()
        self.assertTrue(self.is_part())
        self.lab.stop()
        del self.lab.environment["CREDENTIALS_DIRECTORY"]
        self.refuses("which was not given")

    def test_every_keeper_has_it_and_no_other_role(self):
        self.credstore("here", os.urandom(32)).give(self.lab)
        self.start_and_fill()
        first = self.lab.roles()["keeper"]
        os.kill(first, signal.SIGKILL)
        self.lab.wait_for(
            lambda: self.lab.roles().get("keeper", first) != first, "the keeper is started again"
        )
        self.wait_for_passage()
        second = self.lab.roles()["keeper"]
        self.configure(more="[desk]\nqueries_per_hour = 50\n")
        self.lab.daemon.send_signal(signal.SIGHUP)
        self.lab.wait_for(
            lambda: self.lab.roles().get("keeper", second) != second, "the new limits have a keeper"
        )
        self.wait_for_passage()
        self.assertTrue(self.is_part())
        if os.getuid() == 0:  # who else may look
            for role, pid in self.lab.roles().items():
                self.assertEqual(self.holds_it(pid), role == "keeper", role)

    def holds_it(self, pid):
        with open(f"/proc/{pid}/environ", "rb") as file:
            self.assertNotIn(b"CREDENTIALS_DIRECTORY", file.read())
        links = f"/proc/{pid}/fd"
        return any(os.readlink(f"{links}/{fd}").endswith(NAME) for fd in os.listdir(links))

    def test_the_unit_asks_systemd_for_it(self):
        with open(os.path.join(SOURCE, "packaging", "lanewardd.service")) as file:
            self.assertIn(f"LoadCredentialEncrypted={NAME}\n", file.read())


if __name__ == "__main__":
    unittest.main()
