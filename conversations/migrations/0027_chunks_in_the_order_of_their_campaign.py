from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversations", "0026_second_factor")]

    operations = [
        migrations.AlterModelOptions(name="campaignchunk", options={"ordering": ("campaign_id", "number")}),
    ]
