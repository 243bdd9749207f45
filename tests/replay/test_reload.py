"""SIGHUP: a good file is taken as a whole, a bad one not at all, and the complaint says where."""
import signal
import time
import unittest

from lab import LabTest


class Reload(LabTest):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.lab.folder("a"), self.lab.folder("b")
        self.lab.configure(("north", f"source = dir:{self.a}\nmode = watch\n"))
        self.lab.start()

    def test_a_bad_file_keeps_the_old_configuration_and_names_every_line(self):
        before = self.lab.roles()
        with open(self.lab.config, "a") as file:
            file.write("[camera south]\nsource = dir:/nowhere\nrat = 5\n")
        self.lab.daemon.send_signal(signal.SIGHUP)
        self.lab.wait_for(lambda: "rat" in self.lab.stderr(), "the complaint is logged")
        self.assertIn("laneward.conf:", self.lab.stderr())
        time.sleep(0.5)
        self.assertEqual(self.lab.roles(), before)
        self.assertEqual([c["camera_id"] for c in self.lab.status()["cameras"]], ["north"])

    def test_a_good_file_brings_a_new_camera(self):
        self.lab.configure(
            ("north", f"source = dir:{self.a}\nmode = watch\n"),
            ("south", f"source = dir:{self.b}\nmode = watch\n"),
        )
        self.lab.daemon.send_signal(signal.SIGHUP)
        self.lab.wait_for(
            lambda: "capture south" in self.lab.roles(), "the new camera's capture runs"
        )
        self.lab.wait_for(lambda: "recognizer south" in self.lab.roles(), "its recognizer runs")


if __name__ == "__main__":
    unittest.main()
