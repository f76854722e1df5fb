#!/usr/bin/env python3
"""Writes signed.json, ecdsa.json and rsa.json beside it.

Run by hand, with Python's `cryptography` (OpenSSL): an implementation that is neither of the two
verifiers under test. Signatures are random, so the files change with every run; what they are said to
be does not. The keys are the test-only ones in ../keys; a missing one is made.
"""

import base64, hashlib, hmac, json, pathlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

HERE = pathlib.Path(__file__).parent
KEYS = HERE.parent / "keys"
NOW = 1_800_000_000
ISSUER = "https://idp.test/realms/demo"
SECRET_ISSUER = "https://idp.test/shared-secret"
# What a real clock has to find good.
LONG = {"iat": 1_700_000_000, "exp": 4_102_444_800}
SECRET = "a test-only secret of sixty-four bytes, as RFC 7518 3.2 wants it."[:64]
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
# Field and order of the curves of RFC 7518 section 3.4.
CURVES = {
    "ES256": ("P-256", ec.SECP256R1(), 32,
              0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551),
    "ES384": ("P-384", ec.SECP384R1(), 48, int("f" * 48 + "c7634d81f4372ddf581a0db248b0a77a"
                                               "ecec196accc52973", 16)),
    "ES512": ("P-521", ec.SECP521R1(), 66, int("1ff" + "f" * 63 + "a51868783bf2f966b7fcc0148f709a5d0"
                                               "3bb5c9b8899c47aebb6fb71e91386409", 16)),
}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def key(name, make):
    path = KEYS / (name + ".pem")
    if not path.exists():
        path.write_bytes(make().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
    return serialization.load_pem_private_key(path.read_bytes(), None)


RSA = key("rsa-1", lambda: rsa.generate_private_key(65537, 2048))
EC = {alg: key(name.lower().replace("-", "") + "-1", lambda c=curve: ec.generate_private_key(c))
      for alg, (name, curve, _, _) in CURVES.items()}
ED = key("ed25519-1", ed25519.Ed25519PrivateKey.generate)


def jwks():
    public = RSA.public_key().public_numbers()
    keys = [{"kty": "RSA", "use": "sig", "kid": "rsa", "n": number(public.n), "e": number(public.e)}]
    for alg, (name, _, size, _) in CURVES.items():
        point = EC[alg].public_key().public_numbers()
        keys.append({"kty": "EC", "use": "sig", "kid": alg.lower(), "crv": name,
                     "x": number(point.x, size), "y": number(point.y, size)})
    raw = ED.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    keys.append({"kty": "OKP", "use": "sig", "kid": "eddsa", "crv": "Ed25519", "x": b64(raw)})
    return {"keys": keys}


def kid(alg):
    return "rsa" if alg[:2] in ("RS", "PS") else alg.lower()


def sign(alg, message):
    if alg.startswith("HS"):
        return hmac.new(SECRET.encode(), message, "sha" + alg[2:]).digest()
    if alg == "EdDSA":
        return ED.sign(message)
    digest = HASHES[alg[2:]]
    if alg.startswith("RS"):
        return RSA.sign(message, padding.PKCS1v15(), digest)
    if alg.startswith("PS"):
        return RSA.sign(message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    r, s = decode_dss_signature(EC[alg].sign(message, ec.ECDSA(digest)))
    return raw(alg, r, s)


def raw(alg, r, s):
    size = CURVES[alg][2]
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def part(value):
    return b64(json.dumps(value, separators=(",", ":")).encode())


def signing_input(alg, **more):
    """With the times of signed.json, unless others are given."""
    header = {"alg": alg, "typ": "JWT"} if alg.startswith("HS") else {
        "alg": alg, "typ": "JWT", "kid": kid(alg)}
    claims = {
        "iss": SECRET_ISSUER if alg.startswith("HS") else ISSUER, "aud": "account", "sub": "alice",
        "typ": "Bearer", "azp": "shop", "scope": "read write", "email": "alice@example.com",
        "email_verified": True, "iat": NOW, "exp": NOW + 300, **more}
    return part(header) + "." + part(claims)


def token(alg):
    signed = signing_input(alg)
    return signed + "." + b64(sign(alg, signed.encode()))


def find(alg, wanted):
    """A token whose (r, s) is as wanted: signs other claims until it is."""
    for attempt in range(1_000_000):
        signed = signing_input(alg, jti=str(attempt), **LONG)
        r, s = decode_dss_signature(EC[alg].sign(signed.encode(), ec.ECDSA(HASHES_OF[alg])))
        if wanted(r, s):
            return signed, r, s
    raise SystemExit("none found")


HASHES_OF = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384(), "ES512": hashes.SHA512()}


def ecdsa(alg):
    """(name, token, good) for each edge of turning raw r || s into what a verifier takes."""
    _, _, size, n = CURVES[alg]
    # The highest octet of a P-521 number holds one bit; a DER integer is a byte longer from the
    # highest bit of its first octet on.
    first = 8 * (size - 1)
    zero = lambda value: value >> (first - 8 if alg == "ES512" else first) == 0
    high = lambda value: value >> (8 * size - 1) if alg != "ES512" else value >> first == 0 and value >> (first - 1)
    low = lambda value: not high(value) and not zero(value)

    for name, wanted in [
        ("leading zeros in r", lambda r, s: zero(r)),
        ("leading zeros in s", lambda r, s: zero(s)),
        ("high bit in both", lambda r, s: high(r) and high(s)),
        ("high bit in r only", lambda r, s: high(r) and low(s)),
        ("high bit in s only", lambda r, s: low(r) and high(s)),
        ("no high bit", lambda r, s: low(r) and low(s)),
        ("the smaller s", lambda r, s: s <= n // 2),
        ("the larger s", lambda r, s: s > n // 2),
    ]:
        signed, r, s = find(alg, wanted)
        yield name, signed, raw(alg, r, s), True
    signed, r, s = find(alg, lambda r, s: low(r) and low(s))
    good = raw(alg, r, s)
    yield "the other s of the same signature", signed, raw(alg, r, n - s), True
    top = (1 << 8 * size) - 1
    for name, r_, s_ in [
        ("r is 0", 0, s), ("s is 0", r, 0), ("both are 0", 0, 0), ("both are 1", 1, 1),
        ("r is n", n, s), ("s is n", r, n), ("both are n", n, n), ("r is n - 1", n - 1, s),
        ("s is n - 1", r, n - 1), ("r is n + 1", n + 1, s), ("all bits of r", top, s),
        ("all bits of s", r, top), ("r and s swapped", s, r), ("r is negated", n - r, s),
    ]:
        yield name, signed, raw(alg, r_, s_), False
    if r + n <= top:
        yield "r + n", signed, raw(alg, r + n, s), False
        yield "s + n", signed, raw(alg, r, s + n), False
    der = EC[alg].sign(signed.encode(), ec.ECDSA(HASHES_OF[alg]))
    for name, bytes_ in [
        ("empty", b""), ("DER and not raw", der), ("r only", good[:size]),
        ("a byte short", good[:-1]), ("a byte long", good + b"\0"), ("a zero before", b"\0" + good),
        ("two bytes short", good[1:size] + good[size + 1:]),
        ("a zero before each", b"\0" + good[:size] + b"\0" + good[size:]),
        ("twice", good + good),
    ]:
        yield name, signed, bytes_, False


def rsa_cases():
    """(name, algorithm, signing input, signature, good) for what RSA verifiers were found to take."""
    numbers = RSA.private_numbers()
    n, d, size = numbers.public_numbers.n, numbers.d, 256
    forge = lambda block: pow(int.from_bytes(block, "big"), d, n).to_bytes(size, "big")
    info = {"256": "3031300d060960864801650304020105000420",
            "384": "3041300d060960864801650304020205000430",
            "512": "3051300d060960864801650304020305000440"}

    def search(alg, wanted):
        for attempt in range(100_000):
            signed = signing_input(alg, jti=str(attempt), **LONG)
            signature = sign(alg, signed.encode())
            if wanted(int.from_bytes(signature, "big")):
                return signed, signature
        raise SystemExit("none found")

    top = 1 << 8 * size
    for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
        signed, good = search(alg, lambda s: s >> 8 * (size - 1) == 0)
        yield "a leading zero", alg, signed, good, True
        yield "without its leading zero", alg, signed, good[1:], False
        yield "a zero before", alg, signed, b"\0" + good, False
        yield "a zero behind", alg, signed, good + b"\0", False
        yield "a byte short", alg, signed, good[:-1], False
        yield "empty", alg, signed, b"", False
        for name, value in [("0", 0), ("1", 1), ("n - 1", n - 1), ("n", n), ("all bits", top - 1)]:
            yield name, alg, signed, value.to_bytes(size, "big"), False
        signed, good = search(alg, lambda s: s + n < top)
        yield "plus n", alg, signed, (int.from_bytes(good, "big") + n).to_bytes(size, "big"), False
        yield "negated", alg, signed, (n - int.from_bytes(good, "big")).to_bytes(size, "big"), False
        other = {"R": "P", "P": "R"}[alg[0]] + alg[1:]
        yield "of the other padding", alg, signed, sign(other, signed.encode()), False
        next_ = alg[:2] + {"256": "384", "384": "512", "512": "256"}[alg[2:]]
        yield "of another hash", alg, signed, sign(next_, signed.encode()), False
    for alg in ("RS256", "RS384", "RS512"):
        bits = alg[2:]
        signed = signing_input(alg, **LONG)
        digest = hashlib.new("sha" + bits, signed.encode()).digest()
        prefix = bytes.fromhex(info[bits])
        no_null = bytes([0x30, prefix[1] - 2, 0x30, prefix[3] - 2]) + prefix[4:15] + prefix[17:]
        pad = lambda t, kind=1, fill=b"\xff": (b"\0" + bytes([kind]) + fill * (size - 3 - len(t)) + b"\0" + t)
        yield "forged as it should be", alg, signed, forge(pad(prefix + digest)), True
        for name, block in [
            ("without NULL parameters", pad(no_null + digest)),
            ("without the hash's name", pad(digest)),
            ("block type 2", pad(prefix + digest, kind=2)),
            ("block type 0", pad(prefix + digest, kind=0)),
            ("filled with zeros", pad(prefix + digest, fill=b"\0")),
            ("filled with something else", pad(prefix + digest, fill=b"\xfe")),
            ("short padding and a tail",
             b"\0\1" + b"\xff" * 8 + b"\0" + prefix + digest + b"\0" * (size - 11 - len(prefix + digest))),
            ("a tail of one byte", b"\0\1" + b"\xff" * (size - 4 - len(prefix + digest)) + b"\0" + prefix + digest + b"\0"),
            ("a wrong digest", pad(prefix + bytes(len(digest)))),
            ("a short digest", pad(prefix[:-1] + bytes([len(digest) - 1]) + digest[:-1])),
            ("no separator", b"\0\1" + b"\xff" * (size - 2 - len(prefix + digest)) + prefix + digest),
        ]:
            yield name, alg, signed, forge(block), False
    for alg in ("PS256", "PS384", "PS512"):
        digest = HASHES[alg[2:]]
        signed = signing_input(alg, **LONG)
        pss = lambda mgf, salt: RSA.sign(signed.encode(), padding.PSS(padding.MGF1(mgf), salt), digest)
        # RFC 7518 section 3.5: the salt is as long as the hash, MGF1 uses the same hash.
        yield "its own salt", alg, signed, pss(digest, digest.digest_size), True
        for salt in (0, 20, digest.digest_size - 1, digest.digest_size + 1):
            yield f"a salt of {salt}", alg, signed, pss(digest, salt), False
        yield "MGF1 with SHA-1", alg, signed, pss(hashes.SHA1(), digest.digest_size), False


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1) + "\n")


ALGORITHMS = [family + bits for family in ("RS", "PS", "ES", "HS") for bits in ("256", "384", "512")]
COMMON = {"now": NOW, "issuer": ISSUER, "audience": "account", "jwks": jwks()}
write("signed.json", {
    "source": "make.py", **COMMON, "secret_issuer": SECRET_ISSUER, "secret": SECRET,
    "tokens": {alg: token(alg) for alg in ALGORITHMS + ["EdDSA"]}})
write("ecdsa.json", {
    "source": "make.py", **COMMON,
    "cases": [{"name": f"{alg}: {name}", "token": f"{signed}.{b64(bytes_)}", "good": good}
              for alg in CURVES for name, signed, bytes_, good in ecdsa(alg)]})
write("rsa.json", {
    "source": "make.py", **COMMON,
    "cases": [{"name": f"{alg}: {name}", "token": f"{signed}.{b64(bytes_)}", "good": good}
              for name, alg, signed, bytes_, good in rsa_cases()]})
