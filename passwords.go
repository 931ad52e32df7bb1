package elevate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

const (
	shortestPassword = 8  // characters
	longestPassword  = 72 // bytes, more than which bcrypt would leave unread

	redacted = "[redacted]"
)

// PasswordHash is what [Store.HashPassword] makes of a password. It does not
// print itself.
type PasswordHash string

// String is the same for every hash.
func (PasswordHash) String() string { return redacted }

// GoString is the same for every hash.
func (PasswordHash) GoString() string { return redacted }

// Format is the same for every hash and verb.
func (PasswordHash) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is the same for every hash.
func (PasswordHash) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is the same for every hash.
func (PasswordHash) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// HashPassword makes the hash of a password of at least 8 characters and at most
// 72 bytes, for [Store.RegisterUser] in a transaction. It takes a quarter of a
// second of a processor, and at most as many run at once as there are
// processors; some more wait, and the others are ErrBusy at once. It does not use
// the database, so call it before the transaction begins.
//
// Errors: *ValidationError; ErrBusy; ErrInTransaction.
func (s *Store) HashPassword(ctx context.Context, password string) (hash PasswordHash, err error) {
	defer wrap(&err, "hash password")
	if s.tx != nil {
		return "", ErrInTransaction
	}
	if err := validateNewPassword("Password", password); err != nil {
		return "", err
	}
	return s.hash(ctx, password)
}

// hash makes the hash of a password that was validated.
//
// Errors: ErrBusy.
func (s *Store) hash(ctx context.Context, password string) (hash PasswordHash, err error) {
	err = s.core.hashing.do(ctx, func() error {
		made, err := bcrypt.GenerateFromPassword([]byte(password), s.core.passwordCost)
		hash = PasswordHash(made)
		return err
	})
	return hash, err
}

// matches reports whether the hash is of the password.
//
// Errors: ErrBusy.
func (s *Store) matches(ctx context.Context, hash PasswordHash, password string) (match bool, err error) {
	leave, err := s.core.hashing.enter()
	if err != nil {
		return false, err
	}
	defer leave()
	return s.compare(ctx, hash, password)
}

// compare is matches for somebody who has entered s.core.hashing. A password that
// is wrong takes as long as one hash of the Store's own cost, whether there is an
// account or not, and an account whose hash is still a cheap one: time is not to
// tell whose address is known. Only a hash that is dearer than the Store's takes
// longer.
//
// Errors: ErrBusy.
func (s *Store) compare(ctx context.Context, hash PasswordHash, password string) (match bool, err error) {
	// bcrypt would compare the first 72 bytes of a longer password.
	usable := hash.usable(bcrypt.MinCost) && len(password) <= longestPassword
	if !usable {
		hash = decoy(s.core.passwordCost)
	}
	err = s.core.hashing.run(ctx, func() error {
		match = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && usable
		if match {
			return nil
		}
		// Each step doubles the time: those from the cheap cost up to the one below
		// the Store's make up for the difference.
		for cost := hash.cost(); cost < s.core.passwordCost; cost++ {
			_ = bcrypt.CompareHashAndPassword([]byte(decoy(cost)), []byte(password))
		}
		return nil
	})
	return match, err
}

// decoy is a hash of that cost that no password is known for.
func decoy(cost int) PasswordHash {
	return PasswordHash(fmt.Sprintf("$2a$%02d$%s", cost, strings.Repeat("e", 53)))
}

// workers bound what keeps processors busy: so many run at once, so many more
// wait, and whoever comes then is sent away at once.
type workers struct {
	running chan struct{}
	waiting chan struct{}
}

// waitingPerWorker is some two seconds of waiting at the default cost.
const waitingPerWorker = 8

func newWorkers(n int) *workers {
	return &workers{
		running: make(chan struct{}, n),
		waiting: make(chan struct{}, n*(1+waitingPerWorker)),
	}
}

// do runs work when its turn comes.
//
// Errors: ErrBusy; the error of work.
func (w *workers) do(ctx context.Context, work func() error) error {
	leave, err := w.enter()
	if err != nil {
		return err
	}
	defer leave()
	return w.run(ctx, work)
}

// enter takes a place among those who run or wait, and gives it back by leave.
//
// Errors: ErrBusy.
func (w *workers) enter() (leave func(), err error) {
	select {
	case w.waiting <- struct{}{}:
		return func() { <-w.waiting }, nil
	default:
		return nil, ErrBusy
	}
}

// run runs the work of somebody who has entered, when its turn comes.
//
// Errors: ErrBusy; the error of work.
func (w *workers) run(ctx context.Context, work func() error) error {
	select {
	case w.running <- struct{}{}:
		defer func() { <-w.running }()
		return work()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
	}
}

// validateNewPassword checks a password that is to be set.
func validateNewPassword(field, password string) error {
	if err := validateTypedPassword(field, password); err != nil {
		return err
	}
	if utf8.RuneCountInString(password) < shortestPassword {
		return invalid(field, "is shorter than 8 characters")
	}
	return nil
}

// validateTypedPassword checks a password that somebody claims to be theirs: it
// may be older than the rules for new ones. What bcrypt would not read to its end
// is refused here too, or what follows would not matter.
func validateTypedPassword(field, password string) error {
	if err := text(field, password, 0, maxText); err != nil {
		return err
	}
	switch {
	case password == "":
		return invalid(field, "is empty")
	case len(password) > longestPassword:
		return invalid(field, "is longer than 72 bytes")
	default:
		return nil
	}
}

var bcryptHash = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// cheapestForeignHash is the cost of other libraries' hashes.
const cheapestForeignHash = 10

// usable also bounds the cost: each sign-in will pay it.
func (h PasswordHash) usable(least int) bool {
	if !bcryptHash.MatchString(string(h)) {
		return false
	}
	cost := h.cost()
	return cost >= least && cost <= dearestPasswordCost
}

// cost is 0 for what is no hash of bcrypt.
func (h PasswordHash) cost() int {
	cost, err := bcrypt.Cost([]byte(h))
	if err != nil {
		return 0
	}
	return cost
}
