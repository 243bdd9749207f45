"""laneward audit, over a socket and on copies: every change of a log is noticed, and named."""
import base64
import json
import os
import shutil
import stat
import sys
import unittest

import false_desk
from false_desk import DeskTest, Log, corpus, entry

DeskTest.laneward = sys.argv.pop(1)
AUDITOR_KEY = os.path.join(false_desk.CORPUS, "pem", "private")


class AuditTest(DeskTest):
    def audit(self, *arguments):
        return self.run_laneward("audit", *arguments)

    def ask(self, command, *arguments):
        return self.audit(command, *arguments, *self.who)

    def copy_text(self, records=None, head=None, key=None):
        """A copy as somebody else could write it."""
        records = self.log.records if records is None else records
        lines = [{"data_type": "laneward_log_copy", "version": 1}]
        lines += [{"record": base64.b64encode(record).decode()} for record in records]
        lines.append({"head": base64.b64encode(head or self.log.head()).decode(),
                      "key": (key or self.key).point.hex()})
        return "".join(json.dumps(line) + "\n" for line in lines)

    def verified(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("verified", done.stdout)

    def wrong(self, done, words):
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn(words, done.stderr)
        self.assertNotIn("verified   ", done.stdout)


class Verify(AuditTest):
    def test_the_daemon_s_log_page_after_page(self):
        done = self.ask("verify")
        self.verified(done)
        self.assertIn("records    8", done.stdout)
        self.assertIn("8 query", done.stdout)
        self.assertEqual([q["first"] for q in self.desk.questions], [0, 3, 6])
        self.assertTrue(all(q["reason"] and q["case_number"] for q in self.desk.questions))

    def test_a_log_that_grows_while_it_is_read(self):
        def growing(question):
            self.log.grow(1)
            return self.honest(question)
        self.desk.say = growing
        self.verified(self.ask("verify"))

    def test_a_reason_and_a_case_are_demanded_where_the_daemon_is_asked(self):
        for words in (["verify"], ["show"], ["prove", "1"], ["copy", "x"]):
            self.assertEqual(self.audit(*words).returncode, 2)
        for words in (["verify", "a", "b"], ["prove", "-1"], ["prove"], ["copy"], [], ["x"]):
            self.assertEqual(self.ask(*words or ["--json"]).returncode, 2)
        self.assertEqual(self.desk.questions, [])

    def test_a_refusal_is_passed_on(self):
        self.desk.say = lambda question: {"error": {"code": "denied", "text": "auditors only"}}
        done = self.ask("verify")
        self.assertEqual(done.returncode, 1)
        self.assertIn("auditors only", done.stderr)

    def test_records_that_the_daemon_does_not_give(self):
        def short(question):
            answer = self.honest(question)
            answer["records"] = answer["records"] if question["first"] < 6 else []
            return answer
        self.desk.say = short
        self.wrong(self.ask("verify"), "the log ends after 6 records, and its head has signed 8")

    def test_a_record_that_the_daemon_has_changed_under_its_head(self):
        def changed(question):
            answer = self.honest(question)
            if question["first"] == 3:
                record = self.log.records[4].replace(b"officer", b"0fficer")
                answer["records"][1] = base64.b64encode(record).decode()
            return answer
        self.desk.say = changed
        self.wrong(self.ask("verify"), "the newest head has signed other records")

    def test_a_copy_of_the_daemon_s_log(self):
        path = os.path.join(self.dir, "copy")
        done = self.ask("copy", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        done = self.audit("verify", path)
        self.verified(done)
        self.assertIn("the one that this client knows", done.stdout)
        self.assertEqual(self.ask("copy", path).returncode, 1)  # nothing is written over
        self.assertEqual(self.audit("verify", path, "--log-key", self.key.public).returncode, 0)
        self.wrong(self.audit("verify", path, "--log-key", self.other.public), "another key")

    def test_a_copy_with_one_change_of_each_kind(self):
        records = self.log.records
        changes = {
            "a byte": records[:2] + [records[2].replace(b"officer", b"0fficer")] + records[3:],
            "cut out": records[:2] + records[3:],
            "cut off": records[:-1],
            "swapped": records[:2] + [records[3], records[2]] + records[4:],
            "put in": records[:3] + [entry(2, 3, 0)] + records[3:],
            "garbage": records[:2] + [b"garbage"] + records[3:],
            "nothing": [],
        }
        for name, changed in changes.items():
            with self.subTest(name):
                path = self.in_file("copy", self.copy_text(changed))
                self.wrong(self.audit("verify", path), "WRONG")
                self.assertEqual(self.audit("show", path).returncode, 3)

    def test_a_copy_that_is_wrong_and_signed_by_somebody_else(self):
        self.query()
        forged = Log(self.other, 8)
        path = self.in_file("copy", self.copy_text(forged.records, forged.head(), self.other))
        done = self.audit("verify", path)
        self.assertIn("the copy's own", done.stdout)  # said; only its digits can tell
        path = self.in_file("copy", self.copy_text(head=self.log.head(key=self.other)))
        self.wrong(self.audit("verify", path), "not signed by the log's key")

    def test_what_this_client_has_seen_is_part_of_the_check(self):
        honest = self.copy_text()
        self.log.grow(3)
        self.query()
        self.verified(self.audit("verify", self.in_file("old", honest)))
        forked = Log(self.key, 0)
        forked.grow(20, user="somebody")
        path = self.in_file("fork", self.copy_text(forked.records, forked.head()))
        self.wrong(self.audit("verify", path), "the head that this client has seen has signed")

    def test_indexes_and_epochs_are_looked_at(self):
        self.log.records[5] = entry(2, 6, self.log.began)
        self.log.records.append(entry(2, 8, self.log.began, epoch=0))
        done = self.ask("verify")
        self.wrong(done, "record 5 says that it is number 6")
        self.assertIn("record 8 is of epoch 0, after one of 1", done.stderr)

    def test_what_is_no_copy_is_an_error(self):
        for text in ("", "hello\n", "{}\n", '{"data_type":"laneward_log_copy"}\nx\n',
                     self.copy_text() + '{"record":""}\n'):
            done = self.audit("verify", self.in_file("copy", text))
            self.assertIn(done.returncode, (1, 3), text)
            self.assertNotIn("verified   ", done.stdout)
        self.assertEqual(self.audit("verify", "/nowhere").returncode, 1)


class Witness(AuditTest):
    def heads(self, *sizes):
        return [base64.b64encode(self.log.head(size)).decode() for size in sizes]

    def test_each_head_of_a_witness_is_the_beginning_of_the_log(self):
        path = self.in_file("witness", "\n".join(self.heads(1, 3, 8)) + "\n")
        done = self.ask("verify", "--witness", path)
        self.verified(done)
        self.assertIn("3 heads of", done.stdout)
        self.assertIn("verified   4 heads have", done.stdout)

    def test_a_head_of_another_history_is_wrong(self):
        fork = Log(self.key, 2)
        fork.grow(3, user="somebody")
        lines = self.heads(1) + [base64.b64encode(fork.head()).decode()] + self.heads(8)
        done = self.ask("verify", "--witness", self.in_file("witness", "\n".join(lines)))
        self.wrong(done, "head 2 of the witness has signed other records than the first 5")

    def test_a_head_of_a_longer_log_shows_that_it_was_cut(self):
        self.log.grow(4)
        path = self.in_file("witness", self.heads(12)[0] + "\n")
        del self.log.records[8:]
        self.wrong(self.ask("verify", "--witness", path), "has signed 12 records")
        copy = self.in_file("copy", self.copy_text())
        self.verified(self.audit("verify", copy, "--witness", path))  # a copy may be older

    def test_lacking_heads_and_torn_lines_are_told(self):
        lines = self.heads(1, 2, 5, 8)
        path = self.in_file("witness", "\n".join([lines[0], lines[2], lines[3][:40], lines[3]]))
        done = self.ask("verify", "--witness", path)
        self.verified(done)
        self.assertIn("before 1 of them others were signed", done.stdout)
        self.assertIn("1 lines are no head", done.stdout)

    def test_a_journal_is_a_witness_too(self):
        def journal(log, size):
            return (f"Nov 22 04:00:01 lane lanewardd[7]: log head size={size} "
                    f"root={false_desk.rfc6962.root(log.leaves(size)).hex()} epoch=1\n")
        path = self.in_file("journal", "something else\n" + journal(self.log, 2)
                            + journal(self.log, 7))
        done = self.ask("verify", "--witness", path)
        self.verified(done)
        self.assertIn("0 heads of", done.stdout)
        self.assertIn("2 of a journal; 1 lines are no head", done.stdout)
        fork = Log(self.key, 2)
        fork.grow(3, user="somebody")
        done = self.ask("verify", "--witness", self.in_file("journal", journal(fork, 5)))
        self.wrong(done, "line 1 of the journal has signed other records than the first 5")
        self.log.grow(4)
        path = self.in_file("journal", journal(self.log, 12))
        del self.log.records[8:]
        shutil.rmtree(self.state)
        self.wrong(self.ask("verify", "--witness", path), "has signed 12 records")

    def test_a_witness_without_a_head_is_none(self):
        self.wrong(self.ask("verify", "--witness", self.in_file("witness", "")), "holds no head")


class Show(AuditTest):
    """Record 7 is of the corpus: sealed to an auditor's key."""

    def setUp(self):
        super().setUp()
        self.log.records[7] = corpus("entry/sealed")

    def test_without_the_key_details_stay_sealed(self):
        done = self.ask("show")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 9)
        self.assertIn("(sealed)", done.stdout)
        self.assertNotIn("stolen vehicle", done.stdout)

    def test_with_the_auditor_s_key_they_are_shown(self):
        done = self.ask("show", "--auditor-key", AUDITOR_KEY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("26-114 | stolen vehicle | --plate KLN385?", done.stdout)

    def test_json_has_every_field(self):
        done = self.ask("show", "--json", "--auditor-key", AUDITOR_KEY)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([row["index"] for row in rows], list(range(8)))
        self.assertEqual(rows[7]["ids"], ["01" * 16, "02" * 16])
        self.assertEqual((rows[7]["kind"], rows[7]["user"], rows[7]["uid"]),
                         ("query", "officer", 1000))
        self.assertEqual(rows[7]["mac"], bytes(range(16)).hex())

    def test_another_key_opens_nothing_and_it_is_said(self):
        done = self.ask("show", "--auditor-key", self.other.path)
        self.assertEqual(done.returncode, 0)
        self.assertIn("sealed to another key", done.stdout)
        self.assertIn("1 details do not open", done.stderr)

    def test_what_is_older_is_left_out(self):
        self.log.records[7] = entry(2, 7, self.log.began + 3600000)
        done = self.ask("show", "--since", "10m")
        self.assertEqual(len(done.stdout.splitlines()), 2)

    def test_epochs_that_were_recorded_late_are_told_from_where_to_where(self):
        key, forget = 10, 11
        for index, more in enumerate([{"number": 5, "n": 12}, {"number": 8, "n": 3, "name": "late"},
                                      {"number": 9, "n": 1, "name": "late"}]):
            self.log.records[index] = entry(forget, index, self.log.began, **more)
        self.log.records[3] = entry(key, 3, self.log.began, name="suspended", number=11, n=2)
        self.log.records[4] = entry(key, 4, self.log.began, name="resealed", number=12, n=0)
        self.log.records[5] = entry(key, 5, self.log.began, name="enrolled", number=0, n=0)
        lines = self.ask("show").stdout.splitlines()[1:]
        for line, words in zip(lines, [" 12  epoch 5", " 3  epochs 6 to 8  late",
                                       " 1  epoch 9  late", " 2  epochs 10 to 11  suspended",
                                       " 0  epoch 12  resealed", " 0  enrolled"]):
            self.assertTrue(line.endswith(words), line)

    def test_nothing_in_a_record_reaches_the_terminal_s_hands(self):
        self.log.records[3] = entry(2, 3, self.log.began, user="\x1b[2J\x07",
                                    detail=false_desk.detail("\x1b]0;x", "1\n2", "\x7f"))
        done = self.ask("show")
        self.assertEqual(len(done.stdout.splitlines()), 9)
        self.assertFalse(any(c in done.stdout for c in "\x1b\x07\x7f"))


class Prove(AuditTest):
    def test_each_record_is_proved(self):
        for index in range(8):
            done = self.ask("prove", str(index))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"record {index} (query", done.stdout)

    def test_a_proof_is_complete_for_somebody_else(self):
        done = self.ask("prove", "5", "--json")
        proof = json.loads(done.stdout)
        self.assertEqual(base64.b64decode(proof["record"]), self.log.records[5])
        self.assertEqual((proof["index"], len(proof["proof"])), (5, 3))
        self.assertEqual(proof["key"], self.key.point.hex())

    def test_a_record_that_is_not_there(self):
        self.assertEqual(self.ask("prove", "8").returncode, 1)

    def test_a_proof_of_another_record_is_wrong(self):
        def other(question):
            if question["query"] == "prove":
                question = dict(question, index=question["index"] ^ 1)
            return self.honest(question)
        self.desk.say = other
        self.wrong(self.ask("prove", "5"), "does not lead from record 5")


if __name__ == "__main__":
    unittest.main(verbosity=2)
