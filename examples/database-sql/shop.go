package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

// schoolSchema holds Elevate's tables, beside the shop's own in public.
const schoolSchema = "school"

// shopTables refer to Elevate's by foreign keys, so they are made after those.
const shopTables = `
CREATE TABLE public.accounts (
    learner_id uuid PRIMARY KEY REFERENCES school.users (id),
    credit integer NOT NULL CHECK (credit >= 0)
);

CREATE TABLE public.orders (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    learner_id uuid NOT NULL REFERENCES school.users (id),
    total integer NOT NULL DEFAULT 0
);

CREATE TABLE public.order_lines (
    order_number bigint NOT NULL REFERENCES public.orders (number),
    course_id uuid NOT NULL,
    price integer NOT NULL,
    state text NOT NULL CHECK (state IN ('delivered', 'owned', 'waiting')),
    PRIMARY KEY (order_number, course_id)
);`

// errNoCredit is the shop's own refusal.
var errNoCredit = errors.New("not enough credit")

// shop sells courses for credit. It is written on database/sql, and has no other
// connection than those of db.
type shop struct {
	db *sql.DB

	// store has no pool: each operation is in a transaction of the shop's.
	store *elevate.Store
}

func newShop(db *sql.DB) (*shop, error) {
	store, err := elevate.New(nil, &elevate.Config{Schema: schoolSchema})
	if err != nil {
		return nil, err
	}
	return &shop{db: db, store: store.As(elevate.System("shop"))}, nil
}

// order sells courses to a learner and enrolls them: all of it, or nothing. What
// they own already costs nothing, and neither does, so far, what is not published.
func (s *shop) order(ctx context.Context, learnerID uuid.UUID, courseIDs ...uuid.UUID) (number int64, err error) {
	// Each once, and in one order, in which two orders at once lock them.
	courseIDs = slices.Clone(courseIDs)
	slices.SortFunc(courseIDs, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	courseIDs = slices.Compact(courseIDs)

	err = inTx(ctx, s.db, s.store, func(tx *sql.Tx, store *elevate.Store) error {
		row := tx.QueryRowContext(ctx, `
			INSERT INTO public.orders (learner_id)
			VALUES ($1)
			RETURNING number`, learnerID)
		if err := row.Scan(&number); err != nil {
			return fmt.Errorf("open the order: %w", err)
		}

		total := int32(0)
		for _, courseID := range courseIDs {
			price, err := deliver(ctx, tx, store, number, learnerID, courseID)
			if err != nil {
				return err // rolls back, also what was delivered before
			}
			total += price
		}
		return pay(ctx, tx, number, learnerID, total)
	})
	if err != nil {
		return 0, err
	}
	return number, nil
}

// deliver enrolls the learner, writes the line of the order, and returns what they
// owe.
func deliver(
	ctx context.Context, tx *sql.Tx, store *elevate.Store, number int64, learnerID, courseID uuid.UUID,
) (price int32, err error) {
	course, err := store.GetCourse(ctx, courseID)
	if err != nil {
		return 0, err
	}
	var result elevate.EnrollResult
	if course.Price == 0 {
		result, err = store.Enroll(ctx, learnerID, courseID)
	} else {
		result, err = store.GrantEnrollment(ctx, elevate.GrantEnrollmentParams{
			UserID: learnerID, CourseID: courseID, Source: "order", Reference: strconv.FormatInt(number, 10),
		})
	}
	var state string
	switch {
	case errors.Is(err, elevate.ErrNotPublished):
		// A refusal is an answer, not an error of the database: it changed
		// nothing, and the transaction goes on.
		state = "waiting"
	case err != nil:
		return 0, err
	case !result.Created:
		state = "owned" // enrolled by an earlier order, of another request perhaps
	default:
		state, price = "delivered", course.Price
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO public.order_lines (order_number, course_id, price, state)
		VALUES ($1, $2, $3, $4)`, number, courseID, course.Price, state)
	if err != nil {
		return 0, fmt.Errorf("write the line: %w", err)
	}
	return price, nil
}

// pay takes the total from the learner's credit.
func pay(ctx context.Context, tx *sql.Tx, number int64, learnerID uuid.UUID, total int32) error {
	result, err := tx.ExecContext(ctx, `
		UPDATE public.accounts
		SET credit = credit - $2
		WHERE learner_id = $1 AND credit >= $2`, learnerID, total)
	if err != nil {
		return fmt.Errorf("take the credit: %w", err)
	}
	paid, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("take the credit: %w", err)
	}
	if paid == 0 {
		return errNoCredit
	}
	if _, err := tx.ExecContext(ctx, `UPDATE public.orders SET total = $2 WHERE number = $1`, number, total); err != nil {
		return fmt.Errorf("write the total: %w", err)
	}
	return nil
}
