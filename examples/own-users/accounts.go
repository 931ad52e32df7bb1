package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
)

// hostTables are the host's own. Elevate's table of users has the same name, in
// the schema school.
const hostTables = `
CREATE TABLE public.users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL DEFAULT 'learner' CHECK (role IN ('learner', 'teacher', 'admin'))
);

CREATE UNIQUE INDEX users_email_key ON public.users (lower(email));`

// account is a user of the host.
type account struct {
	ID    int64
	Email string
	Name  string
	Role  string
}

// namespace makes the host's ids into Elevate's. It is any UUID, chosen once: with
// another one everybody would be somebody else.
var namespace = uuid.MustParse("5bb0ff04-2d3a-4b0b-9a53-0f5b7b1f3c61")

// learnerID is the id in Elevate of an account: the same for the same account each
// time, so no table needs to keep it.
func learnerID(accountID int64) uuid.UUID {
	return uuid.NewSHA1(namespace, []byte("user:"+strconv.FormatInt(accountID, 10)))
}

// roles are the host's roles in Elevate's words. A role that is missing here is
// none: its people are visitors.
var roles = map[string]elevate.Role{
	"learner": elevate.RoleUser,
	"teacher": elevate.RoleInstructor,
	"admin":   elevate.RoleAdmin,
}

// actor is who acts in a request of the account's.
func (a account) actor(requestID string) elevate.Actor {
	return elevate.Actor{UserID: learnerID(a.ID), Role: roles[a.Role], RequestID: requestID}
}

// Refusals of the host's own.
var (
	errEmailTaken = errors.New("email taken")
	errNoAccount  = errors.New("no such account")
	errSignIn     = errors.New("wrong email or password")
)

// inputError is a value that the host refuses.
type inputError struct {
	field, reason string
}

func (e *inputError) Error() string { return e.field + " " + e.reason }

// accounts is the host's table of users, and keeps Elevate's the same: whatever
// writes a row writes both, in one transaction.
type accounts struct {
	pool   *pgxpool.Pool
	school *elevate.Store // as the system, who alone may copy users
	cost   int            // of bcrypt
	decoy  []byte         // a hash that no password has
}

func newAccounts(pool *pgxpool.Pool, store *elevate.Store, cost int) (*accounts, error) {
	decoy, err := bcrypt.GenerateFromPassword([]byte(uuid.NewString()), cost)
	if err != nil {
		return nil, fmt.Errorf("make the decoy: %w", err)
	}
	return &accounts{pool: pool, school: store.As(elevate.System("accounts")), cost: cost, decoy: decoy}, nil
}

// register makes an account and its learner, or neither.
func (a *accounts) register(ctx context.Context, email, name, password string) (made account, err error) {
	if err := errors.Join(line("email", email), line("name", name), passwordOK(password)); err != nil {
		return account{}, err
	}
	// Before the transaction: it takes a quarter of a second.
	hash, err := bcrypt.GenerateFromPassword([]byte(password), a.cost)
	if err != nil {
		return account{}, fmt.Errorf("hash a password: %w", err)
	}
	return a.write(ctx, `
		INSERT INTO public.users (email, name, password_hash)
		VALUES ($1, $2, $3)
		RETURNING id, email, name, role`, email, name, string(hash))
}

// changeEmail changes it on both sides.
func (a *accounts) changeEmail(ctx context.Context, accountID int64, email string) (account, error) {
	if err := line("email", email); err != nil {
		return account{}, err
	}
	return a.write(ctx, `
		UPDATE public.users
		SET email = $2
		WHERE id = $1
		RETURNING id, email, name, role`, accountID, email)
}

// setRole is for the host's operators.
func (a *accounts) setRole(ctx context.Context, accountID int64, role string) (account, error) {
	return a.write(ctx, `
		UPDATE public.users
		SET role = $2
		WHERE id = $1
		RETURNING id, email, name, role`, accountID, role)
}

