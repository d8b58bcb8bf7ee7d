"""A network namespace in which every address is local: whatever is called, one listener sees it."""
import contextlib
import ctypes
import os
import selectors
import socket
import subprocess
import threading

import pytest

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def setns(descriptor):
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """Held by a process that sleeps in it; `wrapper` runs a program in it."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "--", "setpriv", "--pdeathsig", "KILL", "--", "cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.sockets = []
        self.wrapper = ["nsenter", "--target", str(self.holder.pid), "--net", "--"]

    def is_ready(self):
        if self.holder.poll() is not None:
            pytest.skip("network namespaces are not allowed here: " + self.holder.stderr.read().decode())
        return os.stat(f"/proc/{self.holder.pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino

    def make_all_local(self):
        for words in ("link set lo up", "route add local 0.0.0.0/1 dev lo", "route add local 128.0.0.0/1 dev lo",
                      "-6 route add local ::/0 dev lo"):
            subprocess.run([*self.wrapper, "ip", *words.split()], check=True)

    def socket(self, make):
        """A socket that lives in the namespace, made by make() in a thread that steps into it."""
        made = []

        def step_in():
            with open(f"/proc/{self.holder.pid}/ns/net", "rb") as place:
                setns(place.fileno())
            try:
                made.append(make())
            except OSError as error:
                made.append(error)
        thread = threading.Thread(target=step_in)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        self.sockets.append(made[0])
        return made[0]

    def close(self):
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.close()
        self.holder.stdin.close()
        self.holder.kill()
        self.holder.wait()


class Tunnel:
    """Carries connections from a listening socket (in the namespace) to a port here: the broker's."""

    def __init__(self, listener, port):
        self.listener = listener
        self.port = port
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near, far), daemon=True).start()

    @staticmethod
    def carry(near, far):
        with near, far, selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            with contextlib.suppress(OSError):
                while True:
                    for key, _ in selector.select():
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        key.data.sendall(data)


class Canary:
    """Listens on every address, and notes to which one each connection came."""

    def __init__(self, listener):
        self.listener = listener
        self.seen = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.seen.append(connection.getsockname()[0].removeprefix("::ffff:"))
            connection.close()
