"""The actions of a list as buttons on one row's page, and the page in between where an action needs words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext

MOST_AT_ONCE = 200
SENTENCES_SHOWN = 10
CONFIRMED = "apply"  # the name of the button on the page in between


class ObjectActionsMixin(admin.ModelAdmin):
    """Gives one row the actions named in `object_actions`, as buttons. They keep their permissions."""

    object_actions: ClassVar[Sequence[str]] = ()
    change_form_template = "admin/object_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<path:object_id>/do/<slug:action>/",
            self.admin_site.admin_view(self.do_action),
            name=f"{self.opts.app_label}_{self.opts.model_name}_do",
        )
        return [own, *super().get_urls()]

    def do_action(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Do one of the object's actions to it; 404 for what this user may not see or do."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        one: Any = self.get_object(request, object_id)
        function, _label = self._allowed(request).get(action, (None, ""))
        if function is None:
            return self.admin_site.denied(request, gettext("This action is not open to you."))  # type: ignore[attr-defined]
        answer = function(self, request, self.get_queryset(request).filter(pk=one.pk))
        return answer or HttpResponseRedirect(self._address("change", one.pk))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        one = kwargs.get("obj")
        if one is not None:
            context["object_buttons"] = [
                (self._address("do", one.pk, name), label)
                for name, (_do, label) in self._allowed(request).items()
                if self.fits(one, name)
            ]
            context["inbox_url"] = self.inbox_url(one)
        return super().render_change_form(request, context, *args, **kwargs)

    def inbox_url(self, one: Any) -> str:
        """Where the inbox shows this row; empty for rows that it does not show."""
        return ""

    def fits(self, one: Any, action: str) -> bool:
        """Whether one of the object's actions makes sense for this row: a button is shown only then."""
        return True

    def action_page(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        *,
        action: str,
        title: str,
        button: str,
        form: forms.Form | None = None,
        sentence: str = "",
        danger: bool = False,
    ) -> HttpResponse:
        """The page in between: what is about to be done to what, and the form if there is one.

        `danger` says that it cannot be taken back.
        """
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "sentence": sentence,
            "rows": queryset[:MOST_AT_ONCE],
            "form": form,
            "media": self.media + form.media if form else self.media,
            "button": button,
            "danger": danger,
            "action": action,
            "opts": self.opts,
            "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "confirmed": CONFIRMED,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/action_page.html", context)

    def report(self, request: HttpRequest, done: int, sentence: str, refused: Iterable[tuple[object, str]]) -> None:
        """Say how many rows an action was done to, and for each of the others why not."""
        if done:
            self.message_user(request, sentence, messages.SUCCESS)
        refusals = list(refused)
        for row, reason in refusals[:SENTENCES_SHOWN]:
            self.message_user(request, f"{row}: {reason}", messages.ERROR)
        if rest := len(refusals[SENTENCES_SHOWN:]):
            text = ngettext("%d more was refused.", "%d more were refused.", rest) % rest
            self.message_user(request, text, messages.ERROR)

    def is_too_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> bool:
        """Refuse more rows than one page view can work through."""
        if queryset[: MOST_AT_ONCE + 1].count() <= MOST_AT_ONCE:
            return False
        text = gettext("Choose at most %d rows at a time. Nothing was done.") % MOST_AT_ONCE
        self.message_user(request, text, messages.ERROR)
        return True

    def _allowed(self, request: HttpRequest) -> dict[str, tuple[Any, str]]:
        """What this user may do to one row: the functions and their labels, by name."""
        allowed: dict[str, Any] = self.get_actions(request)
        return {name: (allowed[name][0], allowed[name][2]) for name in self.object_actions if name in allowed}

    def _address(self, page: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)


def sentences(error: ValidationError) -> str:
    """What a refusal says, as one text."""
    return " ".join(error.messages)


def conversation_url(conversation_id: int) -> str:
    """The inbox's page of a conversation."""
    return reverse("conversation", args=[conversation_id])


def query_with(request: HttpRequest, **choice: Any) -> str:
    """The query of the present page with a choice added: what says that the page is a pop-up stays."""
    query = request.GET.copy()
    for name, value in choice.items():
        query[name] = str(value)
    return f"?{query.urlencode()}"
