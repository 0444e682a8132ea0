"""What goes wrong with the embedded servers, as sentences for people."""


class LocalServicesError(RuntimeError):
    """The embedded servers cannot serve; the message says what happened and what to do."""
