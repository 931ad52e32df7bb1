package elevate_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// plainStatement is what an administrator or another program does beside the
// library, in a transaction of its own.
type plainStatement struct {
	name   string
	lock   string // comes first
	sql    string
	effect string // of a row that is written
}

// plainStatements keep the library's order of locks: the user before the course,
// the course before its lessons and enrollments. An enrollment inserted without
// them is locked before its foreign keys lock the user: beside a transaction that
// changes the user's email and then enrolls them, that is a deadlock. So is a
// lesson deleted before its course is locked. A payment has no row that others
// would wait for.
func plainStatements() []plainStatement {
	const (
		lockCourse  = `SELECT FROM {s}.courses WHERE id = @course_id FOR UPDATE`
		lockParents = `SELECT FROM {s}.users AS u CROSS JOIN {s}.courses AS c
			WHERE u.id = @user_id AND c.id = @course_id
			FOR KEY SHARE OF u FOR KEY SHARE OF c`
	)
	return []plainStatement{
		{
			name: "edit course",
			sql: `UPDATE {s}.courses SET title = 'Plain ' || @n::integer || ' ' || id, price = 4900 * (@n::integer % 2)
				WHERE id = @course_id`,
		},
		{
			name: "edit user",
			sql:  `UPDATE {s}.users SET name = 'Plain ' || @n::integer WHERE id = @user_id`,
		},
		{
			name: "append lesson",
			lock: lockCourse,
			sql: `INSERT INTO {s}.lessons (id, course_id, title, "order")
				SELECT @lesson_id::uuid, @course_id::uuid, 'Plain', 1 + coalesce(max(l."order"), 0)
				FROM {s}.lessons AS l
				WHERE l.course_id = @course_id
				ON CONFLICT (id) DO NOTHING`,
		},
		{
			name: "delete last lesson",
			lock: lockCourse,
			sql: `DELETE FROM {s}.lessons AS l
				WHERE l.course_id = @course_id
					AND l.id <> @staying_id
					AND l."order" = (SELECT max(o."order") FROM {s}.lessons AS o WHERE o.course_id = @course_id)`,
		},
		{
			name:   "insert enrollment",
			lock:   lockParents,
			sql:    `INSERT INTO {s}.enrollments (user_id, course_id) VALUES (@user_id, @course_id) ON CONFLICT DO NOTHING`,
			effect: effectInserted,
		},
		{
			name: "delete enrollment",
			sql: `DELETE FROM {s}.enrollments
				WHERE user_id = @user_id AND course_id = @course_id AND course_id <> @tidy_id AND completed_at IS NULL`,
			effect: effectUnenrolled,
		},
		{
			name: "insert payment",
			sql: `INSERT INTO {s}.payments (user_id, course_id, amount, status)
				VALUES (@user_id, @course_id, 4900, 'succeeded')`,
		},
	}
}

// writeBeside writes plain SQL until the others have ended.
func (r *stress) writeBeside(ctx context.Context, d *draw, ended <-chan struct{}) error {
	for {
		select {
		case <-ended:
			return nil
		default:
		}
		if err := r.plain(ctx, d, pick(d, plainStatements())); err != nil {
			return err
		}
	}
}

func (r *stress) plain(ctx context.Context, d *draw, statement plainStatement) error {
	userID, courseID := pick(d, d.learners[:stressLearners]), pick(d, d.courses[:stressCourses])
	args := pgx.NamedArgs{
		"course_id":  courseID,
		"lesson_id":  d.lesson(courseID),
		"n":          d.IntN(3),
		"staying_id": d.lessons[courseID][0],
		"tidy_id":    d.tidy(),
		"user_id":    userID,
	}
	for {
		var written pgconn.CommandTag
		err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) (err error) {
			if _, err = tx.Exec(ctx, `SELECT set_config('elevate.actor', 'plain', TRUE)`); err != nil {
				return err
			}
			if statement.lock != "" {
				if _, err = tx.Exec(ctx, r.sql(statement.lock), args); err != nil {
					return err
				}
			}
			written, err = tx.Exec(ctx, r.sql(statement.sql), args)
			return err
		})
		switch {
		case err == nil:
			if written.RowsAffected() > 0 && statement.effect != "" {
				d.note(statement.effect, userID, courseID)
			}
			d.outcomes[outcome{operation: "SQL: " + statement.name}]++
			return nil
		case r.undone(err) != "":
			d.outcomes[outcome{"SQL: " + statement.name, r.undone(err)}]++
		default:
			return fmt.Errorf("plain SQL, %s: %w%s", statement.name, err, details(err))
		}
	}
}
