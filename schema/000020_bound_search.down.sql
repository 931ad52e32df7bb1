-- Loses nothing but the bound.
SET LOCAL lock_timeout = '3s';

CREATE OR REPLACE FUNCTION search_document(language text, title text, description text)
RETURNS tsvector
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN setweight(to_tsvector(search_config(language), title), 'A')
    || setweight(to_tsvector(search_config(language), left(description, 50000)), 'D');
