"""What can happen to the store: a full disk, another's key, garbage, another host, a plain file."""
import os
import shutil
import subprocess
import unittest

from lab import Lab, LabTest, an_ordinary_user, expected_passages, lane_pictures


def passage(number):
    """(plate, pictures) of a vehicle of the bundled lane."""
    plate, first, last = expected_passages()[number]
    return plate, [picture for picture in lane_pictures() if first <= picture <= last]


class StoreFault(LabTest):
    def watch(self, lab=None, state=None):
        lab = lab or self.lab
        folder = lab.folder("watched")
        lab.configure(("north", f"source = dir:{folder}\nmode = watch\n"), state=state)
        return folder

    def fill_and_stop(self):
        """A store with one passage."""
        folder = self.watch()
        self.lab.start()
        plate, pictures = passage(0)
        for picture in pictures:
            self.lab.drop_off(picture, folder)
        self.lab.wait_for_rows(
            lambda rows: [row["best_plate_number"] for row in rows] == [plate],
            "the passage is stored",
        )
        self.lab.stop()

    def content(self, state):
        found = {}
        for folder, _, names in os.walk(state):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, state)] = file.read()
        return found

    def refuses(self, lab, words):
        """The store does not open: said in words, no row is given, the files stay as they are."""
        before = self.content(lab.state)
        lab.start(wait=False)
        lab.wait_for_words(words)
        self.assertNotEqual(lab.ask("query", "--reason", "test", "--case", "1").returncode, 0)
        if lab.daemon.poll() is None:
            lab.stop()
        after = self.content(lab.state)
        for name, bytes_before in before.items():
            if not name.endswith(("-wal", "-shm")):
                self.assertEqual(after.get(name), bytes_before, name)

    def test_a_database_of_garbage_is_an_error_and_is_left_alone(self):
        self.fill_and_stop()
        self.lab.give("state/ledger.db", os.urandom(64 * 1024), 0o600)
        self.refuses(self.lab, "does not open with this host's key")

    def test_a_plaintext_database_is_refused_and_is_left_alone(self):
        self.fill_and_stop()
        self.lab.give("state/ledger.db", b"SQLite format 3\0" + bytes(8176), 0o600)
        self.refuses(self.lab, "is an unencrypted SQLite file")

    def test_another_key_file_does_not_open_the_store(self):
        self.fill_and_stop()
        other = Lab()
        self.addCleanup(other.close)
        self.watch(other)
        other.start()
        other.stop()
        shutil.copyfile(
            os.path.join(other.state, "host.key"), os.path.join(self.lab.state, "host.key")
        )
        self.refuses(self.lab, "wrapped for another host")

    def test_a_copied_database_without_its_key_does_not_open(self):
        self.fill_and_stop()
        other = Lab()
        self.addCleanup(other.close)
        self.watch(other)
        with open(os.path.join(self.lab.state, "ledger.db"), "rb") as file:
            other.give("state/ledger.db", file.read(), 0o600)
        self.refuses(other, "has lost its key")

    def test_a_key_file_that_others_may_read_is_refused(self):
        self.fill_and_stop()
        os.chmod(os.path.join(self.lab.state, "host.key"), 0o644)
        self.refuses(self.lab, "others may read " + os.path.join(self.lab.state, "host.key"))

    @unittest.skipUnless(os.getuid() == 0, "only root can show this host another machine-id")
    def test_a_copied_state_folder_does_not_open_on_a_host_with_another_identity(self):
        self.fill_and_stop()
        other = self.lab.give("machine-id", "0123456789abcdef0123456789abcdef\n")
        self.lab.before = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            f'mount --bind {other} /etc/machine-id && exec "$@"',
            "sh",
        ]
        self.refuses(self.lab, "made on a host with another machine-id")


@unittest.skipUnless(os.getuid() == 0, "only root can mount a small disk")
class FullDisk(LabTest):
    def setUp(self):
        super().setUp()
        self.disk = self.lab.folder("disk")
        user = an_ordinary_user()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "laneward-test", self.disk],
            check=True,
        )
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)
        self.state = os.path.join(self.disk, "state")
        os.mkdir(self.state, 0o700)
        os.chown(self.state, user.pw_uid, user.pw_gid)

    def fill(self):
        with open(os.path.join(self.disk, "filler"), "wb", buffering=0) as file:
            for size in (65536, 4096, 512):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def test_capture_goes_on_over_a_full_disk_and_what_waited_is_stored_after(self):
        lab = self.lab
        folder = lab.folder("watched")
        lab.configure(("north", f"source = dir:{folder}\nmode = watch\n"), state=self.state)
        lab.start()
        first, pictures = passage(0)
        for picture in pictures:
            lab.drop_off(picture, folder)
        lab.wait_for_rows(lambda rows: len(rows) == 1, "the first passage is stored")
        self.fill()
        waiting = []
        for number in (1, 2, 3):
            plate, pictures = passage(number)
            waiting.append(plate)
            for picture in pictures:
                lab.drop_off(picture, folder)
        frames = lab.camera("north")["frames"]
        lab.wait_for(lambda: lab.status()["store"]["errors"] > 0, "a store error is counted")
        lab.wait_for(lambda: lab.camera("north")["unacknowledged"] > 0, "passages wait")
        self.assertRegex(lab.stderr(), "(?i)no space|disk|full|not stored|unwritable")
        refused = lab.ask(
            "query", "--reason", "test", "--case", "TEST-1", "--plate", first, "--json"
        )
        self.assertNotEqual(refused.returncode, 0, "answered without a record")
        self.assertIn("cannot be recorded", refused.stderr)
        self.assertNotIn(first, refused.stdout)
        plate, pictures = passage(5)
        waiting.append(plate)
        for picture in pictures:
            lab.drop_off(picture, folder)
        lab.wait_for(lambda: lab.camera("north")["frames"] > frames, "capture goes on")
        os.unlink(os.path.join(self.disk, "filler"))
        lab.wait_for_rows(
            lambda rows: {first, *waiting} <= {row["best_plate_number"] for row in rows},
            "what waited is stored",
        )
        lab.wait_for(lambda: lab.camera("north")["unacknowledged"] == 0, "nothing waits any more")
        self.assertEqual(lab.camera("north")["lost_passages"], 0)
        gaps = lab.gaps()
        self.assertTrue(gaps, "the time without a store is not told")


if __name__ == "__main__":
    unittest.main()
