"""The transport over TLS: who is believed, and that nothing is said to anybody else."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bff_core.outbound.transport import HttpTransport, TransportOptions


@dataclass
class SecureServer:
    """An HTTPS server for the name ``localhost``; its own certificate is the one to trust."""

    port: int
    certificate: Path
    heard: list[bytes] = field(default_factory=list)
    opened: int = 0


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[SecureServer]:
    """Answers every request with ``{}`` and keeps the connection."""
    certificate, key = write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.opened += 1
        try:
            while True:
                server.heard.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(converse(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    server = SecureServer(listener.sockets[0].getsockname()[1], certificate)
    try:
        yield server
    finally:
        listener.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for ``localhost`` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret


@asynccontextmanager
async def transport() -> AsyncIterator[HttpTransport]:
    """A transport with time enough for a handshake on a busy machine."""
    ours = HttpTransport(TransportOptions(connect_timeout=5.0))
    try:
        yield ours
    finally:
        await ours.aclose()


async def test_a_trusted_service_is_asked_and_its_connection_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service whose certificate the system trusts for its name is asked, with one handshake for many requests."""
    async with serving(tmp_path) as server, transport() as ours:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        for _ in range(3):
            response = await ours.handle_async_request(httpx.Request("GET", f"https://localhost:{server.port}/a"))
            assert (response.status_code, response.content) == (200, b"{}")
        assert (len(server.heard), server.opened) == (3, 1)


@pytest.mark.parametrize(
    ("host", "trusted"), [("localhost", False), ("127.0.0.1", True)], ids=["unknown", "other name"]
)
async def test_a_service_that_is_not_the_one_named_is_told_nothing(
    host: str, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that nobody vouches for, or that is another's, is no connection."""
    async with serving(tmp_path) as server, transport() as ours:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        with pytest.raises(httpx.ConnectError):
            await ours.handle_async_request(httpx.Request("GET", f"https://{host}:{server.port}/a"))
        assert server.heard == []


async def test_a_service_without_tls_is_no_connection(tmp_path: Path) -> None:
    """Plain HTTP behind an https address gets nothing but the beginning of a handshake."""
    heard: list[bytes] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with transport() as ours:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(httpx.ConnectError):
            await ours.handle_async_request(httpx.Request("GET", f"https://localhost:{port}/secret"))
    listener.close()
    await listener.wait_closed()
    assert b"secret" not in b"".join(heard)
