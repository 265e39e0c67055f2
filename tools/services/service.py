# SPDX-License-Identifier: Apache-2.0
"""What all services have in common: an installation, a folder, processes with ids, and a question that shows
that they are ready.

A service lies in build/services/<name>: what it wrote, what it said (*.log), and service.json with its process
ids and ports while it is up. Everything listens on the loopback alone, on ports that were free.
"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = pathlib.Path(os.environ.get("BRAID_SERVICES") or ROOT / "build" / "services")
APT = HERE / "apt.txt"
PACKAGES = ROOT / "tools" / "setup" / "packages.sh"
JARS = ROOT / "third_party" / "jars"
READY_SECONDS = 240
STOP_SECONDS = 30
LOOPBACK = "127.0.0.1"
# What servers reach into that are older than the virtual machine.
OPENED = ("java.lang", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
          "sun.nio.ch")


class Failed(Exception):
    """Why a service is not up."""


def say(name, text):
    """A line of progress."""
    print(f"{name:9} {text}", file=sys.stderr, flush=True)


def free_ports(count):
    """So many ports of the loopback that nobody has at this moment."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def answers(command, timeout=20):
    """Whether a command ends well."""
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=timeout,
                              check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def start_ticks(process):
    """When a process began, which tells it from a later one of the same number; None: it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


class Service:
    """One server, or several processes that are one. Ports are named; what asks for more overrides."""

    name = ""
    port_names = ()
    packages = ()  # of Debian
    needs = ()  # names of services that must be up before

    def __init__(self):
        self.folder = FOLDER / self.name
        self.state_path = self.folder / "service.json"
        self.ports, self.processes = {}, {}
        if self.state_path.exists():
            state = json.loads(self.state_path.read_text(encoding="utf-8"))
            self.ports, self.processes = state["ports"], state["processes"]

    # For each service.

    def install(self):
        """Brings what the service consists of; a second time takes a moment."""

    def prepare(self):
        """Before the first start in an empty folder."""

    def start(self):
        """Starts processes with self.spawn()."""
        raise NotImplementedError

    def is_ready(self):
        """Whether it answers a real request."""
        raise NotImplementedError

    def address(self):
        """What a client is told."""
        return " ".join(f"{name}={LOOPBACK}:{port}" for name, port in self.ports.items())

    # Of all.

    def is_alive(self):
        """Whether all its processes run."""
        return bool(self.processes) and all(start_ticks(process) == ticks
                                            for process, ticks in self.processes.values())

    def state(self):
        """One word."""
        if not self.processes:
            return "down"
        if not self.is_alive():
            return "dead"
        return "up" if self.is_ready() else "starting"

    def up(self):
        """Installs, starts and waits until it answers; what is up already stays."""
        self.need_packages()
        self.install()
        if self.is_alive():
            say(self.name, f"is up: {self.address()}")
            return
        self.down(quietly=True)
        is_new = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.ports:
            self.ports = dict(zip(self.port_names, free_ports(len(self.port_names))))
        if is_new:
            self.prepare()
        began = time.monotonic()
        say(self.name, "starts …")
        self.start()
        self.wait_until_ready(began)
        say(self.name, f"ready after {time.monotonic() - began:.1f} s: {self.address()}")

    def wait_until_ready(self, began):
        """Asks until there is an answer, a process has ended, or too much time has gone."""
        told = began
        while not self.is_ready():
            now = time.monotonic()
            if not self.is_alive() or now - began > READY_SECONDS:
                text = self.last_words()
                self.down(quietly=True)
                raise Failed(f"{self.name} did not get ready in {now - began:.0f} s:\n{text}")
            if now - told > 10:
                told = now
                say(self.name, f"still starting, {now - began:.0f} s …")
            time.sleep(0.2)

    def down(self, quietly=False):
        """Asks each process to end, the last one first, and kills who does not. Its data stay."""
        for part, (process, ticks) in reversed(list(self.processes.items())):
            if start_ticks(process) != ticks:
                continue
            os.kill(process, signal.SIGTERM)
            ends = time.monotonic() + STOP_SECONDS
            while start_ticks(process) == ticks and time.monotonic() < ends:
                time.sleep(0.05)
            if start_ticks(process) == ticks:
                say(self.name, f"{part} does not end: killed")
                os.kill(process, signal.SIGKILL)
        if self.processes and not quietly:
            say(self.name, "down")
        self.processes = {}
        self.keep()

    def remove(self):
        """Down, and its data go."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, part, command, env=None):
        """A process of its own session, so that no terminal ends it."""
        with open(self.folder / f"{part}.log", "ab") as log:
            child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True,
                                     env=dict(os.environ, **(env or {})))
        self.processes[part] = (child.pid, start_ticks(child.pid))
        self.keep()

    def keep(self):
        """Ports and processes, for who asks next."""
        if self.folder.exists():
            text = json.dumps({"ports": self.ports, "processes": self.processes}, indent=1)
            part = self.state_path.with_suffix(".part")
            part.write_text(text + "\n", encoding="utf-8")
            part.rename(self.state_path)

    def last_words(self):
        """The end of each log."""
        return "\n".join(f"{log.name}: {line}" for log in sorted(self.folder.glob("*.log"))
                         for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])

    def need_packages(self):
        """Debian's, within the ranges of apt.txt."""
        if not self.packages or answers([PACKAGES, "--check", APT, *self.packages]):
            return
        say(self.name, f"installs of Debian what is missing of {' '.join(self.packages)} …")
        done = subprocess.run([PACKAGES, APT, *self.packages], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"{self.name}:\n{done.stdout[-2000:]}")


