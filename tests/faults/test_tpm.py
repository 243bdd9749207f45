"""The TPM goes away under the running daemon and comes back, or others lock it by wrong guesses:
nothing is lost, and nothing opens without it."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "breach"))

from guesser import SharedChip  # noqa: E402
from house import Chip, House, Skip  # noqa: E402


GAP_S = 5  # more than the 3 s of passages.gap, by which a vehicle is gone
OUR_INDEX = 0x01804C57  # storage.tpm_nv_index


class WithChip(unittest.TestCase):
    make_chip = Chip

    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)
        try:
            self.house.chip = self.make_chip(os.path.join(self.house.dir, "chip"))
        except Skip as why:
            self.skipTest(str(why))
        self.addCleanup(self.house.chip.power_off)
        self.watched = self.house.folder("watched")
        self.left_at = 0.0
        self.house.settle(
            1, f"[camera north]\nsource = dir:{self.watched}\nmode = watch\nlane = lane-1\n"
        )

    def drop_vehicle(self):
        # The pictures are the same each time: only after passages.gap they are another vehicle.
        time.sleep(max(0, self.left_at - time.monotonic()))
        for name in sorted(os.listdir(os.path.join(self.house.dir, "pictures"))):
            self.house.drop_off(name, self.watched)
        self.left_at = time.monotonic() + GAP_S

    def stored(self):
        return self.house.status()["store"]["passages"]


class Away(WithChip):
    def test_passages_are_stored_while_it_is_away_and_all_is_there_when_it_is_back(self):
        house = self.house
        house.start()
        self.drop_vehicle()
        house.wait_for(lambda: self.stored() == 1, "the first vehicle is stored")
        house.chip.power_off()
        self.drop_vehicle()
        house.wait_for(lambda: self.stored() == 2, "the second is stored without the TPM")
        house.chip.power_on()
        self.drop_vehicle()
        house.wait_for(lambda: self.stored() == 3, "the third is stored")
        house.stop()
        house.start()
        self.assertEqual(self.stored(), 3)
        self.assertEqual(house.status()["binding"], "tpm")

    def test_without_it_the_store_does_not_open_and_with_it_again_it_does(self):
        house = self.house
        house.start()
        self.drop_vehicle()
        house.wait_for(lambda: self.stored() == 1, "the vehicle is stored")
        house.stop()
        house.chip.power_off()
        house.start(wait=False)
        house.wait_for_words("TPM")
        self.assertEqual(house.find()[0], [])
        if house.daemon.poll() is None:
            house.stop()
        house.chip.power_on()
        house.start()
        house.wait_for(lambda: self.stored() == 1, "the store opens again")


class Locked(WithChip):
    make_chip = SharedChip

    def heads(self):
        return self.house.stderr().count("log head size=")

    def assert_locked(self):
        self.assertTrue(self.house.chip.is_locked(), "the TPM is not locked: nothing was shown")

    def test_others_lock_it_under_the_running_daemon_and_it_stores_and_signs_on(self):
        house = self.house
        house.start()
        self.drop_vehicle()
        house.wait_for(lambda: self.stored() == 1, "the first vehicle is stored")
        house.chip.lock()
        self.drop_vehicle()
        house.wait_for(lambda: self.stored() == 2, "the second is stored")
        before = self.heads()
        posture = {"version": 1, "query": "posture", "digest": "00" * 32, "failed": 0}
        answer, words = house.talk("maintenance", posture, "maintenance.sock")
        self.assertIn(b"recorded", answer, words)
        house.wait_for(lambda: self.heads() > before, "the TPM signs a head of the log")
        self.assertEqual(len(house.find()[0]), 2)
        self.assert_locked()
        house.stop()
        self.assertNotIn("refuses to", house.stderr())

    def test_locked_before_the_start_it_enrols_opens_and_forgets(self):
        house = self.house
        house.chip.lock()
        house.start()
        self.drop_vehicle()
        house.wait_for(lambda: self.stored() == 1, "the vehicle is stored")
        epoch = house.status()["epoch"]
        house.stop()
        done = house.run_as_user([os.path.join(house.bin, "lanewardd"), "--suspend", "--config",
                                  house.config])
        self.assertEqual(done.returncode, 0, done.stderr)
        house.start()
        self.assertEqual(self.stored(), 1)
        self.assertEqual(house.status()["binding"], "tpm")
        self.assertEqual(house.status()["epoch"], epoch + 2)  # away from the boot state, and back
        self.assert_locked()

    def test_a_counter_of_somebody_else_is_told_and_not_guessed_at(self):
        house = self.house
        house.chip.define(OUR_INDEX, b"right")
        for _ in range(5):  # more than it takes until the TPM locks
            house.start(wait=False)
            self.assertNotEqual(house.daemon.wait(timeout=60), 0)
            house.stop()
        self.assertEqual(house.stderr().count("is another store's: name another tpm_nv_index"), 5)
        self.assertEqual(house.chip.guesses(), 0, "the daemon's start counts as a guess")


if __name__ == "__main__":
    unittest.main()
