from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class ParleyAdminConfig(SimpleAdminConfig):
    """The Django admin with our site: titles, our sign-in page, default-deny for who may enter.

    Its forms and lists are loaded by those who need them, config/urls.py and the checks: a worker does without.
    """

    default_site = "conversations.admin.site.ParleyAdminSite"

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_whole_admin, checks.Tags.admin)


def check_whole_admin(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Django's check of every site, once all is registered there."""
    admin.autodiscover()
    found: list[checks.CheckMessage] = check_admin_app(app_configs, **kwargs)
    return found
