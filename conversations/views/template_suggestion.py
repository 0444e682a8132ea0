"""Which template somebody most likely wants to send in a conversation."""

from __future__ import annotations

import re

from django.conf import settings

from conversations.models import Conversation, WhatsAppTemplate
from conversations.models.message import MessageStatus
from conversations.models.template import TemplateCategory
from messaging.whatsapp import file_kind_of

_VERSION = re.compile(r"_v?[0-9]+$")


def suggested_template(conversation: Conversation) -> WhatsAppTemplate | None:
    """A template to begin with; None where the stream has none that may be sent.

    Another version of the one that just failed (return_reminder_v2 for return_reminder), else service before
    marketing, in the customer's language or else ours, without a file.
    """
    languages = (conversation.contact.language[:2].lower() or settings.LANGUAGE_CODE[:2], settings.LANGUAGE_CODE[:2])
    failed = _failed_name(conversation)

    def rank(one: WhatsAppTemplate) -> tuple[bool, bool, int, bool, str]:
        replaces = bool(failed) and one.name != failed and _VERSION.sub("", one.name) == _VERSION.sub("", failed)
        needs_file = bool(file_kind_of(one.components))
        language = one.language[:2].lower()
        place = languages.index(language) if language in languages else len(languages)
        return not replaces, one.category == TemplateCategory.MARKETING, place, needs_file, one.name

    return min(conversation.stream.templates.sendable(), key=rank, default=None)


def _failed_name(conversation: Conversation) -> str:
    """The name of the template sent last, when that failed."""
    last = conversation.messages.filter(template__isnull=False).order_by("-id").values_list("status", "template__name")
    status, name = last.first() or ("", "")
    return name if status == MessageStatus.FAILED else ""
