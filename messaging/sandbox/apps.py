from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """The sandbox: label `sandbox`, rows in DATABASES["sandbox"] (see router.py)."""

    name = "messaging.sandbox"
    label = "sandbox"
    verbose_name = "Sandbox"
    default_auto_field = "django.db.models.BigAutoField"
