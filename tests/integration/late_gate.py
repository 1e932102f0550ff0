"""A gate that knows its devices late: a relay before the real one's socket that holds its list back until it is told.
(With a hundred thousand devices the kernel takes a second for it; a test cannot hold the kernel.)"""

import contextlib
import selectors
import socket
import threading

from city import gateclient as gc
from city.netns import wait_for


class LateGate:
    def __init__(self, path):
        """path: where the portal looks for its gate. The real gate must be there."""
        self.path, self.real = path, path.with_name("gate.real")
        path.rename(self.real)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        path.chmod(0o666)
        self.listener.listen(8)
        self.held, self.asked, self.released, self.ended = [], 0, threading.Event(), False
        self.thread = threading.Thread(target=self._relay, daemon=True)
        self.thread.start()

    def _relay(self):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            portal = stack.enter_context(self.listener.accept()[0])
            gate = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            gate.connect(str(self.real))
            selector = selectors.DefaultSelector()
            for end in (portal, gate):
                selector.register(end, selectors.EVENT_READ)
            while not self.ended:
                if self.released.is_set() and self.held:
                    portal.send(self.held.pop(0))
                for key, _ in selector.select(0 if self.released.is_set() and self.held else 0.02):
                    packet = key.fileobj.recv(4096)
                    if not packet:
                        return
                    self._pass_on(packet, gate if key.fileobj is portal else portal, portal)

    def _pass_on(self, packet, to, portal):
        verb = gc.HEAD.unpack_from(packet)[0]
        if verb == gc.DUMP and to is portal:
            self.held.append(packet)
            return
        self.asked += verb == gc.READ and to is not portal
        to.send(packet)

    def lists(self):
        """The real gate has told of all of its devices, and the portal does not know."""
        wait_for("the gate's list", lambda: any(gc.decode(p).status == gc.OK for p in list(self.held)))

    def release(self):
        self.released.set()

    def end(self):
        """The real gate is where it was."""
        self.ended = True
        self.real.rename(self.path)
        self.listener.close()
        self.thread.join(10)
