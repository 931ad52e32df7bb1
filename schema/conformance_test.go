package schema_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate/schema"
)

// specColumn is a line of the specification's tables.
type specColumn struct {
	name, kind string
	notNull    bool
	byDefault  string
}

// specTable is a section of the specification. constraints are by name the
// definition, indexes by name the columns; a unique index says so.
type specTable struct {
	name        string
	columns     []specColumn
	constraints map[string]string
	indexes     map[string]string
}

const (
	boolean   = "boolean"
	integer   = "integer"
	text      = "text"
	timestamp = "timestamp without time zone"
	uuidType  = "uuid"
	vc3       = "character varying(3)"
	vc45      = "character varying(45)"
	vc50      = "character varying(50)"
	vc100     = "character varying(100)"
	vc255     = "character varying(255)"
	vc500     = "character varying(500)"

	notNull  = true
	nullable = false

	random  = "gen_random_uuid()"
	now     = "now()"
	isFalse = "false"
	none    = ""

	toUsers       = "FOREIGN KEY (user_id) REFERENCES users(id)"
	toCourses     = "FOREIGN KEY (course_id) REFERENCES courses(id)"
	toLessons     = "FOREIGN KEY (lesson_id) REFERENCES lessons(id)"
	toAssignments = "FOREIGN KEY (assignment_id) REFERENCES assignments(id)"
)

// specEnums are the enum types and their labels in order.
var specEnums = map[string]string{
	"user_role":      "user, instructor, admin",
	"course_level":   "beginner, intermediate, advanced",
	"payment_status": "pending, succeeded, failed, refunded",
}

