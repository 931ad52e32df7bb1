-- The catalogue is searched by words, in titles first, then in descriptions, and
-- filtered by level and price. The generated columns write the table anew, and
-- indexes are built in the same transaction: nobody reads courses meanwhile. Expect
-- half a minute per 100,000.
-- squawk-ignore-file adding-field-with-default, constraint-missing-not-valid
-- (there is no other way to a generated column; a column new in this file)
SET LOCAL lock_timeout = '3s';

-- Text is normalized, which PostgreSQL refuses in a database of another encoding
-- than UTF8: here, and not once there are courses.
DO $$
BEGIN
    PERFORM normalize('', NFC);
END
$$;

-- Who sees a course: everyone once it is published, before that those who teach
-- it. Lists, single courses and enrollments all ask here.
-- Without SET search_path, like the other functions of this file, so that the
-- planner can inline them.
CREATE FUNCTION course_visible(course uuid, instructor uuid, published boolean, teacher uuid)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN published OR can_teach(course, instructor, teacher);

-- Who enrolls: whoever would see it without teaching anything. A draft is not
-- open to its own teacher either.
CREATE FUNCTION course_open(course uuid, instructor uuid, published boolean)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN course_visible(course, instructor, published, '00000000-0000-0000-0000-000000000000'::uuid);

-- The words of a language end as its configuration says. The name is kept as
-- text: pg_upgrade refuses a column of type regconfig. Those of PostgreSQL's own
-- that all versions have; simple cuts no endings, and suits the other languages that
-- put spaces between words.
CREATE FUNCTION search_config(language text)
RETURNS regconfig
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN CASE language
    WHEN 'arabic' THEN 'pg_catalog.arabic'::regconfig
    WHEN 'armenian' THEN 'pg_catalog.armenian'::regconfig
    WHEN 'basque' THEN 'pg_catalog.basque'::regconfig
    WHEN 'catalan' THEN 'pg_catalog.catalan'::regconfig
    WHEN 'danish' THEN 'pg_catalog.danish'::regconfig
    WHEN 'dutch' THEN 'pg_catalog.dutch'::regconfig
    WHEN 'english' THEN 'pg_catalog.english'::regconfig
    WHEN 'finnish' THEN 'pg_catalog.finnish'::regconfig
    WHEN 'french' THEN 'pg_catalog.french'::regconfig
    WHEN 'german' THEN 'pg_catalog.german'::regconfig
    WHEN 'greek' THEN 'pg_catalog.greek'::regconfig
    WHEN 'hindi' THEN 'pg_catalog.hindi'::regconfig
    WHEN 'hungarian' THEN 'pg_catalog.hungarian'::regconfig
    WHEN 'indonesian' THEN 'pg_catalog.indonesian'::regconfig
    WHEN 'irish' THEN 'pg_catalog.irish'::regconfig
    WHEN 'italian' THEN 'pg_catalog.italian'::regconfig
    WHEN 'lithuanian' THEN 'pg_catalog.lithuanian'::regconfig
    WHEN 'nepali' THEN 'pg_catalog.nepali'::regconfig
    WHEN 'norwegian' THEN 'pg_catalog.norwegian'::regconfig
    WHEN 'portuguese' THEN 'pg_catalog.portuguese'::regconfig
    WHEN 'romanian' THEN 'pg_catalog.romanian'::regconfig
    WHEN 'russian' THEN 'pg_catalog.russian'::regconfig
    WHEN 'serbian' THEN 'pg_catalog.serbian'::regconfig
    WHEN 'spanish' THEN 'pg_catalog.spanish'::regconfig
    WHEN 'swedish' THEN 'pg_catalog.swedish'::regconfig
    WHEN 'tamil' THEN 'pg_catalog.tamil'::regconfig
    WHEN 'turkish' THEN 'pg_catalog.turkish'::regconfig
    WHEN 'yiddish' THEN 'pg_catalog.yiddish'::regconfig
    ELSE 'pg_catalog.simple'::regconfig
END;

