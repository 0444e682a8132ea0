"""Canned replies: the texts that agents insert by a shortcut."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from conversations.admin.display import words
from conversations.admin.filters import TeamFilter
from conversations.admin.mixins import ProductAdmin, signed_in
from conversations.models import CannedReply, Team
from conversations.models.canned_reply import SHORTCUT
from messaging.merge import MergeError, fields_of
from messaging.segments import is_blank, unsendable_characters


class CannedReplyForm(forms.ModelForm):
    """A text, with its fields checked while it is written and not when a customer waits."""

    shortcut = forms.CharField(
        max_length=40,
        help_text=CannedReply._meta.get_field("shortcut").help_text,
        validators=[
            RegexValidator(
                SHORTCUT, _("Use lower-case letters, digits and hyphens, such as refund-timing."), "shortcut"
            )
        ],
    )

    class Meta:
        model = CannedReply
        fields = ("shortcut", "title", "body", "team", "language")
        widgets = {"body": forms.Textarea(attrs={"rows": 8, "class": "vLargeTextField", "dir": "auto"})}

    def clean_body(self) -> str:
        """Something to read, in characters that can be sent, with fields that are well formed."""
        body: str = self.cleaned_data["body"].replace("\r\n", "\n")
        if is_blank(body):
            raise ValidationError(_("Write the text."), code="empty_body")
        if unsendable_characters(body):
            raise ValidationError(_("This holds a character that cannot be sent. Type it again."), code="unsendable")
        try:
            fields_of(body)
        except MergeError as error:
            raise ValidationError(error.sentence, code=error.code) from error
        return body


@admin.register(CannedReply)
class CannedReplyAdmin(ProductAdmin):
    """The texts of everybody and of the own teams."""

    form = CannedReplyForm
    list_display = ("shortcut", "title", "first_words", "for_whom", "language", "updated_at")
    list_filter = (("team", admin.EmptyFieldListFilter), TeamFilter, "language")
    list_select_related = ("team",)
    search_fields = ("shortcut", "title", "body")
    search_help_text = _("Shortcut, title or wording")
    ordering = ("shortcut", "language", "pk")

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> QuerySet[Any] | None:
        """Of teams, those that whoever asks belongs to; everybody's for those who see everything."""
        user = signed_in(request)
        if db_field.name == "team" and not user.sees_everything:
            return Team.objects.filter(memberships__user=user.pk)
        return super().get_field_queryset(db, db_field, request)

    @admin.display(description=_("text"))
    def first_words(self, reply: CannedReply) -> Any:
        return words(reply.body)

    @admin.display(description=_("for"), ordering="team__name")
    def for_whom(self, reply: CannedReply) -> str:
        return str(reply.team or _("Everybody"))
