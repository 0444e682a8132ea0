"""Every address of the product; the sandbox is a site of its own."""

from django.contrib import admin
from django.urls import include, path

admin.autodiscover()

handler500 = "conversations.api.errors.server_error"

urlpatterns = [
    path("", include("conversations.urls")),
    path("api/v1/", include("conversations.api.urls")),
    path("dialects/", include("conversations.api.dialects.urls")),
    path("admin/queues/", include("conversations.admin.queues")),
    path("admin/", admin.site.urls),
]
