"""A whole lane to attack: the daemon, its TPM (a real swtpm), and people with own accounts."""
import hashlib
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import time

from lab import BUILD, PATIENCE, Lab, an_ordinary_user, expected_passages, lane_pictures

# Accounts that every Debian has, with a group of their own each: nothing has to be made.
PEOPLE = {"officer": "games", "supervisor": "news", "auditor": "uucp", "maintenance": "backup"}
SECOND_OFFICER = "irc"
BINDINGS = ("tpm", "software")
IS_ROOT = os.getuid() == 0


class Skip(Exception):
    """What is missing for a case."""


def need_root(what):
    if not IS_ROOT:
        raise Skip(f"only root can {what}")


def need_program(name):
    if shutil.which(name) is None:
        raise Skip(f"{name} is not installed")


def two_free_ports():
    """A port whose successor is free, too."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            try:
                second.bind(("127.0.0.1", first.getsockname()[1] + 1))
                return first.getsockname()[1]
            except OSError:
                continue
    raise Skip("there are no two free ports on loopback")


class Chip:
    """A TPM 2.0 of a host's own. Its state outlives power_off."""

    def __init__(self, folder):
        need_program("swtpm")
        self.folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.port = two_free_ports()
        self.process = None
        self.power_on()

    @property
    def tcti(self):
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def power_on(self):
        here = "bindaddr=127.0.0.1"
        self.process = subprocess.Popen(
            [
                "swtpm",
                "socket",
                "--tpm2",
                "--tpmstate",
                f"dir={self.folder},mode=0600",
                "--server",
                f"type=tcp,port={self.port},{here}",
                "--ctrl",
                f"type=tcp,port={self.port + 1},{here}",
                "--flags",
                "not-need-init,startup-clear",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port + 1)) == 0:
                    return
            time.sleep(0.01)
        raise Skip("swtpm does not start")

    def power_off(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        self.process = None


def short_lane(n_vehicles):
    """(plates, pictures) of the bundled lane's first vehicles."""
    rows = expected_passages()[:n_vehicles]
    last = rows[-1][2]
    return [row[0] for row in rows if row[0]], [name for name in lane_pictures() if name <= last]


class House(Lab):
    """A daemon of an ordinary user with groups for its people. `chip` None: software binding."""

    def __init__(self, chip=None, state=None, run_dir=None):
        super().__init__()
        self.chip = chip
        self.state = state or self.state
        self.run_dir = run_dir or self.run_dir
        self.options = {"storage": {}, "audit": {}, "desk": {}}
        self.plates = []
        self.homes = {}

    def settle(self, n_vehicles=3, cameras=None):
        """Writes the configuration. Who the people are is only told where root plays them."""
        self.plates, pictures = short_lane(n_vehicles)
        source = self.folder("pictures", 0o700)
        for picture in pictures:
            self.drop_off(picture, source)
        if cameras is None:
            cameras = f"[camera north]\nsource = dir:{source}\nlane = lane-1\n"
            cameras += "mode = once\nrate = 4\n"
        options = {name: dict(lines) for name, lines in self.options.items()}
        options["storage"]["tpm"] = self.chip.tcti if self.chip else "none"
        if IS_ROOT:
            options["desk"].setdefault("socket_group", PEOPLE["officer"])
            for role in ("supervisor", "auditor", "maintenance"):
                options["desk"].setdefault(f"{role}_group", PEOPLE[role])
        text = f"[daemon]\nstate_dir = {self.state}\nrun_dir = {self.run_dir}\n"
        if IS_ROOT:
            text += f"user = {self.user.pw_name}\n"
        text += "[passages]\ngap = 500ms\n"
        for section, lines in options.items():
            text += f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())
        self.n_pictures, self.n_vehicles = len(pictures), n_vehicles
        with open(self.config, "w") as file:
            file.write(text + cameras)
        os.chmod(self.config, 0o644)

    def _drop(self):
        return {}

    def start(self, wait=True):
        """As root, so that the sockets can be given to their groups; the daemon gives root up."""
        os.chown(self.dir, 0 if IS_ROOT else os.getuid(), -1)
        before = self.before
        self.output = open(self.log, "ab")
        self.daemon = subprocess.Popen(
            [*before, os.path.join(self.bin, "lanewardd"), "--config", self.config],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.environment},
        )
        if wait:
            self.wait_for(lambda: self.status(quiet=True) is not None, "the desk answers")

    def fill(self):
        """Until every vehicle of the lane is durable."""
        self.wait_until_read("north", self.n_pictures)
        self.wait_for(
            lambda: self.status()["store"]["passages"] >= self.n_vehicles, "all is stored"
        )

    def snapshot(self, name):
        """A byte-exact copy of the state folder, as it lies there."""
        copy = os.path.join(self.dir, name)
        shutil.copytree(self.state, copy, dirs_exist_ok=True)
        return copy

    def restore(self, copy):
        """The state folder becomes the copy."""
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(copy, self.state)
        self.own(self.state)

    def own(self, folder):
        for path, folders, files in os.walk(folder):
            os.chmod(path, 0o700)
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
            for name in files:
                os.chown(os.path.join(path, name), self.user.pw_uid, self.user.pw_gid)

    def home(self, person):
        """Where a person's client remembers the log's head."""
        if person not in self.homes:
            path = os.path.join(self.dir, f"home-{person}")
            os.makedirs(path, exist_ok=True)
            if IS_ROOT:
                account = pwd.getpwnam(PEOPLE.get(person, person))
                os.chown(path, account.pw_uid, account.pw_gid)
            os.chmod(path, 0o700)
            self.homes[person] = path
        return self.homes[person]

    def run_as(self, person, command, **more):
        """A program with a person's account and groups, and nothing of ours."""
        account = pwd.getpwnam(PEOPLE.get(person, person))
        if IS_ROOT:
            groups = str(account.pw_gid)
            if person in ("supervisor", "auditor"):  # the officers' socket is theirs, too
                groups += f",{pwd.getpwnam(PEOPLE['officer']).pw_gid}"
            command = [
                "setpriv",
                f"--reuid={account.pw_uid}",
                f"--regid={account.pw_gid}",
                f"--groups={groups}",
                "--no-new-privs",
                *command,
            ]
        return subprocess.run(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            env={"PATH": "/usr/bin:/bin", "LANEWARD_STATE": self.home(person)},
            **more,
        )

    def laneward(self, person, command, *arguments, sock="laneward.sock"):
        """`laneward COMMAND` as a person."""
        words = [os.path.join(self.bin, "laneward"), *command.split()]
        return self.run_as(
            person, [*words, "--socket", os.path.join(self.run_dir, sock), *arguments], text=True
        )

    def look(self, person="officer", *more):
        """An officer's query of the lane, as the client ends."""
        window = more or ("--lane", "lane-1", "--last", "10m")
        return self.laneward(
            person, "query", "--json", "--reason", "drill", "--case", "DRILL-1", *window
        )

    def find(self, person="officer", *more):
        """The same as (rows, what was said)."""
        done = self.look(person, *more)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        return [line for line in lines if line.get("data_type") == "alpr_group"], done.stderr

    def talk(self, person, question, sock="laneward.sock"):
        """One question as it is, without our client: (bytes of the answer, why not)."""
        script = (
            "import socket,sys\n"
            "s=socket.socket(socket.AF_UNIX)\n"
            "s.connect(sys.argv[1])\n"
            "s.sendall(sys.argv[2].encode()+b'\\n')\n"
            "while True:\n"
            "    b=s.recv(65536)\n"
            "    if not b: break\n"
            "    sys.stdout.buffer.write(b)\n"
        )
        path = os.path.join(self.run_dir, sock)
        done = self.run_as(person, ["python3", "-c", script, path, json.dumps(question)])
        return done.stdout, done.stderr.decode(errors="replace")

    def alarms(self):
        return len(re.findall(r"\bALARM\b", self.stderr()))


def key_pair(folder, name, subject=None):
    """P-256: NAME.key for its owner, NAME.pem for the lane (a certificate with a subject)."""
    need_program("openssl")
    key, public = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], **quiet
    )
    if subject is None:
        command = ["openssl", "ec", "-in", key, "-pubout", "-out", public]
    else:
        command = ["openssl", "req", "-x509", "-new", "-key", key, "-days", "30"]
        command += ["-subj", f"/CN={subject}", "-out", public]
    subprocess.run(command, **quiet)
    os.chmod(public, 0o644)
    return key, public


def digest_of(folder):
    """Of all that lies below a folder."""
    total = hashlib.sha256()
    for path, folders, files in sorted(os.walk(folder)):
        for name in sorted(files):
            with open(os.path.join(path, name), "rb") as file:
                total.update(name.encode() + b"\0" + file.read())
    return total.hexdigest()


__all__ = [name for name in dir() if not name.startswith("_")] + ["an_ordinary_user"]
