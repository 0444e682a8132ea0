"""Looking at the administration as a person does: pages, forms that come back, sentences."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from conversations.models import User


def signed_in(user: User) -> Client:
    """A browser in which that user is signed in."""
    client = Client()
    client.force_login(user)
    return client


def page(model: type[Model], name: str, *args: Any) -> str:
    """The address of a page of a model."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def act(browser: Client, action: str, *rows: Model, **fields: Any) -> HttpResponse:
    """Choose rows of a list and do an action to them; `fields` are those of the page in between."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    confirmed = fields | {"apply": "1"} if fields else {"index": "0"}
    return browser.post(page(type(rows[0]), "changelist"), chosen | confirmed)


def errors_of(answer: HttpResponse) -> dict[str, list[str]]:
    """The errors of the form that came back."""
    assert answer.status_code == 200
    context: Any = answer.context  # type: ignore[attr-defined]
    form = context["adminform"].form if "adminform" in context else context["form"]
    return {name: [str(sentence) for sentence in found] for name, found in form.errors.items()}


def told(answer: HttpResponse) -> list[str]:
    """The sentences that the person reads next."""
    return [str(message) for message in get_messages(answer.wsgi_request)]  # type: ignore[attr-defined]
