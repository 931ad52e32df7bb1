package elevate_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// cause is one way to make events happen: an operation of the library, or what
// another program does.
type cause struct {
	name string

	// prepare are statements that come before.
	prepare []string

	// call is the operation; sql what another program does instead.
	call func(ctx context.Context, s *elevate.Store, w *eventWorld) error
	sql  string

	// want are the events in their order; a second call has none.
	want func(w *eventWorld) []told

	// again says that a second call is another change, not a replay.
	again bool
}

// eventWorld is a world with ids for rows that are to be made. Statements know
// its ids by name.
type eventWorld struct {
	*world

	id, assignment, payment uuid.UUID
}

func newEventWorld(t testing.TB, b *testBundle) *eventWorld {
	t.Helper()
	w := &eventWorld{world: newWorld(t, b), id: uuid.New(), assignment: uuid.New(), payment: uuid.New()}
	w.run(t, `INSERT INTO {s}.assignments (id, course_id, title, description, max_score)
		VALUES (@assignment, @course, 'Essay', '', 10)`)
	w.run(t, `INSERT INTO {s}.payments (id, user_id, course_id, amount, status)
		VALUES (@payment, @learner, @course, 4900, 'pending')`)
	return w
}

func (w *eventWorld) names() pgx.NamedArgs {
	return pgx.NamedArgs{
		"admin": w.admin, "assignment": w.assignment, "course": w.course, "draft": w.draft, "id": w.id,
		"learner": w.learner, "lesson1": w.lessons[0], "lesson2": w.lessons[1], "lesson3": w.lessons[2],
		"payment": w.payment, "rival": w.rival, "stranger": w.stranger, "teacher": w.teacher,
	}
}

func (w *eventWorld) run(t testing.TB, sql string) {
	t.Helper()
	_, err := w.pool.Exec(w.ctx, w.sql(sql), w.names())
	require.NoError(t, err)
}

// told are the events written so far.
func (w *eventWorld) told(t testing.TB) []told {
	t.Helper()
	rows, err := w.pool.Query(w.ctx, w.sql(`SELECT type, coalesce(user_id, @none), coalesce(course_id, @none), subject_id
		FROM {s}.events ORDER BY id`), pgx.NamedArgs{"none": uuid.Nil})
	require.NoError(t, err)
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[told])
	require.NoError(t, err)
	return events
}

func (w *eventWorld) enrollmentOf(t testing.TB, userID uuid.UUID) uuid.UUID {
	t.Helper()
	return scan[uuid.UUID](t, w.testBundle, `SELECT subject_id FROM {s}.events
		WHERE type LIKE 'enrollment.%' AND user_id = $1 AND course_id = $2 LIMIT 1`, userID, w.course)
}

// TestEventTypes makes every type of event happen, in the ways there are.
func TestEventTypes(t *testing.T) { //nolint:tparallel // its cases share one database
	t.Parallel()
	b := newBundle(t)
	seen := map[elevate.EventType]bool{}
	for _, cause := range causes(t) { //nolint:paralleltest // one database
		t.Run(cause.name, func(t *testing.T) {
			w := newEventWorld(t, b)
			for _, sql := range cause.prepare {
				w.run(t, sql)
			}
			do := func() error {
				if cause.call == nil {
					_, err := w.pool.Exec(w.ctx, w.sql(cause.sql), w.names())
					return err
				}
				return cause.call(w.ctx, w.system, w)
			}
			before := len(w.told(t))
			require.NoError(t, do())
			events := w.told(t)
			want := cause.want(w)
			require.Equal(t, want, events[before:])
			for _, event := range want {
				seen[event.Type] = true
			}
			if cause.again {
				return
			}
			if err := do(); err != nil {
				require.ErrorIs(t, err, elevate.ErrNotFound, "of the second call")
			}
			require.Equal(t, events, w.told(t), "a replay")
		})
	}
	require.Equal(t, eventTypes(t), slices.Sorted(maps.Keys(seen)), "each type happens")
}

