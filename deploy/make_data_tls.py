"""Certificates for MongoDB and Redis, by a CA made for nothing else; and URLs that ask for TLS.

Usage, where Python has the package cryptography (the service's image has it)::

    docker compose run --rm --no-deps --entrypoint python --volume "$PWD/secrets:/secrets" \\
      --volume "$PWD/deploy/make_data_tls.py:/make.py:ro" --user "$(id -u)" admin /make.py /secrets

Writes into the folder of secrets, beside what make-env.sh made: ``data_ca`` (certificate), ``data_ca_key`` (keep it
elsewhere: it is only needed for the next certificates), ``mongo_tls`` (key and certificate in one), ``redis_tls_cert``,
``redis_tls_key``, ``mongo_url_tls``, ``redis_url_tls``, ``mongo_exporter_tls.env``, ``redis_exporter_tls_passwords``.
Run again it makes new certificates by the same CA as long as ``data_ca_key`` lies there: that is the rotation.
"""

from __future__ import annotations

import datetime
import ipaddress
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

CA_DAYS, DAYS = 3650, 397
NAMES = {"mongo": ["mongo1", "mongo2", "mongo3", "localhost"], "redis": ["redis", "localhost"]}
Key = ec.EllipticCurvePrivateKey


def main(folder: Path) -> int:
    ca, ca_key = authority(folder)
    for server, names in NAMES.items():
        certificate, key = issue(server, names, ca, ca_key)
        if server == "mongo":
            put(folder / "mongo_tls", key + certificate)
        else:
            put(folder / "redis_tls_cert", certificate)
            put(folder / "redis_tls_key", key)
    mongo, redis = text(folder, "mongo_url"), text(folder, "redis_url")
    put(folder / "mongo_url_tls", f"{mongo}{'&' if '?' in mongo else '?'}tls=true")
    put(folder / "redis_url_tls", redis.replace("redis://", "rediss://", 1))
    if (folder / "mongo_exporter.env").exists():
        exporter = f"{text(folder, 'mongo_exporter.env')}&tls=true&tlsCAFile=/run/secrets/data_ca"
        put(folder / "mongo_exporter_tls.env", exporter)
        passwords = text(folder, "redis_exporter_passwords").replace("redis://", "rediss://", 1)
        put(folder / "redis_exporter_tls_passwords", passwords)
    # A script's only words.
    print(f"Certificates until {expiry(folder / 'redis_tls_cert')}. Keep data_ca_key elsewhere.")
    return 0


def authority(folder: Path) -> tuple[x509.Certificate, Key]:
    """The CA that lies in the folder, or a new one."""
    if (folder / "data_ca").exists():
        certificate = x509.load_pem_x509_certificate((folder / "data_ca").read_bytes())
        key = serialization.load_pem_private_key((folder / "data_ca_key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise SystemExit("data_ca_key: not a key that this script made")
        return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hospital_rt data")])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        builder(name, name, key, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    put(folder / "data_ca", certificate.public_bytes(serialization.Encoding.PEM))
    put(folder / "data_ca_key", private(key), mode=0o400)
    return certificate, key


def issue(server: str, names: list[str], ca: x509.Certificate, ca_key: Key) -> tuple[bytes, bytes]:
    """A certificate for these host names and the loopback address, and its key, both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, server)])
    alternatives = [*map(x509.DNSName, names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        builder(subject, ca.subject, key, DAYS)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)  # members of the set are clients too
        .add_extension(authority_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private(key)


def builder(subject: x509.Name, issuer: x509.Name, key: Key, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def private(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def expiry(path: Path) -> str:
    return f"{x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc:%Y-%m-%d}"


def text(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8").strip()


def put(path: Path, content: str | bytes, *, mode: int = 0o444) -> None:
    """Readable by the containers' users: the folder (0700) keeps everybody else out."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content if isinstance(content, bytes) else content.encode())
    part.chmod(mode)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
