-- A description is parsed in a time that grows with its length. From each character
-- of a run without a space the parser of text search may look for the end of a host
-- or a path, and from each "<!--" for the end of the comment: 50,000 characters of
-- "a_a_a_" took it 18 seconds. A trigger may change any column, so PostgreSQL parses
-- again whenever the row of the course is written, also to count its lessons. No word
-- has 255 characters: a run is cut there. What is stored stays until then.
SET LOCAL lock_timeout = '3s';

CREATE OR REPLACE FUNCTION search_document(language text, title text, description text)
RETURNS tsvector
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN setweight(to_tsvector(search_config(language), title), 'A')
    || setweight(
        to_tsvector(
            search_config(language),
            regexp_replace(replace(left(description, 50000), '<!--', ' '), '(\S{255})', '\1 ', 'g')
        ),
        'D'
    );
