package elevate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// TestRights runs every operation as a role that was given what docs/running.md
// says, and nothing else.
func TestRights(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	role := scan[string](t, b, `SELECT current_database() || '_app'`)
	quoted := pgx.Identifier{role}.Sanitize()
	b.exec(t, `CREATE ROLE `+quoted)
	t.Cleanup(func() {
		for _, sql := range []string{"DROP OWNED BY ", "DROP ROLE "} {
			_, err := b.pool.Exec(context.WithoutCancel(b.ctx), sql+quoted)
			require.NoError(t, err)
		}
	})
	_, grants, found := strings.Cut(readText(t, "docs/running.md"), "```sql\nGRANT ")
	require.True(t, found)
	grants, _, _ = strings.Cut(grants, "```")
	grants = strings.ReplaceAll("GRANT "+grants, "school_app", quoted)
	grants = b.sql(strings.ReplaceAll(grants, "SCHEMA school", "SCHEMA {s}"))
	_, err := b.pool.Exec(b.ctx, grants, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)

	pool := b.poolWith(t, func(cfg *pgxpool.Config) { cfg.ConnConfig.RuntimeParams["role"] = role })
	var user string
	require.NoError(t, pool.QueryRow(b.ctx, `SELECT current_user`).Scan(&user))
	require.Equal(t, role, user)
	store := b.on(t, pool).As(elevate.System("test"))
	for _, op := range operations() {
		w := newWorld(t, b)
		if op.prepare != nil {
			op.prepare(t, w)
		}
		require.NoError(t, op.call(b.ctx, store, w), op.name)
	}
}
