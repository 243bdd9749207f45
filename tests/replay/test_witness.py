"""The witness over HTTPS: heads arrive there and verify, and what is no witness gets none."""
import http.server
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

from lab import PATIENCE, SOURCE, LabTest

WHO = ["--reason", "stolen vehicle", "--case", "26-114"]
WHOLE = 8.0  # in seconds: less than a witness has for its answer
SLOWEST_ANSWER = 2.0  # of a question, in seconds: sanitizers, and a machine that does other things


def example():
    """The server that docs/audit.md shows."""
    with open(os.path.join(SOURCE, "docs", "audit.md")) as file:
        return re.search(r"```python\n(.*?)```", file.read(), re.S)[1]


class Authority:
    """Signs certificates with OpenSSL's command line."""

    def __init__(self, lab, name):
        self.folder = lab.folder("ca-" + name)
        self.lab = lab
        self.cert, self.key = (os.path.join(self.folder, f"{name}.{end}") for end in ("pem", "key"))
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-subj", f"/CN={name}", "-days", "30", "-keyout", self.key,
                      "-out", self.cert)
        os.chmod(self.cert, 0o644)

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def sign(self, name, names):
        """(certificate, key) of somebody."""
        cert, key = os.path.join(self.folder, name), os.path.join(self.folder, name + ".key")
        request = os.path.join(self.folder, name + ".csr")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", key,
                      "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                      "-days", "30", "-copy_extensions", "copy", "-out", cert)
        with open(key) as file:
            return cert, self.lab.give(name + ".key", file.read(), 0o600)


class Other:
    """A server that is no witness: it does with a request what a test wants."""

    def __init__(self, cert, key, answer, slow=0.0):
        class Handler(http.server.BaseHTTPRequestHandler):
            def setup(handler):
                time.sleep(slow)  # before TLS begins
                http.server.BaseHTTPRequestHandler.setup(handler)

            def do_POST(handler):
                self.posts += 1
                answer(handler)

            def log_message(handler, *_):
                pass

        self.posts = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class WitnessTest(LabTest):
    def setUp(self):
        super().setUp()
        self.port = 0
        self.witness = None
        self.ca = Authority(self.lab, "port-authority")
        self.cert, self.key = self.ca.sign("witness", "IP:127.0.0.1,DNS:localhost")
        self.heads = os.path.join(self.lab.folder("heads"), "lane-1")
        self.addCleanup(self.end_witness)

    def start_witness(self, *client_ca):
        """The documented server; at the port that it had, if it ran before."""
        script = os.path.join(self.lab.dir, "witness.py")
        with open(script, "w") as file:
            file.write(example())
        if self.port == 0:
            with http.server.HTTPServer(("127.0.0.1", 0), None) as probe:
                self.port = probe.server_address[1]
        self.witness = subprocess.Popen(
            [sys.executable, "-B", script, os.path.dirname(self.heads), str(self.port), self.cert,
             self.key, *client_ca], stderr=subprocess.DEVNULL)
        self.lab.wait_for(self.listens, "the witness listens")

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def end_witness(self):
        if self.witness is not None:
            self.witness.kill()
            self.witness.wait()
        self.witness = None

    def configure(self, url, **options):
        if url:
            options = {"witness_url": url, "witness_ca": self.ca.cert, **options}
        lines = "".join(f"{key} = {value}\n" for key, value in options.items() if value)
        self.lab.configure(("north", f"source = dir:{self.lab.folder('pictures')}\n"),
                           more="[audit]\n" + lines)

    def lines(self):
        if not os.path.exists(self.heads):
            return []
        with open(self.heads) as file:
            return file.read().splitlines()

    def server(self):
        return self.lab.status()["log"]["witness_server"]

    def look(self):
        done = self.lab.ask("query", *WHO, "--plate", "TST0001")
        self.assertEqual(done.returncode, 0, done.stderr)

    def wait_until_failing(self):
        self.lab.wait_for(lambda: self.server() == "failing", "the witness is failing")
        self.assertEqual(self.lab.stderr().count("ALARM witness"), 1)
        self.assertNotIn("127.0.0.1", self.lab.stderr())


