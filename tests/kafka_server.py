"""A real Apache Kafka for the tests: one KRaft node on free ports, in a directory of its own.

Its jars come from Maven (tests/kafka/pom.xml) into the ignored `.cache/`. Tests can stop it, kill
it, and start it again on the same data.
"""

import hashlib
import random
import shutil
import socket
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.certificates import Certificates, make_certificates

ROOT: Final = Path(__file__).resolve().parent.parent
USERNAME: Final = "worker"
PASSWORD: Final = "correct-horse"
_POM = ROOT / "tests" / "kafka" / "pom.xml"
_CACHE = ROOT / ".cache"
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
_START_SECONDS = 240.0
_STOP_SECONDS = 30.0
_LOWEST_PORT = 20_000


def missing_tools() -> list[str]:
    """What this machine lacks to run a Kafka."""
    return [tool for tool in ("java", "mvn") if shutil.which(tool) is None]


class KafkaServer:
    """One node with a plain, a SASL_SSL and a mutual-TLS listener; `start` may be called again.

    `properties` add to its server.properties, or replace what is there.
    """

    def __init__(self, directory: Path, properties: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.certificates: Certificates = make_certificates(directory / "certificates")
        self._ports = dict(zip(("PLAIN", "SASL", "MTLS", "CONTROLLER"), free_ports(4), strict=True))
        self._extra = properties or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> list[str]:
        """The plain listener."""
        return [self._address("PLAIN")]

    @property
    def sasl_servers(self) -> list[str]:
        """TLS with SCRAM-SHA-512 or PLAIN, for USERNAME and PASSWORD."""
        return [self._address("SASL")]

    @property
    def mtls_servers(self) -> list[str]:
        """TLS that wants a certificate of the client."""
        return [self._address("MTLS")]

    def start(self) -> None:
        """Start it, formatting the directory the first time; return when it serves."""
        config = self.directory / "server.properties"
        if not config.exists():
            self._format(config)
        with (self.directory / "kafka.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                _java("kafka.Kafka", str(config)), stdout=log, stderr=log
            )
        self._wait_until_it_serves(self._process)

    def stop(self) -> None:
        """Stop it as an operator would; after a while, kill it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Kill it, as a power failure would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """What it has written, for messages of failing tests."""
        return (self.directory / "kafka.log").read_text(errors="replace")

    def _address(self, listener: str) -> str:
        return f"127.0.0.1:{self._ports[listener]}"

    def _format(self, config: Path) -> None:
        written = config.with_suffix(".new")
        written.write_text("".join(f"{k}={v}\n" for k, v in self._properties().items()))
        scram = f"SCRAM-SHA-512=[name={USERNAME},password={PASSWORD}]"
        subprocess.run(  # noqa: S603 - our own arguments
            _java(
                "kafka.tools.StorageTool",
                *("format", "--cluster-id", _CLUSTER_ID, "--config", str(written)),
                *("--add-scram", scram),
            ),
            check=True,
            capture_output=True,
            timeout=_START_SECONDS,
        )
        written.rename(config)

    def _wait_until_it_serves(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"Kafka ended with {process.returncode}:\n{self.log()}")
            if self._answers():
                return
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"Kafka did not start in {_START_SECONDS:g} s:\n{self.log()}")

    def _answers(self) -> bool:
        """Whether it answers an ApiVersions request; its port is open long before it does."""
        try:
            with socket.create_connection(("127.0.0.1", self._ports["PLAIN"]), timeout=10) as probe:
                probe.sendall(struct.pack(">ihhih", 10, 18, 0, 1, -1))
                return len(probe.recv(4)) == 4
        except OSError:
            return False

    def _properties(self) -> dict[str, str]:
        module = "org.apache.kafka.common.security"
        listeners = ",".join(f"{name}://{self._address(name)}" for name in self._ports)
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{self._address('CONTROLLER')}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listeners": listeners,
            "listener.security.protocol.map": (
                "PLAIN:PLAINTEXT,SASL:SASL_SSL,MTLS:SSL,CONTROLLER:PLAINTEXT"
            ),
            "log.dirs": str(self.directory / "data"),
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            # After a kill, the node waits for its former session to end before it serves again.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "auto.create.topics.enable": "false",
            "num.partitions": "4",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
            "listener.name.sasl.scram-sha-512.sasl.jaas.config": (
                f"{module}.scram.ScramLoginModule required;"
            ),
            "listener.name.sasl.plain.sasl.jaas.config": (
                f'{module}.plain.PlainLoginModule required user_{USERNAME}="{PASSWORD}";'
            ),
            "listener.name.mtls.ssl.client.auth": "required",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificates.server_store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.certificates.ca),
            **self._extra,
        }


def _java(main: str, *arguments: str) -> list[str]:
    return [
        *("java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        *("-cp", f"{_jars()}/*", main, *arguments),
    ]


def _jars() -> Path:
    """The directory of Kafka's jars, fetched by Maven once per content of the pom."""
    jars = _CACHE / f"kafka-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}"
    if not jars.exists():
        fetched = jars.with_suffix(".new")
        subprocess.run(  # noqa: S603 - our own arguments
            [
                *("mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"),
                f"-DoutputDirectory={fetched}",
            ],
            check=True,
            timeout=1_200,
        )
        fetched.rename(jars)
    return jars


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on, all different.

    Below those that the system gives to connections: a server that is stopped and started again
    finds its port free, however many clients try to reach it meanwhile.
    """
    found: list[int] = []
    candidates = list(range(_LOWEST_PORT, _first_port_of_connections()))
    for port in random.SystemRandom().sample(candidates, len(candidates)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"fewer than {count} ports are free on this machine")


def _first_port_of_connections() -> int:
    """Where Linux begins; elsewhere it is not below this."""
    known = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(known.read_text().split()[0]) if known.exists() else 32_768
    return first if first > _LOWEST_PORT + 100 else 32_768
