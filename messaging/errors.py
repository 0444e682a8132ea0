"""What can go wrong between us and a provider.

    MessagingError
    ├── ConfigurationError      a setting or credential is missing or malformed; nothing was sent
    ├── UnsupportedFeature      this provider has no such operation; nothing was sent
    ├── WebhookRefused          a webhook call that is not theirs (bad signature, stale, unreadable)
    └── ProviderError           a call was tried and did not succeed
        ├── NotSent             proven: the request never reached the provider
        ├── Throttled           proven not accepted: 429 or 503, carries `retry_after`
        ├── CredentialsRefused  401 or 403: nothing was accepted, the account needs repair
        ├── Refused             the provider answered with a documented refusal, its words kept
        └── Unconfirmed         the request left us and nobody knows what became of it

`Throttled`, `CredentialsRefused`, `Refused` and `Unconfirmed` say what an answer proves: only the
first three prove that a message was not accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from messaging.types import Answer


class MessagingError(Exception):
    """Base of everything this library raises on purpose."""


class ConfigurationError(MessagingError):
    """A setting, credential or address is missing or malformed; the sentence says which and what to do."""


class UnsupportedFeature(MessagingError):
    """The provider offers no such operation; raised by the base class for what a provider leaves out."""


class WebhookRefused(MessagingError):
    """A call to our webhook that must be answered with 403 (`status`) or 400, and is not processed."""

    def __init__(self, sentence: str, *, status: int = 403) -> None:
        super().__init__(sentence)
        self.status = status


class ProviderError(MessagingError):
    """A call that did not succeed.

    `code` is our word for the reason (`number_not_reachable`), `text` the provider's own words verbatim,
    `answer` the answer it came from, if there was one.
    """

    code = "provider_error"

    def __init__(self, text: str, *, code: str = "", answer: Answer | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code or self.code
        self.answer = answer


class NotSent(ProviderError):
    """Name look-up, connect or TLS failed: not one byte of the request left us. Safe to try again."""

    code = "not_sent"


class Throttled(ProviderError):
    """The provider asked us to wait. `retry_after` is seconds, or None when it did not say."""

    code = "throttled"

    def __init__(
        self, text: str, *, code: str = "", answer: Answer | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(text, code=code, answer=answer)
        self.retry_after = retry_after


class CredentialsRefused(ProviderError):
    """The provider does not accept our key."""

    code = "credentials_refused"


class Refused(ProviderError):
    """The provider understood the request and said no."""

    code = "refused"


class Unconfirmed(ProviderError):
    """The request was on the wire and no complete documented answer came back. Never resent by itself."""

    code = "unconfirmed"
