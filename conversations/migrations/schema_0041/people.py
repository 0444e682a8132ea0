"""Who works here, how they sign in, and what they did."""

import conversations.models.fields
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

TABLES = [
    migrations.CreateModel(
        name='ApiKey',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(help_text='Which program has it.', max_length=100)),
            ('prefix', models.CharField(editable=False, help_text='By which people know it.', max_length=8, unique=True)),
            ('hashed_key', models.CharField(editable=False, max_length=64)),
            ('former_prefix', models.CharField(blank=True, db_index=True, editable=False, max_length=8)),
            ('former_hashed_key', models.CharField(blank=True, editable=False, max_length=64)),
            ('former_ends_at', models.DateTimeField(blank=True, editable=False, help_text='Until when the key before it works.', null=True, verbose_name='former ends')),
            ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('read', 'Read what its user sees'), ('send', 'Write to customers, and work on conversations'), ('bulk', 'Send campaigns'), ('consent', 'Record opt-ins and opt-outs'), ('admin', 'Change contacts, templates and webhooks')], max_length=10), size=None)),
            ('rate_per_minute', models.PositiveIntegerField(default=300, help_text='More are answered 429.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='requests a minute')),
            ('expires_at', models.DateTimeField(blank=True, help_text='Empty: never.', null=True, verbose_name='expires')),
            ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last used')),
            ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='revoked')),
            ('created_at', models.DateTimeField(auto_now_add=True)),
            ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ('user', models.ForeignKey(help_text='Whom it acts for: it sees and may do what this person does, and no more.', on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to=settings.AUTH_USER_MODEL)),
            ('streams', models.ManyToManyField(blank=True, help_text='The only streams that it may touch. None: all that its user sees.', related_name='api_keys', to='conversations.stream')),
        ],
        options={
            'verbose_name': 'API key',
            'ordering': ('name', 'id'),
            'constraints': [models.CheckConstraint(condition=models.Q(('scopes__contained_by', ['read', 'send', 'bulk', 'consent', 'admin']), models.Q(('scopes', []), _negated=True)), name='api_key_scopes_known')],
        },
    ),
    migrations.CreateModel(
        name='IdempotentRequest',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('key', models.CharField(max_length=200)),
            ('fingerprint', models.CharField(help_text='SHA-256 of the method, the address and the body.', max_length=64)),
            ('status', models.PositiveSmallIntegerField(help_text='What it was answered.')),
            ('body', models.TextField(blank=True)),
            ('created_at', models.DateTimeField(auto_now_add=True, db_index=True)),
            ('api_key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='requests', to='conversations.apikey')),
            ('conversation', models.ForeignKey(blank=True, db_index=False, help_text='What the answer is about: it goes when the person is erased.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='conversations.conversation')),
        ],
        options={
            'constraints': [models.UniqueConstraint(fields=('api_key', 'key'), name='idempotent_request_once')],
        },
    ),
    migrations.CreateModel(
        name='AuditEntry',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('at', models.DateTimeField(auto_now_add=True, db_index=True, verbose_name='when')),
            ('action', models.CharField(choices=[('signed_in', 'Signed in'), ('sign_in_failed', 'Sign-in failed'), ('signed_out', 'Signed out'), ('password_changed', 'Changed the own password'), ('second_factor', 'Changed a second factor'), ('sessions_ended', 'Signed a person out'), ('person_changed', 'Changed a person'), ('role_given', 'Gave a person another role'), ('role_changed', 'Changed what a role may do'), ('team_changed', 'Changed a team'), ('api_key_changed', 'Changed an API key'), ('account_changed', 'Changed a provider account'), ('stream_changed', 'Changed a stream or its rules'), ('webhook_changed', 'Changed a webhook to another system'), ('template_changed', 'Changed a template'), ('consent_changed', 'Recorded permission by hand'), ('unconfirmed_decided', 'Decided on an unconfirmed message'), ('exported', 'Downloaded data'), ('seen_from_outside', 'Looked at customers of other teams'), ('emptied', 'Emptied what is old'), ('erased', 'Erased a person')], max_length=30)),
            ('address', models.GenericIPAddressField(blank=True, null=True, verbose_name='from')),
            ('subject_type', models.CharField(blank=True, max_length=60)),
            ('subject_id', models.BigIntegerField(blank=True, null=True)),
            ('subject', models.CharField(blank=True, max_length=200, verbose_name='what')),
            ('summary', models.CharField(blank=True, max_length=500)),
            ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='who')),
        ],
        options={
            'verbose_name': 'entry of the audit',
            'verbose_name_plural': 'audit',
            'ordering': ('-id',),
            'indexes': [models.Index(fields=['actor', '-id'], name='audit_actor_idx'), models.Index(fields=['action', '-id'], name='audit_action_idx'), models.Index(fields=['subject_type', 'subject_id'], name='audit_subject_idx')],
            'constraints': [models.CheckConstraint(condition=models.Q(('action__in', ['signed_in', 'sign_in_failed', 'signed_out', 'password_changed', 'second_factor', 'sessions_ended', 'person_changed', 'role_given', 'role_changed', 'team_changed', 'api_key_changed', 'account_changed', 'stream_changed', 'webhook_changed', 'template_changed', 'consent_changed', 'unconfirmed_decided', 'exported', 'seen_from_outside', 'emptied', 'erased'])), name='audit_action_known')],
        },
    ),
    migrations.CreateModel(
        name='SecondFactor',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('secret', conversations.models.fields.EncryptedJSONField(editable=False)),
            ('confirmed_at', models.DateTimeField(auto_now_add=True)),
            ('last_step', models.BigIntegerField(default=0, help_text='The half minute of the last code taken.')),
            ('recovery_codes', models.JSONField(blank=True, default=list, editable=False)),
            ('failures', models.PositiveSmallIntegerField(default=0)),
            ('shut_until', models.DateTimeField(blank=True, null=True)),
            ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='second_factor', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'verbose_name': 'second factor',
        },
    ),
    migrations.CreateModel(
        name='SignedInSession',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('session_key', models.CharField(editable=False, max_length=40, unique=True)),
            ('device', models.CharField(blank=True, help_text='Browser and system, as the browser says.', max_length=80)),
            ('address', models.GenericIPAddressField(blank=True, null=True)),
            ('signed_in_at', models.DateTimeField(auto_now_add=True)),
            ('seen_at', models.DateTimeField()),
            ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='signed_in_sessions', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'verbose_name': 'signed-in session',
            'ordering': ('-seen_at',),
        },
    ),
    migrations.CreateModel(
        name='User',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('password', models.CharField(max_length=128, verbose_name='password')),
            ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
            ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
            ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
            ('name', models.CharField(max_length=150)),
            ('is_active', models.BooleanField(default=True)),
            ('is_available', models.BooleanField(default=True, help_text='Takes conversations now.')),
            ('theme', models.CharField(blank=True, choices=[('', 'As the device'), ('light', 'Light'), ('dark', 'Dark')], default='', max_length=8)),
            ('date_joined', models.DateTimeField(auto_now_add=True)),
            ('enter_sends', models.BooleanField(default=False, help_text='Enter sends, Shift+Enter breaks the line.')),
            ('undo_seconds', models.PositiveSmallIntegerField(choices=[(0, 'Not at all'), (5, '5 seconds'), (10, '10 seconds'), (20, '20 seconds'), (30, '30 seconds')], default=10, help_text='How long what they send waits, so that it can be undone.')),
            ('density', models.CharField(blank=True, choices=[('', 'Comfortable'), ('compact', 'Compact')], default='', max_length=8)),
            ('notify', models.JSONField(blank=True, default=dict, help_text='Ways to be told, by kind of notification; a kind left out: as usual.')),
            ('quiet_when_away', models.BooleanField(default=True, help_text='While away, notifications are only counted; they are told of afterwards.')),
            ('single_keys', models.BooleanField(default=True, help_text='Single letters are shortcuts outside fields.')),
            ('sound_volume', models.PositiveSmallIntegerField(default=60, help_text='Of notifications, in per cent.')),
            ('reach', models.CharField(blank=True, choices=[('', 'All of them'), ('team', 'Those of their teams and colleagues, and what nobody has'), ('own', 'Only those that they have themselves')], default='', help_text='On the streams of their teams. Whoever does not see all of them has no reports, no floor and no administration. A role that sees every stream is not limited.', max_length=4, verbose_name='sees conversations')),
            ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
            ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
        ],
        options={
            'ordering': ('name', 'id'),
            'permissions': [('view_every_stream', 'Sees the conversations of every stream'), ('enter_admin', 'May enter the administration'), ('send_messages', 'May write to customers on the streams of their teams'), ('send_in_bulk', 'May send campaigns'), ('cancel_any_message', 'May cancel messages of others'), ('release_unconfirmed', 'May decide on unconfirmed messages'), ('lift_opt_out', 'May record an opt-in of a customer who opted out, with proof'), ('view_reports', 'May see the reports of their streams'), ('watch_floor', 'May see who works and what waits, and move the work of others'), ('manage_accounts', 'May change accounts, streams and secrets'), ('see_numbers', 'Sees whole phone numbers; without it only their last four digits'), ('export_person', 'May download everything about one person'), ('erase_person', 'May erase everything about one person')],
            'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='user_email_any_case')],
        },
    ),
    migrations.CreateModel(
        name='Team',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=100, unique=True)),
            ('members', models.ManyToManyField(related_name='teams', through='conversations.TeamMembership', to=settings.AUTH_USER_MODEL)),
            ('streams', models.ManyToManyField(related_name='teams', through='conversations.TeamStream', to='conversations.stream')),
        ],
        options={
            'ordering': ('name',),
        },
    ),
    migrations.CreateModel(
        name='TeamMembership',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='conversations.team')),
            ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
        ],
        options={
            'constraints': [models.UniqueConstraint(fields=('team', 'user'), name='team_member_once')],
        },
    ),
    migrations.CreateModel(
        name='TeamStream',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('can_send', models.BooleanField(default=True)),
            ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='team_streams', to='conversations.stream')),
            ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='team_streams', to='conversations.team')),
        ],
        options={
            'constraints': [models.UniqueConstraint(fields=('team', 'stream'), name='team_stream_once')],
        },
    ),
    migrations.CreateModel(
        name='AgentIdentity',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('external_id', models.CharField(blank=True, max_length=64)),
            ('email', models.EmailField(blank=True, max_length=254)),
            ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='identities', to=settings.AUTH_USER_MODEL)),
            ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='identities', to='conversations.provideraccount')),
        ],
        options={
            'verbose_name_plural': 'agent identities',
            'constraints': [models.UniqueConstraint(fields=('user', 'account'), name='agent_identity_once'), models.CheckConstraint(condition=models.Q(models.Q(('external_id', ''), _negated=True), models.Q(('email', ''), _negated=True), _connector='OR'), name='agent_identity_not_empty')],
        },
    ),
]
