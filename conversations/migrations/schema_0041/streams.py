"""Accounts at providers, their streams, what a stream promises and what it may send."""

import conversations.models.account
import conversations.models.fields
import conversations.models.working_hours
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

TABLES = [
    migrations.CreateModel(
        name='ProviderAccount',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=100, unique=True)),
            ('provider', models.CharField(choices=conversations.models.account.provider_choices, max_length=40)),
            ('base_url', models.CharField(blank=True, help_text="Empty: the provider's own address.", max_length=300, verbose_name='address')),
            ('credentials', conversations.models.fields.EncryptedJSONField(blank=True, default=dict)),
            ('is_active', models.BooleanField(default=True)),
            ('webhook_token', models.CharField(default=conversations.models.account.new_webhook_token, editable=False, max_length=64, unique=True)),
            ('health', models.CharField(choices=[('unchecked', 'Not checked yet'), ('working', 'Working'), ('needs_credentials', 'Credentials refused'), ('unreachable', 'Not answering')], default='unchecked', max_length=20)),
            ('health_text', models.CharField(blank=True, max_length=500)),
            ('checked_at', models.DateTimeField(blank=True, null=True)),
            ('created_at', models.DateTimeField(auto_now_add=True)),
        ],
        options={
            'ordering': ('name',),
            'constraints': [models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='account_has_a_name')],
        },
    ),
    migrations.CreateModel(
        name='Stream',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=100, unique=True)),
            ('channel', models.CharField(choices=[('sms', 'SMS'), ('whatsapp', 'WhatsApp')], max_length=10)),
            ('external_id', models.CharField(blank=True, help_text="The stream's id at the provider.", max_length=200)),
            ('sender', models.CharField(blank=True, help_text='The number or name that messages come from.', max_length=40)),
            ('inbound_number', models.CharField(blank=True, help_text='The number customers write to, where it differs from the sender.', max_length=40)),
            ('business_name', models.CharField(blank=True, help_text='What the business is called in confirmations and opt-ins.', max_length=100)),
            ('region', models.CharField(default='GB', help_text='The country that numbers without a country code belong to.', max_length=2)),
            ('is_active', models.BooleanField(default=True)),
            ('paused_until', models.DateTimeField(blank=True, null=True)),
            ('pause_reason', models.CharField(blank=True, max_length=200)),
            ('body_limit', models.PositiveIntegerField(default=1600, help_text='The longest text an agent may send, in characters.')),
            ('settings', models.JSONField(blank=True, default=dict)),
            ('created_at', models.DateTimeField(auto_now_add=True)),
            ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='streams', to='conversations.provideraccount')),
            ('reply_within', models.PositiveIntegerField(default=240, help_text='Minutes of the working hours in which a customer who wrote should have an answer. Lists are sorted by it.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='answer within')),
            ('checks_per_day', models.PositiveSmallIntegerField(default=20, help_text='How many numbers may be looked up at WhatsApp in 24 hours. It bans businesses that check many.', verbose_name='number checks a day')),
            ('currency', models.CharField(blank=True, default='GBP', max_length=3, validators=[django.core.validators.RegexValidator('^[A-Z]{3}$', 'Three letters, such as GBP.')])),
            ('price', models.DecimalField(blank=True, decimal_places=5, help_text='About what one part of a text costs. Empty: nobody is told what a campaign comes to.', max_digits=9, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='price of a text')),
            ('polls_messages', models.BooleanField(default=False, help_text='For providers that can be asked, where no webhook is set up: every minute.', verbose_name='asks for messages')),
            ('reopen_days', models.PositiveSmallIntegerField(default=7, help_text='Days after closing in which a conversation opens again when somebody writes. Later a new one begins; with 0 always.', validators=[django.core.validators.MaxValueValidator(3650)], verbose_name='opens again within')),
            ('mirror_read_at', models.DateTimeField(editable=False, help_text='When the provider was last asked for the conversations it keeps.', null=True)),
            ('working_hours', models.ForeignKey(blank=True, help_text='When somebody is there to answer. Empty: around the clock.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='streams', to='conversations.workinghours')),
            ('keeps_files_for', models.PositiveIntegerField(blank=True, help_text='Days after which files of messages are removed. Empty: for ever.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='keeps files for')),
            ('keeps_records_for', models.PositiveIntegerField(blank=True, help_text='Days after which requests, answers and calls of the provider are emptied. Empty: for ever.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='keeps raw records for')),
            ('keeps_words_for', models.PositiveIntegerField(blank=True, help_text='Days after which the texts of messages and remarks are emptied. Empty: for ever.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='keeps words for')),
            ('return_after', models.PositiveIntegerField(blank=True, help_text='Minutes of the working hours after which a conversation goes back among the unassigned when the person who has it leaves the customer waiting. Empty: never.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='give back after')),
            ('reply_again_within', models.PositiveIntegerField(blank=True, help_text='Minutes of the working hours in which a customer who was answered before should have the next answer. Empty: as the first one.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='answer again within')),
            ('resolve_within', models.PositiveIntegerField(blank=True, help_text='Minutes of the working hours, from when it was opened, in which a conversation should be resolved. Empty: nobody promises that.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='resolve within')),
        ],
        options={
            'ordering': ('name',),
            'constraints': [models.CheckConstraint(condition=models.Q(('channel__in', ['sms', 'whatsapp'])), name='stream_channel_known'), models.UniqueConstraint(fields=('account', 'channel', 'external_id', 'sender'), name='stream_once_per_account')],
        },
    ),
    migrations.CreateModel(
        name='SubStream',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=100)),
            ('external_id', models.CharField(max_length=64)),
            ('stream', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sub_streams', to='conversations.stream')),
        ],
        options={
            'verbose_name': 'sub-stream',
            'ordering': ('name',),
            'constraints': [models.UniqueConstraint(fields=('stream', 'external_id'), name='sub_stream_once')],
        },
    ),
    migrations.CreateModel(
        name='DispatcherTick',
        fields=[
            ('host', models.CharField(max_length=200, primary_key=True, serialize=False)),
            ('process_id', models.PositiveIntegerField()),
            ('leads', models.BooleanField(default=False)),
            ('ticked_at', models.DateTimeField()),
            ('spool_files', models.PositiveIntegerField(default=0, help_text="Answers kept on this host's disk.")),
            ('spool_set_aside', models.PositiveIntegerField(default=0, help_text='Kept answers that could not be stored.')),
            ('spool_has_room', models.BooleanField(default=True, help_text='False stops sending: an answer could not be kept.')),
        ],
        options={
            'ordering': ('host',),
        },
    ),
    migrations.CreateModel(
        name='KeywordSet',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('language', models.CharField(help_text='Two letters, such as en or fr.', max_length=8, unique=True)),
            ('stop', models.TextField(help_text='Whole messages, parted by commas. Case, accents, spaces and signs do not matter.')),
            ('start', models.TextField(blank=True, help_text='Whole messages, parted by commas. Case, accents, spaces and signs do not matter.')),
            ('yes', models.TextField(blank=True, help_text='Whole messages that mean START, but only from somebody who has opted out.')),
            ('help', models.TextField(blank=True, help_text='Whole messages, parted by commas. Case, accents, spaces and signs do not matter.')),
            ('polite', models.TextField(blank=True, help_text='Words that may stand around a stop word: what comes near is put to an agent.')),
            ('near', models.TextField(blank=True, help_text='Phrases in longer messages that are put to an agent.')),
            ('stop_reply', models.TextField(blank=True, help_text='The one confirmation of an opt-out. {business} is put in.', max_length=480)),
            ('start_reply', models.TextField(blank=True, help_text='The confirmation of a new subscription. {business} is put in.', max_length=480)),
            ('help_reply', models.TextField(blank=True, help_text='The answer to HELP. {business} and {contact} are put in.', max_length=480)),
            ('updated_at', models.DateTimeField(auto_now=True)),
        ],
        options={
            'verbose_name': 'keywords of a language',
            'verbose_name_plural': 'keywords',
            'ordering': ('language',),
        },
    ),
    migrations.CreateModel(
        name='StreamGate',
        fields=[
            ('stream', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='gate', serialize=False, to='conversations.stream')),
            ('rate', models.FloatField(default=10, help_text='Requests a second, on average.', validators=[django.core.validators.MinValueValidator(0.01)])),
            ('burst', models.PositiveIntegerField(default=10, help_text='Requests that may leave at once.', validators=[django.core.validators.MinValueValidator(1)])),
            ('tokens', models.FloatField(default=10, editable=False)),
            ('refilled_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ('paused_until', models.DateTimeField(blank=True, editable=False, help_text='The provider asked us to wait until then.', null=True)),
            ('faults', models.PositiveIntegerField(default=0, editable=False, help_text='In a row, of any kind.')),
            ('timeouts', models.PositiveIntegerField(default=0, editable=False, help_text='In a row.')),
            ('open_until', models.DateTimeField(blank=True, editable=False, null=True)),
            ('next_slot', models.DateTimeField(editable=False, help_text='The end of the line: when a message that comes now may ask again.', null=True)),
            ('somebody_waits', models.BooleanField(default=False, editable=False, help_text='A message was turned away because too many were under way.')),
        ],
        options={
            'constraints': [models.CheckConstraint(condition=models.Q(('burst__gte', 1), ('rate__gt', 0)), name='stream_gate_lets_something_through')],
        },
    ),
    migrations.CreateModel(
        name='SendingPolicy',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('countries', models.CharField(blank=True, help_text='Countries that may be written to, such as GB, IE. Empty: every country.', max_length=300)),
            ('quiet_hours', models.CharField(blank=True, choices=[('', 'Nothing: messages may leave at any hour'), ('marketing', 'Marketing'), ('unasked', 'Marketing, and whatever does not answer a message of the last 24 hours')], max_length=10, verbose_name="keep to the customer's hours for")),
            ('opens_at', models.TimeField(blank=True, help_text="Empty: what is usual in the customer's country.", null=True)),
            ('closes_at', models.TimeField(blank=True, help_text="Empty: what is usual in the customer's country.", null=True)),
            ('time_zone', models.CharField(blank=True, help_text='For numbers whose zone nobody knows, such as Europe/London.', max_length=64)),
            ('most_per_person', models.PositiveSmallIntegerField(default=0, help_text='0: as many as somebody writes.', verbose_name='messages to one person in ten minutes')),
            ('most_per_agent', models.PositiveSmallIntegerField(default=0, help_text='0: as many as they write.', verbose_name='messages by one person here in a minute')),
            ('keyword_replies', models.CharField(blank=True, choices=[('', 'Parley, unless the provider does'), ('ours', 'Parley always'), ('nobody', 'Nobody here')], max_length=10, verbose_name='answers to keywords')),
            ('help_contact', models.CharField(blank=True, help_text='What HELP is answered with: a number, an address or a page. Empty: HELP is left to agents.', max_length=200)),
            ('stream', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='policy', to='conversations.stream')),
        ],
        options={
            'verbose_name': 'sending policy',
            'verbose_name_plural': 'sending policies',
            'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('closes_at__isnull', True), ('opens_at__isnull', True)), models.Q(('closes_at__isnull', False), ('opens_at__isnull', False)), _connector='OR'), name='policy_opens_and_closes')],
        },
    ),
    migrations.CreateModel(
        name='WorkingHours',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('name', models.CharField(max_length=60, unique=True)),
            ('time_zone', models.CharField(default='Europe/London', help_text='Where these hours are the hours on the clock, such as Europe/London.', max_length=64, validators=[conversations.models.working_hours.check_time_zone])),
        ],
        options={
            'verbose_name': 'working hours',
            'verbose_name_plural': 'working hours',
            'ordering': ('name',),
        },
    ),
    migrations.CreateModel(
        name='WorkingPeriod',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Monday'), (1, 'Tuesday'), (2, 'Wednesday'), (3, 'Thursday'), (4, 'Friday'), (5, 'Saturday'), (6, 'Sunday')])),
            ('opens_at', models.TimeField()),
            ('closes_at', models.TimeField(help_text='00:00 means midnight, at the end of the day.')),
            ('hours', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='periods', to='conversations.workinghours')),
        ],
        options={
            'ordering': ('weekday', 'opens_at'),
            'constraints': [models.UniqueConstraint(fields=('hours', 'weekday', 'opens_at'), name='working_period_once'), models.CheckConstraint(condition=models.Q(('weekday__lte', 6)), name='working_period_weekday'), models.CheckConstraint(condition=models.Q(('closes_at__gt', models.F('opens_at')), ('closes_at', '00:00'), _connector='OR'), name='working_period_ends_after_it_begins', violation_error_message='Hours end after they begin. Hours over midnight are two: one on each day.')],
        },
    ),
    migrations.CreateModel(
        name='Holiday',
        fields=[
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('day', models.DateField()),
            ('name', models.CharField(blank=True, max_length=60)),
            ('hours', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='holidays', to='conversations.workinghours')),
        ],
        options={
            'ordering': ('day',),
            'constraints': [models.UniqueConstraint(fields=('hours', 'day'), name='holiday_once')],
        },
    ),
]