-- A text as words and spaces. The parser of text search makes one word of HTML/CSS
-- and Node.js, which it takes for a file and a host, a negative number of the end
-- of GPT-4, and nothing at all of <template>; and in a database of the locale C it
-- takes all beyond ASCII for letters. It would also look for the end of a host or a
-- comment again and again: 18 seconds for 50,000 characters of "a_a_a_". A trigger
-- may change any column, so PostgreSQL parses whenever the row of the course is
-- written. Queries are cut at the same characters.
CREATE FUNCTION search_text(text text)
RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN regexp_replace(
    normalize(text, NFC),
    '[\u0001-/:-@\[-`{-\u00A9\u00AB-\u00AC\u00AE-\u00B1\u00B4\u00B6-\u00B8'
    || '\u00BB\u00BF\u00D7\u00F7\u055A-\u055F\u0589-\u058A\u05BE\u05C0\u05C3'
    || '\u05F3-\u05F4\u060C-\u060D\u061B\u061D-\u061F\u066A-\u066D\u06D4'
    || '\u0964-\u0965\u1680\u2000-\u200A\u2010-\u2029\u202F-\u205F\u20A0-\u20CF'
    || '\u2122\u2190-\u245F\u2500-\u2BFF\u3000-\u3004\u3008-\u3020\u30FB'
    || '\uFE30-\uFE4F\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+',
    ' ',
    'g'
);

-- What is searched of a course. A word of the title outweighs any in the
-- description (A against D). A tsvector holds 1 MiB, and a long description of
-- words that are all different would not fit: its first 50,000 characters do, in
-- every script.
CREATE FUNCTION search_document(language text, title text, description text)
RETURNS tsvector
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN setweight(to_tsvector(search_config(language), search_text(title)), 'A')
    || setweight(to_tsvector(search_config(language), search_text(left(description, 50000))), 'D');

ALTER TABLE courses
    ADD COLUMN language text NOT NULL DEFAULT 'english',
    ADD CONSTRAINT courses_language_check CHECK (language IN (
        'arabic', 'armenian', 'basque', 'catalan', 'danish', 'dutch', 'english', 'finnish',
        'french', 'german', 'greek', 'hindi', 'hungarian', 'indonesian', 'irish', 'italian',
        'lithuanian', 'nepali', 'norwegian', 'portuguese', 'romanian', 'russian', 'serbian',
        'simple', 'spanish', 'swedish', 'tamil', 'turkish', 'yiddish'
    ));

-- Free or not is what a catalogue is filtered by, and what an index can hold and
-- give back.
ALTER TABLE courses
    ADD COLUMN free boolean NOT NULL GENERATED ALWAYS AS (price = 0) STORED,
    ADD COLUMN search tsvector NOT NULL
        GENERATED ALWAYS AS (search_document(language, title, description)) STORED;

-- Of drafts too: their authors search them.
CREATE INDEX courses_search_idx ON courses USING gin (search);

-- A page of a level, free or not, is the first rows of six runs of an index at
-- most, however rare it is. The one of categories is also all that facets read:
-- they count the whole catalogue, and its rows hold descriptions.
CREATE INDEX courses_level_idx ON courses (level, free, created_at DESC, id DESC)
WHERE published;

DROP INDEX idx_courses_category;
CREATE INDEX idx_courses_category ON courses (category, level, free, created_at DESC, id DESC)
INCLUDE (instructor_id)
WHERE published;

-- The language is edited like the rest.
DROP TRIGGER courses_move_version_trg ON courses;
CREATE TRIGGER courses_move_version_trg
    BEFORE UPDATE ON courses
    FOR EACH ROW
    WHEN (
        (OLD.title, OLD.slug, OLD.description, OLD.instructor_id, OLD.category, OLD.level,
            OLD.price, OLD.currency, OLD.thumbnail_url, OLD.duration, OLD.published, OLD.language)
        IS DISTINCT FROM
        (NEW.title, NEW.slug, NEW.description, NEW.instructor_id, NEW.category, NEW.level,
            NEW.price, NEW.currency, NEW.thumbnail_url, NEW.duration, NEW.published, NEW.language)
    )
    EXECUTE FUNCTION version_move();