class Heads(WitnessTest):
    def test_each_head_arrives_and_verifies(self):
        self.start_witness()
        self.configure(f"https://localhost:{self.port}/heads/lane-1")
        self.lab.start()
        self.lab.wait_for(self.lines, "the head of the start is kept")
        self.assertEqual(self.server(), "ok")
        self.assertIn("server=ok", self.lab.ask("status").stdout)
        self.look()
        before = len(self.lines())
        status, seconds = self.lab.stop()
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2.5)
        self.assertEqual(len(self.lines()), before + 1)  # the head of the end
        self.lab.start()
        done = self.lab.ask("audit", "verify", *WHO, "--witness", self.heads)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("verified", done.stdout)
        self.assertIn("query", done.stdout)
        self.assertNotIn("localhost", self.lab.stderr())

    def test_a_witness_that_was_away_gets_the_newest(self):
        self.start_witness()
        self.configure(f"https://127.0.0.1:{self.port}/heads/lane-1")
        self.lab.start()
        self.lab.wait_for(self.lines, "the head of the start is kept")
        self.lab.stop()
        self.end_witness()
        self.lab.start()
        self.wait_until_failing()
        self.assertIn("server=failing: IT KEEPS NO HEADS", self.lab.ask("status").stdout)
        kept = len(self.lines())
        self.start_witness()
        self.lab.wait_for(lambda: self.server() == "ok", "the witness is back")
        self.assertEqual(len(self.lines()), kept + 1)  # of all that were signed meanwhile
        self.assertEqual(self.lab.stderr().count("a head is not kept"), 1)
        self.assertEqual(self.lab.stderr().count("keeps heads again"), 1)
        self.look()
        done = self.lab.ask("audit", "verify", *WHO, "--witness", self.heads)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_killed_herald_s_head_arrives_by_the_next(self):
        self.start_witness()
        self.configure(f"https://127.0.0.1:{self.port}/heads/lane-1")
        self.end_witness()
        self.lab.start()
        self.lab.wait_for_words("a head is not kept")
        os.kill(self.lab.roles()["herald"], 9)
        self.start_witness()
        self.lab.wait_for(self.lines, "the head that the dead herald had is kept")

    def test_a_reload_brings_a_herald_and_takes_it_away(self):
        self.start_witness()
        self.configure(None)
        self.lab.start()
        self.assertNotIn("herald", self.lab.roles())
        self.assertEqual(self.server(), "none")
        self.configure(f"https://127.0.0.1:{self.port}/heads/lane-1")
        self.lab.daemon.send_signal(signal.SIGHUP)
        self.lab.wait_for(self.lines, "the head of the keeper's new start is kept")
        self.configure(None)
        self.lab.daemon.send_signal(signal.SIGHUP)
        self.lab.wait_for(lambda: "herald" not in self.lab.roles(), "the herald is gone")
        self.lab.wait_for(lambda: self.lab.status(quiet=True) is not None, "the desk answers")
        self.assertEqual(self.server(), "none")


