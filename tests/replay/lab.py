"""A lane in a temporary folder: runs the whole daemon as an ordinary user, asks it, kills it."""
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("LANEWARD_BINARY_DIR", os.path.join(SOURCE, "build", "dev"))
LANE = os.path.join(SOURCE, "tests", "replay", "lane")
# Sanitizers make everything slower; waiting long costs nothing when all is well.
PATIENCE = 90


def expected_passages():
    """(plate, first picture, last picture) of the bundled lane; plate "" = cannot be read."""
    rows = []
    with open(os.path.join(LANE, "expected.tsv")) as lines:
        for line in lines:
            if not line.startswith("#"):
                rows.append(tuple(line.rstrip("\n").split("\t")[1:4]))
    return rows


def lane_pictures():
    return sorted(name for name in os.listdir(LANE) if name.endswith(".jpg"))


def an_ordinary_user():
    """Whom the daemon runs as: who runs the tests, or nobody for root."""
    return pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam("nobody")


def parent_of(pid):
    """None: it has ended, though nobody may have asked for its status yet."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]) if fields[0] != "Z" else None


def descendants(pid):
    """Pids below one, by walking /proc."""
    parents = {int(name): parent_of(name) for name in os.listdir("/proc") if name.isdigit()}
    found, more = set(), {pid}
    while more:
        more = {p for p, parent in parents.items() if parent in more} - found
        found |= more
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


class Lab:
    """One daemon and its folders. `close` ends and removes all of it."""

    def __init__(self, as_root=False):
        self.dir = tempfile.mkdtemp(prefix="laneward-lab-")
        self.user = pwd.getpwuid(0) if as_root else an_ordinary_user()
        os.chmod(self.dir, 0o711)
        self.bin = self._programs()
        self.state, self.run_dir = self.folder("state", 0o700), self.folder("run", 0o755)
        self.log = os.path.join(self.dir, "log")
        self.config = os.path.join(self.dir, "laneward.conf")
        self.daemon = None
        self.lane = None  # of the first camera: asked when a test names neither plate nor lane
        self.before = []  # a command that starts the daemon in a changed world, as root
        self.environment = {}  # of the daemon, more than its PATH

    def _programs(self):
        """The build's bin/, or a copy of it where the user cannot reach it."""
        bin_dir = os.path.join(BUILD, "bin")
        reach = self.run_as_user(
            [
                "test",
                "-x",
                os.path.join(bin_dir, "lanewardd"),
                "-a",
                "-r",
                os.path.join(BUILD, "share", "laneward", "models"),
            ]
        )
        if reach.returncode == 0:
            return bin_dir
        for name in ("lanewardd", "laneward"):
            os.makedirs(os.path.join(self.dir, "bin"), exist_ok=True)
            shutil.copy(os.path.join(bin_dir, name), os.path.join(self.dir, "bin", name))
        shutil.copytree(os.path.join(BUILD, "share"), os.path.join(self.dir, "share"))
        return os.path.join(self.dir, "bin")

    def folder(self, name, mode=0o755):
        path = os.path.join(self.dir, name)
        os.makedirs(path, exist_ok=True)
        os.chown(path, self.user.pw_uid, self.user.pw_gid)
        os.chmod(path, mode)
        return path

    def _drop(self):
        return (
            {}
            if os.getuid() == self.user.pw_uid
            else {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        )

    def run_as_user(self, command, **more):
        return subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            **self._drop(),
            **more,
        )

    def give(self, name, text, mode=0o644):
        """A file of the daemon's user."""
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chown(path, self.user.pw_uid, self.user.pw_gid)
        os.chmod(path, mode)
        return path

    def lane_folder(self, name="pictures"):
        """The bundled lane, where the daemon's user can read it."""
        path = self.folder(name)
        for picture in lane_pictures():
            self.drop_off(picture, path)
        return path

    def drop_off(self, picture, folder):
        """A picture of the lane appears in a folder as a whole, as by rename."""
        hidden = os.path.join(self.dir, ".incoming")
        shutil.copyfile(os.path.join(LANE, picture), hidden)
        os.chmod(hidden, 0o644)
        os.rename(hidden, os.path.join(folder, picture))

    def configure_lane(self, **more):
        """The bundled lane, replayed slowly enough that vehicles are apart."""
        source = f"source = dir:{self.lane_folder()}\nmode = once\nrate = 4\nlane = lane-1\n"
        self.configure(("north", source), passages="gap = 500ms\n", **more)

    def configure(self, *cameras, passages="gap = 3s\nmin_frames = 1\n", daemon="", storage="",
                  state=None, more=""):
        """cameras: (name, "key = value\\n..." ) pairs."""
        text = (
            f"[daemon]\nstate_dir = {state or self.state}\nrun_dir = {self.run_dir}\n{daemon}\n"
            f"[storage]\ntpm = none\n{storage}\n[passages]\n{passages}\n{more}\n"
        )
        self.lane = None
        for name, lines in cameras:
            text += f"[camera {name}]\n{lines}\n"
            for line in lines.splitlines():
                if self.lane is None and line.startswith("lane"):
                    self.lane = line.split("=")[1].strip()
            self.lane = self.lane or name
        with open(self.config, "w") as file:
            file.write(text)
        os.chmod(self.config, 0o644)

    def start(self, wait=True):
        self.output = open(self.log, "ab")
        command = [os.path.join(self.bin, "lanewardd"), "--config", self.config]
        drop = self._drop()
        if self.before:
            user = [f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}"]
            command = [*self.before, "setpriv", *user, "--clear-groups", *command]
            drop = {}
        self.daemon = subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.environment},
            **drop,
        )
        if wait:
            self.wait_for(
                lambda: self.status(quiet=True) is not None, "the officers' socket answers"
            )

    def stop(self, number=signal.SIGTERM):
        """Ends the daemon; returns its exit status and the seconds that it took."""
        began = time.monotonic()
        below = descendants(self.daemon.pid)
        self.daemon.send_signal(number)
        status = self.daemon.wait(timeout=PATIENCE)
        self.output.close()
        while (
            any(parent_of(pid) is not None for pid in below)
            and time.monotonic() - began < PATIENCE
        ):
            time.sleep(0.02)
        self.daemon = None
        return status, time.monotonic() - began

    def close(self):
        if self.daemon is not None and self.daemon.poll() is None:
            for pid in descendants(self.daemon.pid) | {self.daemon.pid}:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.daemon.wait()
        if self.daemon is not None:
            self.output.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def stderr(self):
        with open(self.log, "rb") as file:
            return file.read().decode(errors="replace")

    def roles(self):
        """{"keeper": pid, "capture north": pid, ...}"""
        found = {}
        for pid in descendants(self.daemon.pid):
            title = command_line(pid)
            if title.startswith("lanewardd: "):
                found[title[len("lanewardd: ") :]] = pid
        return found

    def ask(self, command, *arguments):
        """Runs `laneward COMMAND` against this daemon."""
        return self.run_as_user(
            [
                os.path.join(self.bin, "laneward"),
                command,
                "--socket",
                os.path.join(self.run_dir, "laneward.sock"),
                *arguments,
            ],
            env={**os.environ, "LANEWARD_STATE": self.folder("officer", 0o700)},
        )

    def status(self, quiet=False):
        """The answer of `laneward status --json`, or None."""
        done = self.ask("status", "--json")
        if done.returncode != 0:
            if quiet:
                return None
            raise AssertionError("laneward status: " + done.stderr)
        return json.loads(done.stdout)

    def camera(self, name):
        for camera in self.status()["cameras"]:
            if camera["camera_id"] == name:
                return camera
        raise AssertionError(f"no camera {name} in the status")

    def answer(self, *arguments):
        """The lines of an answer to `laneward query --json`: passages, times without a store.

        Without a plate a question needs a lane and at most ten minutes: the first lane's last ones.
        """
        if "--plate" not in arguments:
            lane = () if "--lane" in arguments else ("--lane", self.lane)
            last = () if "--from" in arguments else ("--last", "10m")
            arguments = (*arguments, *lane, *last)
        done = self.ask("query", "--json", "--reason", "test", "--case", "TEST-1", *arguments)
        if done.returncode != 0:
            raise AssertionError("laneward query: " + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def query(self, *arguments):
        """Passages, newest first."""
        return [row for row in self.answer(*arguments) if row["data_type"] == "alpr_group"]

    def gaps(self):
        return [row for row in self.answer() if row["data_type"] == "laneward_gap"]

    def wait_for_words(self, words):
        """Until the daemon's log holds the words; it may end after that, or go on."""
        end = time.monotonic() + PATIENCE
        while words not in self.stderr():
            if time.monotonic() > end:
                raise AssertionError(f"'{words}' was not said:\n" + self.stderr()[-4000:])
            time.sleep(0.1)

    def wait_for_lane(self):
        """Until the bundled lane is replayed and in the store; gives the passages in order."""
        self.wait_until_read("north", len(lane_pictures()))
        n_expected = len(expected_passages())
        self.wait_for_stored(n_expected)
        return sorted(self.query(), key=lambda row: row["epoch_start"])

    def wait_for_stored(self, n):
        """Until so many passages are in the store; asks for no passage."""

        def stored():
            now = self.status(quiet=True)
            return now is not None and now["store"].get("passages", 0) >= n

        self.wait_for(stored, f"{n} passages are stored")

    def wait_for_rows(self, is_right, what):
        """Until an answer is as it should be; asked once a second, for one may ask 60 an hour."""
        self.wait_for(lambda: is_right(self.query()), what, pause=1.0)

    def wait_for(self, happened, what, seconds=PATIENCE, pause=0.1):
        end = time.monotonic() + seconds
        while not happened():
            if self.daemon is not None and self.daemon.poll() is not None:
                raise AssertionError(
                    f"the daemon ended ({self.daemon.returncode}) while waiting until {what}:\n"
                    + self.stderr()
                )
            if time.monotonic() > end:
                raise AssertionError(
                    f"waited {seconds} s in vain until {what}:\n" + self.stderr()[-4000:]
                )
            time.sleep(pause)

    def wait_until_read(self, camera, pictures):
        """Until so many pictures are through recognition, and what came of them is durable."""

        def done():
            now = self.status(quiet=True)
            if now is None:
                return False
            for row in now["cameras"]:
                if row["camera_id"] == camera:
                    return (
                        row["recognized"] + row["bad_frames"] + row["dropped"] >= pictures
                        and row["unacknowledged"] == 0
                    )
            return False

        self.wait_for(done, f"{pictures} pictures of {camera} are read and stored")


class LabTest(unittest.TestCase):
    """A test with a lab of its own."""

    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)
