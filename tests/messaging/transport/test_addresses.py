"""Which addresses a request may go to, before anything is opened."""

from __future__ import annotations

import pytest

from messaging.errors import ConfigurationError
from messaging.transport import Transport
from messaging.types import Request
from tests.messaging.transport.server import OK, Start, answering, transport_to


class TestAddresses:
    HOSTS = ("api.commbox.io", ".ccaiplatform.com")
    EXTRA = frozenset({"127.0.0.1:9000", "gateway.example:8443", "gateway.example:443"})

    @pytest.mark.parametrize(
        "url",
        [
            "https://api.commbox.io/v1",
            "https://api.commbox.io:443/v1",
            "https://API.commbox.IO/v1",
            "https://name.uc1.ccaiplatform.com/apps/api/v1",
            "http://127.0.0.1:9000/cirrus",
            "https://gateway.example:8443/",
            "https://gateway.example/",
        ],
    )
    def test_allowed(self, url: str) -> None:
        Transport(extra_hosts=self.EXTRA).check_address(url, self.HOSTS)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "http://api.commbox.io/",
            "file:///etc/passwd",
            "gopher://api.commbox.io/",
            "javascript:alert(1)",
            "//api.commbox.io/",
            "api.commbox.io",
            "https:///v1",
            "https://api.commbox.io.evil.test/",
            "https://evil.test/api.commbox.io",
            "https://evilapi.commbox.io/",
            "https://user:pw@api.commbox.io/",
            "https://api.commbox.io@evil.test/",
            "https://@api.commbox.io/",
            "http://127.0.0.1#@api.commbox.io",
            "https://api.commbox.io\\@127.0.0.1/",
            "https://api.commbox.io:22/",
            "https://api.commbox.io:0/",
            "https://api.commbox.io:99999/",
            "https://api.commbox.io:x/",
            "https://api.commbox.io./",
            "https://api.commb\u043ex.io/",
            "https://api.commbox\u3002io/",
            "https://ccaiplatform.com/",
            "https://evilccaiplatform.com/",
            "https://127.0.0.1/",
            "http://127.0.0.1:9001/",
            "http://127.1:9000/",
            "http://2130706433:9000/",
            "http://[::1]:9000/",
            "http://gateway.example:8443/",
            "https://[::1",
            "https://[::1%25a.ccaiplatform.com]/",
            "https://[::1%00a.ccaiplatform.com]/",
            "https://api.commb\nox.io/",
            " https://api.commbox.io/",
            "https://api.commbox.io/a b",
            "\x00https://api.commbox.io/",
        ],
    )
    def test_refused_before_anything_is_opened(self, url: str) -> None:
        transport = Transport(extra_hosts=self.EXTRA)
        with pytest.raises(ConfigurationError):
            transport.check_address(url, self.HOSTS)
        with pytest.raises(ConfigurationError):
            transport.send(Request("GET", url), hosts=self.HOSTS)

    def test_the_sentence_shows_no_path_and_no_password(self) -> None:
        for url in ("http://gateway.example:8443/sms/447700900123", "ftp://u:secret@host/447700900123"):
            with pytest.raises(ConfigurationError) as caught:
                Transport(extra_hosts=self.EXTRA).check_address(url, self.HOSTS)
            assert "447700900123" not in str(caught.value)
            assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", " a", "\u043a\u043b\u044e\u0447", "a\x00b"])
    def test_a_header_that_cannot_be_sent_is_a_mistake_of_ours(self, start: Start, value: str) -> None:
        server = start(answering(OK))
        with pytest.raises(ConfigurationError):
            transport_to(server).send(Request("GET", server.url, {"X-Key": value}), hosts=())
        assert server.requests == []
