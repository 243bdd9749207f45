"""A watched folder, as a camera fills it by FTP: only whole pictures, each once."""
import os
import shutil
import time
import unittest

from lab import LANE, LabTest, expected_passages, lane_pictures


class Watch(LabTest):
    def setUp(self):
        super().setUp()
        self.watched = self.lab.folder("watched")
        self.lab.configure(("north", f"source = dir:{self.watched}\nmode = watch\n"))
        self.pictures = lane_pictures()

    def test_what_came_while_the_daemon_was_down_is_read_and_nothing_twice(self):
        for picture in self.pictures[:4]:
            self.lab.drop_off(picture, self.watched)
        self.lab.start()
        self.lab.wait_until_read("north", 4)
        self.lab.stop()
        for picture in self.pictures[4:6]:
            self.lab.drop_off(picture, self.watched)
        self.lab.start()
        self.lab.wait_until_read("north", 2)
        time.sleep(1.0)
        self.assertEqual(self.lab.camera("north")["frames"], 2)
        self.lab.stop()
        self.lab.start()
        time.sleep(1.5)
        self.assertEqual(self.lab.camera("north")["frames"], 0)

    def test_a_half_written_picture_is_taken_when_it_is_whole(self):
        self.lab.start()
        # One whole picture first: from then on the folder is watched, no longer listed.
        self.lab.drop_off(self.pictures[0], self.watched)
        self.lab.wait_until_read("north", 1)
        plate, first, last = expected_passages()[0]
        with open(os.path.join(LANE, last), "rb") as file:
            content = file.read()
        path = os.path.join(self.watched, last)
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            time.sleep(1.5)
            self.assertEqual(self.lab.camera("north")["frames"], 1)
            file.write(content[len(content) // 2 :])
        self.lab.wait_until_read("north", 2)
        self.assertEqual(self.lab.camera("north")["bad_frames"], 0)
        self.lab.wait_for_rows(
            lambda rows: [r["best_plate_number"] for r in rows] == [plate], "it is read"
        )

    def test_garbage_is_counted_and_the_lane_goes_on(self):
        self.lab.start()
        with open(os.path.join(LANE, self.pictures[1]), "rb") as file:
            whole = file.read()
        shutil.copyfile("/bin/true", os.path.join(self.watched, "a-program.jpg"))
        for name, content in (
            ("b-empty.jpg", b""),
            ("c-truncated.jpg", whole[:3000]),
            ("d-text.jpg", b"no picture at all\n" * 50),
        ):
            with open(os.path.join(self.watched, name), "wb") as file:
                file.write(content)
        self.lab.wait_for(
            lambda: self.lab.camera("north")["bad_frames"] >= 3, "bad pictures are counted"
        )
        plate, first, last = expected_passages()[0]
        self.lab.drop_off(last, self.watched)
        self.lab.wait_for_rows(
            lambda rows: plate in [r["best_plate_number"] for r in rows],
            "a good picture after them is read",
        )
        self.assertEqual(len(self.lab.roles()), 4)


if __name__ == "__main__":
    unittest.main()
