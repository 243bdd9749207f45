"""A desk and a log that lie as told: what no honest daemon would send."""
import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "tests", "evidence"))
import rfc6962  # noqa: E402  (it stands in another folder)

CORPUS = os.path.join(SOURCE, "tests", "fuzz", "corpus")
QUERY, REFUSED, CLOCK = 2, 4, 12


def corpus(name):
    with open(os.path.join(CORPUS, name), "rb") as file:
        return file.read()


def text(value):
    return bytes([len(value)]) + value.encode()


def entry(kind, index, at, **more):
    """A record after docs/evidence.md."""
    get = more.get
    return (b"laneward entry 1"
            + struct.pack("<HQQqI", kind, index, get("epoch", 1), at, get("uid", 1000))
            + text(get("user", "officer")) + text(get("credential", "uid")) + text(get("name", ""))
            + struct.pack("<IQ", get("n", 1), get("number", 0)) + bytes(48)
            + struct.pack("<H", len(get("detail", b""))) + get("detail", b""))


def detail(reason, case, what, ids=()):
    return (b"laneward detail 1" + text(reason) + text(case) + text(what)
            + bytes([len(ids)]) + b"".join(ids))


class Key:
    """A P-256 key of OpenSSL's command line."""

    def __init__(self, folder, name="host"):
        self.path = os.path.join(folder, name + ".pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-out", self.path], check=True,
                       capture_output=True)
        self.public = os.path.join(folder, name + "-public.pem")
        subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-out", self.public],
                       check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"],
                             check=True, capture_output=True).stdout
        self.point = der[-65:]

    def sign(self, message):
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path], input=message,
                              check=True, capture_output=True).stdout

    def has_signed(self, message, signature):
        with tempfile.NamedTemporaryFile() as file:
            file.write(signature)
            file.flush()
            done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public,
                                   "-signature", file.name], input=message, capture_output=True,
                                  check=False)
        return done.returncode == 0


class Log:
    """Records and their heads."""

    def __init__(self, key, n=0):
        self.key, self.records, self.previous = key, [], bytes(32)
        self.epoch, self.binding, self.host = 1, 2, bytes(range(16))
        self.began = int(time.time() * 1000) - 3600000
        self.grow(n)

    def grow(self, n, **more):
        for _ in range(n):
            index = len(self.records)
            self.records.append(entry(QUERY, index, self.began + 1000 * index, **more))

    def leaves(self, n=None):
        return [rfc6962.leaf(record) for record in self.records[:n]]

    def head(self, size=None, key=None):
        """Packed and signed, over the first `size` records."""
        size = len(self.records) if size is None else size
        message = (b"laneward head 1" + struct.pack("<Q", size) + rfc6962.root(self.leaves(size))
                   + struct.pack("<QB", self.epoch, self.binding) + self.host + bytes(16)
                   + struct.pack("<q", self.began + 1000 * size) + self.previous + bytes(32))
        signature = (key or self.key).sign(message)
        packed = message + bytes([len(signature)]) + signature
        self.previous = rfc6962.sha(packed)
        return packed

    def show(self, seen=0):
        """The member "log" of an answer."""
        shown = {"head": base64.b64encode(self.head()).decode(), "key": self.key.point.hex()}
        if 0 < seen <= len(self.records):
            shown["growth"] = [h.hex() for h in rfc6962.growth(self.leaves(), seen)]
        return shown


class Desk:
    """Answers each question with what `say(question)` returns."""

    def __init__(self, path):
        self.path, self.questions, self.say = path, [], None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                talk, _ = self.listener.accept()
            except OSError:
                return
            with talk:
                line = b""
                while not line.endswith(b"\n"):
                    line += talk.recv(65536) or b"\n"
                question = json.loads(line)
                self.questions.append(question)
                answer = dict(self.say(question), version=1)
                talk.sendall(json.dumps(answer).encode() + b"\n")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


class DeskTest(unittest.TestCase):
    """A test with a desk, a log of eight records, and a place for what is remembered."""

    laneward = ""
    who = ["--reason", "stolen vehicle", "--case", "26-114"]
    row = {"data_type": "alpr_group", "best_plate_number": "LNW4821", "best_uuid": "0" * 32}

    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp(prefix="laneward-keys-")
        cls.key, cls.other = Key(cls.keys), Key(cls.keys, "other")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.keys)

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="laneward-desk-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.state = os.path.join(self.dir, "state")
        self.log = Log(self.key, 8)
        self.desk = Desk(os.path.join(self.dir, "laneward.sock"))
        self.addCleanup(self.desk.close)
        self.desk.say = self.honest

    def honest(self, question):
        """As the daemon answers, as far as the tests need it."""
        answer = {"log": self.log.show(question.get("seen", 0))}
        if question["query"] == "find":
            answer.update(results=[self.row], gaps=[], binding="tpm", limit=50)
        elif question["query"] == "log":
            first = question["first"]
            page = self.log.records[first:first + 3]
            answer.update(first=first, size=len(self.log.records),
                          records=[base64.b64encode(record).decode() for record in page])
        elif question["query"] == "prove":
            proof = rfc6962.inclusion(self.log.leaves(), question["index"])
            answer.update(leaf_index=question["index"], proof=[h.hex() for h in proof])
        return answer

    def run_laneward(self, *arguments, **more):
        environment = {**os.environ, "LANEWARD_STATE": self.state, "TZ": "UTC",
                       "LANEWARD_SOCKET": self.desk.path}
        return subprocess.run([self.laneward, *arguments], capture_output=True, text=True,
                              timeout=60, check=False, env=environment, **more)

    def query(self, *arguments):
        return self.run_laneward("query", *self.who, *arguments)

    def remembered(self):
        """The path of what is remembered."""
        names = [name for name in os.listdir(self.state) if name.endswith(".head")]
        self.assertEqual(len(names), 1)
        return os.path.join(self.state, names[0])

    def in_file(self, name, content, mode=0o600):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path
