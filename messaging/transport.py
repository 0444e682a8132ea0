"""The only module that opens a connection to a provider.

requests prepares addresses and headers and knows whom to trust; its connection pools, which are urllib3's, do the
exchange. What is added: a call-back between connect and the first byte written, one deadline for
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
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as WaitedTooLong
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry, Timeout, wait_for_read

from messaging.addresses import check_address, is_public
from messaging.errors import ConfigurationError, NotSent, Unconfirmed
from messaging.types import Answer, Request
from messaging.watchdog import Watchdog, Watched

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
TOTAL_SECONDS = 30.0
LARGEST_ANSWER = 4 * 1024 * 1024  # bytes, after decoding: an answer on 10,000 numbers takes up to 2 MB
MOST_HOSTS = 8  # whose connections a process keeps
KEPT_CONNECTIONS = 32  # to one host
MOST_TARGETS = 64  # addresses with headers that are prepared once
ONCE = Retry(False)
FRESH_SECONDS = 2.0  # an idle connection older than this is not used again: servers close idle ones after 5 s

_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


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
        self._own: tuple[int, _Pools, Watchdog] | None = None

    def check_address(self, url: str, hosts: Collection[str]) -> None:
        """Raise ConfigurationError unless `url` is https to one of `hosts`, or one of the extra hosts.

        A host that begins with a dot allows every name below it.
        """
        check_address(url, hosts, extra_hosts=self.extra_hosts)

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
        target = _target(request.method, request.url, tuple(request.headers.items()))
        exchange = _Exchange(on_wire, deadline=time.monotonic() + self.total_seconds, largest=largest)
        exchange.status_alone = status_alone
        exchange.public_only = public_only and urlsplit(request.url).netloc not in self.extra_hosts
        started = time.monotonic()
        pools, watchdog = self._of_this_process()
        watchdog.watch(exchange)
        _current.exchange = exchange
        try:
            response = pools.of(target.origin).urlopen(
                request.method,
                target.path,
                body=request.body or None,
                headers=target.headers,
                redirect=False,
                retries=ONCE,
                assert_same_host=False,
                preload_content=False,
                timeout=Timeout(connect=self.connect_seconds, read=self.read_seconds),
            )
            try:
                body = _read_capped(response, exchange)
                _check_complete(response, body, exchange)
            finally:
                response.close()
        except _HookFailed as error:
            raise error.cause from None
        except (HTTPError, OSError, ValueError, _TooLarge, _Incomplete) as error:
            raise self._failure(error, exchange) from error
        finally:
            watchdog.leave(exchange)
            _current.exchange = None
        headers = {name.lower(): value for name, value in response.headers.itermerged()}
        return Answer(response.status, headers, body, time.monotonic() - started)

    def _failure(self, error: Exception, exchange: _Exchange) -> NotSent | Unconfirmed:
        if not exchange.written:
            return NotSent(f"No connection could be made ({_plain_reason(error)}).")
        if isinstance(error, _TooLarge):
            return Unconfirmed(f"The answer was larger than {exchange.largest // 1024} kB.", code="answer_too_large")
        if exchange.was_cut or isinstance(error, WaitedTooLong):
            return Unconfirmed(f"There was no answer within {self.total_seconds:.0f} s.", code="no_answer")
        return Unconfirmed("The connection broke before the answer was complete.", code="connection_broke")

    def _of_this_process(self) -> tuple[_Pools, Watchdog]:
        # A connection inherited over a fork would be shared with the parent, and threads are not inherited at all.
        own, pid = self._own, os.getpid()
        if own is None or own[0] != pid:
            self._own = own = (pid, _Pools(), Watchdog())
        return own[1:]


class _Exchange(Watched):
    """The state of one request on its way: was it written, and how large may the answer be."""

    def __init__(self, on_wire: Callable[[], None] | None, *, deadline: float, largest: int) -> None:
        super().__init__(deadline)
        self.on_wire = on_wire
        self.largest = largest
        self.public_only = False
        self.status_alone = False
        self.written = False


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
    _unsent: list[bytes] | None = None

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
        self._unsent = []
        super().request(*args, **kwargs)  # type: ignore[misc]
        complete, self._unsent = b"".join(self._unsent), None
        exchange.written = True
        super().send(complete)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        """Keep the pieces of a request until it is whole: one write costs both sides half of what two cost."""
        if self._unsent is None:
            super().send(data)  # type: ignore[misc]
        else:
            self._unsent.append(data)

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


class _Pools(HTTPAdapter):
    """Pools of our connections, one for each host, with the certificates that requests trusts."""

    def __init__(self) -> None:
        super().__init__(pool_connections=MOST_HOSTS, pool_maxsize=KEPT_CONNECTIONS)
        self.poolmanager.pool_classes_by_scheme = {"http": _WireHTTPPool, "https": _WireHTTPSPool}
        self.of = lru_cache(MOST_HOSTS)(self._find)

    def _find(self, origin: str) -> HTTPConnectionPool:
        pool = self.get_connection_with_tls_context(requests.Request("GET", origin).prepare(), verify=True)
        assert isinstance(pool, HTTPConnectionPool)
        self.cert_verify(pool, origin, verify=True, cert=None)
        return pool


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a request goes, with everything but its body."""

    origin: str
    path: str
    headers: dict[str, str]


@lru_cache(MOST_TARGETS)
def _target(method: str, url: str, headers: tuple[tuple[str, str], ...]) -> _Target:
    always = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Parley"}
    wanted = {**always, **dict(headers)}
    try:
        # http.client would find out only while it writes, when the request already counts as sent.
        if not all(_HEADER_VALUE.fullmatch(value) for value in wanted.values()):
            raise ValueError("a header is not printable ASCII")
        prepared = requests.Request(method, url, headers=wanted).prepare()
        assert prepared.url is not None
    except (requests.RequestException, ValueError) as error:
        raise ConfigurationError(
            "A credential or address holds a character that cannot be sent: enter it again."
        ) from error
    scheme, host = urlsplit(prepared.url)[:2]
    # The length is the body's, which differs from request to request.
    known = {name: value for name, value in prepared.headers.items() if name != "Content-Length"}
    return _Target(f"{scheme}://{host}/", prepared.path_url, known)


def _read_capped(response: BaseHTTPResponse, exchange: _Exchange) -> bytes:
    pieces, size = [], 0
    while piece := response.read(65536, decode_content=True):
        size += len(piece)
        if size > exchange.largest:
            raise _TooLarge
        if time.monotonic() >= exchange.deadline:
            exchange.cut()
            raise TimeoutError("the deadline passed while reading")
        pieces.append(piece)
    return b"".join(pieces)


def _check_complete(response: BaseHTTPResponse, body: bytes, exchange: _Exchange) -> None:
    # http.client takes the end of the connection inside the headers for the end of the headers.
    framed = "content-length" in response.headers or "transfer-encoding" in response.headers
    if exchange.was_cut or not (framed or body or response.status == 204 or exchange.status_alone):
        raise _Incomplete


def _plain_reason(error: Exception) -> str:
    text = str(error)
    for word, reason in (
        ("resolve", "the host name is not known"),
        ("refused", "the connection was refused"),
        ("CERTIFICATE", "the certificate is not trusted"),
        ("certificate", "the certificate is not trusted"),
        ("SSL", "the secure connection failed"),
        ("timed out", "the host did not answer"),
    ):
        if word in text:
            return reason
    return "the host cannot be reached"
