"""The administration: whoever may enter it, and how it is titled."""

from __future__ import annotations

from django.contrib.admin import AdminSite


class ParleyAdminSite(AdminSite):
    """Django's admin under our name."""

    site_header = "Parley administration"
    site_title = "Parley"
    index_title = "Administration"
    site_url = "/"
