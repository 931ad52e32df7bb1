package elevate

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestRetryable(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		err  pgconn.PgError
		want bool
	}{
		"Serialization":        {pgconn.PgError{Code: "40001"}, true},
		"Deadlock":             {pgconn.PgError{Code: "40P01"}, true},
		"LockTimeout":          {pgconn.PgError{Code: "55P03"}, true},
		"LockedBesideRollback": {pgconn.PgError{Code: "XX000", Routine: "MultiXactIdCreateFromMembers"}, true},
		"OtherInternalError":   {pgconn.PgError{Code: "XX000", Routine: "heap_update"}, false},
		"Unique":               {pgconn.PgError{Code: "23505"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, retryable(fmt.Errorf("wrapped: %w", &test.err)))
		})
	}
}
