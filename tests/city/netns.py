"""Network namespaces, and processes in them, that clean up after themselves.

Everything is named after this process (lgPID-name, lgPID.2-name), so that runs never meet. What a run left behind
that was killed with -9 is swept away by the next one.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time


PATIENCE = float(os.environ.get("LOGGIA_PATIENCE", "1"))  # how much slower this machine is than others


def wait_for(what, probe, timeout=10.0, every=0.02):
    """Calls probe until it returns something true, and returns that. Fails with `what` in words."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(every)


class Process:
    """A daemon or a long-running tool with its output in a file."""

    def __init__(self, popen, log):
        self.popen, self.log, self.pid = popen, pathlib.Path(log), popen.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.popen.poll() is None

    def kill(self, sig=signal.SIGKILL, wait=True):
        if self.alive():
            os.killpg(self.pid, sig) if self.group() else self.popen.send_signal(sig)
        return self.popen.wait(10) if wait else None

    def group(self):
        with contextlib.suppress(ProcessLookupError):
            return os.getpgid(self.pid) == self.pid
        return False

    def ask(self):
        """Asks to end. A stopped (SIGSTOP) process is woken first."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGCONT)
                os.killpg(self.pid, signal.SIGTERM)

    def stop(self):
        """Asks to end, then insists."""
        if not self.alive():
            return self.popen.returncode
        self.ask()
        try:
            return self.popen.wait(10)
        except subprocess.TimeoutExpired:
            return self.kill()


class Namespace:
    """One network namespace: its own interfaces, routes, ruleset, and (in a mount namespace that goes with it) its own
    /sys and /etc/resolv.conf."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.full = f"lg{world.tag}-{name}"
        self.resolv = world.dir / f"{name}.resolv.conf"
        self.resolv.write_text("")
        subprocess.run(["ip", "netns", "add", self.full], check=True)
        self.mounts = self.mount()

    def mount(self):
        """Makes the mount namespace, once: thousands of commands run in it. A descriptor holds it; what the machine mounts
        later is seen in it too."""
        script = ("ip link set lo up && mount -t sysfs sysfs /sys && mount --bind \"$1\" /etc/resolv.conf && "
                  "echo && exec sleep infinity")
        with subprocess.Popen(["nsenter", f"--net=/run/netns/{self.full}", "unshare", "--mount", "--propagation", "slave",
                               "sh", "-c", script, "sh", self.resolv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as holder:
            try:
                if not holder.stdout.readline():
                    raise AssertionError(f"{self.name}: no mount namespace")
                return os.open(f"/proc/{holder.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            finally:
                holder.kill()

    def argv(self, *command):
        """For as long as this process holds the namespace."""
        return ["nsenter", f"--net=/run/netns/{self.full}", f"--mount=/proc/{os.getpid()}/fd/{self.mounts}",
                f"--wdns={os.getcwd()}", *map(str, command)]

    def run(self, *command, check=True, timeout=60, text=True, **kw):
        r = subprocess.run(self.argv(*command), capture_output=True, text=text, timeout=timeout, **kw)
        if check and r.returncode != 0:
            raise AssertionError(f"{self.name}: {' '.join(map(str, command))}: exit {r.returncode}\n{r.stdout}\n{r.stderr}")
        return r

    def start(self, *command, log=None, env=None, **kw):
        """A process in the namespace, in a process group of its own, ended with the world."""
        log = log or self.world.dir / f"{self.name}-{pathlib.Path(str(command[0])).name}-{len(self.world.processes)}.log"
        with open(log, "ab") as out:
            p = subprocess.Popen(self.argv(*command), stdout=out, stderr=subprocess.STDOUT,
                                 stdin=subprocess.DEVNULL, start_new_session=True,
                                 env={**os.environ, **(env or {})}, **kw)
        process = Process(p, log)
        self.world.processes.append(process)
        return process

    def sysctl(self, key, value):
        self.run("sh", "-c", f"echo {value} > /proc/sys/{key.replace('.', '/')}")

    def ip(self, *args):
        return self.run("ip", *args)

    def batch(self, *lines):
        """Many ip commands at the price of one process."""
        return self.run("ip", "-batch", "-", input="\n".join(lines) + "\n")

    def delete(self):
        os.close(self.mounts)
        end_namespace(self.full)


def end_namespace(full):
    """Ends what still runs in the namespace (a daemon that forked away), then the namespace."""
    listed = subprocess.run(["ip", "netns", "pids", full], capture_output=True, text=True, check=False)
    for pid in listed.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", full], check=False, capture_output=True)


def sweep():
    """Namespaces and directories of runs that are no more."""
    def dead(pid):
        return not os.path.exists(f"/proc/{pid}")
    for path in pathlib.Path("/run/netns").glob("lg*-*"):
        m = re.fullmatch(r"lg(\d+)[-.].+", path.name)
        if m and dead(m[1]):
            end_namespace(path.name)
    for path in pathlib.Path(tempfile.gettempdir()).glob("loggia-*-*"):
        m = re.fullmatch(r"loggia-(\d+)-\w+", path.name)
        if m and dead(m[1]):
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def undisturbed():
    """Ctrl-C and SIGTERM wait until this is done."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


class World:
    """All the namespaces and processes of a run, in one temporary directory. A context manager."""

    made = 0  # by this process

    def __init__(self, keep=False):
        sweep()
        World.made += 1
        self.tag = f"{os.getpid()}.{World.made}" if World.made > 1 else str(os.getpid())
        self.keep = keep
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"loggia-{os.getpid()}-"))
        self.dir.chmod(0o755)
        self.spaces, self.processes = {}, []

    def namespace(self, name):
        self.spaces[name] = Namespace(self, name)
        return self.spaces[name]

    def link(self, a, a_if, b, b_if):
        """A cable: interface a_if in namespace a, b_if in namespace b; both up."""
        subprocess.run(["ip", "link", "add", a_if, "netns", a.full, "type", "veth",
                        "peer", "name", b_if, "netns", b.full], check=True)
        a.run("ip", "link", "set", a_if, "up")
        b.run("ip", "link", "set", b_if, "up")

    def close(self):
        with undisturbed():
            for process in reversed(self.processes):  # ask them all, then wait for each
                process.ask()
            for process in reversed(self.processes):
                process.stop()
            for space in self.spaces.values():
                space.delete()
            if not self.keep:
                shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
