"""The second person and what leaves the lane: pending, approve, export, open."""
import base64
import hashlib
import json
import os
import stat
import subprocess
import sys
import unittest

import false_desk
from false_desk import DeskTest, corpus

DeskTest.laneward = sys.argv.pop(1)
PORT_KEY = os.path.join(false_desk.CORPUS, "pem", "private")
CROP_ID = bytes(range(16)).hex()  # of the corpus's sealed picture
PICTURE = b"the picture of a plate"
TEXT = "laneward approval 1\nticket 1a2b3c4d\nuser officer\nexport of 2 passages to court\n"


class Approve(DeskTest):
    def setUp(self):
        super().setUp()
        self.text = TEXT
        self.desk.say = self.supervised

    def supervised(self, question):
        answer = {"log": self.log.show(question.get("seen", 0))}
        if question["query"] == "pending":
            self.assertLessEqual(set(question), {"version", "query", "seen"})
            answer["pending"] = [{"ticket": "1a2b3c4d", "user": "officer", "asked": 1795309886578,
                                  "text": self.text}]
        elif question["query"] == "approve":
            answer["approved"] = True
        return answer

    def approve(self, *arguments, **more):
        return self.run_laneward("approve", *arguments, *self.who, stdin=subprocess.DEVNULL, **more)

    def test_what_waits_is_shown(self):
        done = self.run_laneward("pending")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1a2b3c4d  2026-11-22 01:11:26  officer", done.stdout)
        self.assertIn("  export of 2 passages to court", done.stdout)
        self.assertIn("1 waiting", done.stdout)
        self.assertEqual(len(json.loads(self.run_laneward("pending", "--json").stdout)["pending"]),
                         1)

    def test_nothing_in_a_request_reaches_the_terminal_s_hands(self):
        self.text = TEXT + "case \x1b[2J\r\n"
        for done in (self.run_laneward("pending"), self.approve("1a2b3c4d", "--yes")):
            self.assertFalse(any(c in done.stdout + done.stderr for c in "\x1b\r"))

    def test_a_yes_is_signed_with_the_supervisor_s_key(self):
        done = self.approve("1a2b3c4d", "--key", self.other.path, "--yes")
        self.assertEqual((done.returncode, done.stdout), (0, "approved 1a2b3c4d\n"), done.stderr)
        self.assertIn("export of 2 passages to court", done.stderr)
        asked = self.desk.questions[-1]
        self.assertEqual((asked["query"], asked["ticket"]), ("approve", "1a2b3c4d"))
        self.assertEqual((asked["reason"], asked["case_number"]), ("stolen vehicle", "26-114"))
        signature = base64.b64decode(asked["signature"])
        self.assertTrue(self.other.has_signed(TEXT.encode(), signature))

    def test_without_a_key_there_is_no_signature(self):
        self.assertEqual(self.approve("1a2b3c4d", "--yes").returncode, 0)
        self.assertNotIn("signature", self.desk.questions[-1])

    def test_nothing_but_a_request_is_signed(self):
        self.text = "laneward head 1"
        done = self.approve("1a2b3c4d", "--key", self.other.path, "--yes")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no request", done.stderr)
        self.assertEqual([q["query"] for q in self.desk.questions], ["pending"])

    def test_without_a_terminal_nobody_says_yes(self):
        done = self.approve("1a2b3c4d")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--yes", done.stderr)
        self.assertEqual([q["query"] for q in self.desk.questions], ["pending"])

    def test_a_ticket_that_does_not_wait_is_not_approved(self):
        done = self.approve("00000000", "--yes")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing waits", done.stderr)

    def test_wrong_use(self):
        for words in ([], ["12"], ["1a2b3c4d", "1a2b3c4e"]):
            self.assertEqual(self.approve(*words).returncode, 2)
        self.assertEqual(self.run_laneward("approve", "1a2b3c4d").returncode, 2)
        self.assertEqual(self.run_laneward("pending", "x").returncode, 2)


