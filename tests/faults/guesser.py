"""Somebody else at the same TPM: guesses until it locks, while the daemon talks to it, too."""
import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "breach"))

from house import Chip, two_free_ports  # noqa: E402

NO_SESSIONS, SESSIONS = 0x8001, 0x8002
NV_DEFINE, NV_READ, CAPABILITY = 0x12A, 0x14E, 0x17A
OWNER, PASSWORD = 0x40000001, 0x40000009
SHA256 = 0x000B
AUTH_READ_WRITE = 0x00040004  # without NO_DA: guesses count
LOCKED, AGAIN, WRONG_GUESS = 0x921, 0x922, 0x98E
PERMANENT, COUNTED = 0x200, 0x20E  # properties
IN_LOCKOUT = 1 << 9


def take(line, size):
    data = b""
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def take_packet(line):
    """A command or an answer: its length stands in its head."""
    head = take(line, 10)
    return head + take(line, struct.unpack(">I", head[2:6])[0] - 10)


class SharedChip(Chip):
    """A TPM that more than one talks to, a command at a time, as through /dev/tpm0."""

    def __init__(self, folder):
        super().__init__(folder)
        self.front = two_free_ports()
        self.chip_line = socket.create_connection(("127.0.0.1", self.port))
        self.one_at_a_time = threading.Lock()
        self.doors = []
        for port, serve in ((self.front, self.serve), (self.front + 1, self.serve_control)):
            door = socket.create_server(("127.0.0.1", port))
            self.doors.append(door)
            threading.Thread(target=self.attend, args=(door, serve), daemon=True).start()

    @property
    def tcti(self):
        return f"swtpm:host=127.0.0.1,port={self.front}"

    def attend(self, door, serve):
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=self.until_it_ends, args=(serve, line), daemon=True).start()

    def until_it_ends(self, serve, line):
        with line:
            try:
                serve(line)
            except OSError:
                pass

    def serve(self, line):
        while True:
            line.sendall(self.do(take_packet(line)))

    def serve_control(self, line):
        """One request and its answer, for nobody keeps this line."""
        with socket.create_connection(("127.0.0.1", self.port + 1)) as control:
            control.sendall(line.recv(4096))
            line.sendall(control.recv(4096))

    def do(self, packet):
        with self.one_at_a_time:
            self.chip_line.sendall(packet)
            return take_packet(self.chip_line)

    def power_off(self):
        for door in self.doors:
            door.close()
        self.chip_line.close()
        super().power_off()

    def command(self, code, handles, parameters, password=None):
        """(what the TPM says, its parameters)"""
        tag, body = NO_SESSIONS, b"".join(struct.pack(">I", handle) for handle in handles)
        if password is not None:
            tag = SESSIONS
            session = struct.pack(">IHBH", PASSWORD, 0, 0, len(password)) + password
            body += struct.pack(">I", len(session)) + session
        body += parameters
        answer = self.do(struct.pack(">HII", tag, 10 + len(body), code) + body)
        return struct.unpack(">I", answer[6:10])[0], answer[10:]

    def property(self, wanted):
        code, data = self.command(CAPABILITY, [], struct.pack(">III", 6, wanted, 1))
        if code != 0:
            raise AssertionError(f"the TPM tells no property: 0x{code:x}")
        return struct.unpack(">I", data[13:17])[0]

    def is_locked(self):
        return self.property(PERMANENT) & IN_LOCKOUT != 0

    def define(self, index, password):
        """Something of somebody else's, guarded by a password of which guesses count."""
        public = struct.pack(">IHIHH", index, SHA256, AUTH_READ_WRITE, 0, 8)
        area = struct.pack(">H", len(password)) + password
        area += struct.pack(">H", len(public)) + public
        code, _ = self.command(NV_DEFINE, [OWNER], area, b"")
        if code != 0:
            raise AssertionError(f"the TPM defines no index: 0x{code:x}")

    def lock(self, index=0x01500777):
        """Wrong guesses at one's own index, until the TPM takes none of anybody's."""
        self.define(index, b"right")
        for _ in range(100):
            code, _ = self.command(NV_READ, [index, index], struct.pack(">HH", 8, 0), b"wrong")
            if code == LOCKED:
                return
            if code not in (WRONG_GUESS, AGAIN):
                raise AssertionError(f"a wrong guess is answered by 0x{code:x}")
        raise AssertionError("the TPM does not lock")

    def guesses(self):
        """Wrong ones that the TPM has counted."""
        return self.property(COUNTED)
