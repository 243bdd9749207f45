"""The bundled lane through the whole daemon: what passed comes back from the store alone."""
import os
import re
import unittest

from lab import Lab, LabTest, descendants, expected_passages, lane_pictures


def plates():
    return [plate for plate, _, _ in expected_passages() if plate]


class BundledLane(unittest.TestCase):
    """One replay, looked at in several ways."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.configure_lane()
        cls.lab.start()
        cls.rows = cls.lab.wait_for_lane()

    def test_every_vehicle_comes_back_once_with_its_plate_and_in_order(self):
        found = [row["best_plate_number"] for row in self.rows]
        self.assertEqual(found, [plate for plate, _, _ in expected_passages()])
        for row in self.rows:
            self.assertLessEqual(row["epoch_start"], row["epoch_end"])
            self.assertGreaterEqual(row["frames"], 2)

    def test_the_counts_reconcile(self):
        camera = self.lab.camera("north")
        self.assertEqual(camera["frames"], len(lane_pictures()))
        self.assertEqual(camera["recognized"] + camera["dropped"], camera["frames"])
        self.assertEqual(camera["bad_frames"], 0)
        self.assertEqual(camera["passages"], len(expected_passages()))
        self.assertEqual(camera["unread"], len(expected_passages()) - len(plates()))
        self.assertEqual(self.lab.status()["store"]["passages"], len(expected_passages()))
        self.assertEqual(self.lab.status()["binding"], "software")

    def test_a_vehicle_is_found_by_plate_by_wildcard_and_by_lane(self):
        plate = plates()[0]
        self.assertEqual(len(self.lab.query("--plate", plate)), 1)
        self.assertEqual(len(self.lab.query("--plate", "?" + plate[1:])), 1)
        self.assertEqual(self.lab.query("--plate", "ZZZ9999"), [])
        self.assertEqual(len(self.lab.query("--lane", "lane-1")), len(expected_passages()))
        self.assertEqual(self.lab.query("--lane", "lane-2"), [])

    def test_a_plates_picture_is_a_small_jpeg(self):
        folder = self.lab.folder("answers")
        path = os.path.join(folder, "plate.jpg")
        done = self.lab.ask(
            "query",
            "--reason",
            "test",
            "--case",
            "TEST-1",
            "--image",
            self.rows[0]["best_uuid"],
            "--output",
            path,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, "rb") as file:
            content = file.read()
        self.assertEqual(content[:2], b"\xff\xd8")
        self.assertLess(len(content), 48 * 1024)

    def test_a_question_without_reason_or_case_is_refused(self):
        for missing in (
            ["--reason", "test"],
            ["--case", "TEST-1"],
            ["--reason", "", "--case", "1"],
        ):
            self.assertNotEqual(self.lab.ask("query", *missing).returncode, 0)

    def test_no_plate_is_in_a_log_an_argument_or_an_environment(self):
        pids = descendants(self.lab.daemon.pid) | {self.lab.daemon.pid}
        said = self.lab.stderr()
        for pid in pids:
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{pid}/{name}", "rb") as file:
                        said += file.read().decode(errors="replace")
                except OSError:
                    pass  # a role is not dumpable: even its owner may not look
        self.assertIn("lanewardd", said)
        for plate in plates():
            self.assertNotIn(plate, said)
        self.assertIsNone(re.search(r"https?://", said))


class Afterwards(LabTest):
    def test_the_daemon_stops_quickly_leaves_nothing_in_clear_and_finds_all_again(self):
        self.lab.configure_lane()
        self.lab.start()
        before = self.lab.wait_for_lane()
        status, seconds = self.lab.stop()
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2.0)
        paths = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.lab.state)
            for name in names
        ]
        self.assertTrue(paths)
        for path in paths:
            with open(path, "rb") as file:
                content = file.read()
            self.assertNotIn(b"SQLite format 3", content)
            self.assertNotIn(b"\xff\xd8\xff\xe0", content)
            for plate in plates():
                self.assertNotIn(plate.encode(), content)
        self.lab.configure(("south", f"source = dir:{self.lab.folder('empty')}\nmode = watch\n"))
        self.lab.start()
        after = self.lab.query("--lane", "lane-1")
        self.assertEqual({row["best_uuid"] for row in after}, {row["best_uuid"] for row in before})


if __name__ == "__main__":
    unittest.main()