// eventTypes are the constants.
func eventTypes(t *testing.T) []elevate.EventType {
	t.Helper()
	source := readText(t, "events.go")
	var types []elevate.EventType
	for _, match := range regexp.MustCompile(`\bEvent\w+ +EventType = "([^"]+)"`).FindAllStringSubmatch(source, -1) {
		types = append(types, elevate.EventType(match[1]))
	}
	require.NotEmpty(t, types)
	slices.Sort(types)
	return types
}

// TestEventTypesAreThoseOfTriggers: no constant without a trigger, and no trigger
// without a constant.
func TestEventTypesAreThoseOfTriggers(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	rows, err := b.pool.Query(b.ctx, `SELECT tgargs, tgname FROM pg_trigger WHERE tgfoid = $1::text::regproc`,
		b.sql("{s}.event_record"))
	require.NoError(t, err)
	types := map[elevate.EventType]bool{}
	var (
		arguments []byte // each ends with a NUL
		name      string
	)
	_, err = pgx.ForEachRow(rows, []any{&arguments, &name}, func() error {
		words := bytes.Split(arguments, []byte{0})
		if len(words) != 3 {
			return errors.New(name + " does not have two arguments")
		}
		types[elevate.EventType(words[0])] = true
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, eventTypes(t), slices.Sorted(maps.Keys(types)))
}

// TestEventTypesAreDocumented: the table in docs/events.md has each, once.
func TestEventTypesAreDocumented(t *testing.T) {
	t.Parallel()
	var types []elevate.EventType
	for line := range strings.Lines(readText(t, "docs/events.md")) {
		if match := regexp.MustCompile("^\\| `([a-z]+\\.[a-z_]+)` \\|").FindStringSubmatch(line); match != nil {
			types = append(types, elevate.EventType(match[1]))
		}
	}
	slices.Sort(types)
	require.Equal(t, eventTypes(t), types)
}

func causes(t testing.TB) []cause {
	t.Helper()
	return slices.Concat(
		userCauses(), courseCauses(), enrollmentCauses(t), lessonCauses(t), certificateCauses(t), paymentCauses(),
		submissionCauses(), silentCauses(),
	)
}

// userEvent is an event of a user.
func userEvent(kind elevate.EventType, userID uuid.UUID) told {
	return told{Type: kind, UserID: userID, SubjectID: userID}
}

// ofStranger is what a change of the stranger tells.
func ofStranger(kind elevate.EventType) func(w *eventWorld) []told {
	return func(w *eventWorld) []told { return []told{userEvent(kind, w.stranger)} }
}

func userCauses() []cause {
	sync := func(change func(w *eventWorld, params *elevate.SyncUserParams)) func(
		ctx context.Context, s *elevate.Store, w *eventWorld) error {
		return func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
			params := elevate.SyncUserParams{
				ID: w.stranger, Email: w.stranger.String() + "@example.org", Name: "Another name",
			}
			change(w, &params)
			_, err := s.SyncUser(ctx, params)
			return err
		}
	}
	registered := func(w *eventWorld) []told {
		return []told{userEvent(elevate.EventUserRegistered, w.id)}
	}
	const erase = `UPDATE {s}.users SET erased_at = now(), email = id || '@erased.invalid', name = '', role = 'user',
		email_verified = NOT email_verified, disabled_at = now() WHERE id = @stranger AND erased_at IS NULL`
	return []cause{
		{
			name: "RegisterUser",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.RegisterUser(ctx, elevate.RegisterUserParams{
					ID: w.id, Email: w.id.String() + "@example.org", Name: "Ada", PasswordHash: passwordHash,
				})
				return err
			},
			want: registered,
			// The second is refused.
			again: true,
		},
		{
			name: "SyncUserRegisters",
			call: sync(func(w *eventWorld, params *elevate.SyncUserParams) {
				params.ID, params.Email = w.id, w.id.String()+"@example.org"
			}),
			want: registered,
		},
		{
			name: "SQLRegisters",
			sql: `INSERT INTO {s}.users (id, email, password_hash, name)
				VALUES (@id, @id::uuid::text || '@example.org', '!', 'Ada') ON CONFLICT DO NOTHING`,
			want: registered,
		},
		{
			name: "SyncUserChangesEmail",
			call: sync(func(w *eventWorld, params *elevate.SyncUserParams) {
				params.Email = w.id.String() + "@example.org"
			}),
			want: ofStranger(elevate.EventUserEmailChanged),
		},
		{
			name: "SQLChangesEmail",
			sql:  `UPDATE {s}.users SET email = @id::uuid::text WHERE id = @stranger`,
			want: ofStranger(elevate.EventUserEmailChanged),
		},
		{
			name: "SQLVerifiesEmail",
			sql:  `UPDATE {s}.users SET email_verified = TRUE WHERE id = @stranger`,
			want: ofStranger(elevate.EventUserEmailVerified),
		},
		{
			name: "SQLChangesEmailThatIsVerified",
			sql:  `UPDATE {s}.users SET email = @id::uuid::text, email_verified = TRUE WHERE id = @stranger`,
			want: func(w *eventWorld) []told {
				return []told{
					userEvent(elevate.EventUserEmailChanged, w.stranger),
					userEvent(elevate.EventUserEmailVerified, w.stranger),
				}
			},
		},
		{
			name: "SyncUserChangesRole",
			call: sync(func(_ *eventWorld, params *elevate.SyncUserParams) { params.Role = elevate.RoleInstructor }),
			want: ofStranger(elevate.EventUserRoleChanged),
		},
		{
			name: "SQLChangesRole",
			sql:  `UPDATE {s}.users SET role = 'admin' WHERE id = @stranger`,
			want: ofStranger(elevate.EventUserRoleChanged),
		},
		{
			name: "SQLDisables",
			sql:  `UPDATE {s}.users SET disabled_at = now() WHERE id = @stranger`,
			want: ofStranger(elevate.EventUserDisabled),
		},
		{
			name:    "SQLEnables",
			prepare: []string{`UPDATE {s}.users SET disabled_at = now() WHERE id = @stranger`},
			sql:     `UPDATE {s}.users SET disabled_at = NULL WHERE id = @stranger`,
			want:    ofStranger(elevate.EventUserEnabled),
		},
		{
			name: "SQLErases",
			sql:  erase,
			want: ofStranger(elevate.EventUserErased),
		},
		{
			name:    "SQLErasesDisabled",
			prepare: []string{`UPDATE {s}.users SET disabled_at = now(), role = 'admin' WHERE id = @stranger`},
			sql:     strings.ReplaceAll(erase, "disabled_at = now()", "disabled_at = NULL"),
			want:    ofStranger(elevate.EventUserErased),
		},
		{
			name: "SQLDeletes",
			sql:  `DELETE FROM {s}.users WHERE id = @stranger`,
			want: ofStranger(elevate.EventUserDeleted),
		},
	}
}

