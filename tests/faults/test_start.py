"""What can be wrong at start: rights, a configuration of garbage, a secret in the open."""
import os
import unittest

from lab import Lab, LabTest


class Start(LabTest):
    def ends_with(self, *words, lab=None):
        """The daemon ends by itself with status 1 and says what is wrong."""
        lab = lab or self.lab
        lab.start(wait=False)
        self.assertEqual(lab.daemon.wait(timeout=60), 1, lab.stderr())
        for word in words:
            self.assertIn(word, lab.stderr())
        self.assertNotIn("Sanitizer", lab.stderr())

    def test_a_configuration_of_garbage_is_refused_line_by_line(self):
        self.lab.give("laneward.conf", os.urandom(5000))
        self.ends_with("laneward.conf")

    def test_every_complaint_of_a_configuration_is_told_with_its_line(self):
        self.lab.give("laneward.conf", "[daemon]\nlog_levl = 3\n[camera north]\nrate = fast\n")
        self.ends_with("laneward.conf:2:", "log_levl", "laneward.conf:4:", "fast", "source")

    def test_a_missing_configuration_is_an_error(self):
        self.lab.config = os.path.join(self.lab.dir, "nowhere.conf")
        self.ends_with("nowhere.conf")

    def test_a_state_folder_that_others_may_look_into_is_refused(self):
        self.lab.configure(("north", f"source = dir:{self.lab.folder('a')}\nmode = watch\n"))
        os.chmod(self.lab.state, 0o755)
        self.ends_with("state_dir", "0700")

    def test_a_state_folder_without_rights_to_it_is_an_error(self):
        self.lab.configure(("north", f"source = dir:{self.lab.folder('a')}\nmode = watch\n"))
        os.chmod(self.lab.state, 0o500)
        self.lab.start(wait=False)
        self.lab.wait_for_words(self.lab.state + "/host.key.new: Permission denied")

    @unittest.skipUnless(os.getuid() == 0, "only root can make a folder of someone else")
    def test_a_state_folder_of_someone_else_is_refused(self):
        self.lab.configure(("north", f"source = dir:{self.lab.folder('a')}\nmode = watch\n"))
        os.chown(self.lab.state, 0, 0)
        self.ends_with("state_dir")

    def test_a_folder_of_pictures_without_rights_is_an_error(self):
        folder = self.lab.folder("a")
        self.lab.configure(("north", f"source = dir:{folder}\nmode = watch\n"))
        os.chmod(folder, 0)
        self.addCleanup(os.chmod, folder, 0o755)
        self.lab.start(wait=False)
        self.lab.wait_for_words("cannot open the folder of camera north: Permission denied")

    def test_a_credentials_file_in_the_open_is_refused_and_not_repeated(self):
        path = self.lab.give("camera.login", "officer:very-secret-word\n", 0o644)
        self.lab.configure(
            ("north", f"source = mjpeg:http://127.0.0.1:9/\ncredentials_file = {path}\n")
        )
        self.ends_with("credentials_file", "0600")
        self.assertNotIn("very-secret-word", self.lab.stderr())

    def test_a_second_daemon_on_the_same_socket_is_refused(self):
        self.lab.configure(("north", f"source = dir:{self.lab.folder('a')}\nmode = watch\n"))
        self.lab.start()
        other = Lab()
        self.addCleanup(other.close)
        other.run_dir = self.lab.run_dir
        other.configure(("north", f"source = dir:{other.folder('a')}\nmode = watch\n"))
        self.ends_with(lab=other)
        self.assertIsNotNone(self.lab.status())


if __name__ == "__main__":
    unittest.main()
