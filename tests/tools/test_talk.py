"""Whoever asks is a witness of the log: each way in which a desk can lie about it is noticed."""
import base64
import json
import os
import stat
import subprocess
import sys
import time
import unittest

from false_desk import DeskTest, Log

DeskTest.laneward = sys.argv.pop(1)
WRONG = "THE LOG OF LOOKS IS NOT WHAT IT WAS"


class Honest(DeskTest):
    def test_the_first_sight_is_told_once_and_remembered_for_the_user_alone(self):
        first = self.query()
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("first sight", first.stderr)
        self.assertIn("LNW4821", first.stdout)
        self.assertEqual(stat.S_IMODE(os.stat(self.remembered()).st_mode), 0o600)
        again = self.query()
        self.assertEqual((again.returncode, again.stderr), (0, ""))

    def test_what_was_seen_is_sent_and_growth_is_taken(self):
        for _ in range(5):
            done = self.query()
            self.assertEqual(done.returncode, 0, done.stderr)
            self.log.grow(3)
        self.assertEqual([q.get("seen", 0) for q in self.desk.questions], [0, 8, 11, 14, 17])

    def test_a_daemon_that_never_showed_a_log_is_an_older_one(self):
        self.desk.say = lambda question: {"results": [], "gaps": []}
        self.assertEqual((self.query().returncode, self.query().stderr), (0, ""))

    def test_a_log_without_a_head_yet_is_none(self):
        self.desk.say = lambda question: {"results": [], "log": {"error": "no head yet"}}
        self.assertEqual(self.query().returncode, 0)

    def test_an_error_need_not_show_the_log(self):
        self.query()
        self.desk.say = lambda question: {"error": {"code": "limit", "text": "too often"}}
        done = self.query()
        self.assertEqual(done.returncode, 1)
        self.assertIn("too often", done.stderr)
        self.assertNotIn(WRONG, done.stderr)

    def test_what_needs_a_second_person_says_what_to_do(self):
        self.desk.say = lambda question: {
            "error": {"code": "denied", "text": "older than a day"}, "needs_second": True,
            "ticket": "1a2b3c4d"}
        done = self.query()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("laneward approve 1a2b3c4d", done.stderr)
        self.assertIn("--ticket 1a2b3c4d", done.stderr)
        self.query("--ticket", "1a2b3c4d")
        self.assertEqual(self.desk.questions[-1]["ticket"], "1a2b3c4d")

    def test_a_key_that_was_given_beforehand_is_held_to(self):
        hex_key = self.in_file("key", self.key.point.hex() + "\n")
        for path in (self.key.public, hex_key):
            done = self.query("--log-key", path)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = self.query("--log-key", self.other.public)
        self.assertEqual(done.returncode, 3)

    def test_a_given_key_and_no_head_yet_is_remarked(self):
        self.desk.say = lambda question: {"results": [], "gaps": []}
        done = self.query("--log-key", self.key.public)
        self.assertEqual(done.returncode, 0)
        self.assertIn("no signed log yet", done.stderr)

    def test_another_key_than_the_given_one_is_noticed_at_first_sight(self):
        done = self.query("--log-key", self.other.public)
        self.assertEqual(done.returncode, 3)
        self.assertIn("another key", done.stderr)

    def test_without_a_place_to_remember_it_is_said_and_answered(self):
        self.state = os.path.join(self.in_file("file", ""), "below")
        done = self.query()
        self.assertEqual(done.returncode, 0)
        self.assertIn("cannot be remembered", done.stderr)
        self.assertIn("LNW4821", done.stdout)

    def test_a_look_that_does_not_come_into_the_log_is_remarked(self):
        self.query()
        path = self.remembered()
        with open(path) as file:
            stored = json.load(file)
        stored["asked"] = int(time.time() * 1000) - 3600000
        with open(path, "w") as file:
            json.dump(stored, file)
        done = self.query()
        self.assertEqual(done.returncode, 0)
        self.assertIn("your last look", done.stderr)
        self.log.grow(1)
        self.assertEqual(self.query().stderr, "")

    def test_questions_at_the_same_time_keep_the_newest_head(self):
        self.query()
        self.log.grow(20)
        children = [subprocess.Popen([self.laneward, "query", *self.who], env={
            **os.environ, "LANEWARD_STATE": self.state, "LANEWARD_SOCKET": self.desk.path},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(6)]
        for child in children:
            said, _ = child.communicate(timeout=60)
            self.assertEqual(child.returncode, 0, said)
        self.query()
        self.assertEqual(self.desk.questions[-1]["seen"], 28)


class Lying(DeskTest):
    """Each test: an honest look, a lie, and what then is said."""

    def setUp(self):
        super().setUp()
        self.log.grow(2)
        self.assertEqual(self.query().returncode, 0)

    def check(self, words):
        done = self.query()
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(WRONG, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertIn("LNW4821", done.stdout)  # it is answered all the same
        with open(self.remembered()) as file:
            self.assertIn(words, json.load(file)["broken"]["what"])

    def lie(self, change):
        """An honest answer but for what `change` does to its log."""
        def say(question):
            answer = self.honest(question)
            change(answer["log"])
            return answer
        self.desk.say = say

    def test_a_log_that_was_cut(self):
        del self.log.records[-1]
        self.check("the log was cut")

    def test_a_log_that_was_cut_and_has_grown_again(self):
        del self.log.records[-4:]
        self.log.grow(9, user="somebody")
        self.check("the log was changed")

    def test_a_record_that_was_changed(self):
        self.log.records[0] = self.log.records[0].replace(b"officer", b"0fficer")
        self.check("the log was changed: its 10 records")

    def test_a_record_that_was_changed_before_the_log_grew(self):
        self.log.records[3] = self.log.records[3].replace(b"officer", b"0fficer")
        self.log.grow(5)
        self.check("its first 10 records")

    def test_a_whole_store_that_was_rolled_back(self):
        self.log = Log(self.key, 4)
        self.check("the log was cut: it has 4 records, and had 10")

    def test_another_key(self):
        self.log.key = self.other
        self.check("another key")

    def test_a_head_of_another_key_under_the_same_name(self):
        self.lie(lambda log: log.update(
            head=base64.b64encode(self.log.head(key=self.other)).decode()))
        self.check("not signed")

    def test_a_head_with_a_changed_byte(self):
        honest = self.log.head()
        for at in (0, 20, 100, len(honest) - 1):
            with self.subTest(at=at):
                forged = bytearray(honest)
                forged[at] ^= 1
                self.lie(lambda log: log.update(head=base64.b64encode(bytes(forged)).decode()))
                self.assertEqual(self.query().returncode, 3)
                self.run_laneward("audit", "accept", "--yes")
                self.desk.say = self.honest
                self.assertEqual(self.query().returncode, 0)

    def test_another_store(self):
        self.log.host = bytes(16)
        self.check("another store")

    def test_an_older_epoch_in_a_longer_log(self):
        self.log.epoch = 0
        self.log.grow(1)
        self.check("older epoch")

    def test_a_store_that_lost_its_tpm(self):
        self.log.binding = 1
        self.log.grow(1)
        self.check("no longer bound to its TPM")

    def test_a_proof_that_is_left_out(self):
        self.log.grow(1)
        self.lie(lambda log: log.pop("growth"))
        self.check("the log was changed")

    def test_a_log_that_is_not_shown_any_more(self):
        self.desk.say = lambda question: {"results": [self.row], "gaps": []}
        self.check("does not show its log")

    def test_a_log_that_only_has_an_excuse(self):
        self.desk.say = lambda question: {"results": [self.row], "gaps": [],
                                          "log": {"error": "the store is older"}}
        self.check("cannot show that its log goes on")

    def test_a_shorter_log_with_an_excuse_is_named(self):
        del self.log.records[-3:]
        self.lie(lambda log: log.update(error="the store is older than what was seen"))
        self.check("the log was cut: it has 7 records, and had 10")

    def test_what_is_not_understood(self):
        for log in ("x", {}, {"head": "", "key": ""}, {"head": 5, "key": []}):
            with self.subTest(log=log):
                self.desk.say = lambda question: {"results": [self.row], "log": log}
                self.assertEqual(self.query().returncode, 3)

    def test_it_stays_until_it_is_accepted_and_the_evidence_after(self):
        good = list(self.log.records)
        del self.log.records[-1]
        self.check("the log was cut")
        self.log.records = good
        done = self.query()  # the log is whole again: what was seen was seen
        self.assertEqual(done.returncode, 3)
        self.assertIn("the log was cut", done.stderr)
        refused = self.run_laneward("audit", "accept", stdin=subprocess.DEVNULL)
        self.assertEqual(refused.returncode, 1)
        accepted = self.run_laneward("audit", "accept", "--yes")
        self.assertEqual(accepted.returncode, 0)
        self.assertIn("the log was cut", accepted.stdout)
        kept = [name for name in os.listdir(self.state) if ".head." in name
                and not name.endswith(".lock")]
        self.assertEqual(len(kept), 1)
        with open(os.path.join(self.state, kept[0])) as file:
            self.assertIn("head", json.loads(json.load(file)["broken"]["log"]))
        anew = self.query()
        self.assertEqual(anew.returncode, 0)
        self.assertIn("first sight", anew.stderr)

    def test_the_lie_is_told_before_anything_is_shown(self):
        del self.log.records[-1]
        environment = {**os.environ, "LANEWARD_STATE": self.state,
                       "LANEWARD_SOCKET": self.desk.path}
        done = subprocess.run([self.laneward, "query", *self.who], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              env=environment)
        self.assertLess(done.stdout.index(WRONG), done.stdout.index("LNW4821"))

    def test_a_damaged_or_open_memory_is_not_trusted(self):
        path = self.remembered()
        os.chmod(path, 0o620)
        done = self.query()
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        os.chmod(path, 0o600)
        self.assertEqual(self.query().returncode, 0)
        with open(path, "r+") as file:
            file.truncate(100)
        done = self.query()
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertEqual(self.run_laneward("audit", "accept", "--yes").returncode, 0)
        self.assertEqual(self.query().returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
