"""A PostgreSQL connection: the v3 protocol's extended query with text parameters and text results, over plain TCP.

In: a URL `postgres://user:password@host:port/database`. Out: rows as tuples of str or None.
Signs in with trust, password, MD5 or SCRAM-SHA-256. No TLS, no pool, no types.
"""

import base64
import hashlib
import hmac
import os
import socket
import struct
from urllib.parse import unquote, urlsplit


class PostgresError(Exception):
    """The server refused, or spoke something this client does not read."""


class Connection:
    """One session."""

    def __init__(self, url, timeout_s=10.0):
        parts = urlsplit(url)
        self._user = unquote(parts.username or "postgres")
        self._password = unquote(parts.password or "")
        database = unquote(parts.path.lstrip("/")) or self._user
        self._socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5432), timeout=timeout_s)
        self._input = self._socket.makefile("rb")
        self._start(database)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Says good-bye and closes the socket."""
        try:
            self._send(b"X")
        except OSError:
            pass  # it is gone already, and closing is all that was asked
        self._input.close()
        self._socket.close()

    def query(self, sql, *parameters):
        """Runs one statement with `$1…` taken from `parameters` (as text); returns its rows."""
        values = b"".join(_parameter(value) for value in parameters)
        parse = _message(b"P", b"\0" + _cstring(sql) + struct.pack(">h", 0))
        bind = _message(b"B", b"\0\0" + struct.pack(">hh", 0, len(parameters)) + values + struct.pack(">h", 0))
        execute = _message(b"E", b"\0" + struct.pack(">i", 0))
        self._socket.sendall(parse + bind + execute + _message(b"S"))
        rows, error = [], None
        while True:
            kind, body = self._receive()
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"E":
                error = PostgresError(_error_text(body))
            elif kind == b"Z":
                if error:
                    raise error
                return rows

    def _start(self, database):
        body = struct.pack(">i", 196608)
        for name, value in (("user", self._user), ("database", database), ("application_name", "walcast-end-to-end")):
            body += _cstring(name) + _cstring(value)
        body += b"\0"
        self._socket.sendall(struct.pack(">i", len(body) + 4) + body)
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise PostgresError(_error_text(body))
            if kind == b"R":
                self._authenticate(body)
            elif kind == b"Z":
                return

    def _authenticate(self, body):
        (method,) = struct.unpack_from(">i", body)
        if method == 0:
            return
        if method == 3:
            self._send(b"p", _cstring(self._password))
        elif method == 5:
            inner = hashlib.md5((self._password + self._user).encode()).hexdigest()
            self._send(b"p", _cstring("md5" + hashlib.md5(inner.encode() + body[4:8]).hexdigest()))
        elif method == 10:
            self._scram(body[4:].split(b"\0"))
        else:
            raise PostgresError(f"authentication method {method} is not known here: use trust, password, md5 or scram-sha-256")

    def _scram(self, mechanisms):
        """RFC 5802 and 7677, without channel binding."""
        if b"SCRAM-SHA-256" not in mechanisms:
            raise PostgresError(f"the server offers none of the SASL mechanisms known here: {mechanisms}")
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        initial = ("n,," + first).encode()
        self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack(">i", len(initial)) + initial)
        server_first = self._sasl(11)
        fields = dict(part.split("=", 1) for part in server_first.split(","))
        if not fields["r"].startswith(nonce):
            raise PostgresError("the server's SCRAM nonce does not continue ours")
        salted = hashlib.pbkdf2_hmac("sha256", self._password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = _hmac(salted, b"Client Key")
        final = f"c=biws,r={fields['r']}"
        signed = ",".join((first, server_first, final)).encode()
        signature = _hmac(hashlib.sha256(client_key).digest(), signed)
        proof = bytes(left ^ right for left, right in zip(client_key, signature))
        self._send(b"p", f"{final},p={base64.b64encode(proof).decode()}".encode())
        expected = base64.b64encode(_hmac(_hmac(salted, b"Server Key"), signed)).decode()
        if self._sasl(12) != f"v={expected}":
            raise PostgresError("the server's SCRAM signature is wrong")

    def _sasl(self, step):
        kind, body = self._receive()
        if kind == b"E":
            raise PostgresError(_error_text(body))
        if kind != b"R" or struct.unpack_from(">i", body)[0] != step:
            raise PostgresError(f"unexpected answer during SCRAM: {kind!r}")
        return body[4:].decode()

    def _send(self, kind, body=b""):
        self._socket.sendall(_message(kind, body))

    def _receive(self):
        head = self._input.read(5)
        if len(head) < 5:
            raise ConnectionResetError("PostgreSQL closed the connection")
        (length,) = struct.unpack(">i", head[1:])
        return head[:1], self._input.read(length - 4)


def _message(kind, body=b""):
    return kind + struct.pack(">i", len(body) + 4) + body


def _cstring(text):
    return text.encode() + b"\0"


def _hmac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def _parameter(value):
    if value is None:
        return struct.pack(">i", -1)
    data = str(value).encode()
    return struct.pack(">i", len(data)) + data


def _row(body):
    (count,) = struct.unpack_from(">h", body)
    at, values = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from(">i", body, at)
        at += 4
        if length < 0:
            values.append(None)
        else:
            values.append(body[at : at + length].decode())
            at += length
    return tuple(values)


def _error_text(body):
    fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
    return f"{fields.get(b'S', 'ERROR')} {fields.get(b'C', '')}: {fields.get(b'M', '')}"
