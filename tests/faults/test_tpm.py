"""The TPM goes away under the running daemon and comes back: nothing is lost, nor opens without."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "breach"))

from house import Chip, House, Skip  # noqa: E402


GAP_S = 5  # more than the 3 s of passages.gap, by which a vehicle is gone


class Away(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)
        try:
            self.house.chip = Chip(os.path.join(self.house.dir, "chip"))
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


if __name__ == "__main__":
    unittest.main()