// specification is the platform's database schema 1.0.0.
var specification = []specTable{
	{
		name: "users",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"email", vc255, notNull, none},
			{"password_hash", vc255, notNull, none},
			{"name", vc255, notNull, none},
			{"bio", text, nullable, none},
			{"avatar_url", vc500, nullable, none},
			{"role", "user_role", notNull, "'user'::user_role"},
			{"email_verified", boolean, nullable, isFalse},
			{"created_at", timestamp, nullable, now},
			{"updated_at", timestamp, nullable, now},
			{"last_login", timestamp, nullable, none},
		},
		constraints: map[string]string{
			"users_pkey":      "PRIMARY KEY (id)",
			"users_email_key": "UNIQUE (email)",
		},
		indexes: map[string]string{
			"idx_users_email": "(email)",
			"idx_users_role":  "(role)",
		},
	},
	{
		name: "courses",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"title", vc255, notNull, none},
			{"slug", vc255, notNull, none},
			{"description", text, notNull, none},
			{"instructor_id", uuidType, nullable, none},
			{"category", vc100, notNull, none},
			{"level", "course_level", notNull, none},
			{"price", integer, notNull, none},
			{"thumbnail_url", vc500, nullable, none},
			{"duration", integer, nullable, none},
			{"published", boolean, nullable, isFalse},
			{"created_at", timestamp, nullable, now},
			{"updated_at", timestamp, nullable, now},
		},
		constraints: map[string]string{
			"courses_pkey":               "PRIMARY KEY (id)",
			"courses_slug_key":           "UNIQUE (slug)",
			"courses_instructor_id_fkey": "FOREIGN KEY (instructor_id) REFERENCES users(id)",
		},
		indexes: map[string]string{
			"idx_courses_instructor": "(instructor_id)",
			"idx_courses_category":   "(category)",
			"idx_courses_published":  "(published)",
			"idx_courses_slug":       "(slug)",
		},
	},
	{
		name: "lessons",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"course_id", uuidType, nullable, none},
			{"title", vc255, notNull, none},
			{"description", text, nullable, none},
			{"content", text, nullable, none},
			{"video_url", vc500, nullable, none},
			{"duration", integer, nullable, none},
			{"order", integer, notNull, none},
			{"created_at", timestamp, nullable, now},
			{"updated_at", timestamp, nullable, now},
		},
		constraints: map[string]string{
			"lessons_pkey":           "PRIMARY KEY (id)",
			"lessons_course_id_fkey": toCourses,
		},
		indexes: map[string]string{
			"idx_lessons_course": "(course_id)",
			"idx_lessons_order":  `(course_id, "order")`,
		},
	},
	{
		name: "enrollments",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"user_id", uuidType, nullable, none},
			{"course_id", uuidType, nullable, none},
			{"enrolled_at", timestamp, nullable, now},
			{"completed_at", timestamp, nullable, none},
			{"progress", integer, nullable, "0"},
		},
		constraints: map[string]string{
			"enrollments_pkey":           "PRIMARY KEY (id)",
			"enrollments_user_id_fkey":   toUsers,
			"enrollments_course_id_fkey": toCourses,
		},
		indexes: map[string]string{
			"idx_enrollments_user":   "(user_id)",
			"idx_enrollments_course": "(course_id)",
			"idx_enrollments_unique": "UNIQUE (user_id, course_id)",
		},
	},
	{
		name: "progress",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"user_id", uuidType, nullable, none},
			{"lesson_id", uuidType, nullable, none},
			{"completed", boolean, nullable, isFalse},
			{"completed_at", timestamp, nullable, none},
			{"time_spent", integer, nullable, "0"},
		},
		constraints: map[string]string{
			"progress_pkey":           "PRIMARY KEY (id)",
			"progress_user_id_fkey":   toUsers,
			"progress_lesson_id_fkey": toLessons,
		},
		indexes: map[string]string{
			"idx_progress_user":   "(user_id)",
			"idx_progress_lesson": "(lesson_id)",
			"idx_progress_unique": "UNIQUE (user_id, lesson_id)",
		},
	},
	{
		name: "certificates",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"certificate_id", vc50, notNull, none},
			{"user_id", uuidType, nullable, none},
			{"course_id", uuidType, nullable, none},
			{"issued_at", timestamp, nullable, now},
			{"certificate_url", vc500, nullable, none},
		},
		constraints: map[string]string{
			"certificates_pkey":               "PRIMARY KEY (id)",
			"certificates_certificate_id_key": "UNIQUE (certificate_id)",
			"certificates_user_id_fkey":       toUsers,
			"certificates_course_id_fkey":     toCourses,
		},
		indexes: map[string]string{
			"idx_certificates_user":   "(user_id)",
			"idx_certificates_course": "(course_id)",
			"idx_certificates_id":     "(certificate_id)",
		},
	},
	{
		name: "payments",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"user_id", uuidType, nullable, none},
			{"course_id", uuidType, nullable, none},
			{"amount", integer, notNull, none},
			{"currency", vc3, nullable, "'USD'::character varying"},
			{"status", "payment_status", notNull, none},
			{"stripe_payment_id", vc255, nullable, none},
			{"created_at", timestamp, nullable, now},
			{"updated_at", timestamp, nullable, now},
		},
		constraints: map[string]string{
			"payments_pkey":           "PRIMARY KEY (id)",
			"payments_user_id_fkey":   toUsers,
			"payments_course_id_fkey": toCourses,
		},
		indexes: map[string]string{
			"idx_payments_user":   "(user_id)",
			"idx_payments_course": "(course_id)",
			"idx_payments_status": "(status)",
			"idx_payments_stripe": "(stripe_payment_id)",
		},
	},
	{
		name: "notifications",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"user_id", uuidType, nullable, none},
			{"type", vc50, notNull, none},
			{"title", vc255, notNull, none},
			{"message", text, notNull, none},
			{"read", boolean, nullable, isFalse},
			{"created_at", timestamp, nullable, now},
		},
		constraints: map[string]string{
			"notifications_pkey":         "PRIMARY KEY (id)",
			"notifications_user_id_fkey": toUsers,
		},
		indexes: map[string]string{
			"idx_notifications_user": "(user_id)",
			"idx_notifications_read": "(user_id, read)",
		},
	},
	{
		name: "reviews",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"user_id", uuidType, nullable, none},
			{"course_id", uuidType, nullable, none},
			{"rating", integer, notNull, none},
			{"comment", text, nullable, none},
			{"created_at", timestamp, nullable, now},
			{"updated_at", timestamp, nullable, now},
		},
		constraints: map[string]string{
			"reviews_pkey":           "PRIMARY KEY (id)",
			"reviews_user_id_fkey":   toUsers,
			"reviews_course_id_fkey": toCourses,
			"reviews_rating_check":   "CHECK (rating >= 1 AND rating <= 5)",
		},
		indexes: map[string]string{
			"idx_reviews_user":   "(user_id)",
			"idx_reviews_course": "(course_id)",
			"idx_reviews_unique": "UNIQUE (user_id, course_id)",
		},
	},
	{
		name: "assignments",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"course_id", uuidType, nullable, none},
			{"title", vc255, notNull, none},
			{"description", text, notNull, none},
			{"due_date", timestamp, nullable, none},
			{"max_score", integer, nullable, "100"},
			{"created_at", timestamp, nullable, now},
		},
		constraints: map[string]string{
			"assignments_pkey":           "PRIMARY KEY (id)",
			"assignments_course_id_fkey": toCourses,
		},
		indexes: map[string]string{
			"idx_assignments_course": "(course_id)",
		},
	},
	{
		name: "submissions",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"assignment_id", uuidType, nullable, none},
			{"user_id", uuidType, nullable, none},
			{"content", text, notNull, none},
			{"file_url", vc500, nullable, none},
			{"score", integer, nullable, none},
			{"feedback", text, nullable, none},
			{"submitted_at", timestamp, nullable, now},
			{"graded_at", timestamp, nullable, none},
		},
		constraints: map[string]string{
			"submissions_pkey":               "PRIMARY KEY (id)",
			"submissions_assignment_id_fkey": toAssignments,
			"submissions_user_id_fkey":       toUsers,
		},
		indexes: map[string]string{
			"idx_submissions_assignment": "(assignment_id)",
			"idx_submissions_user":       "(user_id)",
		},
	},
	{
		name: "sessions",
		columns: []specColumn{
			{"id", uuidType, notNull, random},
			{"user_id", uuidType, nullable, none},
			{"token", vc500, notNull, none},
			{"expires_at", timestamp, notNull, none},
			{"created_at", timestamp, nullable, now},
			{"ip_address", vc45, nullable, none},
			{"user_agent", text, nullable, none},
		},
		constraints: map[string]string{
			"sessions_pkey":         "PRIMARY KEY (id)",
			"sessions_token_key":    "UNIQUE (token)",
			"sessions_user_id_fkey": toUsers,
		},
		indexes: map[string]string{
			"idx_sessions_user":    "(user_id)",
			"idx_sessions_token":   "(token)",
			"idx_sessions_expires": "(expires_at)",
		},
	},
}