func courseCauses() []cause {
	of := func(kind elevate.EventType, courseID func(w *eventWorld) uuid.UUID) func(w *eventWorld) []told {
		return func(w *eventWorld) []told {
			return []told{{Type: kind, CourseID: courseID(w), SubjectID: courseID(w)}}
		}
	}
	draft := func(w *eventWorld) uuid.UUID { return w.draft }
	course := func(w *eventWorld) uuid.UUID { return w.course }
	return []cause{
		{
			name: "PublishCourse",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.PublishCourse(ctx, w.draft)
				return err
			},
			want: of(elevate.EventCoursePublished, draft),
		},
		{
			name: "SQLPublishes",
			sql:  `UPDATE {s}.courses SET published = TRUE WHERE id = @draft`,
			want: of(elevate.EventCoursePublished, draft),
		},
		{
			name: "SQLInsertsPublished",
			sql: `INSERT INTO {s}.courses (id, title, slug, description, instructor_id, category, level, price, published)
				VALUES (@id, 'C', @id::uuid::text, '', @teacher, 'go', 'beginner', 0, TRUE) ON CONFLICT DO NOTHING`,
			want: of(elevate.EventCoursePublished, func(w *eventWorld) uuid.UUID { return w.id }),
		},
		{
			name: "UnpublishCourse",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.UnpublishCourse(ctx, w.course)
				return err
			},
			want: of(elevate.EventCourseUnpublished, course),
		},
		{
			name: "SQLUnpublishes",
			sql:  `UPDATE {s}.courses SET published = FALSE WHERE id = @course`,
			want: of(elevate.EventCourseUnpublished, course),
		},
		{
			name: "DeleteCourse",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				return s.DeleteCourse(ctx, w.draft)
			},
			want: of(elevate.EventCourseDeleted, draft),
		},
		{
			// Progress that an earlier enrollment left goes with the lessons.
			name: "SQLDeletesCourse",
			prepare: []string{
				`INSERT INTO {s}.progress (user_id, lesson_id, completed)
					SELECT @stranger, l.id, TRUE FROM {s}.lessons AS l WHERE l.course_id = @draft`,
			},
			sql:  `DELETE FROM {s}.courses WHERE id = @draft`,
			want: of(elevate.EventCourseDeleted, draft),
		},
	}
}

