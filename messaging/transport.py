"""The only module that opens a connection to a provider.

What it adds to requests: a call-back between connect and the first byte written, one deadline for
the whole exchange, no redirects, no retries, capped answers, an address policy, and connections that are used
again only while fresh and checked. Every failure says whether the request can have left us.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import wait_for_read

from messaging.addresses import is_public
from messaging.errors import ConfigurationError, NotSent, Unconfirmed
from messaging.types import Answer, Request

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
TOTAL_SECONDS = 30.0
LARGEST_ANSWER = 4 * 1024 * 1024  # bytes, after decoding: an answer on 10,000 numbers takes up to 2 MB
FRESH_SECONDS = 2.0  # an idle connection older than this is not used again: servers close idle ones after 5 s
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_NEVER_IN_ADDRESSES = re.compile(r"[\x00-\x20\x7f\\]")  # parsers disagree on what they mean


class _HookFailed(Exception):
    """The on-wire call-back failed (a database fault, say): nothing was written."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Transport:
    """Sends requests. One instance a process is enough; it is safe to share between threads and after a fork.

    `extra_hosts` holds `host:port` entries that may be called besides the providers' own hosts: the sandbox and
    a site's own gateways. Plain http is for loopback addresses only.
    """

    def __init__(
        self,
        *,
        extra_hosts: Collection[str] = (),
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.extra_hosts = frozenset(extra_hosts)
        self.connect_seconds = connect_seconds
        self.read_seconds = read_seconds
        self.total_seconds = total_seconds
        self._own: tuple[int, _WireAdapter, _Watchdog] | None = None

    def check_address(self, url: str, hosts: Collection[str]) -> None:
        """Raise ConfigurationError unless `url` is https to one of `hosts`, or one of the extra hosts.

        A host that begins with a dot allows every name below it.
        """
        if _NEVER_IN_ADDRESSES.search(url):
            raise ConfigurationError("The address holds a space, a backslash or a control character: enter it again.")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigurationError("The address cannot be read: check it for typing errors.") from error
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host:
            raise ConfigurationError("An address must begin with https:// and a host name.")
        if parts.username is not None or parts.password is not None:
            raise ConfigurationError("An address may not hold a user name or a password: use the credentials.")
        with_port = f"{host}:{port or (443 if parts.scheme == 'https' else 80)}"
        if with_port in self.extra_hosts:
            if parts.scheme == "http" and host not in LOOPBACK:
                raise ConfigurationError(
                    f"The host {with_port} must be called by https: http is for this machine only."
                )
            return
        # An IPv6 zone may end in anything: `[::1%a.ujet.co]` would pass for a name below .ujet.co.
        known = "%" not in host and any(
            host == name or (name.startswith(".") and host.endswith(name)) for name in hosts
        )
        if not known or parts.scheme != "https" or port not in (None, 443):
            raise ConfigurationError(
                f"The host {with_port} is not one of this provider's. Use https and one of "
                f"{', '.join(sorted(hosts))}, or name the host in EXTRA_PROVIDER_HOSTS."
            )

    def fetch(self, url: str, *, hosts: Collection[str], largest: int) -> Answer:
        """Get a file that somebody else has named, of at most `largest` bytes.

        The host must be one of the provider's, and the address that it leads to a public one: it is looked at after
        connecting, before a byte is written, so that a name cannot change in between. Follows no redirect and
        carries no credentials. Raises what `send` raises.
        """
        return self.send(Request("GET", url, {"Accept": "*/*"}), hosts=hosts, largest=largest, public_only=True)

    def send(
        self,
        request: Request,
        *,
        hosts: Collection[str],
        on_wire: Callable[[], None] | None = None,
        largest: int = LARGEST_ANSWER,
        public_only: bool = False,
        status_alone: bool = False,
    ) -> Answer:
        """Send once and read the whole answer, of at most `largest` bytes.

        `on_wire` runs after the connection stands and before the first byte is written; if it raises, nothing
        is written and its exception comes out unchanged. With `status_alone` an empty answer need not say how
        long it is: for callers to whom its status says everything. Raises NotSent when the request cannot have left us,
        Unconfirmed when it may have, ConfigurationError for an address that the policy refuses.
        """
        self.check_address(request.url, hosts)
        prepared = _prepare(request)
        exchange = _Exchange(on_wire, deadline=time.monotonic() + self.total_seconds, largest=largest)
        exchange.status_alone = status_alone
        exchange.public_only = public_only and urlsplit(request.url).netloc not in self.extra_hosts
        started = time.monotonic()
        adapter, watchdog = self._of_this_process()
        watchdog.watch(exchange)
        _current.exchange = exchange
        try:
            response = adapter.send(
                prepared, stream=True, timeout=(self.connect_seconds, self.read_seconds), verify=True
            )
            try:
                body = _read_capped(response, exchange)
                _check_complete(response, body, exchange)
            finally:
                response.close()
        except _HookFailed as error:
            raise error.cause from None
        except (requests.RequestException, HTTPError, OSError, ValueError, _TooLarge, _Incomplete) as error:
            raise self._failure(error, exchange) from error
        finally:
            watchdog.leave(exchange)
            _current.exchange = None
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, time.monotonic() - started)

    def _failure(self, error: Exception, exchange: _Exchange) -> NotSent | Unconfirmed:
        if not exchange.written:
            return NotSent(f"No connection could be made ({_plain_reason(error)}).")
        if isinstance(error, _TooLarge):
            return Unconfirmed(f"The answer was larger than {exchange.largest // 1024} kB.", code="answer_too_large")
        if exchange.was_cut or isinstance(error, requests.Timeout):
            return Unconfirmed(f"There was no answer within {self.total_seconds:.0f} s.", code="no_answer")
        return Unconfirmed("The connection broke before the answer was complete.", code="connection_broke")

    def _of_this_process(self) -> tuple[_WireAdapter, _Watchdog]:
        # A connection inherited over a fork would be shared with the parent, and threads are not inherited at all.
        own, pid = self._own, os.getpid()
        if own is None or own[0] != pid:
            self._own = own = (pid, _WireAdapter(pool_connections=8, pool_maxsize=32), _Watchdog())
        return own[1:]


