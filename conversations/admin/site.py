"""The administration: who may enter it, how it is titled, and how its first page is ordered."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from conversations.admin import attention, operations
from conversations.admin.mixins import MANAGE
from conversations.services.signed_in import way_to_prove

# The first page lists models by what people come for, not by the Python package they lie in.
SUBJECTS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    (
        "inbox",
        _("Conversations"),
        ("Conversation", "Message", "Activity", "Indicator", "Tag", "CannedReply", "WhatsAppTemplate", "Attachment"),
    ),
    ("mirror", _("At the provider"), ("ConversationMirror", "Drift")),
    ("customers", _("Customers and consent"), ("Contact", "OptIn", "ConsentState", "KeywordSet")),
    ("campaigns", _("Campaigns"), ("Campaign", "CampaignRecipient")),
    (
        "lines",
        _("Accounts and streams"),
        (
            *("ProviderAccount", "Stream", "SendingPolicy", "WorkingHours", "SubStream", "StreamGate"),
            "WebhookSubscription",
        ),
    ),
    (
        "people",
        _("People"),
        ("User", "Team", "TeamMembership", "TeamStream", "AgentIdentity", "Group", "AuditEntry", "ApiKey"),
    ),
    (
        "wire",
        _("What went over the wire"),
        (
            *("SendAttempt", "AttemptResult", "MessageEvent", "Receipt", "WebhookEvent", "DispatcherTick"),
            *("TemplateVersion", "TemplateStatusChange", "NumberCheck", "WebhookDelivery"),
        ),
    ),
)
OTHERS = _("More")
# Pages with secrets, rights or downloads, and lists whose actions change such: for who proved a short time ago who
# they are.
NEEDS_PROOF = frozenset(
    (
        *(f"conversations_provideraccount_{page}" for page in ("add", "change", "do")),
        *(f"conversations_user_{page}" for page in ("add", "change", "do")),
        *(f"conversations_apikey_{page}" for page in ("add", "change", "do")),
        *(f"conversations_webhooksubscription_{page}" for page in ("add", "change", "do")),
        *("auth_user_password_change", "auth_group_add", "auth_group_change", "conversations_auditentry_export"),
    )
)
NEEDS_PROOF_TO_POST = frozenset(
    f"conversations_{model}_changelist" for model in ("provideraccount", "user", "apikey", "webhooksubscription")
)


class ParleyAdminSite(AdminSite):
    """Django's admin under our name, with the product's sign-in instead of a second one.

    There is one in a process. Django makes its site by calling this class, and while it imports this package for
    that, the pages already register themselves, which makes the site too: both must come to the same one.
    """

    _the_one: ClassVar[Self | None] = None

    site_header = _("Parley administration")
    site_title = "Parley"
    index_title = _("Administration")
    site_url = "/"

    def __new__(cls, name: str = "admin") -> Self:
        if cls._the_one is None:
            cls._the_one = super().__new__(cls)
            super().__init__(cls._the_one, name)
        return cls._the_one

    def __init__(self, name: str = "admin") -> None:
        """Nothing: the one site was set up when it was made."""

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Django's pages, and ours that belong to no model."""
        return [path("operations/", self.admin_view(operations.page), name="operations"), *super().get_urls()]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Django's guard, which also refuses what no query can hold, and asks for a fresh proof where there is need."""

        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if "%00" in request.META.get("QUERY_STRING", ""):
                raise BadRequest("An address may not hold the character NUL.")
            page = request.resolver_match.url_name if request.resolver_match else ""
            if page in NEEDS_PROOF or (request.method == "POST" and page in NEEDS_PROOF_TO_POST):
                address = way_to_prove(request)
                if address:
                    return HttpResponseRedirect(address)
            return view(request, *args, **kwargs)

        checked.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
        return super().admin_view(checked, cacheable)

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send strangers to the product's sign-in page, and tell whoever is signed in that they may not enter."""
        index = reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
            own = url_has_allowed_host_and_scheme(
                wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
            )
            return redirect_to_login(wanted if own else index, settings.LOGIN_URL)
        if self.has_permission(request):
            return HttpResponseRedirect(index)
        return self.denied(request, gettext("The administration is for supervisors and administrators."))

    def denied(self, request: HttpRequest, sentence: str) -> HttpResponse:
        """A page that says what somebody may not enter, and who can change that."""
        context = {
            **self.each_context(request),
            "title": gettext("You do not have access to this page"),
            "sentence": sentence,
        }
        request.current_app = self.name
        return TemplateResponse(request, "admin/denied.html", context, status=403)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page of the administration knows; adds whether to link to the queues."""
        user: Any = request.user
        return {
            **super().each_context(request),
            "may_see_queues": user.is_authenticated and user.has_perm(MANAGE),
        }

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The first page: what to look at, then every model by subject."""
        shown = {"attention": attention.lines(self, request), "first_steps": attention.first_steps(self, request)}
        return super().index(request, {**shown, **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The models this user may see, by subject."""
        found = {
            model["object_name"]: model for app in super().get_app_list(request, app_label) for model in app["models"]
        }
        groups = [
            (label, title, [found.pop(name) for name in names if name in found]) for label, title, names in SUBJECTS
        ]
        groups.append(("more", OTHERS, list(found.values())))
        return [
            {
                "name": str(title),
                "app_label": label,
                "app_url": f"{reverse('admin:index', current_app=self.name)}#{label}",
                "has_module_perms": True,
                "models": models,
            }
            for label, title, models in groups
            if models
        ]
