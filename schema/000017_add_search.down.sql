-- The languages of courses are lost.
SET LOCAL lock_timeout = '3s';

DROP TRIGGER courses_move_version_trg ON courses;
CREATE TRIGGER courses_move_version_trg
    BEFORE UPDATE ON courses
    FOR EACH ROW
    WHEN (
        (OLD.title, OLD.slug, OLD.description, OLD.instructor_id, OLD.category, OLD.level,
            OLD.price, OLD.currency, OLD.thumbnail_url, OLD.duration, OLD.published)
        IS DISTINCT FROM
        (NEW.title, NEW.slug, NEW.description, NEW.instructor_id, NEW.category, NEW.level,
            NEW.price, NEW.currency, NEW.thumbnail_url, NEW.duration, NEW.published)
    )
    EXECUTE FUNCTION version_move();

ALTER TABLE courses
    DROP COLUMN search,
    DROP COLUMN free,
    DROP COLUMN language;

CREATE INDEX idx_courses_category ON courses (category, created_at DESC, id DESC)
WHERE published;

DROP FUNCTION search_document(text, text, text);
DROP FUNCTION search_text(text);
DROP FUNCTION search_config(text);
DROP FUNCTION course_open(uuid, uuid, boolean);
DROP FUNCTION course_visible(uuid, uuid, boolean, uuid);
