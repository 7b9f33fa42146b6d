from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("turnpoint", "0002_preparation"),
    ]

    operations = [
        migrations.AddField(
            model_name="study",
            name="mapping",
            field=models.TextField(blank=True, default=""),
        ),
    ]
