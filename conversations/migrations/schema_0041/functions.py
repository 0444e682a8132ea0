"""Functions of the database that triggers and queries call, and what the planner must know."""

from django.db import migrations

# Both sides of a search are made the same (models/search.py). Names of plain letters need no folding: a tenth of the
# time, for the thousands of contacts that a campaign makes.
WORDS = r"""
CREATE FUNCTION parley_fold(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT trim(regexp_replace(
        regexp_replace(
            translate(
                lower(normalize(left($1, 10000), NFKD) COLLATE pg_c_utf8),
                'łøđħıς',
                'lodhiσ'
            ),
            '[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670]', '', 'g'
        ),
        '[^[:alnum:]]+', ' ', 'g'
    ))
$$;
CREATE FUNCTION parley_words(text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT ARRAY(
        SELECT DISTINCT left(word, 60) FROM string_to_table(parley_fold($1), ' ') AS word WHERE word <> ''
    )
$$;
CREATE FUNCTION parley_query(words text, joiner text, exact integer) RETURNS tsquery
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT string_agg(
        quote_literal(word) || CASE WHEN octet_length(word) > exact THEN ':*' ELSE '' END, joiner
    )::tsquery
    FROM unnest(parley_words(words)) AS word
$$;
CREATE FUNCTION parley_contact_words(first_name text, last_name text, email text, phone text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    given text := first_name || ' ' || last_name || ' ' || split_part(email, '@', 1);
    words text[];
BEGIN
    IF length(given) <= 60 AND given COLLATE "C" !~ '[^ -~]' THEN
        words := string_to_array(
            trim(regexp_replace(lower(given COLLATE "C"), '[^a-z0-9]+', ' ', 'g')), ' '
        );
    ELSE
        words := parley_words(given);
    END IF;
    IF email <> '' THEN
        words := words || lower(email COLLATE pg_c_utf8);
    END IF;
    RETURN array_to_tsvector(words || ARRAY[phone, '-' || reverse(substr(phone, 2))]);
END
$$;
"""
NO_WORDS = """
DROP FUNCTION parley_contact_words(text, text, text, text);
DROP FUNCTION parley_query(text, text, integer);
DROP FUNCTION parley_words(text);
DROP FUNCTION parley_fold(text);
"""

# Numbers of people who were erased (models/erasure.py). Django makes the constraint that one of them names at the end.
ERASURE = r"""
SET LOCAL check_function_bodies = off;
CREATE FUNCTION parley_number_key(number text) RETURNS text
LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
    secret bytea := decode(coalesce(current_setting('parley.erasure_key', true), ''), 'hex');
BEGIN
    IF secret = ''::bytea THEN
        RAISE EXCEPTION USING ERRCODE = 'CC007', MESSAGE = 'This session lacks the key of erased numbers.';
    END IF;
    RETURN encode(sha256(secret || sha256(secret || convert_to(number, 'UTF8'))), 'hex');
END
$$;
CREATE FUNCTION parley_recall_erased(contacts bigint[]) RETURNS void
LANGUAGE sql AS $$
    WITH recalled AS (
        INSERT INTO conversations_optin (
            contact_id, phone, channel, event, purpose, scope, source, wording, business_name, evidence,
            occurred_at, recorded_at
        )
        SELECT contact.id, contact.phone, channel, 'erased', '', 'everywhere', 'agent', '', '', '',
               erased.erased_at, clock_timestamp()
          FROM conversations_contact AS contact
          JOIN conversations_erasednumber AS erased ON erased.key = parley_number_key(contact.phone)
         CROSS JOIN (VALUES ('sms'), ('whatsapp')) AS channels (channel)
         WHERE contact.id = ANY(contacts)
        RETURNING id, phone, channel, occurred_at
    )
    INSERT INTO conversations_consentstate (
        phone, channel, scope, brand, service, marketing, service_from_id, marketing_from_id, last_event_id, changed_at
    )
    SELECT phone, channel, 'everywhere', '', 'opted_out', 'opted_out', id, id, id, occurred_at FROM recalled
    ON CONFLICT ON CONSTRAINT consent_state_once DO UPDATE
       SET service = 'opted_out', marketing = 'opted_out', service_from_id = EXCLUDED.service_from_id,
           marketing_from_id = EXCLUDED.marketing_from_id, last_event_id = EXCLUDED.last_event_id,
           changed_at = EXCLUDED.changed_at
$$;
SET LOCAL check_function_bodies = on;
"""
NO_ERASURE = """
DROP FUNCTION parley_recall_erased(bigint[]);
DROP FUNCTION parley_number_key(text);
"""

# When so many working minutes will have passed.
WORKING_DEADLINE = """
CREATE FUNCTION parley_working_deadline(hours bigint, since timestamptz, minutes integer) RETURNS timestamptz
LANGUAGE plpgsql STABLE AS $$
    DECLARE
        missing interval := make_interval(mins => minutes);
        zone text;
        today date;
        period record;
        begins timestamptz;
        ends timestamptz;
        reached timestamptz := since;
    BEGIN
        SELECT time_zone INTO zone FROM conversations_workinghours WHERE id = hours;
        IF zone IS NULL OR minutes IS NULL
           OR NOT EXISTS (SELECT FROM conversations_workingperiod WHERE hours_id = hours) THEN
            RETURN since + missing;
        END IF;
        today := (since AT TIME ZONE zone)::date;
        FOR number IN 0..400 LOOP
            IF NOT EXISTS (SELECT FROM conversations_holiday WHERE hours_id = hours AND day = today + number) THEN
                FOR period IN
                    SELECT opens_at, closes_at FROM conversations_workingperiod
                     WHERE hours_id = hours AND weekday = EXTRACT(ISODOW FROM today + number) - 1
                     ORDER BY opens_at
                LOOP
                    begins := greatest((today + number + period.opens_at) AT TIME ZONE zone, reached);
                    ends := CASE WHEN period.closes_at = '00:00' THEN (today + number + 1)::timestamp
                                 ELSE today + number + period.closes_at END AT TIME ZONE zone;
                    IF ends > begins THEN
                        IF ends - begins >= missing THEN
                            RETURN begins + missing;
                        END IF;
                        missing := missing - (ends - begins);
                        reached := ends;
                    END IF;
                END LOOP;
            END IF;
        END LOOP;
        RETURN since + make_interval(mins => minutes);
    END $$;
"""
NO_WORKING_DEADLINE = "DROP FUNCTION parley_working_deadline(bigint, timestamptz, integer)"

# The planner must know how common a word is: it walks back from the newest message for a common one.
STATISTICS = """
ALTER TABLE conversations_messagesearch ALTER COLUMN tsv SET STATISTICS 1000;
ALTER TABLE conversations_contactsearch ALTER COLUMN tsv SET STATISTICS 1000;
"""

FUNCTIONS = [
    migrations.RunSQL(WORDS, NO_WORDS),
    migrations.RunSQL(ERASURE, NO_ERASURE),
    migrations.RunSQL(WORKING_DEADLINE, NO_WORKING_DEADLINE),
    migrations.RunSQL(STATISTICS, migrations.RunSQL.noop),
]
