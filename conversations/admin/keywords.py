"""The words by which customers stop, start and ask for help, language by language."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from conversations.admin.mixins import NeverDeletedMixin, ProductAdmin
from conversations.models import KeywordSet
from conversations.services.languages import language_name
from messaging.keywords import ALWAYS_STOP, folded
from messaging.segments import unsendable_characters

_WORDS = ("stop", "start", "yes", "help", "polite", "near")
_MEANINGS = ("stop", "start", "yes", "help")  # one word has one of these
_REPLIES = ("stop_reply", "start_reply", "help_reply")


class KeywordSetForm(forms.ModelForm):
    """Lists of words, checked so that no message means two things."""

    class Meta:
        model = KeywordSet
        fields = ("language", *_WORDS, *_REPLIES)
        widgets = {
            name: forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField", "dir": "auto"})
            for name in (*_WORDS, *_REPLIES)
        }

    def clean_language(self) -> str:
        """Two letters."""
        language: str = self.cleaned_data["language"].strip().lower()
        if not re.fullmatch(r"[a-z]{2,3}", language):
            raise ValidationError(gettext("Use the two letters of the language, such as en or fr."), code="language")
        return language

    def clean(self) -> dict[str, Any]:
        """Each word has one meaning, what the law names stays, and answers can be sent."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not folded(cleaned.get("stop", "")):
            self.add_error("stop", gettext("Enter at least one word, parted from the next by a comma."))
        kept = {found for word in ALWAYS_STOP for found in folded(word)}
        seen: dict[str, str] = {}
        for name in _MEANINGS:
            for word in folded(cleaned.get(name, "")):
                before = seen.setdefault(word, name)
                if before != name:
                    labels = (str(self.fields[before].label).lower(), str(self.fields[name].label).lower())
                    self.add_error(name, gettext("%s is a word for %s and for %s. Keep one.") % (word, *labels))
                if name != "stop" and word in kept:
                    self.add_error(name, gettext("%s always means an opt-out. Take it out of this list.") % word)
        for name in _REPLIES:
            if unsendable_characters(cleaned.get(name, "")):
                self.add_error(name, gettext("This holds a character that cannot be sent. Type it again."))
        return cleaned


@admin.register(KeywordSet)
class KeywordSetAdmin(NeverDeletedMixin, ProductAdmin):
    """One row a language. The seven words that the law names count in every language, whatever stands here."""

    form = KeywordSetForm
    visible_through = None
    list_display = ("name", "language", "stop", "start", "help", "updated_at")
    search_fields = ("language", "stop", "start", "help", "near")
    search_help_text = _("Language or word")
    ordering = ("language",)
    fieldsets = (
        (None, {"fields": ("language",)}),
        (
            _("Words that act by themselves"),
            {
                "fields": ("stop", "start", "yes", "help"),
                "description": _(
                    "A message that is one of these and nothing else. stop, quit, end, revoke, opt out, cancel and "
                    "unsubscribe always count."
                ),
            },
        ),
        (_("Words that raise a question to an agent"), {"fields": ("polite", "near")}),
        (
            _("Answers"),
            {
                "fields": _REPLIES,
                "description": _("Sent once, in the customer's language. Without a text in theirs, English is used."),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: KeywordSet | None = None) -> Any:
        return ("language",) if obj else ()

    @admin.display(description=_("name"), ordering="language")
    def name(self, words: KeywordSet) -> str:
        return language_name(words.language)
