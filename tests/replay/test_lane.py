"""The bundled lane through the whole daemon: what passed comes back from the store alone."""
import os
import re
import unittest

from lab import LabTest, descendants, expected_passages, lane_pictures


class BundledLane(LabTest):
    def replay(self):
        folder = self.lab.lane_folder()
        self.lab.configure(("north", f"source = dir:{folder}\nmode = once\nlane = lane-1\n"))
        self.lab.start()
        self.lab.wait_until_read("north", len(lane_pictures()))
        expected = expected_passages()
        self.lab.wait_for(lambda: len(self.lab.query()) >= len(expected), "all passages are stored")
        return expected, self.lab.query()

    def test_every_vehicle_comes_back_once_with_its_plate_and_in_order(self):
        expected, rows = self.replay()
        rows.sort(key=lambda row: row["epoch_start"])
        self.assertEqual(
            [row["best_plate_number"] or "" for row in rows], [plate for plate, _, _ in expected]
        )
        for row in rows:
            self.assertLessEqual(row["epoch_start"], row["epoch_end"])
        self.assertEqual(self.lab.camera("north")["frames"], len(lane_pictures()))
        self.assertEqual(self.lab.camera("north")["bad_frames"], 0)

    def test_a_vehicle_is_found_by_its_plate_by_wildcard_and_by_look_alike(self):
        expected, _ = self.replay()
        plate = expected[0][0]
        self.assertEqual(len(self.lab.query("--plate", plate)), 1)
        self.assertEqual(len(self.lab.query("--plate", "?" + plate[1:])), 1)
        self.assertEqual(self.lab.query("--plate", "ZZZ9999"), [])
        self.assertEqual(len(self.lab.query("--lane", "lane-1")), len(expected))
        self.assertEqual(self.lab.query("--lane", "lane-2"), [])

    def test_passages_outlive_a_restart_and_the_daemon_stops_within_two_seconds(self):
        _, before = self.replay()
        status, seconds = self.lab.stop()
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2.0)
        self.lab.configure()
        self.lab.start()
        key = lambda row: row["best_uuid"]
        self.assertEqual(sorted(map(key, self.lab.query())), sorted(map(key, before)))

    def test_no_plate_is_in_a_log_an_argument_or_an_environment(self):
        expected, _ = self.replay()
        pids = descendants(self.lab.daemon.pid) | {self.lab.daemon.pid}
        said = self.lab.stderr()
        for pid in pids:
            for name in ("cmdline", "environ"):
                try:
                    with open(f"/proc/{pid}/{name}", "rb") as file:
                        said += file.read().decode(errors="replace")
                except OSError:
                    pass  # a role is not dumpable: even its owner may not look
        for plate, _, _ in expected:
            if plate:
                self.assertNotIn(plate, said)
        self.assertIsNone(re.search(r"https?://", said))

    def test_the_state_folder_holds_no_plate_and_no_picture_in_clear(self):
        expected, _ = self.replay()
        self.lab.stop()
        for name in os.listdir(self.lab.state):
            with open(os.path.join(self.lab.state, name), "rb") as file:
                content = file.read()
            self.assertNotIn(b"SQLite format 3", content)
            self.assertNotIn(b"\xff\xd8\xff\xe0", content)
            for plate, _, _ in expected:
                if plate:
                    self.assertNotIn(plate.encode(), content)


if __name__ == "__main__":
    unittest.main()
