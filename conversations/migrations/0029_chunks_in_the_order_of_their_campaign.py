from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversations", "0028_roles_of_reports")]

    operations = [
        migrations.AlterModelOptions(name="campaignchunk", options={"ordering": ("campaign_id", "number")}),
    ]