// specPoints spells the specification out, one checkable statement a point.
func specPoints() map[string]string {
	points := map[string]string{}
	for name, labels := range specEnums {
		points["enum "+name] = labels
	}
	for _, table := range specification {
		var names []string
		for _, c := range table.columns {
			names = append(names, c.name)
			points[fmt.Sprintf("type of %s.%s", table.name, c.name)] = c.kind
			if c.notNull {
				points[fmt.Sprintf("not null %s.%s", table.name, c.name)] = "yes"
			}
			if c.byDefault != none {
				points[fmt.Sprintf("default of %s.%s", table.name, c.name)] = c.byDefault
			}
		}
		points["table "+table.name] = strings.Join(names, ", ")
		for name, definition := range table.constraints {
			points[fmt.Sprintf("constraint %s on %s", name, table.name)] = definition
		}
		for name, columns := range table.indexes {
			points[fmt.Sprintf("index %s on %s", name, table.name)] = columns
		}
	}
	return points
}

// catalogPoints reads the same points from the system catalog, and every other
// object of the schema, of which there must be none.
const catalogPoints = `
	SELECT 'enum ' || t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
	FROM pg_type AS t
	JOIN pg_enum AS e ON e.enumtypid = t.oid
	WHERE t.typnamespace = 'public'::regnamespace
	GROUP BY t.typname
	UNION ALL
	SELECT 'table ' || c.relname, string_agg(a.attname, ', ' ORDER BY a.attnum)
	FROM pg_class AS c
	JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
	GROUP BY c.relname
	UNION ALL
	SELECT x.what || c.relname || '.' || a.attname, x.value
	FROM pg_class AS c
	JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
	CROSS JOIN LATERAL (
		VALUES
			('type of ', format_type(a.atttypid, a.atttypmod)),
			('not null ', CASE WHEN a.attnotnull THEN 'yes' END),
			('default of ', pg_get_expr(d.adbin, d.adrelid))
	) AS x (what, value)
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND x.value IS NOT NULL
	UNION ALL
	SELECT 'constraint ' || n.conname || ' on ' || c.relname, pg_get_constraintdef(n.oid, TRUE)
	FROM pg_constraint AS n
	JOIN pg_class AS c ON c.oid = n.conrelid
	WHERE n.connamespace = 'public'::regnamespace AND n.contype <> 'n'
	UNION ALL
	SELECT 'index ' || x.relname || ' on ' || c.relname,
		CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
			|| substring(pg_get_indexdef(i.indexrelid) FROM 'USING btree (.*)$')
	FROM pg_index AS i
	JOIN pg_class AS x ON x.oid = i.indexrelid
	JOIN pg_class AS c ON c.oid = i.indrelid
	WHERE c.relnamespace = 'public'::regnamespace
		AND NOT EXISTS (SELECT FROM pg_constraint AS n WHERE n.conindid = x.oid AND n.contype IN ('p', 'u'))
	UNION ALL
	SELECT 'relation ' || c.relname, c.relkind::text
	FROM pg_class AS c
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind NOT IN ('r', 'i', 't')
	UNION ALL
	SELECT 'function ' || p.oid::regprocedure, p.prokind::text
	FROM pg_proc AS p
	WHERE p.pronamespace = 'public'::regnamespace
	UNION ALL
	SELECT 'trigger ' || t.tgname, t.tgrelid::regclass::text
	FROM pg_trigger AS t
	JOIN pg_class AS c ON c.oid = t.tgrelid
	WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
	UNION ALL
	SELECT 'option of ' || c.relname, array_to_string(c.reloptions, ', ')
	FROM pg_class AS c
	WHERE c.relnamespace = 'public'::regnamespace AND c.reloptions IS NOT NULL`

