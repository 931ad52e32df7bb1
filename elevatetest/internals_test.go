package elevatetest

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/peterldowns/pgtestdb"
	"github.com/stretchr/testify/require"
)

func TestBaseConfig(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]string{
		"Plain":       "postgres://user:word@host:5433/postgres?sslmode=disable",
		"OddPassword": "postgresql://user:p%40ss%2F%3Aw%25rd@host:5433/postgres?sslmode=disable&application_name=x",
		"IPv6":        "postgres://user:word@[::1]:5433/postgres?sslmode=disable",
		"Socket":      "postgres://user:word@/postgres?host=/var/run/postgresql&port=5433&sslmode=disable",
		"InQuery":     "postgres:///?host=host&port=5433&user=user&password=word&dbname=postgres&sslmode=disable",
		"Encrypted":   "postgres://user:word@host:5433/postgres?sslmode=require",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := pgx.ParseConfig(given)
			require.NoError(t, err)
			base, err := baseConfig(given)
			require.NoError(t, err)
			got, err := pgx.ParseConfig(base.URL())
			require.NoError(t, err)

			require.Equal(t, want.Host, got.Host)
			require.Equal(t, want.Port, got.Port)
			require.Equal(t, want.User, got.User)
			require.Equal(t, want.Password, got.Password)
			require.Equal(t, want.Database, got.Database)
			require.Equal(t, want.TLSConfig == nil, got.TLSConfig == nil)
			require.Equal(t, timeZone, got.RuntimeParams["timezone"])
			require.Equal(t, want.RuntimeParams["application_name"], got.RuntimeParams["application_name"])
		})
	}

	t.Run("ErrorIfRoleNeedsEscaping", func(t *testing.T) {
		t.Parallel()
		_, err := baseConfig("postgres://us%2Fer:word@host:5433/postgres")
		require.ErrorContains(t, err, "name another role")
	})
}

func TestHash(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, m := range map[string]*migrator{
		"Plain":     {major: 17, schema: "public"},
		"Major":     {major: 18, schema: "public"},
		"Schema":    {major: 17, schema: "school"},
		"Boundary":  {major: 7, schema: "public1"},
		"Host":      {major: 17, schema: "public", host: named("a")},
		"OtherHost": {major: 17, schema: "public", host: named("b")},
	} {
		hash, err := m.Hash()
		require.NoError(t, err)
		again, err := m.Hash()
		require.NoError(t, err)
		require.Equal(t, hash, again)
		require.Empty(t, seen[hash], name)
		seen[hash] = name
	}
}

// named is a host's migrator with a hash and no migrations.
type named string

func (n named) Hash() (string, error) { return string(n), nil }

func (named) Migrate(context.Context, *sql.DB, pgtestdb.Config) error { return nil }