class Certificates(WitnessTest):
    def test_a_lane_shows_its_own(self):
        cert, key = self.ca.sign("lane-1", "DNS:lane-1")
        self.start_witness(self.ca.cert)
        self.configure(f"https://127.0.0.1:{self.port}/heads/lane-1", witness_cert=cert,
                       witness_key=key)
        self.lab.start()
        self.lab.wait_for(self.lines, "the head of the start is kept")

    def test_without_it_that_witness_takes_nothing(self):
        self.start_witness(self.ca.cert)
        self.configure(f"https://127.0.0.1:{self.port}/heads/lane-1")
        self.lab.start()
        self.wait_until_failing()
        self.assertEqual(self.lines(), [])

    def test_a_server_of_another_authority_gets_nothing(self):
        other = Authority(self.lab, "somebody")
        self.start_witness()
        for authorities in (other.cert, None):  # None: the system's
            self.configure(f"https://127.0.0.1:{self.port}/heads/lane-1", witness_ca=authorities)
            with open(self.lab.log, "w"):
                pass
            self.lab.start()
            self.wait_until_failing()
            self.lab.stop()
            self.assertEqual(self.lines(), [])

    def test_a_server_of_another_name_gets_nothing(self):
        self.cert, self.key = self.ca.sign("other", "DNS:other.example")
        self.start_witness()
        self.configure(f"https://127.0.0.1:{self.port}/heads/lane-1")
        self.lab.start()
        self.wait_until_failing()
        self.assertEqual(self.lines(), [])

    def test_a_key_that_others_may_read_is_refused(self):
        cert, key = self.ca.sign("lane-1", "DNS:lane-1")
        os.chmod(key, 0o640)
        self.configure("https://127.0.0.1:1/", witness_cert=cert, witness_key=key)
        self.lab.start(wait=False)
        self.assertEqual(self.lab.daemon.wait(PATIENCE), 1)
        self.assertIn("audit.witness_key", self.lab.stderr())

    def test_an_authority_that_is_none_ends_the_start(self):
        self.configure("https://127.0.0.1:1/", witness_ca=self.lab.give("ca.pem", "nothing\n"))
        self.lab.start(wait=False)
        self.assertEqual(self.lab.daemon.wait(PATIENCE), 1)
        self.assertIn("authorities holds none in PEM", self.lab.stderr())


class NoWitness(WitnessTest):
    def serve(self, answer, slow=0.0):
        other = Other(self.cert, self.key, answer, slow)
        self.addCleanup(other.close)
        return other

    def run_against(self, other):
        self.configure(f"https://127.0.0.1:{other.port}/heads/lane-1")
        self.lab.start()

    def test_a_redirection_is_not_followed(self):
        there = self.serve(lambda handler: handler.send_response(204))

        def redirect(handler):
            handler.send_response(307)
            handler.send_header("Location", f"https://127.0.0.1:{there.port}/")
            handler.end_headers()

        here = self.serve(redirect)
        self.run_against(here)
        self.wait_until_failing()
        self.assertIn("answers with status 307", self.lab.stderr())
        self.assertGreater(here.posts, 1)
        self.assertEqual(there.posts, 0)

    def test_the_head_of_the_end_is_waited_for_a_little(self):
        def keep(handler):
            handler.send_response(204)
            handler.end_headers()

        other = self.serve(keep, slow=0.2)
        self.run_against(other)
        self.lab.wait_for(lambda: other.posts > 0, "the head of the start is kept")
        self.look()
        before = other.posts
        status, seconds = self.lab.stop()
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2.5)
        self.assertEqual(other.posts, before + 1)

    def test_an_answer_without_end_is_none(self):
        def flood(handler):
            handler.send_response(200)
            handler.end_headers()
            try:
                while True:
                    handler.wfile.write(b"x" * 4096)
            except OSError:
                pass

        other = self.serve(flood)
        self.run_against(other)
        self.lab.wait_for(lambda: other.posts > 0, "the witness is asked")
        began = time.monotonic()
        self.lab.wait_for_words("the witness's answer has no end")
        self.assertLess(time.monotonic() - began, WHOLE)

    def test_a_slow_witness_delays_nobody(self):
        other = self.serve(lambda handler: time.sleep(3600))
        self.run_against(other)
        self.lab.wait_for(lambda: other.posts > 0, "the slow witness is asked")
        times = []
        while other.posts < 2:  # the first was given up
            began = time.monotonic()
            self.look()
            times.append(time.monotonic() - began)
            time.sleep(0.5)
        self.assertLess(max(times), SLOWEST_ANSWER)
        self.wait_until_failing()
        status, seconds = self.lab.stop()
        self.assertEqual(status, 0)
        self.assertLess(seconds, 2.5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