class JavaService(Service):
    """A service of jars, which Maven brings in the versions of pom.xml; jars.sha256 holds them to their bytes."""

    packages = ("openjdk-17-jre-headless", "maven")

    @property
    def sources(self):
        """The folder with its pom.xml."""
        return HERE / self.name

    @property
    def jars(self):
        """The folder with its jars."""
        return JARS / self.name

    def install(self):
        wanted = self.sources / "jars.sha256"
        stamp = self.jars / "pom.sha256"
        pom = hashlib.sha256((self.sources / "pom.xml").read_bytes() + wanted.read_bytes()).hexdigest()
        if stamp.exists() and stamp.read_text(encoding="utf-8") == pom:
            return
        began = time.monotonic()
        say(self.name, "fetches its jars …")
        shutil.rmtree(self.jars, ignore_errors=True)
        fetch_jars(self.sources / "pom.xml", self.jars)
        listed = {line.partition("  ")[2]: line.partition("  ")[0]
                  for line in wanted.read_text(encoding="utf-8").splitlines()}
        found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.jars.glob("*.jar")}
        other = sorted(jar for jar in listed.keys() | found.keys() if listed.get(jar) != found.get(jar))
        if other:
            raise Failed(f"{self.name}: not as {wanted.relative_to(ROOT)} says: {', '.join(other)}")
        stamp.write_text(pom, encoding="utf-8")
        say(self.name, f"has {len(found)} jars after {time.monotonic() - began:.0f} s")

    def java(self, heap_mib, *words, before=()):
        """The command line of a virtual machine with a bounded heap. `before`: folders ahead of the jars."""
        path = ":".join([*(str(folder) for folder in before), f"{self.jars}/*"])
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        return ["java", f"-Xmx{heap_mib}m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", *opens, "-cp", path,
                *words]

    def log_to_console(self):
        """log4j's configuration of servers that look for it in their folder `conf`."""
        (self.folder / "conf").mkdir(exist_ok=True)
        shutil.copy(HERE / "log4j.properties", self.folder / "conf")

    def fill(self, template, target, **values):
        """Writes a file of this service from its template, @NAME@ by @NAME@."""
        text = (self.sources / template).read_text(encoding="utf-8")
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target


def fetch_jars(pom, folder):
    """All that a pom.xml names, and what that needs."""
    done = subprocess.run(["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
                           f"-DoutputDirectory={folder}", "-DincludeScope=runtime"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"mvn on {pom}:\n" + "\n".join(done.stdout.splitlines()[-15:]))
