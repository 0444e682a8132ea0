"""Customers, what they permitted, and the numbers of those who were erased."""

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

TABLES = [
    migrations.CreateModel(
        name='ProofFile',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=200)),
            ('content_type', models.CharField(max_length=60)),
            ('content', models.BinaryField()),
            ('sha256', models.CharField(max_length=64)),
            ('added_at', models.DateTimeField(auto_now_add=True)),
            ('added_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'verbose_name': 'file that proves a decision',
        },
    ),
    migrations.CreateModel(
        name='OptIn',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('phone', models.CharField(max_length=16)),
            ('channel', models.CharField(choices=[('sms', 'SMS'), ('whatsapp', 'WhatsApp')], max_length=10)),
            ('event', models.CharField(choices=[('opt_in', 'Opted in'), ('double_opt_in', 'Confirmed the opt-in'), ('opt_out', 'Opted out'), ('erased', 'Erased')], max_length=16)),
            ('purpose', models.CharField(blank=True, choices=[('service', 'Service'), ('marketing', 'Marketing')], max_length=10)),
            ('scope', models.CharField(choices=[('stream', 'One stream'), ('brand', 'All streams of the business'), ('everywhere', 'All streams of the channel')], default='everywhere', max_length=12)),
            ('source', models.CharField(choices=[('keyword', 'A keyword the customer sent'), ('agent', 'Told to an agent'), ('form', 'A form'), ('import', 'An import'), ('provider', 'The provider'), ('api', 'The API')], max_length=10)),
            ('wording', models.TextField(blank=True, help_text='What the customer was shown, or wrote.')),
            ('business_name', models.CharField(blank=True, max_length=100)),
            ('evidence', models.TextField(blank=True, help_text='A link or a description of the proof.')),
            ('occurred_at', models.DateTimeField(default=django.utils.timezone.now)),
            ('recorded_at', models.DateTimeField(auto_now_add=True)),
            ('contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='opt_ins', to='conversations.contact')),
            ('recorded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='recorded_opt_ins', to=settings.AUTH_USER_MODEL)),
            ('stream', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='opt_ins', to='conversations.stream')),
            ('evidence_file', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='opt_ins', to='conversations.prooffile')),
        ],
        options={
            'verbose_name': 'opt-in or opt-out',
            'verbose_name_plural': 'opt-ins and opt-outs',
            'ordering': ('-id',),
            'indexes': [models.Index(fields=['phone', 'channel', '-id'], name='opt_in_of_phone'), models.Index(condition=models.Q(('event', 'opt_out')), fields=['occurred_at'], name='opt_out_when')],
            'constraints': [models.CheckConstraint(condition=models.Q(('phone__regex', '^\\+[1-9][0-9]{5,14}$')), name='opt_in_phone_is_e164'), models.CheckConstraint(condition=models.Q(models.Q(('scope', 'brand'), _negated=True), models.Q(('business_name', ''), _negated=True), _connector='OR'), name='opt_in_of_a_brand_names_it')],
        },
    ),
    migrations.CreateModel(
        name='ConsentState',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('phone', models.CharField(max_length=16)),
            ('channel', models.CharField(choices=[('sms', 'SMS'), ('whatsapp', 'WhatsApp')], max_length=10)),
            ('service', models.CharField(blank=True, choices=[('', 'Never asked'), ('opted_in', 'Opted in'), ('opted_out', 'Opted out'), ('lifted', 'Opt-out taken back')], max_length=10)),
            ('marketing', models.CharField(blank=True, choices=[('', 'Never asked'), ('opted_in', 'Opted in'), ('opted_out', 'Opted out'), ('lifted', 'Opt-out taken back')], max_length=10)),
            ('changed_at', models.DateTimeField()),
            ('last_event', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='states', to='conversations.optin')),
            ('brand', models.CharField(blank=True, max_length=100)),
            ('marketing_from', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversations.optin')),
            ('scope', models.CharField(choices=[('stream', 'One stream'), ('brand', 'All streams of the business'), ('everywhere', 'All streams of the channel')], default='everywhere', max_length=12)),
            ('service_from', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='conversations.optin')),
            ('stream', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='consent_states', to='conversations.stream')),
        ],
        options={
            'verbose_name': 'consent',
            'verbose_name_plural': 'consents',
            'constraints': [models.UniqueConstraint(fields=('phone', 'channel', 'stream', 'brand'), name='consent_state_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('phone__regex', '^\\+[1-9][0-9]{5,14}$')), name='consent_phone_is_e164'), models.CheckConstraint(condition=models.Q(models.Q(('brand', ''), ('scope', 'stream'), ('stream__isnull', False)), models.Q(('scope', 'brand'), ('stream', None), models.Q(('brand', ''), _negated=True)), models.Q(('brand', ''), ('scope', 'everywhere'), ('stream', None)), _connector='OR'), name='consent_state_scope')],
        },
    ),
    migrations.CreateModel(
        name='ErasedNumber',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('key', models.CharField(max_length=64, unique=True)),
            ('erased_at', models.DateTimeField()),
        ],
        options={
            'ordering': ('id',),
        },
    ),
    migrations.CreateModel(
        name='Contact',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('phone', models.CharField(help_text='E.164, with the plus sign.', max_length=16, unique=True)),
            ('first_name', models.CharField(blank=True, max_length=100)),
            ('last_name', models.CharField(blank=True, max_length=100)),
            ('email', models.EmailField(blank=True, max_length=254)),
            ('language', models.CharField(blank=True, max_length=12)),
            ('time_zone', models.CharField(blank=True, max_length=64)),
            ('created_at', models.DateTimeField(auto_now_add=True)),
            ('updated_at', models.DateTimeField(auto_now=True)),
            ('erased_at', models.DateTimeField(blank=True, editable=False, help_text='When their data was erased; `phone` is a made-up one since.', null=True)),
            ('record', models.TextField(blank=True, db_default='', default='', help_text='What your own systems say of them, a line each, like Account: FB-118204.', max_length=1000, verbose_name='customer record')),
        ],
        options={
            'ordering': ('-id',),
            'indexes': [models.Index(django.db.models.functions.text.Lower(django.db.models.functions.comparison.Coalesce(django.db.models.functions.comparison.NullIf('last_name', models.Value('')), django.db.models.functions.comparison.NullIf('first_name', models.Value('')), models.Value('\uffff'))), django.db.models.functions.text.Lower('first_name'), models.F('id'), name='contact_by_name')],
            'constraints': [models.CheckConstraint(condition=models.Q(('phone__regex', '^\\+[1-9][0-9]{5,14}$')), name='contact_phone_is_e164'), models.CheckConstraint(condition=models.Q(('erased_at', None), models.Q(('email', ''), ('first_name', ''), ('last_name', ''), ('phone__startswith', '+999'), ('record', '')), _connector='OR'), name='contact_erased_stays_empty')],
        },
    ),
    migrations.CreateModel(
        name='ContactIdentity',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('kind', models.CharField(choices=[('person', 'Customer id'), ('whatsapp', 'WhatsApp id')], max_length=10)),
            ('value', models.CharField(max_length=64)),
            ('first_seen_at', models.DateTimeField(auto_now_add=True)),
            ('last_seen_at', models.DateTimeField(default=django.utils.timezone.now)),
            ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contact_identities', to='conversations.provideraccount')),
            ('contact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='identities', to='conversations.contact')),
            ('proof', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='identities', to='conversations.webhookevent')),
        ],
        options={
            'verbose_name_plural': 'contact identities',
            'ordering': ('id',),
            'constraints': [models.UniqueConstraint(fields=('account', 'kind', 'value', 'contact'), name='contact_identity_once')],
        },
    ),
    migrations.CreateModel(
        name='NumberCheck',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('phone', models.CharField(max_length=16)),
            ('on_whatsapp', models.BooleanField(help_text='Empty while there is no answer.', null=True)),
            ('created_at', models.DateTimeField(auto_now_add=True)),
            ('checked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='number_checks', to=settings.AUTH_USER_MODEL)),
            ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='number_checks', to='conversations.stream')),
        ],
        options={
            'ordering': ('-id',),
            'indexes': [models.Index(fields=['phone', '-id'], name='number_check_of_phone'), models.Index(fields=['stream', 'created_at'], name='number_check_of_day')],
        },
    ),
]
