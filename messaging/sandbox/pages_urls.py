"""The addresses of the sandbox's pages."""

from __future__ import annotations

from django.urls import path, re_path

from .pages import about, handset, ledger

_PHONE = r"^handset/(?P<digits>[0-9]{3,20})/"

urlpatterns = [
    path("", handset.start),
    path("handset/", handset.handset),
    path("handset/add/", handset.add),
    re_path(rf"{_PHONE}$", handset.handset),
    re_path(rf"{_PHONE}live/$", handset.live),
    re_path(rf"{_PHONE}reply/$", handset.reply),
    re_path(rf"{_PHONE}open-link/$", handset.open_link),
    re_path(rf"{_PHONE}outcome/$", handset.outcome),
    re_path(rf"{_PHONE}account/$", handset.account_outcome),
    re_path(rf"{_PHONE}skip/$", handset.skip_24_hours),
    re_path(rf"{_PHONE}block/$", handset.block),
    path("ledger/", ledger.ledger),
    path("ledger/<int:entry_id>/", ledger.exchange),
    path("about/", about.about),
    path("theme/", about.choose_theme),
]
