package elevate

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// constraintError says what it means that a constraint refused a statement whose
// own checks had let it through. The cause stays.
func constraintError(err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return err
	}
	switch pgErr.ConstraintName {
	case "users_email_lower_key", "idx_users_email":
		return fmt.Errorf("%w: %w", ErrEmailTaken, err)
	case "idx_courses_slug":
		return fmt.Errorf("%w: %w", ErrSlugTaken, err)
	default:
		return err
	}
}
