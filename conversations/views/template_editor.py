"""Writing a draft: checked by the server while somebody types, and the same without a script by a button."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.template_draft import TemplateDraftForm, fields_of
from conversations.models import User, WhatsAppTemplate
from conversations.models.template import TemplateStatus
from conversations.services.templates import save_draft
from conversations.views.requests import UNPROCESSABLE, number_in, signed_in
from conversations.views.template_preview import preview_of
from conversations.views.templates import visible_template
from messaging.whatsapp import samples_of


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_draft(request: HttpRequest) -> HttpResponse:
    """A new draft; `?copy=` begins with the words of another template, `&language=` for another language of it."""
    user = _writer(request)
    initial: dict[str, Any] = {"language": "en_GB"}
    if pk := number_in(request, "copy"):
        copied = visible_template(request, pk)
        initial = fields_of(copied) | {"name": f"{copied.name[:500]}_2"}
    return _editor(request, user, None, initial)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a draft."""
    row, user = visible_template(request, pk), _writer(request)
    if row.status != TemplateStatus.DRAFT:
        messages.error(request, "WhatsApp holds this template already. Copy it to write another.")
        return HttpResponseRedirect(reverse("template", args=[pk]))
    return _editor(request, user, row, {})


def _writer(request: HttpRequest) -> User:
    user = signed_in(request)
    if not user.has_perm("conversations.change_whatsapptemplate"):
        raise PermissionDenied
    return user


def _editor(request: HttpRequest, user: User, row: WhatsAppTemplate | None, initial: dict[str, Any]) -> HttpResponse:
    if request.method != "POST":
        return _page(request, TemplateDraftForm(user=user, template=row, initial=initial), row)
    form = TemplateDraftForm(request.POST, user=user, template=row)
    if "save" not in request.POST:  # the buttons that check, and that add a button to the template
        return _page(request, form, row)
    if form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("stream", "name", "language", "category")}
        try:
            saved = save_draft(**given, components=form.components, actor=user, template=row)
        except ValidationError as error:
            form.take_refusal(error)
        else:
            left = sum(map(len, form.problems().values()))
            words = f" WhatsApp would refuse {left} thing{'s' if left > 1 else ''} in it." if left else ""
            messages.success(request, f"Draft saved.{words}")
            return HttpResponseRedirect(reverse("template", args=[saved.pk]))
    return _page(request, form, row, status=UNPROCESSABLE)


def _page(
    request: HttpRequest, form: TemplateDraftForm, row: WhatsAppTemplate | None, status: int = 200
) -> HttpResponse:
    return render(request, "templates/editor.html", {"template": row, **_checked(form)}, status=status)


def _checked(form: TemplateDraftForm) -> dict[str, Any]:
    """What is wrong so far, how much room is left, and the picture."""
    # Before anything is typed nothing is wrong yet.
    problems = form.problems() if form.is_bound or form.initial.get("body") else {}
    stream = form.fields["stream"].queryset.first()  # type: ignore[attr-defined]
    components = form.components
    return {
        "form": form,
        "problems": problems,
        "problem_count": sum(map(len, problems.values())),
        "hints": form.hints(),
        "preview": preview_of(components, samples_of(components)),
        "stream": stream,
    }


@require_POST
def check_draft(request: HttpRequest) -> HttpResponse:
    """The objections, the room that is left and the picture, for what is typed so far. Nothing is stored.

    The samples are sent again only when the variables are others than those on the page: whoever types in one keeps
    the caret.
    """
    form = TemplateDraftForm(request.POST, user=_writer(request))
    if not form.fields["stream"].queryset.exists():  # type: ignore[attr-defined]
        raise Http404
    context = _checked(form) | {"new_samples": request.POST.get("sample_names", "") != form.sample_names}
    return render(request, "templates/checked.html", context)