func enrollmentCauses(t testing.TB) []cause {
	t.Helper()
	created := func(w *eventWorld) []told {
		return []told{{elevate.EventEnrollmentCreated, w.stranger, w.course, w.enrollmentOf(t, w.stranger)}}
	}
	completed := func(w *eventWorld) []told {
		return append(created(w), told{elevate.EventCourseCompleted, w.stranger, w.course, w.course})
	}
	deleted := func(w *eventWorld) []told {
		return []told{{elevate.EventEnrollmentDeleted, w.learner, w.course, w.enrollmentOf(t, w.learner)}}
	}
	enroll := func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
		_, err := s.Enroll(ctx, w.stranger, w.course)
		return err
	}
	kept := []string{`INSERT INTO {s}.progress (user_id, lesson_id, completed)
		VALUES (@stranger, @lesson1, TRUE), (@stranger, @lesson2, TRUE), (@stranger, @lesson3, TRUE)`}
	const insert = `INSERT INTO {s}.enrollments (user_id, course_id) VALUES (@stranger, @course) ON CONFLICT DO NOTHING`
	return []cause{
		{name: "Enroll", call: enroll, want: created},
		{
			name: "GrantEnrollment",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.GrantEnrollment(ctx, elevate.GrantEnrollmentParams{
					UserID: w.stranger, CourseID: w.course, Source: "scholarship",
				})
				return err
			},
			want: created,
		},
		{
			name: "EnrollMany",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.EnrollMany(ctx, elevate.EnrollManyParams{
					CourseID: w.course, Source: "company", UserIDs: []uuid.UUID{w.learner, w.stranger},
				})
				return err
			},
			want: created,
		},
		{name: "SQLEnrolls", sql: insert, want: created},
		{
			name: "CopyEnrolls",
			call: func(ctx context.Context, _ *elevate.Store, w *eventWorld) error {
				_, err := w.pool.CopyFrom(ctx, pgx.Identifier{w.schema, "enrollments"}, []string{"user_id", "course_id"},
					pgx.CopyFromRows([][]any{{w.stranger, w.course}}))
				return err
			},
			want:  created,
			again: true, // COPY knows no conflicts
		},
		{name: "EnrollWithKeptProgress", prepare: kept, call: enroll, want: completed},
		{name: "SQLEnrollsWithKeptProgress", prepare: kept, sql: insert, want: completed},
		{
			name: "SQLInsertsCompleted",
			sql: `INSERT INTO {s}.enrollments (user_id, course_id, completed_at)
				VALUES (@stranger, @course, now()) ON CONFLICT DO NOTHING`,
			want: completed,
		},
		{
			name: "Unenroll",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.Unenroll(ctx, elevate.UnenrollParams{UserID: w.learner, CourseID: w.course})
				return err
			},
			want: deleted,
		},
		{
			name: "UnenrollDeletesProgress",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.Unenroll(ctx, elevate.UnenrollParams{
					UserID: w.learner, CourseID: w.course, DeleteProgress: true,
				})
				return err
			},
			want: func(w *eventWorld) []told {
				return append(deleted(w), told{elevate.EventLessonUncompleted, w.learner, w.course, w.lessons[0]})
			},
		},
		{
			name: "SQLUnenrolls",
			sql:  `DELETE FROM {s}.enrollments WHERE user_id = @learner`,
			want: deleted,
		},
	}
}

