"""Choosing a WhatsApp template and filling it in: in a conversation, or as the first message to somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations.forms.templates import TemplateForm, typed_in
from conversations.models import Contact, Conversation, Message, Stream, User, WhatsAppTemplate
from conversations.models.message import Kind, Purpose
from conversations.models.stream import Channel
from conversations.models.template import TemplateStatus
from conversations.services.compose import queue_template
from conversations.services.conversations import contact_for_number, open_conversation
from conversations.services.gate import Verdict, can_send
from conversations.services.replies import time_to_undo
from conversations.views.conversation import conversation_address
from conversations.views.recipients import read_recipient
from conversations.views.requests import UNPROCESSABLE, number_in, signed_in, visible_conversation
from conversations.views.template_preview import body_text, preview


@dataclass(frozen=True, slots=True)
class Target:
    """Where a template goes: `open` gives the conversation, made when the message is sent and not before."""

    stream: Stream
    contact: Contact
    address: str
    back: str
    open: Callable[[], Conversation]
    to: str = ""

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

    def found(self, templates: Iterable[WhatsAppTemplate], language: str) -> list[WhatsAppTemplate]:
        """What matches: those that can be sent first, of these the customer's language."""
        words = self.text.lower().split()
        found = [
            one
            for one in templates
            if all(word in f"{one.name} {body_text(one)}".lower() for word in words)
            and self.language in ("", one.language)
            and self.category in ("", one.category)
        ]
        theirs = language[:2].lower()

        def rank(one: WhatsAppTemplate) -> tuple[bool, bool, str, str]:
            foreign = bool(theirs) and one.language[:2].lower() != theirs
            return one.status != TemplateStatus.APPROVED, foreign, one.name, one.language

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


def _opened(stream: Stream, to: str, user: User) -> Conversation:
    return open_conversation(stream=stream, contact=contact_for_number(to, stream=stream), actor=user)


def _picker(request: HttpRequest, target: Target) -> HttpResponse:
    if target.stream.channel != Channel.WHATSAPP:
        raise Http404("Templates are for WhatsApp.")
    user = signed_in(request)
    template = _chosen(request, target.stream)
    if request.method != "POST":
        form = None
        if template:
            again = _filled_in_before(request, target, template)
            form = TemplateForm(initial=again, template=template, contact=target.contact)
        return _page(request, target, user, template, form)
    if template is None:
        raise Http404("No such template.")
    form = TemplateForm(request.POST, template=template, contact=target.contact)
    if form.is_valid():
        try:
            with transaction.atomic():
                message = queue_template(
                    conversation=target.open(),
                    template=template,
                    values=form.values,
                    author=user,
                    media=form.media_given,
                    client_key=form.cleaned_data["client_key"],
                    scheduled_for=form.cleaned_data["scheduled_for"],
                    hold=time_to_undo(user, form.cleaned_data["scheduled_for"]),
                )
        except ValidationError as error:
            form.take_refusal(error)
        else:
            return HttpResponseRedirect(conversation_address(request, message.conversation))
    return _page(request, target, user, template, form, status=UNPROCESSABLE)


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
    context: dict[str, Any] = {
        "target": target,
        "search": search,
        "kept": urlencode({**target.in_address, **search.in_address}),
        "languages": sorted({one.language for one in every}),
        "categories": sorted({(one.category, one.get_category_display()) for one in every}),
        "choices": [(one, body_text(one)) for one in search.found(every, target.contact.language)],
        "template": template,
        "form": form,
        "verdict": _verdict(target, user, template),
        "to_fix": sum(map(len, form.errors.values())) if form else 0,
    }
    if template and form:
        context["preview"] = preview(template, form.typed_values())
    return render(request, "template_picker/page.html", context, status=status)


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
        purpose=Purpose.MARKETING if template.category == "marketing" else Purpose.SERVICE,
        at=timezone.now(),
        author=user,
        template=template,
    )


@require_POST
def previewed(request: HttpRequest) -> HttpResponse:
    """The phone's picture of a template with what is typed so far. Nothing is stored."""
    visible = WhatsAppTemplate.objects.visible_to(signed_in(request)).select_related("stream")
    template = get_object_or_404(visible, pk=number_in(request, "template"))
    form = TemplateForm(request.POST, template=template, contact=None)
    context = {"preview": preview(template, form.typed_values()), "stream": template.stream, "form": form}
    return render(request, "template_picker/_phone.html", context)
