-- Averages are lost; they are counted again on the way up.
SET LOCAL lock_timeout = '3s';

DROP FUNCTION recount_ratings(uuid);

DROP TRIGGER reviews_recount_trg ON reviews;
DROP FUNCTION reviews_recount();

DROP TRIGGER reviews_discount_trg ON reviews;
DROP FUNCTION reviews_discount();

DROP TRIGGER reviews_count_trg ON reviews;
DROP FUNCTION reviews_count();

DROP TABLE course_stats;
