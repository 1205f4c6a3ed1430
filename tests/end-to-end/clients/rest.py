"""HTTP with JSON: one kept-alive connection to one base URL.

In: method, path, body. Out: status and decoded body. Never retries: a write's outcome is the caller's to judge.
"""

import http.client
import json
from urllib.parse import urlencode, urlsplit


class RestClient:
    """Calls one service; not safe to share between threads."""

    def __init__(self, base_url, token=None, timeout_s=10.0):
        parts = urlsplit(base_url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{base_url!r}: write http://host:port")
        self._prefix = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout_s)
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def call(self, method, path, body=None):
        """Returns (status, decoded JSON or text). Raises OSError or HTTPException when no whole answer came."""
        status, data = self.send(method, path, None if body is None else json.dumps(body).encode())
        try:
            return status, json.loads(data) if data else None
        except ValueError:
            return status, data.decode(errors="replace")

    def send(self, method, path, body=None, headers=None):
        """Returns (status, body bytes). The connection is opened anew after any failure."""
        try:
            self._connection.request(method, self._prefix + path, body, headers or self._headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def close(self):
        """Closes the connection."""
        self._connection.close()


class ClickHouse:
    """Reads ClickHouse over its HTTP interface."""

    def __init__(self, url, database, user="default", password="", timeout_s=10.0):
        self._rest = RestClient(url, timeout_s=timeout_s)
        self._database = database
        self._headers = {"X-ClickHouse-User": user}
        if password:
            self._headers["X-ClickHouse-Key"] = password

    def rows(self, sql, **parameters):
        """Returns the rows of `sql` as lists; `{name:Type}` in it is taken from `parameters`."""
        return json.loads(self._query(sql + " FORMAT JSONCompact", parameters))["data"]

    def dicts(self, sql, **parameters):
        """Returns the rows of `sql` as {column: value}."""
        return json.loads(self._query(sql + " FORMAT JSON", parameters))["data"]

    def column(self, sql, **parameters):
        """Returns the first column of `sql` as strings: the cheapest form to poll with."""
        return self._query(sql + " FORMAT TabSeparated", parameters).decode().split()

    def execute(self, sql):
        """Runs a statement that returns no rows."""
        self._query(sql, {})

    def _query(self, sql, parameters):
        settings = {"database": self._database, "output_format_json_quote_64bit_integers": "0"}
        settings.update({f"param_{name}": value for name, value in parameters.items()})
        status, data = self._rest.send("POST", "/?" + urlencode(settings), sql.encode(), self._headers)
        if status != 200:
            raise RuntimeError(f"ClickHouse answered {status}: {data.decode(errors='replace')[:500]}")
        return data
