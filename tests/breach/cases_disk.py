"""What a copy of the disk is worth, and what the disk itself gives away."""
import os
import shutil
import subprocess

from credstore import Credstore
from house import Chip, House, IS_ROOT, Skip, need_program, need_root
from scan import Found, control

MACHINE_ID = "/etc/machine-id"


def pretend_to_be_another_host(house):
    """What starts the daemon sees another machine-id: only root can show it one."""
    need_root("show this host another machine-id")
    other = house.give("machine-id", "0123456789abcdef0123456789abcdef\n")
    house.before = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        f'mount --bind {other} {MACHINE_ID} && exec "$@"',
        "sh",
    ]


def try_to_read(house):
    """(passages that came back, the last words of the daemon): all that a new owner can ask."""
    house.start(wait=False)

    def decided():
        if house.daemon.poll() is not None:
            return True
        status = house.status(quiet=True)
        return status is not None and status["store"]["available"]

    try:
        house.wait_for(decided, "the store opens or is refused", seconds=30)
    except AssertionError:
        pass
    rows = []
    if house.daemon.poll() is None:
        rows = house.find()[0]
        house.stop()
    errors = [line for line in house.stderr().splitlines() if " error " in line]
    return rows, errors[0].split(": ", 1)[-1][:110] if errors else ""


def copy_to(drill, chip, with_machine_id, copy=None):
    """A new owner's host: its own TPM, the same program, the copied folder."""
    house = drill.own(House(chip))
    house.settle()
    shutil.rmtree(house.state)
    shutil.copytree(copy or drill.copy, house.state)
    house.own(house.state)
    if not with_machine_id:
        pretend_to_be_another_host(house)
    return house


def other_chip(drill):
    return drill.own_chip() if drill.binding == "tpm" else None


def disk_copied(drill):
    """(a) the disk is copied to another host"""
    house = copy_to(drill, other_chip(drill), with_machine_id=False)
    rows, words = try_to_read(house)
    found = Found(drill.plates)
    control(drill.house, drill.folder)
    found.look_below(drill.copy)
    is_held = not rows and found.is_clean
    return is_held, f"{len(rows)} of {drill.n_vehicles} passages; {found}; \"{words}\""


def disk_copied_with_keys(drill):
    """(b) the disk is copied with the key file and the machine-id"""
    house = copy_to(drill, other_chip(drill), with_machine_id=True)
    rows, words = try_to_read(house)
    figure = f"{len(rows)} of {drill.n_vehicles} passages"
    if drill.binding == "software" and rows:
        return False, figure + ": key file and machine-id are on the disk; only a TPM holds this"
    return not rows, f'{figure}; "{words}"'


def state_copied_with_keys(drill):
    """without a TPM: all but the root disk is copied from a host with a credential"""
    if drill.binding == "tpm":
        raise Skip("a TPM needs no credential: see disk-copied-with-keys")
    need_program("systemd-creds")
    credstore = Credstore(os.path.join(drill.folder, "credstore"))
    credstore.keep(os.urandom(32))
    house = copy_to(drill, None, with_machine_id=True)
    nothing = house.folder("nothing")
    house.settle(cameras=f"[camera north]\nsource = dir:{nothing}\nlane = lane-1\nmode = watch\n")
    credstore.give(house)
    house.start()
    house.wait_for(lambda: house.status().get("credential"), "the credential is taken in")
    house.stop()
    copy = house.snapshot("copy")
    rows, words = try_to_read(copy_to(drill, None, with_machine_id=True, copy=copy))
    whole = copy_to(drill, None, with_machine_id=True, copy=copy)
    credstore.give(whole)
    all_rows, _ = try_to_read(whole)
    figure = f'{len(rows)} of {drill.n_vehicles} passages; "{words}"; '
    figure += f"with systemd's host key from the root disk {len(all_rows)}: only a TPM holds that"
    return not rows and len(all_rows) > 0, figure


def small_disk(drill):
    """An ext4 file system of its own in a file: (image, mount point)."""
    need_root("mount a disk image")
    need_program("mkfs.ext4")
    image, place = os.path.join(drill.folder, "disk.img"), os.path.join(drill.folder, "disk")
    os.makedirs(place, exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(96 << 20)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, **quiet)
    if subprocess.run(["mount", "-o", "loop", image, place], check=False, **quiet).returncode:
        raise Skip("this host does not mount a loop device")
    drill.at_end(lambda: subprocess.run(["umount", "--lazy", place], check=False, **quiet))
    return image, place


def raw_disk(drill):
    """(i) plates and pictures searched for in the raw disk, the log, swap"""
    image, place = small_disk(drill)
    folders = [os.path.join(place, name) for name in ("state", "run")]
    house = drill.own(House(drill.own_chip() if drill.binding == "tpm" else None, *folders))
    for folder, mode in zip(folders, (0o700, 0o755)):
        os.mkdir(folder, mode)
        os.chown(folder, house.user.pw_uid, house.user.pw_gid)
    house.log = os.path.join(place, "log")
    house.settle(drill.n_vehicles)
    house.start()
    house.fill()
    n_seen = len(house.find()[0])
    os.sync()
    control(house, drill.folder)
    found = Found(house.plates)
    found.look_at(image)
    house.stop()
    subprocess.run(["umount", place], check=True)
    found.look_at(image)
    found.look_at_bytes(swapped(), "swap")
    if n_seen < len(house.plates):
        return False, f"only {n_seen} passages were stored: nothing is shown by this"
    return found.is_clean, f"{n_seen} passages written; {found}; " + swap_words()


def swapped():
    """What lies in swap files and partitions, up to 1 GiB of each."""
    data = b""
    with open("/proc/swaps") as lines:
        for line in lines.readlines()[1:]:
            name = line.split()[0]
            if "zram" not in name and IS_ROOT:
                with open(name, "rb") as file:
                    data += file.read(1 << 30)
    return data


def swap_words():
    with open("/proc/swaps") as lines:
        return "swap searched" if len(lines.readlines()) > 1 else "swap is off"