class Export(DeskTest):
    cms = b"\x30\x82 a file of CMS"

    def setUp(self):
        super().setUp()
        self.sum = hashlib.sha256(self.cms).hexdigest()
        self.desk.say = self.exporting
        self.out = os.path.join(self.dir, "out.p7m")

    def exporting(self, question):
        answer = {"log": self.log.show(question.get("seen", 0))}
        if "ticket" in question:
            answer.update(cms=base64.b64encode(self.cms).decode(), number=4, sha256=self.sum)
        else:
            answer["ticket"] = "1a2b3c4d"
        return answer

    def export(self, *arguments):
        return self.run_laneward("export", *self.who, *arguments)

    def test_asking_gives_a_ticket_and_says_what_to_do(self):
        done = self.export("--recipient", "court", "--id", CROP_ID, "--id", "0" * 32)
        self.assertEqual((done.returncode, done.stdout), (0, "1a2b3c4d\n"))
        self.assertIn("laneward approve 1a2b3c4d", done.stderr)
        self.assertIn("--ticket 1a2b3c4d", done.stderr)
        asked = self.desk.questions[-1]
        self.assertEqual((asked["recipient"], asked["ids"]), ("court", [CROP_ID, "0" * 32]))

    def test_the_file_is_fetched_for_the_user_alone(self):
        done = self.export("--ticket", "1a2b3c4d", "--output", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(self.sum, done.stderr)
        self.assertIn("openssl cms -decrypt", done.stderr)
        with open(self.out, "rb") as file:
            self.assertEqual(file.read(), self.cms)
        self.assertEqual(stat.S_IMODE(os.stat(self.out).st_mode), 0o600)

    def test_a_file_that_is_not_the_one_in_the_log_is_not_kept(self):
        self.sum = "0" * 64
        done = self.export("--ticket", "1a2b3c4d", "--output", self.out)
        self.assertEqual(done.returncode, 1)
        self.assertFalse(os.path.exists(self.out))

    def test_wrong_use(self):
        some = ["--recipient", "court", "--id", CROP_ID]
        for words in ([], ["--recipient", "court"], ["--id", CROP_ID], [*some, "--output", "x"],
                      ["--ticket", "1a2b3c4d"], ["--ticket", "1a2b3c4d", *some, "-o", "x"],
                      [*some, "x"], ["--recipient", "court", "--id", "1"],
                      ["--recipient", "court", *["--id", CROP_ID] * 21]):
            self.assertEqual(self.export(*words).returncode, 2, words)
        self.assertEqual(self.desk.questions, [])


class Open(DeskTest):
    def setUp(self):
        super().setUp()
        self.sealed = base64.b64encode(corpus("envelope/crop")).decode()
        self.desk.say = lambda question: {
            "uuid": question["id"], "sealed": True, "sealed_jpeg": self.sealed,
            "content_type": "image/jpeg"}
        self.out = os.path.join(self.dir, "plate.jpg")

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_a_sealed_picture_is_opened_with_the_port_s_key(self):
        done = self.query("--image", CROP_ID, "--port-key", PORT_KEY, "--output", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read(self.out), PICTURE)

    def test_without_the_key_it_is_kept_sealed_and_opened_elsewhere(self):
        kept = os.path.join(self.dir, "kept")
        done = self.query("--image", CROP_ID, "--output", kept)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("laneward open", done.stderr)
        self.assertNotIn(PICTURE, self.read(kept))
        done = self.run_laneward("open", kept, "--key", PORT_KEY, "--output", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read(self.out), PICTURE)

    def test_another_key_or_passage_opens_nothing(self):
        done = self.query("--image", CROP_ID, "--port-key", self.other.path, "-o", self.out)
        self.assertEqual(done.returncode, 1)
        done = self.query("--image", "0" * 32, "--port-key", PORT_KEY, "-o", self.out)
        self.assertEqual(done.returncode, 1)
        self.assertIn("sealed to another key", done.stderr)
        self.assertFalse(os.path.exists(self.out))

    def test_a_picture_that_is_not_sealed_is_saved_as_it_was(self):
        self.desk.say = lambda question: {"uuid": question["id"],
                                          "image": base64.b64encode(PICTURE).decode()}
        self.assertEqual(self.query("--image", CROP_ID, "-o", self.out).returncode, 0)
        self.assertEqual(self.read(self.out), PICTURE)

    def test_all_pictures_of_an_export_come_into_a_folder(self):
        rows = [{"best_uuid": CROP_ID, "sealed": True, "sealed_image": self.sealed},
                {"best_uuid": "1" * 32, "image": base64.b64encode(PICTURE).decode()},
                {"best_uuid": "2" * 32}]
        path = self.in_file("export.json", json.dumps({"data_type": "laneward_export",
                                                       "results": rows}))
        folder = os.path.join(self.dir, "pictures")
        done = self.run_laneward("open", path, "--key", PORT_KEY, "--output", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(os.listdir(folder)), [CROP_ID + ".jpg", "1" * 32 + ".jpg"])
        self.assertEqual(self.read(os.path.join(folder, CROP_ID + ".jpg")), PICTURE)
        done = self.run_laneward("open", path, "--output", folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--key KEY.pem is missing", done.stderr)

    def test_names_from_an_export_stay_in_the_folder(self):
        rows = [{"best_uuid": "../" + "1" * 29, "image": base64.b64encode(PICTURE).decode()}]
        path = self.in_file("export.json", json.dumps({"data_type": "laneward_export",
                                                       "results": rows}))
        done = self.run_laneward("open", path, "--output", os.path.join(self.dir, "pictures"))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(os.listdir(os.path.join(self.dir, "pictures")), [])

    def test_what_is_neither_is_an_error(self):
        for text in ("", "{}", "[]", "x"):
            done = self.run_laneward("open", self.in_file("x", text), "-o", self.out)
            self.assertEqual(done.returncode, 1)
        self.assertEqual(self.run_laneward("open", "x").returncode, 2)


class Status(DeskTest):
    def test_keys_terms_log_and_alarms_are_told(self):
        self.desk.say = lambda question: {
            "cameras": [], "store": {"available": True}, "binding": "tpm", "pcrs": [7, 11],
            "epoch": 3, "suspended": True, "alarms": 2, "crops": "sealed-to-port",
            "terms": {"hit_s": 259200, "other_s": 86400, "hit_crop_s": 90, "other_crop_s": 3600},
            "log": {"size": 9, "head_size": 8, "head_age_s": 30, "details": "host-only",
                    "witness": "failing", "witness_server": "failing"}}
        done = self.run_laneward("status")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for words in ("binding=tpm, boot state PCR 7 11, epoch 3, SUSPENDED", "ALARMS   2",
                      "crops=sealed-to-port", "passages 72 h (hit), 24 h (other)",
                      "pictures 90 s (hit), 1 h (other)", "9 records, 8 of them signed, 30 s ago",
                      "witness=failing: ITS FILE CANNOT BE WRITTEN, "
                      "server=failing: IT KEEPS NO HEADS"):
            self.assertIn(words, done.stdout)


class Help(DeskTest):
    def test_every_command_tells_its_options_and_exit_status(self):
        for command in ("query", "pending", "approve", "export", "audit"):
            done = self.run_laneward(command, "--help")
            self.assertEqual(done.returncode, 0)
            for word in ("--socket", "--log-key", "xit status"):
                self.assertIn(word, done.stdout, command)
            self.assertNotIn("%s", done.stdout)
        self.assertIn("--key", self.run_laneward("open", "--help").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
