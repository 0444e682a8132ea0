"""What reports are counted from."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLES = [
    migrations.CreateModel(
        name='ReportChange',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('quarter', models.DateTimeField()),
            ('author_id', models.BigIntegerField(null=True)),
            ('template_id', models.BigIntegerField(null=True)),
            ('campaign_id', models.BigIntegerField(null=True)),
            ('outcome', models.CharField(choices=[('received', 'Received'), ('accepted', 'Accepted'), ('sent', 'Sent'), ('delivered', 'Delivered'), ('read', 'Read'), ('lost', 'Not arrived'), ('refused', 'Refused'), ('unconfirmed', 'Not confirmed')], max_length=12)),
            ('number', models.IntegerField()),
            ('parts', models.IntegerField()),
            ('stream', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='conversations.stream')),
        ],
    ),
    migrations.CreateModel(
        name='ReportCount',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('subject', models.CharField(choices=[('stream', 'All of a stream'), ('author', 'What one person wrote, campaigns left out'), ('template', 'Those made of one template'), ('campaign', 'Those of one campaign')], max_length=8)),
            ('subject_id', models.BigIntegerField(help_text='The person, template or campaign; 0 for a whole stream.')),
            ('hour', models.DateTimeField(help_text='When the hour began in which the messages were written.')),
            ('outcome', models.CharField(choices=[('received', 'Received'), ('accepted', 'Accepted'), ('sent', 'Sent'), ('delivered', 'Delivered'), ('read', 'Read'), ('lost', 'Not arrived'), ('refused', 'Refused'), ('unconfirmed', 'Not confirmed')], max_length=12)),
            ('number', models.IntegerField()),
            ('parts', models.IntegerField()),
            ('stream', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='conversations.stream')),
        ],
        options={
            'constraints': [models.UniqueConstraint(fields=('subject', 'stream', 'hour', 'subject_id', 'outcome'), name='report_count_once')],
        },
    ),
    migrations.CreateModel(
        name='ConversationTimes',
        fields=[
            ('conversation', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='times', serialize=False, to='conversations.conversation')),
            ('started_at', models.DateTimeField(help_text='The first message, of either side.')),
            ('asked_at', models.DateTimeField(help_text="The customer's first message.", null=True)),
            ('replied_at', models.DateTimeField(help_text='When a provider took the first answer that a person wrote.', null=True)),
            ('resolved_at', models.DateTimeField(help_text='When it was done; empty while it is not.', null=True)),
            ('reply_working', models.IntegerField(null=True)),
            ('resolution_working', models.IntegerField(null=True)),
            ('replied_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('stream', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='conversations.stream')),
        ],
        options={
            'verbose_name': 'times of a conversation',
            'verbose_name_plural': 'times of conversations',
            'indexes': [models.Index(fields=['stream', 'started_at'], include=('asked_at', 'replied_at', 'replied_by', 'resolved_at', 'reply_working', 'resolution_working'), name='times_of_stream'), models.Index(condition=models.Q(models.Q(('replied_at__isnull', False), ('reply_working__isnull', True)), models.Q(('resolution_working__isnull', True), ('resolved_at__isnull', False)), _connector='OR'), fields=['conversation'], name='times_unmeasured')],
        },
    ),
    migrations.CreateModel(
        name='NextReply',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('asked_at', models.DateTimeField(help_text="The customer's first message after the answer before.")),
            ('replied_at', models.DateTimeField(help_text='When a provider took the answer.')),
            ('reply_working', models.IntegerField(null=True)),
            ('conversation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='conversations.conversation')),
            ('replied_by', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('stream', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='conversations.stream')),
        ],
        options={
            'verbose_name_plural': 'next replies',
            'indexes': [models.Index(fields=['stream', 'asked_at'], include=('replied_at', 'replied_by', 'reply_working'), name='next_replies'), models.Index(condition=models.Q(('reply_working', None)), fields=['conversation'], name='next_reply_unmeasured')],
            'constraints': [models.UniqueConstraint(fields=('conversation', 'asked_at'), name='next_reply_once')],
        },
    ),
]
