"""RQ's dashboard, for those who manage accounts alone: django-rq itself lets in whoever may enter the administration.

`config/urls.py` includes this module in the place of `django_rq.urls`; the names stay `django_rq:...`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django_rq.admin import QueueAdmin
from django_rq.models import Dashboard
from django_rq.urls import get_admin_urlpatterns, get_api_urlpatterns
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError

from conversations.admin.mixins import MANAGE, signed_in


def guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """One of django-rq's pages behind the right to manage accounts.

    Where the page itself would break, over a queue, job or worker that is none, the answer is 404; without Valkey it
    says so.
    """

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        site: Any = admin.site
        if not signed_in(request).has_perm(MANAGE):
            return site.denied(request, gettext("The queues are for those who manage accounts and streams."))
        following = request.POST.get("next_url", "")
        if following and not url_has_allowed_host_and_scheme(following, allowed_hosts={request.get_host()}):
            raise BadRequest("The page to go on to is not one of ours.")
        try:
            return view(request, *args, **kwargs)
        except (IndexError, ValueError, NoSuchJobError) as error:
            raise Http404 from error
        except RedisError:
            context = {**site.each_context(request), "title": gettext("The queues do not answer")}
            return TemplateResponse(request, "admin/queues_away.html", context, status=503)

    return admin.site.admin_view(page)


def _guarded_patterns() -> list[URLPattern]:
    found = [*get_api_urlpatterns(), *get_admin_urlpatterns()]
    patterns = [pattern for pattern in found if pattern.name != "scheduler_jobs"]  # needs rq-scheduler
    for pattern in patterns:
        pattern.callback = guarded(pattern.callback)
    return patterns


app_name = "django_rq"
urlpatterns = _guarded_patterns()

# django-rq also registers its dashboard as a model of the administration, for every member of staff.
if admin.site.is_registered(Dashboard) and isinstance(admin.site.get_model_admin(Dashboard), QueueAdmin):
    admin.site.unregister(Dashboard)
