package elevate

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	retryBase = 5 * time.Millisecond
	retryCap  = 500 * time.Millisecond
)

// retry runs attempt again, as a whole, after a failure that left nothing behind
// and may not repeat itself. It ends with the context.
func (c *core) retry(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrCommitUnknown):
			c.logger.LogAttrs(ctx, slog.LevelWarn, "elevate: outcome unknown", slog.Int("attempt", n))
			return err
		case n >= c.maxAttempts || !retryable(err):
			return err
		}
		// Full jitter, so that those who collided do not collide again.
		pause := time.NewTimer(rand.N(min(retryCap, retryBase<<min(n, 10))))
		c.logger.LogAttrs(ctx, slog.LevelInfo, "elevate: retry",
			slog.Int("attempt", n), slog.String("code", sqlState(err)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// SQLSTATE codes, of PostgreSQL's appendix A.
const (
	stateRestrictViolation    = "23001" // of ON DELETE RESTRICT, from PostgreSQL 18 on
	stateUniqueViolation      = "23505"
	stateForeignKeyViolation  = "23503"
	stateNotNullViolation     = "23502"
	stateCheckViolation       = "23514"
	stateExclusionViolation   = "23P01"
	stateSerializationFailure = "40001"
	stateDeadlockDetected     = "40P01"
	stateLockNotAvailable     = "55P03"
	stateActiveTransaction    = "25001"
	stateReadOnly             = "25006"
	stateInternalError        = "XX000"
)

// sqlState is the SQLSTATE of the server's answer, or empty when it has not
// answered.
func sqlState(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}

func retryable(err error) bool {
	switch sqlState(err) {
	case stateSerializationFailure, stateDeadlockDetected, stateLockNotAvailable:
		return true
	case stateInternalError:
		return lockedBesideRollback(err)
	case "":
		return pgconn.SafeToRetry(err)
	default:
		return false
	}
}

// lockedBesideRollback reports the internal error «new multixact has more than one
// updating member». A row that others share the key of may be locked while the
// transaction that last updated it is half rolled back: the server then keeps that
// one among the lockers, and refuses the next update. By its routine, because the
// text is translated.
func lockedBesideRollback(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Routine == "MultiXactIdCreateFromMembers"
}

func refusedByConstraint(err error) bool {
	switch sqlState(err) {
	case stateUniqueViolation, stateExclusionViolation, stateForeignKeyViolation, stateRestrictViolation:
		return true
	default:
		return false
	}
}

// outcomeUnknown reports whether the connection ended after something was sent
// and before the server answered. A backend that was told to end (class 57P) may
// have committed already: it no longer waits for a standby, but the commit
// stands.
func outcomeUnknown(err error) bool {
	if state := sqlState(err); state != "" {
		return state[:3] == "57P"
	}
	var scan pgx.ScanArgError
	switch {
	case errors.Is(err, pgconn.ErrConnClosed):
		// pgx 5.12 also says so, and that it is safe to retry, when the connection
		// was lost while it waited for the answer.
		return true
	case pgconn.SafeToRetry(err), errors.Is(err, pgx.ErrNoRows), errors.As(err, &scan),
		errors.Is(err, pgx.ErrTxCommitRollback), errors.Is(err, errRaced):
		return false
	default:
		return true
	}
}