class _Exchange:
    """The state of one request on its way: was it written, and where is the socket to cut at the deadline."""

    def __init__(self, on_wire: Callable[[], None] | None, *, deadline: float, largest: int) -> None:
        self.on_wire = on_wire
        self.deadline = deadline
        self.largest = largest
        self.public_only = False
        self.status_alone = False
        self.written = False
        self.was_cut = False
        self.sock: Any = None

    def cut(self) -> None:
        """End the exchange now: a reader that waits on the socket wakes with an error."""
        self.was_cut = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class _Watchdog:
    """Cuts exchanges at their deadline: one thread for all of a process, which ends when there is none under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: set[_Exchange] = set()
        self._runs = False

    def watch(self, exchange: _Exchange) -> None:
        """Cut it at its deadline, which is not before those of all that are watched already."""
        with self._lock:
            if not self._runs:
                threading.Thread(target=self._run, name="watchdog", daemon=True).start()
                self._runs = True
            self._watched.add(exchange)

    def leave(self, exchange: _Exchange) -> None:
        """It is over: it is not cut after this returns."""
        with self._lock:
            self._watched.discard(exchange)

    def _run(self) -> None:
        while True:
            with self._lock:
                now = time.monotonic()
                for late in [one for one in self._watched if one.deadline <= now]:
                    late.cut()
                    self._watched.discard(late)
                if not self._watched:
                    self._runs = False
                    return
                nearest = min(one.deadline for one in self._watched)
            time.sleep(max(nearest - now, 0.0))


class _Current(threading.local):
    exchange: _Exchange | None = None


_current = _Current()


class _TooLarge(Exception):
    pass


class _Incomplete(Exception):
    pass


class _WireConnectionMixin:
    """Connect first, then call back, then write: urllib3 alone would connect inside the write."""

    sock: Any
    _last_used = 0.0

    def request(self, *args: Any, **kwargs: Any) -> None:
        exchange = _current.exchange
        assert exchange is not None
        self._make_fresh()
        _check_public(self.sock)  # it may have been opened for another request
        exchange.sock = self.sock
        if exchange.on_wire is not None:
            try:
                exchange.on_wire()
            except Exception as error:
                self.close()  # type: ignore[attr-defined]
                raise _HookFailed(error) from error
            self._make_fresh()  # the commit took time: the other side may have closed meanwhile
            exchange.sock = self.sock
        if exchange.was_cut or time.monotonic() >= exchange.deadline:
            self.close()  # type: ignore[attr-defined]
            raise TimeoutError("the deadline passed before the request was written")
        exchange.written = True
        super().request(*args, **kwargs)  # type: ignore[misc]

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        _check_public(sock)  # before the first byte, which TLS writes
        return sock

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._last_used = time.monotonic()

    def getresponse(self) -> Any:
        self._last_used = time.monotonic()
        return super().getresponse()  # type: ignore[misc]

    def _make_fresh(self) -> None:
        if self.sock is not None and (time.monotonic() - self._last_used > FRESH_SECONDS or _is_stale(self.sock)):
            self.close()  # type: ignore[attr-defined]
        if self.sock is None:
            self.connect()


def _check_public(sock: Any) -> None:
    exchange = _current.exchange
    if exchange is not None and exchange.public_only and not is_public(sock.getpeername()[0]):
        sock.close()
        raise ConfigurationError("The host leads to an address that is not public: nothing is fetched from there.")


def _is_stale(sock: Any) -> bool:
    """Did the other side close, or write what nobody asked for? The session tickets of TLS 1.3 are neither."""
    if not wait_for_read(sock, timeout=0.0):
        return False
    if not isinstance(sock, ssl.SSLSocket):
        return True
    timeout = sock.gettimeout()
    sock.settimeout(0.0)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        return False
    except OSError:
        return True
    finally:
        sock.settimeout(timeout)
    return True


class _WireHTTPConnection(_WireConnectionMixin, HTTPConnection):
    pass


class _WireHTTPSConnection(_WireConnectionMixin, HTTPSConnection):
    pass


class _WireHTTPPool(HTTPConnectionPool):
    ConnectionCls = _WireHTTPConnection


class _WireHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WireHTTPSConnection


class _WireAdapter(HTTPAdapter):
    """requests' adapter on pools of our connections. Its `send` follows no redirect and retries nothing."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _WireHTTPPool, "https": _WireHTTPSPool}


