# SPDX-License-Identifier: Apache-2.0
"""The services, each with how it is started and what shows that it is ready."""
import http.client
import json
import os
import pathlib
import pwd
import shutil
import socket
import struct
import subprocess

from service import LOOPBACK, Failed, JavaService, Service, answers, say


class Kafka(JavaService):
    """One broker that is its own controller (KRaft)."""

    name = "kafka"
    port_names = ("broker", "controller")
    CLUSTER = "QnJhaWQtc2VydmljZXMtMQ"

    def prepare(self):
        self.configure()
        say(self.name, "formats its storage …")
        done = subprocess.run(
            self.java(128, "kafka.tools.StorageTool", "format", "--standalone", "-t", self.CLUSTER, "-c",
                      self.folder / "server.properties"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(self.folder)
            raise Failed(f"kafka: {done.stdout}")

    def configure(self):
        """With the ports that it has."""
        self.fill("server.properties.in", self.folder / "server.properties", FOLDER=self.folder,
                  BROKER=self.ports["broker"], CONTROLLER=self.ports["controller"])

    def start(self):
        self.configure()
        self.spawn("broker", self.java(512, f"-Dlog4j2.configurationFile={self.sources / 'log4j2.xml'}",
                                       f"-Dkafka.logs.dir={self.folder}", "kafka.Kafka",
                                       self.folder / "server.properties"))

    def is_ready(self):
        """Asks for the brokers (Metadata, version 4) and finds one."""
        metadata, version = 3, 4
        body = struct.pack(">hhih", metadata, version, 1, -1) + struct.pack(">i?", 0, False)  # no topic
        try:
            with socket.create_connection((LOOPBACK, self.ports["broker"]), timeout=5) as connection:
                connection.sendall(struct.pack(">i", len(body)) + body)
                head = connection.recv(16, socket.MSG_WAITALL)  # size, correlation, throttle, brokers
                return len(head) == 16 and struct.unpack(">iiii", head)[3] > 0
        except OSError:
            return False


class Hdfs(JavaService):
    """A NameNode and a DataNode, with WebHDFS."""

    name = "hdfs"
    port_names = ("webhdfs", "namenode", "datanode", "datanodehttp", "datanodeipc")

    def command(self, heap_mib, main, *words):
        """One of Hadoop's programs with this configuration."""
        return self.java(heap_mib, f"-Dhadoop.log.dir={self.folder}", main, *words, before=(self.folder / "conf",))

    def prepare(self):
        self.configure()
        say(self.name, "formats the NameNode …")
        done = subprocess.run(
            [str(word) for word in self.command(256, "org.apache.hadoop.hdfs.server.namenode.NameNode", "-format",
                                                "-nonInteractive")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(self.folder)
            raise Failed("hdfs:\n" + "\n".join(done.stdout.splitlines()[-20:]))

    def configure(self):
        """With the ports that it has."""
        ports = {name.upper(): port for name, port in self.ports.items()}
        for file in ("core-site.xml", "hdfs-site.xml"):
            self.fill(f"{file}.in", self.folder / "conf" / file, FOLDER=self.folder, **ports)
        self.log_to_console()
        for pages in ("hdfs", "datanode"):  # of people; the jars have none, and a server looks for the folder
            (self.folder / "conf" / "webapps" / pages).mkdir(parents=True, exist_ok=True)

    def start(self):
        self.configure()
        self.spawn("namenode", self.command(256, "org.apache.hadoop.hdfs.server.namenode.NameNode"))
        self.spawn("datanode", self.command(256, "org.apache.hadoop.hdfs.server.datanode.DataNode"))

    def is_ready(self):
        """Writes an empty file through the DataNode and finds it: it has registered, and no safe mode holds."""
        try:
            path = "/webhdfs/v1/tmp/ready?user.name=braid"
            location = self.ask("PUT", f"{path}&op=CREATE&overwrite=true&noredirect=true")["Location"]
            _, _, host, rest = location.split("/", 3)
            connection = http.client.HTTPConnection(host, timeout=20)
            connection.request("PUT", "/" + rest, body=b"ready")
            made = connection.getresponse().status
            connection.close()
            return made == 201 and self.ask("GET", f"{path}&op=GETFILESTATUS")["FileStatus"]["length"] == 5
        except (OSError, KeyError, ValueError, http.client.HTTPException):
            return False

    def ask(self, method, path):
        """A call of WebHDFS that the NameNode answers."""
        connection = http.client.HTTPConnection(LOOPBACK, self.ports["webhdfs"], timeout=20)
        try:
            connection.request(method, path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


class Hbase(JavaService):
    """Master, region server and ZooKeeper in one process, and the Thrift2 gateway; its files lie in HDFS."""

    name = "hbase"
    port_names = ("thrift", "zookeeper")
    needs = ("hdfs",)

    def start(self):
        self.fill("hbase-site.xml.in", self.folder / "conf" / "hbase-site.xml", FOLDER=self.folder,
                  NAMENODE=Hdfs().ports["namenode"], ZOOKEEPER=self.ports["zookeeper"])
        self.log_to_console()
        before = (self.folder / "conf",)
        self.spawn("master", self.java(768, f"-Dhbase.log.dir={self.folder}",
                                       "org.apache.hadoop.hbase.master.HMaster", "start", before=before))
        self.spawn("thrift", self.java(256, f"-Dhbase.log.dir={self.folder}",
                                       "org.apache.hadoop.hbase.thrift2.ThriftServer", "start", "-b", LOOPBACK, "-p",
                                       str(self.ports["thrift"]), "--infoport", "-1", "-threadpool", before=before))

    def is_ready(self):
        """Asks the gateway whether a table exists, which reads hbase:meta from the region server."""
        call, name, table = b"tableExists", 0x80010001, b"ready"
        message = struct.pack(">Ii", name, len(call)) + call + struct.pack(">i", 1)
        message += struct.pack(">bh", 12, 1)  # field 1, a struct: TTableName
        message += struct.pack(">bhi", 11, 2, len(table)) + table + b"\0\0"  # its field 2, a string
        try:
            with socket.create_connection((LOOPBACK, self.ports["thrift"]), timeout=20) as connection:
                connection.sendall(message)
                reply = connection.recv(4 + 4 + len(call) + 4 + 3, socket.MSG_WAITALL)
        except OSError:
            return False
        # A reply, not an exception, whose field 0, the result, is a bool.
        return reply[:4] == struct.pack(">I", 0x80010002) and reply[-3:] == struct.pack(">bh", 2, 0)


class Redis(Service):
    """One server; nothing is written to disk but what SAVE asks for."""

    name = "redis"
    port_names = ("redis",)
    packages = ("redis-server",)

    def start(self):
        self.spawn("redis", ["redis-server", "--port", self.ports["redis"], "--bind", LOOPBACK, "--dir", self.folder,
                             "--save", "", "--appendonly", "no", "--daemonize", "no"])

    def is_ready(self):
        return answers(["redis-cli", "-h", LOOPBACK, "-p", str(self.ports["redis"]), "ping"])


class Postgres(Service):
    """PostgreSQL with logical replication on; user and database `braid`, no password."""

    name = "postgres"
    port_names = ("postgres",)
    packages = ("postgresql-15",)
    BINARIES = pathlib.Path("/usr/lib/postgresql/15/bin")

    def as_user(self, *words):
        """PostgreSQL does not run as root."""
        if os.geteuid() != 0:
            return [str(word) for word in words]
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *(str(word) for word in words)]

    def prepare(self):
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        say(self.name, "makes its cluster …")
        done = subprocess.run(self.as_user(self.BINARIES / "initdb", "-D", self.folder / "data", "-U", "braid", "-A",
                                           "trust", "-E", "UTF8", "--locale=C"),
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(self.folder)
            raise Failed(f"postgres: {done.stdout}")

    def start(self):
        options = {"listen_addresses": LOOPBACK, "unix_socket_directories": self.folder, "wal_level": "logical",
                   "max_replication_slots": 8, "max_wal_senders": 8}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.spawn("postgres", self.as_user(self.BINARIES / "postgres", "-D", self.folder / "data", "-p",
                                            self.ports["postgres"], *settings))

    def is_ready(self):
        return answers([str(self.BINARIES / "psql"), "-h", LOOPBACK, "-p", str(self.ports["postgres"]), "-U", "braid",
                        "-d", "postgres", "-XAtc", "SELECT 1"])


ALL = {each.name: each for each in (Kafka, Hdfs, Hbase, Redis, Postgres)}
