from django.contrib.admin.apps import AdminConfig


class ParleyAdminConfig(AdminConfig):
    """The Django admin with our site: titles, our sign-in page, default-deny for who may enter."""

    default_site = "conversations.admin.site.ParleyAdminSite"
