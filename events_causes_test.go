package elevate_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate"
)

func causes(t testing.TB) []cause {
	t.Helper()
	return slices.Concat(
		userCauses(), courseCauses(), enrollmentCauses(t), lessonCauses(t), certificateCauses(t), paymentCauses(t),
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
			name: "ConfirmEmailChange",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				// Another address each time: to the same one it is no change.
				request, err := s.RequestEmailChange(ctx, elevate.RequestEmailChangeParams{
					UserID: w.stranger, NewEmail: uuid.NewString() + "@example.org", WithoutPassword: true,
				})
				if err != nil {
					return err
				}
				_, err = s.ConfirmEmailChange(ctx, request.Token)
				return err
			},
			want: func(w *eventWorld) []told {
				return []told{
					userEvent(elevate.EventUserEmailChanged, w.stranger),
					userEvent(elevate.EventUserEmailVerified, w.stranger),
				}
			},
			again: true,
		},
		{
			name: "VerifyEmail",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				request, err := s.RequestEmailVerification(ctx, w.stranger)
				if err != nil || request.Verified {
					return err
				}
				_, err = s.VerifyEmail(ctx, request.Token)
				return err
			},
			want: ofStranger(elevate.EventUserEmailVerified),
		},
		{
			name: "ResetPassword",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				request, err := s.RequestPasswordReset(ctx, w.stranger.String()+"@example.org")
				if err != nil {
					return err
				}
				_, err = s.ResetPassword(ctx, request.Token, goodPassword)
				return err
			},
			want: ofStranger(elevate.EventUserEmailVerified),
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
			name: "SetRole",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.SetRole(ctx, w.stranger, elevate.RoleAdmin)
				return err
			},
			want: ofStranger(elevate.EventUserRoleChanged),
		},
		{
			name: "SQLChangesRole",
			sql:  `UPDATE {s}.users SET role = 'admin' WHERE id = @stranger`,
			want: ofStranger(elevate.EventUserRoleChanged),
		},
		{
			name: "DisableUser",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.DisableUser(ctx, w.stranger)
				return err
			},
			want: ofStranger(elevate.EventUserDisabled),
		},
		{
			name: "SQLDisables",
			sql:  `UPDATE {s}.users SET disabled_at = now() WHERE id = @stranger`,
			want: ofStranger(elevate.EventUserDisabled),
		},
		{
			name:    "EnableUser",
			prepare: []string{`UPDATE {s}.users SET disabled_at = now() WHERE id = @stranger`},
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.EnableUser(ctx, w.stranger)
				return err
			},
			want: ofStranger(elevate.EventUserEnabled),
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

func none(*eventWorld) []told { return []told{} }

// silentCauses change rows and tell nothing.
func silentCauses() []cause {
	return []cause{
		{name: "SQLRenames", sql: `UPDATE {s}.users SET name = 'Other', last_login = now() WHERE id = @learner`, want: none},
		{name: "SQLRetitles", sql: `UPDATE {s}.courses SET title = 'Other', price = 1 WHERE id = @course`, want: none},
		{
			name: "LinkIdentity",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.LinkIdentity(ctx, elevate.LinkIdentityParams{
					UserID: w.learner, Provider: "google", Subject: w.id.String(),
				})
				return err
			},
			want: none,
		},
		{
			name: "CreateSession",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.CreateSession(ctx, elevate.CreateSessionParams{UserID: w.learner})
				return err
			},
			want: none,
		},
		{
			name: "UpdateProfile",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.UpdateProfile(ctx, elevate.UpdateProfileParams{UserID: w.learner, Name: "Other"})
				return err
			},
			want: none,
		},
		{
			name: "NotifyCourse",
			call: func(ctx context.Context, s *elevate.Store, w *eventWorld) error {
				_, err := s.NotifyCourse(ctx, elevate.NotifyCourseParams{
					CourseID: w.course, Key: "news", Title: "News", Message: "There are news.",
				})
				return err
			},
			want: none,
		},
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