func lessonCauses(t testing.TB) []cause {
	t.Helper()
	lesson := func(kind elevate.EventType, i int) func(w *eventWorld) []told {
		return func(w *eventWorld) []told { return []told{{kind, w.learner, w.course, w.lessons[i]}} }
	}
	finished := func(w *eventWorld) []told {
		return []told{{elevate.EventCourseCompleted, w.learner, w.course, w.course}}
	}
	both := func(w *eventWorld) []told {
		return append(lesson(elevate.EventLessonCompleted, 2)(w), finished(w)...)
	}
	complete := func(i int) func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
		return func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
			_, err := s.CompleteLesson(ctx, w.learner, w.lessons[i], 0)
			return err
		}
	}
	const (
		insert2 = `INSERT INTO {s}.progress (user_id, lesson_id, completed) VALUES (@learner, @lesson2, TRUE)
			ON CONFLICT DO NOTHING`
		insert3 = `INSERT INTO {s}.progress (user_id, lesson_id, completed) VALUES (@learner, @lesson3, TRUE)
			ON CONFLICT DO NOTHING`
		began     = `INSERT INTO {s}.progress (user_id, lesson_id) VALUES (@learner, @lesson2)`
		takeBack  = `UPDATE {s}.progress SET completed = FALSE WHERE user_id = @learner AND lesson_id = @lesson1`
		complete2 = `UPDATE {s}.progress SET completed = TRUE WHERE user_id = @learner AND lesson_id = @lesson2`
	)
	return []cause{
		{name: "CompleteLesson", call: complete(1), want: lesson(elevate.EventLessonCompleted, 1)},
		{name: "CompleteLessonBegun", prepare: []string{began}, call: complete(1), want: lesson(elevate.EventLessonCompleted, 1)},
		{name: "CompleteLessonAgain", prepare: []string{takeBack}, call: complete(0), want: lesson(elevate.EventLessonCompleted, 0)},
		{name: "CompleteLessonOfAll", prepare: []string{insert2}, call: complete(2), want: both},
		{name: "SQLCompletesLesson", sql: insert2, want: lesson(elevate.EventLessonCompleted, 1)},
		{name: "SQLCompletesLessonBegun", prepare: []string{began}, sql: complete2, want: lesson(elevate.EventLessonCompleted, 1)},
		{name: "SQLCompletesLessonOfAll", prepare: []string{insert2}, sql: insert3, want: both},
		{
			name:    "DeleteLessonThatWasMissing",
			prepare: []string{insert2},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				return s.DeleteLesson(ctx, w.lessons[2])
			},
			want: finished,
		},
		{
			name: "DeleteLessonThatWasCompleted",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				return s.DeleteLesson(ctx, w.lessons[0])
			},
			want: none,
		},
		{
			name: "SQLCompletesCourse",
			sql:  `UPDATE {s}.enrollments SET completed_at = now() WHERE user_id = @learner`,
			want: finished,
		},
		{
			name: "UncompleteLesson",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.UncompleteLesson(ctx, w.learner, w.lessons[0])
				return err
			},
			want: lesson(elevate.EventLessonUncompleted, 0),
		},
		{name: "SQLUncompletesLesson", sql: takeBack, want: lesson(elevate.EventLessonUncompleted, 0)},
		{
			name: "ResetProgress",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.ResetProgress(ctx, w.learner, w.course)
				return err
			},
			want: lesson(elevate.EventLessonUncompleted, 0),
		},
		{
			name: "SQLDeletesProgress",
			sql:  `DELETE FROM {s}.progress WHERE user_id = @learner`,
			want: lesson(elevate.EventLessonUncompleted, 0),
		},
	}
}

func none(*eventWorld) []told { return []told{} }

