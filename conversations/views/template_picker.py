"""Choosing a WhatsApp template and filling it in: in a conversation, or as the first message to somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.templates import TemplateForm, typed_in
from conversations.models import Contact, Conversation, Message, Stream, User, WhatsAppTemplate
from conversations.models.draft import DraftKind
from conversations.models.message import Kind, Purpose
from conversations.models.stream import Channel
from conversations.models.template import TemplateStatus
from conversations.services.attachments import keep_upload
from conversations.services.compose import queue_template
from conversations.services.conversations import contact_for_number, open_conversation
from conversations.services.drafts import drafts_in
from conversations.services.gate import Verdict, can_send
from conversations.services.holding import hold_and_send_template
from conversations.services.replies import time_to_undo
from conversations.views.chips import permission_chip
from conversations.views.conversation import conversation_address
from conversations.views.recipients import number_of, read_recipient
from conversations.views.requests import UNPROCESSABLE, number_in, signed_in, visible_conversation
from conversations.views.template_preview import Preview, body_text, preview
from conversations.views.template_suggestion import suggested_template
from conversations.views.templates import uses_of
from messaging.whatsapp import file_kind_of


@dataclass(frozen=True, slots=True)
class Target:
    """Where a template goes: `open` gives the conversation, made when the message is sent and not before.

    `holds` says that the customer's window is closed, so that an answer can be held, `draft` what was begun of one.
    `free_until` is when an open window closes, `suggested` the template that most likely is wanted.
    """

    stream: Stream
    contact: Contact
    address: str
    back: str
    open: Callable[[], Conversation]
    to: str = ""
    holds: bool = False
    draft: str = ""
    free_until: datetime | None = None
    suggested: WhatsAppTemplate | None = None

    @property
    def in_address(self) -> dict[str, object]:
        """What its address needs besides the template."""
        return {"to": self.to, "stream": self.stream.pk} if self.to else {}


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for among a stream's templates."""

    text: str = ""
    language: str = ""
    category: str = ""

    @classmethod
    def read(cls, request: HttpRequest) -> Search:
        """As the address has it."""
        given = request.GET
        return cls(given.get("q", "").strip()[:100], given.get("language", ""), given.get("category", ""))

    @property
    def in_address(self) -> dict[str, str]:
        """The same for an address."""
        words = {"q": self.text, "language": self.language, "category": self.category}
        return {name: value for name, value in words.items() if value}

    def found(
        self, templates: Iterable[WhatsAppTemplate], language: str, suggested: WhatsAppTemplate | None
    ) -> list[WhatsAppTemplate]:
        """What matches: those that can be sent first, of these `suggested`, then the customer's language, then ours."""
        words = self.text.lower().split()
        found = [
            one
            for one in templates
            if all(word in f"{one.name} {body_text(one)}".lower() for word in words)
            and self.language in ("", one.language)
            and self.category in ("", one.category)
        ]
        first = (language[:2].lower(), settings.LANGUAGE_CODE[:2])

        def rank(one: WhatsAppTemplate) -> tuple[bool, bool, int, str, str]:
            known = one.language[:2].lower()
            place = first.index(known) if known in first else len(first)
            return one.status != TemplateStatus.APPROVED, one != suggested, place, one.name, one.language

        return sorted(found, key=rank)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def in_conversation(request: HttpRequest, pk: int) -> HttpResponse:
    """A template to the customer of a conversation."""
    conversation = visible_conversation(request, pk)
    target = Target(
        stream=conversation.stream,
        contact=conversation.contact,
        address=reverse("conversation-template", args=[pk]),
        back=conversation_address(request, conversation),
        open=lambda: conversation,
        holds=not conversation.window_is_open,
        draft=_begun(conversation, signed_in(request)),
        suggested=suggested_template(conversation),
        free_until=conversation.window_closes_at if conversation.window_is_open else None,
    )
    return _picker(request, target)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def to_somebody(request: HttpRequest) -> HttpResponse:
    """A template as the first message; `?to=` and `?stream=` say to whom and from where."""
    user = signed_in(request)
    streams = Stream.objects.sendable_by(user).working().select_related("account")
    stream = get_object_or_404(streams, pk=number_in(request, "stream"))
    to = request.POST.get("to") or request.GET.get("to", "")
    found = read_recipient(to, user, [stream])
    again = f"{reverse('compose')}?{urlencode({'to': to, 'stream': stream.pk})}"
    if found.contact is None:
        return HttpResponseRedirect(again)  # the form says what is wrong with the number
    target = Target(
        stream=stream,
        contact=found.contact,
        address=reverse("new-template"),
        back=again,
        open=partial(_opened, stream, to, user),
        to=to,
    )
    return _picker(request, target)


def _begun(conversation: Conversation, user: User) -> str:
    draft = drafts_in(conversation, user).get(DraftKind.REPLY)
    return draft.body if draft else ""


def _opened(stream: Stream, to: str, user: User) -> Conversation:
    return open_conversation(stream=stream, contact=contact_for_number(number_of(to, user), stream=stream), actor=user)


