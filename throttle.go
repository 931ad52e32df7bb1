package elevate

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/elevateforhumanity/elevate/db"
)

// Purposes of attempts. Mails are those that people with an account have sent to
// an address: it need not be theirs.
const (
	attemptSignIn        = "sign_in"
	attemptResetPassword = "reset_password"
	attemptSendMail      = "send_mail"
)

// freeAttempts is how many in a row are free for each purpose.
const freeAttempts = 5

// emailHash is the key of attempts: the address itself may be nobody's we know.
func emailHash(email string) []byte {
	sum := sha256.Sum256([]byte(email))
	return sum[:]
}

// attempt counts an attempt for a normalised email, in a transaction of its own,
// and returns the account to judge it by; its UserID is zero when there is none.
//
// Errors: *ThrottleError.
func (s *Store) attempt(ctx context.Context, purpose, email string) (account db.AttemptBeginRow, err error) {
	params := db.AttemptBeginParams{
		Email:     email,
		Purpose:   purpose,
		EmailHash: emailHash(email),
		Free:      freeAttempts,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.AttemptBeginRow, error) {
		row, err := q.AttemptBegin(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return db.AttemptBeginRow{}, err
	}
	switch row.Verdict {
	case verdictAllowed:
		return row, nil
	case verdictThrottled:
		return db.AttemptBeginRow{}, &ThrottleError{RetryAfter: time.Duration(row.RetryAfter) * time.Second}
	default:
		return db.AttemptBeginRow{}, unknownVerdict(row.Verdict)
	}
}
