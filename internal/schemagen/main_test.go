package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRun writes into an empty directory what the repository holds already: a
// stale file is found also where only tests run.
func TestRun(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	require.NoError(t, run(context.Background(), root, os.Stderr))
	for _, name := range []string{"db/constraint_names.go", "docs/schema.md"} {
		want, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s is stale: make generate", name)
	}
}

func TestRunInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, run(ctx, t.TempDir(), os.Stderr), context.Canceled)
}

func TestGoName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"users_email_key":            "ConstraintUsersEmailKey",
		"courses_instructor_id_fkey": "ConstraintCoursesInstructorIDFkey",
		"idx_users_email":            "ConstraintIdxUsersEmail",
		"x_url_ip_check":             "ConstraintXURLIPCheck",
	} {
		require.Equal(t, want, goName(name))
	}
}

func TestConstantsFile(t *testing.T) {
	t.Parallel()
	_, err := constantsFile([]constraint{{Name: "a_b_key"}, {Name: "a__b_key"}})
	require.ErrorContains(t, err, "tell them apart")
}

func TestDiagramFile(t *testing.T) {
	t.Parallel()
	got := string(diagramFile([]table{{
		name: "certificates",
		columns: []tableColumn{
			{Name: "id", Kind: "uuid", Primary: true, Foreign: true},
			{Name: "issued_at", Kind: "timestamp with time zone", Nullable: true},
			{Name: "code", Kind: "character varying(50)", Unique: true},
		},
		foreignKeys: []foreignKey{
			{Parent: "users", Columns: "user_id", OnDelete: "cascade"},
			{Parent: "courses", Columns: "course_id", Nullable: true, Single: true},
		},
	}}))
	require.Contains(t, got, `    certificates {
        uuid id PK, FK
        timestamptz issued_at "null"
        varchar(50) code UK
    }
    users ||--o{ certificates : "user_id, on delete cascade"
    courses |o--o| certificates : "course_id"
`)
}
