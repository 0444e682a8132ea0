"""What the other side holds of our conversations, and what differed."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import raw_json, words
from conversations.admin.filters import StreamFilter
from conversations.admin.mixins import LedgerAdmin
from conversations.admin.object_actions import conversation_url
from conversations.models import Conversation, ConversationMirror, Drift, Stream


@admin.register(ConversationMirror)
class ConversationMirrorAdmin(LedgerAdmin):
    """Conversations as the provider last told them. What could not be understood is here too, with the reason."""

    visible_through = ("stream", Stream)
    list_display = ("external_id", "stream", "conversation", "external_status", "problem_words", "read_at")
    list_filter = (StreamFilter, ("problem", admin.EmptyFieldListFilter))
    list_select_related = ("stream", "conversation__contact", "conversation__stream")
    search_fields = ("=external_id",)
    fields = (
        "external_id",
        "stream",
        "conversation",
        "external_status",
        "agreed_status",
        "external_agent",
        "content_json",
        "problem",
        "changed_at",
        "read_at",
    )
    readonly_fields = ("content_json",)

    def inbox_url(self, one: ConversationMirror) -> str:
        return conversation_url(one.conversation_id) if one.conversation_id else ""

    @admin.display(description=_("problem"))
    def problem_words(self, one: ConversationMirror) -> SafeString:
        return words(one.problem)

    @admin.display(description=_("content"))
    def content_json(self, one: ConversationMirror) -> SafeString:
        return raw_json(one.content)


@admin.register(Drift)
class DriftAdmin(LedgerAdmin):
    """Differences between the two sides, and who settled them how."""

    visible_through = ("conversation", Conversation)
    list_display = ("row_number", "conversation", "field", "our_words", "their_words", "found_at", "settlement")
    list_filter = (("settled_at", admin.EmptyFieldListFilter), "field")
    list_select_related = ("conversation__contact", "conversation__stream")
    fields = ("conversation", "field", "ours", "theirs", "found_at", "settled_at", "settled_by", "settlement")

    def inbox_url(self, one: Drift) -> str:
        return conversation_url(one.conversation_id)

    @admin.display(description=_("ours"))
    def our_words(self, one: Drift) -> SafeString:
        return words(one.ours)

    @admin.display(description=_("theirs"))
    def their_words(self, one: Drift) -> SafeString:
        return words(one.theirs)
