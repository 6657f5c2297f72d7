"""A bridge behind TLS, with a certificate of its own authority."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.step.programs import FakeBridge, StepCommand

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    key, cert, both = (folder / f"{name}.{kind}" for kind in ("key", "crt", "pem"))
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=bridge",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[FakeBridge]:
    bridge = FakeBridge(tmp_path / "bridge.json", certificate(tmp_path, "bridge"))
    bridge.start()
    yield bridge
    bridge.kill()


def test_a_certificate_that_is_trusted_is_spoken_to(step: StepCommand, tmp_path: Path) -> None:
    ended = step.run("--ca-file", str(tmp_path / "bridge.crt"), plan={"seconds": 0.3, "result": {"a": 1}})
    assert ended.code == 0, ended
    assert step.output("a") == "1"


def test_a_signal_interrupts_a_look_over_tls(step: StepCommand, tmp_path: Path) -> None:
    process = step.start(
        "--ca-file", str(tmp_path / "bridge.crt"), "--poll-wait", "60s", plan={"seconds": 600}
    )
    process.wait_for("Running")
    process.send(signal.SIGTERM)
    assert process.end().code == 75


@pytest.mark.parametrize("trusted", [None, "other"])
def test_a_certificate_that_is_not_trusted_is_never_sent_anything(
    step: StepCommand, tmp_path: Path, trusted: str | None
) -> None:
    flags = [] if trusted is None else ["--ca-file", str(certificate(tmp_path, trusted))]
    ended = step.run(*flags, plan={}, CROSSOVER_OUTAGE_BUDGET="1s")
    assert ended.code == 75
    assert "its certificate is not trusted: self-signed certificate" in ended.out
    assert not (tmp_path / "bridge.json").exists(), "no request reached the bridge"


def test_a_bridge_that_speaks_plain_http_where_tls_is_expected_counts_as_away(tmp_path: Path) -> None:
    plain = FakeBridge(tmp_path / "plain.json")
    plain.start()
    ended = StepCommand(plain.url.replace("http", "https"), tmp_path).run(CROSSOVER_OUTAGE_BUDGET="1s")
    plain.kill()
    assert ended.code == 75
    assert "the bridge is away" in ended.out


def test_a_step_that_expects_plain_http_where_tls_is_spoken_counts_the_bridge_as_away(
    bridge: FakeBridge, tmp_path: Path
) -> None:
    ended = StepCommand(bridge.url.replace("https", "http"), tmp_path).run(CROSSOVER_OUTAGE_BUDGET="1s")
    assert ended.code == 75