func certificateCauses(t testing.TB) []cause {
	t.Helper()
	of := func(kind elevate.EventType) func(w *eventWorld) []told {
		return func(w *eventWorld) []told {
			return []told{{kind, w.learner, w.course, scan[uuid.UUID](t, w.testBundle,
				`SELECT id FROM {s}.certificates WHERE user_id = $1`, w.learner)}}
		}
	}
	const (
		finish = `INSERT INTO {s}.progress (user_id, lesson_id, completed)
			VALUES (@learner, @lesson2, TRUE), (@learner, @lesson3, TRUE)`
		insert = `INSERT INTO {s}.certificates (id, certificate_id, user_id, course_id)
			VALUES (@id, left(@id::uuid::text, 50), @learner, @course) ON CONFLICT DO NOTHING`
		revoke    = `UPDATE {s}.certificates SET revoked_at = now() WHERE user_id = @learner`
		reinstate = `UPDATE {s}.certificates SET revoked_at = NULL WHERE user_id = @learner`
	)
	number := func(w *eventWorld) string { return w.id.String() }
	return []cause{
		{
			name:    "IssueCertificate",
			prepare: []string{finish},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.IssueCertificate(ctx, elevate.IssueCertificateParams{UserID: w.learner, CourseID: w.course})
				return err
			},
			want: of(elevate.EventCertificateIssued),
		},
		{
			name:    "IssueCertificates",
			prepare: []string{finish},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.IssueCertificates(ctx, elevate.IssueCertificatesParams{
					CourseID: w.course, UserIDs: []uuid.UUID{w.learner},
				})
				return err
			},
			want: of(elevate.EventCertificateIssued),
		},
		{name: "SQLIssues", sql: insert, want: of(elevate.EventCertificateIssued)},
		{
			name:    "RevokeCertificate",
			prepare: []string{insert},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.RevokeCertificate(ctx, number(w))
				return err
			},
			want: of(elevate.EventCertificateRevoked),
		},
		{name: "SQLRevokes", prepare: []string{insert}, sql: revoke, want: of(elevate.EventCertificateRevoked)},
		{
			name:    "ReinstateCertificate",
			prepare: []string{insert, revoke},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.ReinstateCertificate(ctx, number(w))
				return err
			},
			want: of(elevate.EventCertificateReinstated),
		},
		{name: "SQLReinstates", prepare: []string{insert, revoke}, sql: reinstate, want: of(elevate.EventCertificateReinstated)},
	}
}

func paymentCauses() []cause {
	of := func(kinds ...elevate.EventType) func(w *eventWorld) []told {
		return func(w *eventWorld) []told {
			events := make([]told, len(kinds))
			for i, kind := range kinds {
				events[i] = told{kind, w.learner, w.course, w.payment}
			}
			return events
		}
	}
	inserted := func(kinds ...elevate.EventType) func(w *eventWorld) []told {
		return func(w *eventWorld) []told {
			events := of(kinds...)(w)
			for i := range events {
				events[i].SubjectID = w.id
			}
			return events
		}
	}
	insert := func(status, refunded string) string {
		return `INSERT INTO {s}.payments (id, user_id, course_id, amount, status, refunded_amount)
			VALUES (@id, @learner, @course, 4900, '` + status + `', ` + refunded + `) ON CONFLICT DO NOTHING`
	}
	update := func(status, refunded string) string {
		return `UPDATE {s}.payments SET status = '` + status + `', refunded_amount = ` + refunded + ` WHERE id = @payment`
	}
	event := func(outcome string) string {
		return `INSERT INTO {s}.payment_events (provider, event_id, payment_id, kind, amount, currency, outcome)
			VALUES ('stripe', @id::uuid::text, @payment, 'succeeded', 4900, 'USD', '` + outcome + `') ON CONFLICT DO NOTHING`
	}
	paid := []string{update("succeeded", "0")}
	return []cause{
		{name: "SQLPays", sql: update("succeeded", "0"), want: of(elevate.EventPaymentSucceeded)},
		{
			name: "SQLPaysAfterFailing", prepare: []string{update("failed", "0")},
			sql: update("succeeded", "0"), want: of(elevate.EventPaymentSucceeded),
		},
		{name: "SQLFails", sql: update("failed", "0"), want: of(elevate.EventPaymentFailed)},
		{name: "SQLRefunds", prepare: paid, sql: update("refunded", "4900"), want: of(elevate.EventPaymentRefunded)},
		{name: "SQLRefundsWithoutAmount", prepare: paid, sql: update("refunded", "0"), want: of(elevate.EventPaymentRefunded)},
		{name: "SQLRefundsAPart", prepare: paid, sql: update("succeeded", "900"), want: of(elevate.EventPaymentRefunded)},
		{
			name: "SQLRefundsTheRest", prepare: []string{update("succeeded", "900")},
			sql: update("refunded", "4900"), want: of(elevate.EventPaymentRefunded),
		},
		{
			name: "SQLPaysAndRefundsAPart", sql: update("succeeded", "900"),
			want: of(elevate.EventPaymentSucceeded, elevate.EventPaymentRefunded),
		},
		{name: "SQLRefundsAtOnce", sql: update("refunded", "4900"), want: of(elevate.EventPaymentRefunded)},
		{name: "SQLInsertsPending", sql: insert("pending", "0"), want: none},
		{name: "SQLInsertsPaid", sql: insert("succeeded", "0"), want: inserted(elevate.EventPaymentSucceeded)},
		{name: "SQLInsertsFailed", sql: insert("failed", "0"), want: inserted(elevate.EventPaymentFailed)},
		{name: "SQLInsertsRefunded", sql: insert("refunded", "4900"), want: inserted(elevate.EventPaymentRefunded)},
		{
			name: "SQLInsertsPaidAndRefunded", sql: insert("succeeded", "1"),
			want: inserted(elevate.EventPaymentSucceeded, elevate.EventPaymentRefunded),
		},
		{name: "SQLQuarantines", sql: event("quarantined"), want: of(elevate.EventPaymentQuarantined)},
		{name: "SQLAppliesEvent", sql: event("applied"), want: none},
	}
}

