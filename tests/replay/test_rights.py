"""The daemon started as root: every role gives its rights up, and what stands in /proc says so."""
import os
import unittest

from lab import Lab, an_ordinary_user, expected_passages


def status_of(pid):
    with open(f"/proc/{pid}/status") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


@unittest.skipUnless(os.getuid() == 0, "only root can show that root is given up")
class Rights(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(as_root=True)
        self.addCleanup(self.lab.close)

    def test_no_role_is_root_and_none_may_gain_rights(self):
        nobody = an_ordinary_user()
        for path in (self.lab.state, self.lab.run_dir):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        self.lab.configure_lane(daemon=f"user = {nobody.pw_name}")
        self.lab.start()
        roles = self.lab.roles()
        self.assertEqual(sorted(roles), ["capture north", "desk", "keeper", "recognizer north"])
        for pid in (self.lab.daemon.pid, *roles.values()):
            with open(f"/proc/{pid}/limits") as limits:
                self.assertRegex(limits.read(), r"Max core file size +0 +0 ")
        for role, pid in roles.items():
            row = status_of(pid)
            self.assertEqual(row["NoNewPrivs"], "1", role)
            self.assertEqual(row["Seccomp"], "2", role)
            self.assertEqual(int(row["CapEff"], 16), 0, role)
            self.assertNotIn("0", row["Uid"].split(), role)
            self.assertNotIn("0", row["Gid"].split(), role)
        self.assertEqual(len(self.lab.wait_for_lane()), len(expected_passages()))


if __name__ == "__main__":
    unittest.main()
