"""What is past its term: an old disk beside the same TPM, and what memory still holds."""
import os
import re
import shutil
import subprocess
import time

from house import BUILD, House, Skip, need_program, need_root
from scan import Found

OLD_DAYS = 5
# Also those that the kernel would leave out of a core file.
ALL_PAGES = ["-ex", "set dump-excluded-mappings on", "-ex", "set use-coredump-filter off"]
OLD_PLATES = ["VAULTA1", "VAULTB2", "VAULTC3"]


def vault(house, *words):
    """An attacker with the daemon's account, its TPM and our code: (status, what it printed)."""
    program = os.path.join(BUILD, "bin", "vault")
    if not os.path.exists(program):
        raise Skip("the attacker's tool is not built")
    if house.bin.startswith(house.dir):
        program = shutil.copy(program, house.bin)
    tcti = house.chip.tcti if house.chip else "none"
    done = house.run_as(house.user.pw_name, [program, words[0], house.state, tcti, *words[1:]])
    text = done.stdout.decode(errors="replace").strip() or done.stderr.decode(errors="replace")
    return done.returncode, text


def all_keys(house):
    status, text = vault(house, "keys")
    if status != 0:
        raise AssertionError(f"the keys cannot be listed: {text}")
    return {bytes.fromhex(line) for line in text.split()}


def passages(text):
    found = re.match(r"(\d+) passages, (\d+) pictures", text)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def old_house(drill):
    """A house whose store holds passages of days ago, which its terms allow no longer."""
    house = drill.own(House(drill.own_chip() if drill.binding == "tpm" else None))
    house.settle(1)
    status, text = vault(house, "put", str(OLD_DAYS), *OLD_PLATES)
    if status != 0:
        raise AssertionError(f"old passages cannot be planted: {text}")
    status, text = vault(house, "look", str(OLD_DAYS))
    if passages(text) != (len(OLD_PLATES), len(OLD_PLATES)):
        raise AssertionError(f"the planted passages do not come back: {text}")
    return house


def run_until_forgotten(house, epoch_before=1):
    house.start()
    house.wait_for(
        lambda: house.status()["epoch"] > epoch_before, "the daemon takes the step to a new epoch"
    )


def old_disk(drill):
    """(c) the byte-exact old disk beside the same TPM, after forgetting"""
    house = old_house(drill)
    before = house.snapshot("before")
    run_until_forgotten(house)
    house.stop()
    _, now = vault(house, "look", str(OLD_DAYS))
    after = house.snapshot("after")
    house.restore(before)
    _, restored = vault(house, "look", str(OLD_DAYS))
    house.restore(after)
    mix(house, before)
    _, mixed = vault(house, "look", str(OLD_DAYS))
    counts = [passages(text)[0] for text in (now, restored, mixed)]
    n = len(OLD_PLATES)
    figure = f"back: {counts[0]} of {n} now, {counts[1]} of {n} from the old disk, "
    figure += f"{counts[2]} of {n} with old files beside the new keys"
    if drill.binding == "software" and counts[1]:
        return False, figure + ": without a TPM an old disk brings its keys along"
    words = "" if passages(restored)[0] else f'; "{restored[:90]}"'
    return sum(counts) == 0, figure + words


def mix(house, before):
    """Old segments beside the new ring: what an undelete tool would give."""
    for path, folders, files in os.walk(before):
        for name in files:
            target = os.path.join(house.state, os.path.relpath(os.path.join(path, name), before))
            if not os.path.exists(target) and not name.startswith("keyring"):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(os.path.join(path, name), target)
    house.own(house.state)


def need_cores():
    need_root("take a core image of another process")
    need_program("gdb")
    ldd = subprocess.run(
        ["ldd", os.path.join(BUILD, "bin", "lanewardd")], stdout=subprocess.PIPE, check=False
    )
    if b"asan" in ldd.stdout or b"tsan" in ldd.stdout:
        raise Skip("a sanitizer's shadow memory does not fit into a core image")


def core_of(drill, pid, name):
    """A core image of a process as it is now, as root with a debugger."""
    path = os.path.join(drill.folder, name)
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-p", str(pid), *ALL_PAGES, "-ex", f"generate-core-file {path}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    if not os.path.exists(path):
        raise Skip("the debugger gives no core image: " + done.stdout.decode()[-80:].strip())
    return path


def memory_after_forgetting(drill):
    """(l) forgotten keys and plates in a core image of the keeper"""
    need_cores()
    house = old_house(drill)
    old_keys = all_keys(house)
    run_until_forgotten(house)
    core = core_of(drill, house.roles()["keeper"], "core.keeper")
    house.stop()
    gone = old_keys - all_keys(house)
    kept = old_keys - gone
    if not gone:
        return False, "no key was destroyed: nothing is shown by this"
    found, control = Found(OLD_PLATES, gone), Found([], kept)
    found.look_at(core)
    control.look_at(core)
    figure = f"{len(gone)} keys destroyed: {found.keys} of them and {found.plates} of their plates "
    figure += f"in {found.bytes / (1 << 20):.1f} MiB; of {len(kept)} living keys "
    figure += "some are there, as they must be" if control.keys else "NONE: this shows nothing"
    # Pictures are the living lane's own, which is still being stored.
    return found.keys == found.plates == 0 and control.keys > 0, figure


def memory_after_shutdown(drill):
    """(l) keys and plates in core images after shutdown, and in roles that may hold none"""
    need_cores()
    house = drill.running()
    rows = house.find()[0]
    cores = [core_of(drill, house.daemon.pid, "core.parent")]
    cores.append(core_of(drill, house.roles()["desk"], "core.desk"))
    last = core_at_exit(drill, house)
    secrets = all_keys(house)
    texts = []
    is_clean = bool(rows)
    for name, path, plates in (
        ("parent", cores[0], house.plates),
        ("desk", cores[1], house.plates),
        ("keeper at its end", last, house.plates),
    ):
        found = Found(plates, secrets)
        found.look_at(path)
        is_clean = is_clean and found.plates == found.keys == 0
        texts.append(f"{name}: {found}")
        os.unlink(path)
    return is_clean, "; ".join(texts)


def core_at_exit(drill, house):
    """The keeper's memory at its last system call, after all was wiped; the parent is held still
    meanwhile, as it would end a keeper that takes so long."""
    keeper, desk = house.roles()["keeper"], house.roles()["desk"]
    path = os.path.join(drill.folder, "core.exit")
    debugger = subprocess.Popen(
        ["gdb", "-nx", "-batch", "-p", str(keeper), *ALL_PAGES, "-ex", "catch syscall exit_group"]
        + ["-ex", "continue", "-ex", f"generate-core-file {path}", "-ex", "detach"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    wait_until(lambda: traced(keeper), 30, "the debugger holds the keeper")
    time.sleep(1)
    house.daemon.terminate()
    wait_until(lambda: not os.path.exists(f"/proc/{desk}"), 10, "the desk has ended")
    time.sleep(0.1)
    os.kill(house.daemon.pid, 19)
    output = debugger.communicate(timeout=60)[0]
    os.kill(house.daemon.pid, 18)
    house.daemon.wait()
    house.output.close()
    house.daemon = None
    if not os.path.exists(path):
        raise Skip("the debugger gives no core image: " + output.decode()[-80:].strip())
    return path


def traced(pid):
    with open(f"/proc/{pid}/status") as lines:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in lines)


def wait_until(happened, seconds, what):
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.05)