func submissionCauses() []cause {
	of := func(kind elevate.EventType) func(w *eventWorld) []told {
		return func(w *eventWorld) []told { return []told{{kind, w.learner, w.course, w.id}} }
	}
	const (
		submit = `INSERT INTO {s}.submissions (id, assignment_id, user_id, content)
			VALUES (@id, @assignment, @learner, 'text') ON CONFLICT DO NOTHING`
		grade     = `UPDATE {s}.submissions SET score = 7, graded_at = now() WHERE id = @id`
		regrade   = `UPDATE {s}.submissions SET score = 8, graded_at = now() WHERE id = @id`
		comment   = `UPDATE {s}.submissions SET feedback = 'good', graded_at = now() WHERE id = @id`
		supersede = `UPDATE {s}.submissions SET superseded_at = now() WHERE id = @id`
	)
	return []cause{
		{name: "SQLSubmits", sql: submit, want: of(elevate.EventSubmissionSubmitted)},
		{name: "SQLGrades", prepare: []string{submit}, sql: grade, want: of(elevate.EventSubmissionGraded)},
		{name: "SQLGradesAnew", prepare: []string{submit, grade}, sql: regrade, want: of(elevate.EventSubmissionGraded)},
		{name: "SQLComments", prepare: []string{submit, grade}, sql: comment, want: of(elevate.EventSubmissionGraded)},
		{name: "SQLSupersedes", prepare: []string{submit, grade}, sql: supersede, want: none},
	}
}

// silentCauses change rows and tell nothing.
func silentCauses() []cause {
	return []cause{
		{name: "SQLRenames", sql: `UPDATE {s}.users SET name = 'Other', last_login = now() WHERE id = @learner`, want: none},
		{name: "SQLRetitles", sql: `UPDATE {s}.courses SET title = 'Other', price = 1 WHERE id = @course`, want: none},
		{
			name: "RecordStudyTime",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.RecordStudyTime(ctx, elevate.RecordStudyTimeParams{
					UserID: w.learner, LessonID: w.lessons[1], TimeSpent: 1e10,
				})
				return err
			},
			want: none,
		},
		{
			name: "AddLessons",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.AddLessons(ctx, elevate.AddLessonsParams{
					CourseID: w.course, Lessons: []elevate.NewLesson{{ID: w.id, Title: "More"}},
				})
				return err
			},
			want: none,
		},
	}
}