def _prepare(request: Request) -> requests.PreparedRequest:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "Parley",
        **request.headers,
    }
    try:
        # http.client would find out only while it writes, when the request already counts as sent.
        if not all(_HEADER_VALUE.fullmatch(value) for value in headers.values()):
            raise ValueError("a header is not printable ASCII")
        return requests.Request(request.method, request.url, headers=headers, data=request.body or None).prepare()
    except (requests.RequestException, ValueError) as error:
        raise ConfigurationError(
            "A credential or address holds a character that cannot be sent: enter it again."
        ) from error


def _read_capped(response: requests.Response, exchange: _Exchange) -> bytes:
    pieces, size = [], 0
    while piece := response.raw.read(65536, decode_content=True):
        size += len(piece)
        if size > exchange.largest:
            raise _TooLarge
        if time.monotonic() >= exchange.deadline:
            exchange.cut()
            raise TimeoutError("the deadline passed while reading")
        pieces.append(piece)
    return b"".join(pieces)


def _check_complete(response: requests.Response, body: bytes, exchange: _Exchange) -> None:
    # http.client takes the end of the connection inside the headers for the end of the headers.
    framed = "content-length" in response.headers or "transfer-encoding" in response.headers
    if exchange.was_cut or not (framed or body or response.status_code == 204 or exchange.status_alone):
        raise _Incomplete


def _plain_reason(error: Exception) -> str:
    text = str(error)
    for word, reason in (
        ("NameResolution", "the host name is not known"),
        ("getaddrinfo", "the host name is not known"),
        ("refused", "the connection was refused"),
        ("CERTIFICATE", "the certificate is not trusted"),
        ("certificate", "the certificate is not trusted"),
        ("SSL", "the secure connection failed"),
        ("timed out", "the host did not answer"),
    ):
        if word in text:
            return reason
    return "the host cannot be reached"