// syncAll copies the accounts that were there before Elevate was. It may run while
// people register, and again after it was interrupted.
func (a *accounts) syncAll(ctx context.Context) error {
	rows, err := a.pool.Query(ctx, `SELECT id FROM public.users ORDER BY id`)
	if err != nil {
		return fmt.Errorf("list the accounts: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("list the accounts: %w", err)
	}
	for _, id := range ids {
		// The lock holds off a change that would otherwise be copied before the row
		// that was read here, and then be overwritten by it.
		_, err := a.write(ctx, `
			SELECT id, email, name, role
			FROM public.users
			WHERE id = $1
			FOR SHARE`, id)
		if err != nil && !errors.Is(err, errNoAccount) { // deleted since
			return fmt.Errorf("copy account %d: %w", id, err)
		}
	}
	return nil
}

// write runs a statement that locks and returns one account, and copies the account
// to Elevate in the same transaction. The host's row comes first, so of two changes
// at once the later one is the later one on both sides.
func (a *accounts) write(ctx context.Context, sql string, args ...any) (changed account, err error) {
	tx, err := a.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return account{}, fmt.Errorf("begin: %w", err)
	}
	defer func() { // no-op after the commit; with a context that has not ended
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = tx.Rollback(ctx)
	}()

	row := tx.QueryRow(ctx, sql, args...)
	if err := row.Scan(&changed.ID, &changed.Email, &changed.Name, &changed.Role); err != nil {
		return account{}, accountError(err)
	}
	_, err = a.school.WithTx(tx).SyncUser(ctx, elevate.SyncUserParams{
		ID:    learnerID(changed.ID),
		Email: changed.Email,
		Name:  changed.Name,
		Role:  roles[changed.Role],
	})
	if err != nil {
		return account{}, err // the host's row goes as well
	}
	if err := tx.Commit(ctx); err != nil {
		return account{}, fmt.Errorf("commit: %w", err)
	}
	return changed, nil
}

// get is one account.
func (a *accounts) get(ctx context.Context, accountID int64) (found account, err error) {
	row := a.pool.QueryRow(ctx, `SELECT id, email, name, role FROM public.users WHERE id = $1`, accountID)
	if err := row.Scan(&found.ID, &found.Email, &found.Name, &found.Role); err != nil {
		return account{}, accountError(err)
	}
	return found, nil
}

// signIn is the account of an email and a password. An unknown email takes as long
// as a wrong password. A site on the open internet also counts the failures.
func (a *accounts) signIn(ctx context.Context, email, password string) (found account, err error) {
	if err := line("email", email); err != nil {
		return account{}, errSignIn
	}
	hash := a.decoy
	row := a.pool.QueryRow(ctx, `
		SELECT id, email, name, role, password_hash
		FROM public.users
		WHERE lower(email) = lower($1)`, email)
	err = row.Scan(&found.ID, &found.Email, &found.Name, &found.Role, &hash)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return account{}, fmt.Errorf("find an account by email: %w", err)
	}
	// bcrypt reads the first 72 bytes only, so a longer password would match them.
	same := bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	if !same || found.ID == 0 || len(password) > maxPassword {
		return account{}, errSignIn
	}
	return found, nil
}

// accountError says what a failure of the host's own statement means.
func accountError(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return errNoAccount
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.ConstraintName == "users_email_key" {
		return errEmailTaken
	}
	return fmt.Errorf("account: %w", err)
}

// line refuses what is no line of text.
func line(field, value string) error {
	switch {
	case strings.TrimSpace(value) == "":
		return &inputError{field, "is missing"}
	case utf8.RuneCountInString(value) > 255:
		return &inputError{field, "is longer than 255 characters"}
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }):
		return &inputError{field, "is not a line of text"}
	default:
		return nil
	}
}

const (
	minPassword = 8
	maxPassword = 72 // bytes, bcrypt's limit
)

func passwordOK(password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return &inputError{"password", "has less than 8 characters"}
	case len(password) > maxPassword:
		return &inputError{"password", "has more than 72 bytes"}
	default:
		return nil
	}
}
