"""laneward query and laneward status without a daemon: what is said, and the exit status."""
import os
import socket
import subprocess
import sys
import tempfile
import unittest

LANEWARD = sys.argv.pop(1)
WHO = ["--reason", "stolen vehicle", "--case", "26-114"]


def run(*arguments, **more):
    return subprocess.run(
        [LANEWARD, *arguments], capture_output=True, text=True, timeout=60, check=False, **more
    )


class WrongUse(unittest.TestCase):
    def check(self, words, *arguments):
        done = run("query", *arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_reason_and_a_case_are_demanded(self):
        self.check("--reason", "--case", "1")
        self.check("--case", "--reason", "x")
        self.check("--reason", "--reason", "  ", "--case", "1")

    def test_wrong_values_are_named(self):
        self.check("--plate", *WHO, "--plate", "ABCDEFGHIJKLM")
        self.check("--limit", *WHO, "--limit", "51")
        self.check("--limit", *WHO, "--limit", "5x")
        self.check("no time", *WHO, "--from", "yesterday")
        self.check("no length", *WHO, "--last", "10")
        self.check("--image", *WHO, "--image", "12", "--output", "x")
        self.check("--output", *WHO, "--image", "0" * 32)
        self.check("--look-alike", *WHO, "--look-alike")
        self.check("--plate", *WHO, "ABC123")

    def test_help_tells_every_option_and_the_exit_status(self):
        done = run("query", "--help")
        self.assertEqual(done.returncode, 0)
        options = "reason case plate look-alike lane from to last limit json csv image output"
        for option in [*options.split(), "socket"]:
            self.assertIn("--" + option, done.stdout)
        self.assertIn("Exit status", done.stdout)
        self.assertIn("Exit status", run("status", "--help").stdout)


class NoDaemon(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="laneward-tools-")
        self.addCleanup(self.dir.cleanup)
        self.path = os.path.join(self.dir.name, "laneward.sock")

    def check(self, words, **more):
        for command in (["query", *WHO], ["status"]):
            done = run(*command, "--socket", self.path, **more)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(words, done.stderr)

    def test_that_none_runs_is_said(self):
        self.check("is lanewardd running?")

    def test_a_socket_that_a_dead_daemon_left_is_the_same(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.close()
        self.check("is lanewardd running?")

    def test_the_environment_names_the_socket(self):
        done = run("status", env={**os.environ, "LANEWARD_SOCKET": "/nowhere/x.sock"})
        self.assertIn("/nowhere/x.sock", done.stderr)

    @unittest.skipIf(os.getuid() != 0, "needs root to become somebody without rights")
    def test_without_rights_the_group_is_named(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.listen()
        os.chmod(self.path, 0o660)
        os.chmod(self.dir.name, 0o755)
        if subprocess.run(["test", "-x", LANEWARD], user="nobody", check=False).returncode != 0:
            self.skipTest("nobody cannot reach the build")
        self.check("group root", user="nobody", group="nogroup", extra_groups=[])

    def answer(self, text):
        """One daemon that says `text` to whatever comes."""
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.listen()
        child = subprocess.Popen([LANEWARD, "query", *WHO, "--socket", self.path],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        talk, _ = listener.accept()
        talk.recv(65536)
        talk.sendall(text)
        talk.close()
        out, err = child.communicate(timeout=60)
        return child.returncode, out, err

    def test_what_is_no_answer_is_an_error(self):
        for text in (b"", b"hello\n", b"[]\n", b'{"version":2}\n'):
            with self.subTest(text=text):
                status, out, err = self.answer(text)
                self.assertEqual((status, out), (1, ""))
                self.assertIn("daemon", err)
                os.unlink(self.path)

    def test_a_refusal_is_passed_on(self):
        status, out, err = self.answer(
            b'{"error":{"code":"denied","text":"limit: too much"},"version":1}\n'
        )
        self.assertEqual((status, out), (1, ""))
        self.assertIn("limit: too much", err)

    def test_an_answer_without_passages_is_success(self):
        status, out, _ = self.answer(
            b'{"results":[],'
            b'"gaps":[{"from":1000,"to":2000,"lane":"north","why":"store unwritable"}],'
            b'"binding":"software","limit":50,"limit_reached":false,"version":1}\n'
        )
        self.assertEqual(status, 0)
        self.assertIn("gap: lane north", out)
        self.assertIn("0 passages", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
