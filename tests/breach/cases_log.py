"""The log of looks: changed, cut, rolled back; who notices, and who alone can."""
import os

from cases_forget import vault
from house import House, need_root


def house_with_witness(drill):
    need_root("be other users")
    house = drill.own(House(drill.own_chip() if drill.binding == "tpm" else None))
    house.options["audit"]["witness_file"] = os.path.join(house.folder("witness"), "heads")
    house.settle(1)
    house.start()
    house.fill()
    return house


def look_and_stop(house, person="officer"):
    """A look, and a stop: the head that is signed at the end covers it."""
    if house.daemon is None:
        house.start()
    rows, words = house.find(person)
    if not rows:
        raise AssertionError("the officer finds nothing: " + words)
    house.stop()


def next_look(house, person="officer"):
    """What the next look meets: (whether all seemed well to the client, what was said)."""
    house.start(wait=False)

    def decided():
        status = house.status(quiet=True)
        return house.daemon.poll() is not None or (
            status is not None and (status["store"]["available"] or " error " in house.stderr())
        )

    try:
        house.wait_for(decided, "the store opens or is refused", seconds=30)
    except AssertionError:
        pass
    if house.daemon.poll() is not None:
        house.output.close()
        house.daemon = None
        return False, last_error(house)
    done = house.look(person)
    words = done.stderr.strip() or last_error(house)
    house.stop()
    return done.returncode == 0, words


def last_error(house):
    lines = [line for line in house.stderr().splitlines() if " error " in line]
    return lines[-1].split(": ", 1)[-1] if lines else ""


def first_line(words):
    return words.splitlines()[0][:100] if words else ""


def state_rolled_back(drill):
    """(f) the whole state of yesterday is put back; the next officer asks"""
    house = house_with_witness(drill)
    look_and_stop(house)
    before = house.snapshot("before")
    for _ in range(3):  # each answer shows the head of the stop before it
        look_and_stop(house)
    house.restore(before)
    n_alarms = house.alarms()
    known = house.home("officer")
    is_quiet, words = next_look(house)
    alarmed = house.alarms() - n_alarms
    house.restore(before)
    fresh_quiet = next_look_without_memory(house, known)
    status, verdict = witnessed(house)
    figure = f"the next client {'saw nothing' if is_quiet else 'warned'} ({first_line(words)!r}), "
    fresh = "saw nothing" if fresh_quiet else "warned"
    figure += f"{alarmed} alarm; a client without memory {fresh}"
    figure += f": only the witness: audit verify status {status} ({verdict!r})"
    return not is_quiet and alarmed >= 1 and status == 3, figure


def next_look_without_memory(house, known):
    """An officer on a machine that has never asked before."""
    os.rename(known, known + "-away")
    house.homes.pop("officer")
    is_quiet, _ = next_look(house)
    return is_quiet


def witnessed(house):
    """What an auditor finds with the witness's file alone, on a machine that has never asked."""
    with open(house.options["audit"]["witness_file"]) as file:
        heads = file.read()
    path = os.path.join(house.home("auditor"), "heads")
    with open(path, "w") as file:
        file.write(heads)
    os.chmod(path, 0o644)
    house.start(wait=False)
    house.wait_for(lambda: house.status(quiet=True) is not None, "the desk answers")
    why = ("--reason", "drill", "--case", "DRILL-1")
    done = house.laneward("auditor", "audit verify", "--witness", path, *why)
    house.stop()
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "WRONG" in line]
    return done.returncode, " ".join((lines or [done.stderr])[0].split())[:110]


def record_changed(drill):
    """(f) root changes one record of the log, with our code and keys"""
    house = house_with_witness(drill)
    for _ in range(3):
        look_and_stop(house)
    before = house.snapshot("before")
    tries = []
    for word in ("change", "change-all"):
        house.restore(before)
        status, text = vault(house, word)
        if status != 0:
            raise AssertionError("the record cannot be changed: " + text)
        is_quiet, words = next_look(house)
        tries.append((text, is_quiet, first_line(words)))
    said = [f"{text}: {'unseen' if quiet else repr(words)}" for text, quiet, words in tries]
    figure = "; ".join(said)
    return not any(quiet for _, quiet, _ in tries), figure


def log_cut(drill):
    """(f) root cuts the log's newest records and heads, with our code and keys"""
    house = house_with_witness(drill)
    for _ in range(3):
        look_and_stop(house)
    status, text = vault(house, "cut")
    if status != 0:
        raise AssertionError("the log cannot be cut: " + text)
    is_quiet, words = next_look(house)
    return not is_quiet, f"{text}: {'unseen' if is_quiet else repr(first_line(words))}"


def every_byte(drill):
    """(f) single bytes of every file of the state flipped"""
    house = drill.own(House(drill.own_chip() if drill.binding == "tpm" else None))
    house.settle(1)
    house.start()
    house.fill()
    house.stop()
    before = house.snapshot("before")
    names = sorted(
        os.path.relpath(os.path.join(path, name), before)
        for path, folders, files in os.walk(before)
        for name in files
        if not name.endswith("-shm") and os.path.getsize(os.path.join(path, name)) > 0
    )
    noticed, harmless, wrong = 0, 0, []
    _, right = vault(house, "look", "0")
    for name in names:
        for share in (0.02, 0.25, 0.5, 0.75, 0.98):
            house.restore(before)
            flip(os.path.join(house.state, name), share)
            status, text = vault(house, "look", "0")
            if status != 0:
                noticed += 1
            elif text == right:
                harmless += 1  # of a page that is free, or of what is not read for this answer
            else:
                wrong.append(f"{name} at {share:.0%}: {text}")
    n = noticed + harmless + len(wrong)
    figure = f"{noticed} of {n} flips in {len(names)} files refused, {harmless} without effect "
    figure += f"on the answer, {len(wrong)} read as data {' '.join(wrong)}"
    return not wrong and noticed > 0, figure


def flip(path, share):
    """One bit, so far into a file."""
    at = int(os.path.getsize(path) * share)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))
