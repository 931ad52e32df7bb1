package elevatetest_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/peterldowns/pgtestdb"

	"github.com/elevateforhumanity/elevate/elevatetest"
)

// shopMigrations are the tables of a host program. Its table of users and
// Elevate's have the same name, and so are in two schemas.
type shopMigrations struct{}

func (shopMigrations) statements() []string {
	return []string{
		"CREATE TABLE public.users (id bigint PRIMARY KEY)",
		`CREATE TABLE public.orders (
			id bigint PRIMARY KEY,
			learner uuid NOT NULL REFERENCES school.users (id)
		)`,
	}
}

// Hash changes when the migrations do, and then the template is made anew.
func (m shopMigrations) Hash() (string, error) {
	return fmt.Sprint(m.statements()), nil
}

// Migrate runs after Elevate's migrations, so its tables may refer to theirs.
func (m shopMigrations) Migrate(ctx context.Context, db *sql.DB, _ pgtestdb.Config) error {
	for _, statement := range m.statements() {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("migrate the shop: %w", err)
		}
	}
	return nil
}

// A host's tests get its own tables and Elevate's in one database. Migrators
// for goose, Atlas, golang-migrate and others are ready-made in pgtestdb.
func ExampleWithMigrator() {
	testOrder := func(t *testing.T) {
		t.Parallel()
		db := elevatetest.New(t,
			elevatetest.WithSchema("school"),
			elevatetest.WithMigrator(shopMigrations{}),
		)
		_, err := db.Pool.Exec(t.Context(), "SELECT FROM public.orders AS o JOIN school.users AS u ON u.id = o.learner")
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = testOrder // go test calls it, as func TestOrder
}