// TestInitialConforms holds the first migration against the specification:
// nothing less and nothing more.
func TestInitialConforms(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	config := newDatabase(t)
	require.NoError(t, schema.UpFiles(ctx, config, nil, schema.FS, 1))
	conn := connect(t, config)
	execute(t, conn, "DROP TABLE "+schema.VersionTable)

	rows, err := conn.Query(ctx, catalogPoints)
	require.NoError(t, err)
	found := map[string]string{}
	var point, value string
	_, err = pgx.ForEachRow(rows, []any{&point, &value}, func() error {
		found[point] = value
		return nil
	})
	require.NoError(t, err)

	expected := specPoints()
	var wrong []string
	for _, point := range slices.Sorted(maps.Keys(expected)) {
		if got, ok := found[point]; !ok {
			wrong = append(wrong, fmt.Sprintf("%s is missing: %s", point, expected[point]))
		} else if got != expected[point] {
			wrong = append(wrong, fmt.Sprintf("%s is %q, the specification says %q", point, got, expected[point]))
		}
	}
	for _, point := range slices.Sorted(maps.Keys(found)) {
		if _, ok := expected[point]; !ok {
			wrong = append(wrong, fmt.Sprintf("%s is not in the specification: %s", point, found[point]))
		}
	}
	require.Empty(t, wrong)
	require.Len(t, specification, 12)
	require.Len(t, specEnums, 3)
	t.Logf("%d points of the specification checked, nothing less and nothing more", len(expected))
}
