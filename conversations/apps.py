from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConversationsConfig(AppConfig):
    """The product."""

    name = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Registers the system checks.
        import conversations.checks  # noqa: F401
        import messaging.checks  # noqa: F401
        from conversations.permissions import make_missing_roles
        from conversations.services import signed_in
        from conversations.services.audit import watch_sign_ins
        from conversations.services.opt_in_words import make_missing_keywords

        watch_sign_ins()
        signed_in.watch()
        # Permissions exist only after migrate, so the groups that hold them are made there.
        post_migrate.connect(make_missing_roles, sender=self, dispatch_uid="make_missing_roles")
        post_migrate.connect(make_missing_keywords, sender=self, dispatch_uid="make_missing_keywords")
