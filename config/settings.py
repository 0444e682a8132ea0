"""The one settings file: the environment decides (docs/operations.md lists every variable)."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import local_services
from config.reporting import start_reporting

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

# --- Mode: an https BASE_URL means production -------------------------------------------------------------

BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
PRODUCTION = urlsplit(BASE_URL).scheme == "https"
DEBUG = env.bool("DEBUG", default=False)
SANDBOX = env.bool("SANDBOX", default=not PRODUCTION)

if "pytest" in sys.modules:  # tests have servers of their own, in memory, and so have the processes they start
    os.environ.setdefault(local_services.PROFILE_VARIABLE, "test")
    if (lane := os.environ.get("PYTEST_XDIST_WORKER")) is not None:  # lanes side by side share no server
        os.environ[local_services.PROFILE_VARIABLE] += f"-{lane}"


def _required_in_production(name: str) -> str:
    value = env.str(name, default="")
    if value:
        return value
    if PRODUCTION:
        raise ImproperlyConfigured(f"Set {name}: a site with an https BASE_URL makes no key of its own.")
    return local_services.development_key(name)


if PRODUCTION and SANDBOX:
    raise ImproperlyConfigured("Unset SANDBOX: the sandbox does not run on a site with an https BASE_URL.")
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("Unset DEBUG: debug pages show settings to whoever causes an error.")

SECRET_KEY = _required_in_production("SECRET_KEY")
FIELD_ENCRYPTION_KEYS = [
    key.strip() for key in _required_in_production("FIELD_ENCRYPTION_KEYS").split(",") if key.strip()
]
ERASURE_KEY = _required_in_production("ERASURE_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[urlsplit(BASE_URL).hostname, "127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [BASE_URL] if PRODUCTION else []

# --- Applications -------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "conversations.apps.ConversationsConfig",
    "messaging.sandbox.apps.SandboxConfig",
    "config.apps.ParleyAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "django_rq",
    "lucide",
    "pgtrigger",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "conversations.views.signed_in.SignInFirstMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "conversations.views.refusals.PageOfRefusalMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "conversations.views.masking.MaskNumbersMiddleware",
    "conversations.views.signed_in.NoteSessionMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "conversations.views.context.site",
            ],
            "builtins": ["lucide.templatetags.lucide", "django.templatetags.static"],
        },
    },
]

DELIVERY_LEASE_SECONDS = env.float("DELIVERY_LEASE_SECONDS", default=90.0)

# --- PostgreSQL, Valkey, the sandbox's own file -------------------------------------------------------------


def _server(name: str, address: str, embedded: Callable[[], str]) -> str:
    if not address and PRODUCTION:
        raise ImproperlyConfigured(f"Set {name}: a site with an https BASE_URL does not use the embedded servers.")
    return address or embedded()


DATABASE_URL = _server("DATABASE_URL", env.str("DATABASE_URL", default=""), local_services.database_url)
REDIS_URL = _server("REDIS_URL", env.str("REDIS_URL", default=""), local_services.redis_url)

_DATABASE = env.db_url_config(DATABASE_URL)
DATABASES = {
    "default": {
        **_DATABASE,
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            # A worker that stands still inside a transaction must not hold up the others for longer than its lease.
            "options": f"-c idle_in_transaction_session_timeout={int(DELIVERY_LEASE_SECONDS * 1000)} "
            # What erased numbers are hashed with (models/erasure.py): known to sessions of ours, in no table.
            f"-c parley.erasure_key={hashlib.sha256(b'erased numbers:' + ERASURE_KEY.encode()).hexdigest()}",
            **_DATABASE.get("OPTIONS", {}),
        },
    },
    "sandbox": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": local_services.sandbox_database_path(),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
}
WEB_THREADS = env.int("WEB_THREADS", default=8)
if env.bool("DATABASE_POOL", default=False):  # set by the web process alone: workers fork, pools do not survive that
    DATABASES["default"] |= {
        "ENGINE": "config.pooled_postgresql",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,  # the engine checks: the pool's own check takes seconds for each dead connection
    }
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": WEB_THREADS + 2,
        "timeout": 10,
        "reconnect_timeout": 5,  # else the pause between two tries grows to minutes, and with it every outage
    }
DATABASE_ROUTERS = ["messaging.sandbox.router.SandboxRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# In the address, because django-rq passes no other options on: a page must not wait for a broker that is away.
_BROKER = f"{REDIS_URL}{'&' if '?' in REDIS_URL else '?'}socket_connect_timeout=0.2&socket_timeout=2"
RQ_QUEUES = {
    name: {
        "URL": _BROKER,
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "DEFAULT_TIMEOUT": 120,  # the total deadline, and the tries to store the answer of services/spool.py
    }
    for name in ("interactive", "bulk", "default")
}
RQ = {"WORKER_CLASS": "conversations.queue.Worker"}
RQ_SHOW_ADMIN_LINK = False  # our own door to the dashboard asks for more (conversations/admin/queues.py)

# --- People -------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "conversations.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "inbox"
LOGOUT_REDIRECT_URL = "sign-in"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "conversations.permissions.PermissionBackend"]
AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # a colleague behind the same router is not shut out
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "conversations.services.sign_in.username_of"
AXES_COOLOFF_TIME = "conversations.services.sign_in.wait_after_failures"
AXES_LOCKOUT_CALLABLE = "conversations.views.account.too_many_tries"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=PRODUCTION)
FRESH_SIGN_IN_MINUTES = env.float("FRESH_SIGN_IN_MINUTES", default=15)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_IDLE_MINUTES = env.float("SESSION_IDLE_MINUTES", default=30)
SESSION_COOKIE_SAMESITE = "Lax"

# --- Headers ------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "media-src": [SELF, "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- Files, language, time ------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# On a development machine files change: one whose length was read at the start would be cut off or left out.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not PRODUCTION
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", default="Europe/London")
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True

# --- Delivery (docs/architecture.md; times in seconds) --------------------------------------------------------

DELIVERY_CONNECT_SECONDS = env.float("DELIVERY_CONNECT_SECONDS", default=3.0)
DELIVERY_READ_SECONDS = env.float("DELIVERY_READ_SECONDS", default=20.0)
DELIVERY_TOTAL_SECONDS = env.float("DELIVERY_TOTAL_SECONDS", default=30.0)
DELIVERY_MARGIN_SECONDS = env.float("DELIVERY_MARGIN_SECONDS", default=5.0)
DELIVERY_HINT_SECONDS = env.float("DELIVERY_HINT_SECONDS", default=60.0)
DELIVERY_ATTEMPTS = env.int("DELIVERY_ATTEMPTS", default=8)
WEBHOOK_CONNECT_SECONDS = env.float("WEBHOOK_CONNECT_SECONDS", default=3.0)
WEBHOOK_TOTAL_SECONDS = env.float("WEBHOOK_TOTAL_SECONDS", default=5.0)
WEBHOOK_LOG_DAYS = env.int("WEBHOOK_LOG_DAYS", default=30)
MIRROR_LOOKUP_SECONDS = env.float("MIRROR_LOOKUP_SECONDS", default=60.0)
MIRROR_SYNC_MINUTES = env.float("MIRROR_SYNC_MINUTES", default=5.0)
CAMPAIGN_CHUNK = env.int("CAMPAIGN_CHUNK", default=1000)
CAMPAIGN_SECOND_PERSON_ABOVE = env.int("CAMPAIGN_SECOND_PERSON_ABOVE", default=50_000)
INTERACTIVE_WORKERS = env.int("INTERACTIVE_WORKERS", default=2)
SPOOL_FREE_MEGABYTES = env.int("SPOOL_FREE_MEGABYTES", default=50)
SPOOL_DIR = env.str("SPOOL_DIR", default=str(BASE_DIR / ".local" / "spool"))
ATTACHMENTS_DIR = env.str("ATTACHMENTS_DIR", default=str(BASE_DIR / ".local" / "attachments"))
LARGEST_UPLOAD_MEGABYTES = env.int("LARGEST_UPLOAD_MEGABYTES", default=20)
DISPATCHER_TICK_SECONDS = env.float("DISPATCHER_TICK_SECONDS", default=1.0)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Providers and the sandbox ----------------------------------------------------------------------------------

SANDBOX_PORT = env.int("SANDBOX_PORT", default=8100)
SANDBOX_URL = f"http://127.0.0.1:{SANDBOX_PORT}" if SANDBOX else ""
EXTRA_PROVIDER_HOSTS = env.list("EXTRA_PROVIDER_HOSTS", default=[])
CRM_URL = env.str("CRM_URL", default="")

# --- Logs: to standard error, never a body, a number or a secret ------------------------------------------------

LOG_FORMAT = env.str("LOG_FORMAT", default="line")
if LOG_FORMAT not in ("line", "json"):
    raise ImproperlyConfigured("LOG_FORMAT is line or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "mask": {"()": "config.logs.MaskPersonalData"},
        "not_of_dialects": {"()": "config.logs.NotOfDialects"},
    },
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "config.logs.JsonLine"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["mask"]}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "rq.worker": {"level": "WARNING"},
        "django.request": {"filters": ["not_of_dialects"]},
        "django.server": {"handlers": ["stderr"], "propagate": False},
    },
}
SENTRY_DSN = env.str("SENTRY_DSN", default="")
if SENTRY_DSN:
    start_reporting(SENTRY_DSN)
