"""An authority of its own, and certificates by it for a broker at 127.0.0.1 and a client: certificates.py DIR."""

import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DIR = pathlib.Path(sys.argv[1])
NOW = datetime.datetime.now(datetime.timezone.utc)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def write(what, key, certificate):
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (DIR / f"{what}.key").write_bytes(private)
    (DIR / f"{what}.pem").write_bytes(certificate.public_bytes(pem))


def made(what, issuer, signer, extensions, is_ca=False):
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = x509.CertificateBuilder().subject_name(name(what)).issuer_name(issuer or name(what))
    certificate = certificate.public_key(key.public_key()).serial_number(x509.random_serial_number())
    certificate = certificate.not_valid_before(NOW - datetime.timedelta(hours=1)).not_valid_after(NOW + datetime.timedelta(days=1))
    certificate = certificate.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    for extension in extensions:
        certificate = certificate.add_extension(extension, critical=False)
    write(what, key, certificate.sign(signer or key, hashes.SHA256()))
    return key


authority = made("authority", None, None, [], is_ca=True)
address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
made("broker", name("authority"), authority, [address, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])])
made("client", name("authority"), authority, [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])])
