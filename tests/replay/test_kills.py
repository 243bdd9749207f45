"""kill -9 of each role in turn while vehicles pass: nothing acknowledged is lost."""
import os
import signal
import time
import unittest

from lab import LabTest, descendants, expected_passages, lane_pictures, parent_of


def ids(rows):
    return {row["best_uuid"] for row in rows}


class Kills(LabTest):
    def start_watching(self):
        self.watched = self.lab.folder("watched")
        self.lab.configure(("north", f"source = dir:{self.watched}\nmode = watch\n"))
        self.lab.start()

    def rows_when_it_answers(self):
        rows = []

        def answered():
            try:
                rows[:] = self.lab.query()
                return True
            except AssertionError:
                return False

        self.lab.wait_for(answered, "the desk and the keeper answer again", pause=0.5)
        return rows

    def kill(self, role):
        self.lab.wait_for(lambda: role in self.lab.roles(), f"{role} runs")
        pid = self.lab.roles()[role]
        os.kill(pid, signal.SIGKILL)
        self.lab.wait_for(
            lambda: self.lab.roles().get(role, pid) != pid, f"{role} is started again"
        )

    def drop_passage(self, first, last):
        for picture in lane_pictures():
            if first <= picture <= last:
                self.lab.drop_off(picture, self.watched)
                time.sleep(0.2)

    def test_each_role_is_killed_in_turn_and_no_passage_is_lost(self):
        self.start_watching()
        known = set()
        roles = [
            "keeper",
            "recognizer north",
            "desk",
            "capture north",
            "keeper",
            "recognizer north",
            "keeper",
        ]
        readable = []
        for (plate, first, last), role in zip(expected_passages(), roles):
            self.drop_passage(first, last)
            if plate:
                readable.append(plate)
            known |= ids(self.rows_when_it_answers())
            self.kill(role)
            now = ids(self.rows_when_it_answers())
            self.assertLessEqual(known, now, f"passages are gone after the kill of {role}")
            known = now
            time.sleep(3.2)  # the gap after which a vehicle is gone

        def plates():
            return {row["best_plate_number"] for row in self.rows_when_it_answers()}

        self.lab.wait_for(
            lambda: set(readable) <= plates(),
            "every readable vehicle is in the store",
            pause=1.0,
        )
        self.assertLessEqual(known, ids(self.rows_when_it_answers()))
        self.assertGreaterEqual(self.lab.status()["restarts"], len(roles))

    def test_when_the_parent_is_killed_all_roles_end_and_a_new_daemon_finds_the_store(self):
        self.start_watching()
        _, first, last = expected_passages()[0]
        self.drop_passage(first, last)
        self.lab.wait_for_rows(lambda rows: len(rows) == 1, "the passage is stored")
        below = descendants(self.lab.daemon.pid)
        self.lab.stop(signal.SIGKILL)
        for pid in below:
            self.assertIsNone(parent_of(pid), "a role outlived its parent")
        self.lab.start()
        self.assertEqual(len(self.lab.query()), 1)


if __name__ == "__main__":
    unittest.main()
