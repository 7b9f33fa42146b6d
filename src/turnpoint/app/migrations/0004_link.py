import django.db.models.deletion
from django.db import migrations, models

import turnpoint.app.models


class Migration(migrations.Migration):
    dependencies = [
        ("turnpoint", "0003_mapping"),
    ]

    operations = [
        migrations.CreateModel(
            name="Link",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=turnpoint.app.models.new_id,
                        editable=False,
                        max_length=24,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("hash", models.CharField(max_length=64)),
                ("until", models.DateTimeField()),
                ("opened", models.DateTimeField(null=True)),
                ("withdrawn", models.DateTimeField(null=True)),
                (
                    "patient",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="links",
                        to="turnpoint.patient",
                    ),
                ),
            ],
        ),
    ]