def _picker(request: HttpRequest, target: Target) -> HttpResponse:
    if target.stream.channel != Channel.WHATSAPP:
        raise Http404("Templates are for WhatsApp.")
    user = signed_in(request)
    template = _chosen(request, target.stream)
    if request.method != "POST":
        form = None
        if template:
            again = _filled_in_before(request, target, template)
            given = {"held_body": target.draft} | again
            form = TemplateForm(initial=given, template=template, contact=target.contact, holds=target.holds)
        return _page(request, target, user, template, form)
    if template is None:
        raise Http404("No such template.")
    given = request.POST.copy()
    problem = _keep_file(request, given, template, user)
    form = TemplateForm(given, template=template, contact=target.contact, holds=target.holds)
    if problem is not None:
        form.take_refusal(problem)
    elif form.is_valid():
        try:
            with transaction.atomic():
                message = _send(form, target.open(), user)
        except ValidationError as error:
            form.take_refusal(error)
        else:
            return HttpResponseRedirect(conversation_address(request, message.conversation))
    form.focus_on_problem()
    return _page(request, target, user, template, form, status=UNPROCESSABLE)


def _keep_file(
    request: HttpRequest, given: QueryDict, template: WhatsAppTemplate, user: User
) -> ValidationError | None:
    """Keep a file that came with the form, so that it is there when something else has to be mended first."""
    file = request.FILES.get("media_file")
    kind = file_kind_of(template.components)
    if file is None or not kind:
        return None
    try:
        kept = keep_upload(
            stream=template.stream, kind=kind, filename=file.name or "", content=file.read(), uploaded_by=user
        )
    except ValidationError as error:
        return error
    given["media_ref"] = str(kept.ref)
    return None


def _send(form: TemplateForm, conversation: Conversation, user: User) -> Message:
    """Queue what was filled in; with an answer to hold, both or neither."""
    assert form.of_template is not None
    common: dict[str, Any] = {
        "conversation": conversation,
        "template": form.of_template,
        "values": form.values,
        "author": user,
        "media": form.media_given,
        "client_key": form.cleaned_data["client_key"],
        "hold": time_to_undo(user, form.cleaned_data["scheduled_for"]),
    }
    if answer := form.cleaned_data.get("held_body", "").strip():
        return hold_and_send_template(body=answer, **common)[1]
    return queue_template(scheduled_for=form.cleaned_data["scheduled_for"], **common)


def _page(
    request: HttpRequest,
    target: Target,
    user: User,
    template: WhatsAppTemplate | None,
    form: TemplateForm | None,
    status: int = 200,
) -> HttpResponse:
    search = Search.read(request)
    every = list(target.stream.templates.all())
    uses = uses_of([one.pk for one in every])
    context: dict[str, Any] = {
        "target": target,
        "search": search,
        "kept": urlencode({**target.in_address, **search.in_address}),
        "languages": sorted({one.language for one in every}),
        "categories": sorted({(one.category, one.get_category_display()) for one in every}),
        "choices": [
            (one, body_text(one), uses.get(one.pk))
            for one in search.found(every, target.contact.language, target.suggested)
        ],
        "approved_at": _approved_at(template),
        "template": template,
        "form": form,
        "permission": permission_chip(target.contact, target.stream, template.purpose if template else Purpose.SERVICE),
        "verdict": _verdict(target, user, template),
        "wrong": sorted(form.errors) if form else [],
    }
    if template and form:
        context["preview"] = _seen(template, form, checked=form.is_bound)
    return render(request, "template_picker/page.html", context, status=status)


def _seen(template: WhatsAppTemplate, form: TemplateForm, *, checked: bool) -> Preview:
    """The phone's picture; of a form that was checked, without the values that have to be mended."""
    values = form.usable_values() if checked else form.typed_values()
    return preview(template, values, file_name=form.file_name, file_note=form.file_note)


def _approved_at(template: WhatsAppTemplate | None) -> datetime | None:
    changes = template.status_changes.filter(to_status=TemplateStatus.APPROVED) if template else None
    return changes.values_list("created_at", flat=True).first() if changes is not None else None


def _chosen(request: HttpRequest, stream: Stream) -> WhatsAppTemplate | None:
    pk = number_in(request, "template")
    return get_object_or_404(stream.templates.all(), pk=pk) if pk else None


def _filled_in_before(request: HttpRequest, target: Target, template: WhatsAppTemplate) -> dict[str, str]:
    """What stood in the fields of the message `?again=`, which went to this customer; nothing without one."""
    if not (pk := number_in(request, "again")):
        return {}
    visible = Message.objects.visible_to(signed_in(request)).outbound()
    message = visible.filter(pk=pk, template=template, conversation__contact=target.contact.pk).first()
    return typed_in(template, message.template_values, message.media) if message else {}


def _verdict(target: Target, user: User, template: WhatsAppTemplate | None) -> Verdict | None:
    """What the gate says to the chosen template; None before one is chosen."""
    if template is None:
        return None
    return can_send(
        stream=target.stream,
        contact=target.contact,
        kind=Kind.TEMPLATE,
        purpose=template.purpose,
        at=timezone.now(),
        author=user,
        template=template,
    )


@require_POST
def previewed(request: HttpRequest) -> HttpResponse:
    """The phone's picture of a template with what is typed so far. Nothing is stored.

    A form that was refused once (`tried`) is checked as well: the answer says how many values are still to be mended.
    """
    visible = WhatsAppTemplate.objects.visible_to(signed_in(request)).select_related("stream")
    template = get_object_or_404(visible, pk=number_in(request, "template"))
    form = TemplateForm(request.POST, template=template, contact=None)
    tried = "tried" in request.POST
    context = {"preview": _seen(template, form, checked=tried), "stream": template.stream, "tried": tried}
    if tried:
        context["wrong"] = sorted(form.errors)
    return render(request, "template_picker/_previewed.html", context)
