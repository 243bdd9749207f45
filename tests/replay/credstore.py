"""What systemd keeps of a host's credential on its root disk, made and opened by systemd-creds."""
import os
import subprocess

NAME = "laneward.host"


class Credstore:
    """A host's key and the credential under it, in a folder in place of /var/lib and /etc."""

    def __init__(self, folder):
        os.makedirs(folder, mode=0o700)
        self.folder = folder
        self.file = os.path.join(folder, NAME)
        self.creds("setup")

    def creds(self, *arguments, **more):
        """`systemd-creds ARGUMENTS` with this host's key; what it wrote."""
        key = os.path.join(self.folder, "credential.secret")
        done = subprocess.run(
            ["systemd-creds", *arguments],
            env={"PATH": os.environ["PATH"], "SYSTEMD_CREDENTIAL_SECRET": key},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            **more,
        )
        if done.returncode != 0:
            raise OSError("systemd-creds: " + done.stderr.decode(errors="replace").strip())
        return done.stdout

    def keep(self, secret):
        self.creds("encrypt", "--with-key=host", f"--name={NAME}", "-", self.file, input=secret)

    def give(self, lab):
        """To the daemon's user alone, as systemd gives it to a unit before it starts."""
        folder = lab.folder("credentials", 0o700)
        path = os.path.join(folder, NAME)
        if os.path.exists(path):
            os.unlink(path)
        lab.give(os.path.join("credentials", NAME), self.creds("decrypt", self.file, "-"), 0o400)
        lab.environment["CREDENTIALS_DIRECTORY"] = folder
