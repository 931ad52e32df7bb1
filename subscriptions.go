package elevate

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/elevateforhumanity/elevate/db"
)

const (
	// lookEvery is how often a subscription looks for notifications that nobody
	// has told it of, and renews its registration, which lasts listenerTTL.
	lookEvery   = 15 * time.Second
	listenerTTL = time.Minute

	// lookSoon is the same while a transaction is open that may have written
	// before the registration.
	lookSoon = time.Second

	// answerTimeout is how long the server may take to answer; then the
	// connection counts as lost.
	answerTimeout = 10 * time.Second

	reconnectBase = 250 * time.Millisecond
	reconnectCap  = 30 * time.Second

	// lookLimit is how many notifications are read at once.
	lookLimit = 100
)

var errSubscriptionClosed = errors.New("subscription closed")

// SubscribeParams says whose notifications, and from where on.
type SubscribeParams struct {
	// After is [Subscription.Cursor] of an earlier subscription: what was
	// committed since is delivered first. Optional; by default only what is
	// committed from now on.
	After string

	UserID uuid.UUID
}

// Subscription delivers one person's notifications live. It is made by
// [Store.Subscribe], has a connection of its own and no goroutines, and is not
// safe for concurrent use.
type Subscription struct {
	store  *Store
	userID uuid.UUID
	id     uuid.UUID // of the listener
	every  time.Duration

	conn     *pgx.Conn // nil when it was lost
	failures int       // to connect and look, in a row
	renewed  time.Time // the registration, by our clock
	due      time.Time // the next look

	// unseen says that the registration is newer than the last look. What is
	// running at the next one may have written before it, and then told nobody:
	// until all transactions below horizon have ended, it looks more often.
	unseen  bool
	horizon uint64

	mark    mark
	pending []delivery
	closed  bool
}

// delivery is a notification, and how far the subscription is behind it.
type delivery struct {
	notification Notification
	mark         mark
}

// Subscribe delivers a person's notifications as they are committed, whoever
// writes them. It returns once nothing that is committed from then on can be
// missed. It opens a connection ([Config.Listen]) and keeps it until
// [Subscription.Close]; the pool is not used. The actor is the person or trusted,
// and is not asked again: end the context of Next when the session ends.
//
// Subscribe first and list then: a notification that is in both has one ID.
//
// Errors: ErrForbidden; ErrInTransaction; ErrNoPool without a pool and without
// Config.Listen; ErrInvalidCursor, also for a cursor of another server; ErrNotFound
// for an unknown user and for someone who was erased; what connecting returns.
func (s *Store) Subscribe(ctx context.Context, params SubscribeParams) (subscription *Subscription, err error) {
	defer wrap(&err, "subscribe to notifications of user %s", params.UserID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return nil, err
	}
	if s.tx != nil {
		return nil, ErrInTransaction
	}
	if s.core.pool == nil && s.core.listen == nil {
		return nil, ErrNoPool
	}
	sub := &Subscription{store: s, userID: params.UserID, id: newID(), every: s.core.lookEvery}
	if params.After != "" {
		if sub.mark, err = decodeMark(params.After); err != nil {
			return nil, err
		}
	}
	if err := sub.advance(ctx); err != nil {
		sub.Close(ctx)
		return nil, err
	}
	return sub, nil
}

// Next waits for the next notification. Each comes once, in the order of commits;
// several that are found at once come in the order of their times. One that its
// writer has dated back by more than a day does not come. What a transaction wrote
// that began before Subscribe may be up to a second late, under REPEATABLE READ up
// to 15 seconds. After the connection was lost Next connects again and goes on
// where it was, until the context ends. When that ends, nothing is lost: call Next
// again with another one, as for a keep-alive message now and then.
//
// Errors: the context's; ErrNotFound when the person was erased; what the database
// refuses for good.
func (s *Subscription) Next(ctx context.Context) (notification Notification, err error) {
	defer wrap(&err, "next notification of user %s", s.userID)
	for len(s.pending) == 0 {
		if s.closed {
			return Notification{}, errSubscriptionClosed
		}
		err := s.advance(ctx)
		switch {
		case err == nil:
			s.failures = 0
		case ctx.Err() != nil:
			return Notification{}, context.Cause(ctx)
		case !passing(err):
			return Notification{}, err
		default:
			if err := s.pause(ctx, err); err != nil {
				return Notification{}, err
			}
		}
	}
	next := s.pending[0]
	s.pending = s.pending[1:]
	s.mark = next.mark
	return next.notification, nil
}

// Cursor is how far the subscription has come, for [SubscribeParams.After]: the
// notification that Next returned last was delivered, the next one was not. It is
// text without spaces, mostly some 60 characters, and fits the id of a
// server-sent event. It is good for this database and for its failovers, not for a
// restored dump.
func (s *Subscription) Cursor() string {
	return s.mark.encode()
}

// Close ends the subscription and its connection. It takes at most some seconds,
// also when the context has ended. A second Close does nothing.
func (s *Subscription) Close(ctx context.Context) {
	if s.closed {
		return
	}
	s.closed, s.pending = true, nil
	if s.conn != nil && !s.conn.IsClosed() {
		// Should this fail, the registration expires.
		_ = undo(ctx, func(ctx context.Context) error {
			return s.queries().ListenerDelete(ctx, db.ListenerDeleteParams{UserID: s.userID, ID: s.id})
		})
	}
	s.disconnect(ctx)
}

// advance waits until there may be something to read, and reads it.
func (s *Subscription) advance(ctx context.Context) error {
	if s.conn != nil && s.conn.IsClosed() { // the context of the last call ended in a query
		s.conn = nil
	}
	if s.conn == nil {
		if err := s.connect(ctx); err != nil {
			return err
		}
	} else if err := s.wait(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if time.Since(s.renewed) >= s.every {
		if _, err := s.register(ctx); err != nil {
			return err
		}
	}
	s.drain(ctx)
	return s.look(ctx)
}

// connect opens the connection. The order of its steps is what lets nothing fall
// between them: who is registered is told, who listens hears it, and what was
// written before is there to be looked for.
func (s *Subscription) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := s.store.core.dial(ctx)
	if err != nil {
		return err
	}
	s.conn = conn
	channel, err := s.register(ctx)
	if err == nil {
		_, err = conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
	}
	if err != nil {
		s.disconnect(ctx)
	}
	return err
}

// dial opens a connection as the pool does.
func (c *core) dial(ctx context.Context) (*pgx.Conn, error) {
	if c.listen != nil {
		return c.listen(ctx)
	}
	config := c.pool.Config()
	if config.BeforeConnect != nil {
		if err := config.BeforeConnect(ctx, config.ConnConfig); err != nil {
			return nil, err
		}
	}
	config.ConnConfig.OnNotification = nil // pgx keeps them for WaitForNotification
	// The context of a wait may end and leave the connection as it is.
	config.ConnConfig.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()}
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil || config.AfterConnect == nil {
		return conn, err
	}
	if err := config.AfterConnect(ctx, conn); err != nil {
		return nil, errors.Join(err, undo(ctx, conn.Close))
	}
	return conn, nil
}

// disconnect also works when the context has ended.
func (s *Subscription) disconnect(ctx context.Context) {
	if s.conn != nil {
		_ = undo(ctx, s.conn.Close) // the server notices either way
		s.conn = nil
	}
}

// register says who listens, and returns the channel.
func (s *Subscription) register(ctx context.Context) (channel string, err error) {
	began := time.Now()
	row, err := s.queries().ListenerPut(ctx, db.ListenerPutParams{
		UserID:  s.userID,
		ID:      s.id,
		Seconds: seconds(listenerTTL),
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", err
	}
	s.renewed = began
	s.unseen = s.unseen || !row.Live
	return row.Channel, nil
}

// wait ends with a notice, or when the next look is due.
func (s *Subscription) wait(ctx context.Context) error {
	due, cancel := context.WithDeadline(ctx, s.due)
	defer cancel()
	_, err := s.conn.WaitForNotification(due)
	if err != nil && due.Err() != nil && ctx.Err() == nil && !s.conn.IsClosed() {
		return nil
	}
	return err
}

// drain forgets the notices that have come already: one look answers them all.
func (s *Subscription) drain(ctx context.Context) {
	ended, cancel := context.WithDeadline(ctx, time.Time{})
	defer cancel()
	for {
		if _, err := s.conn.WaitForNotification(ended); err != nil {
			return
		}
	}
}

// look reads what was committed since the mark.
func (s *Subscription) look(ctx context.Context) error {
	params := db.NotificationListSinceParams{
		UserID:   s.userID,
		SinceAt:  time.Now(),
		AfterAt:  s.mark.at,
		AfterID:  s.mark.id,
		Since:    s.mark.since.text(),
		Until:    s.mark.until.text(),
		RowLimit: lookLimit,
	}
	if s.mark.since != nil {
		params.SinceAt = s.mark.since.at
	}
	rows, err := s.queries().NotificationListSince(ctx, params)
	if err != nil {
		return err
	}
	current, err := parseSnapshot(rows[0].Snapshot, rows[0].LookedAt)
	if err != nil {
		return err
	}
	if s.mark.since.after(current) || s.mark.until.after(current) {
		return ErrInvalidCursor // from a server that is not this one
	}
	s.plan(current, len(rows) == lookLimit || s.mark.until != nil)
	until := current
	if s.mark.until != nil {
		until = s.mark.until
	}
	since := s.mark.since
	if since == nil {
		since = current
	}
	if rows[0].ID == uuid.Nil {
		s.mark = mark{since: until}
		return nil
	}
	s.pending = make([]delivery, len(rows))
	for i, row := range rows {
		s.pending[i] = delivery{
			notification: notificationOf(db.NotificationListRow{
				ID:        row.ID,
				UserID:    row.UserID,
				Type:      row.Type,
				Title:     row.Title,
				Message:   row.Message,
				Read:      row.Read,
				CreatedAt: row.CreatedAt,
			}),
			mark: mark{since: since, until: until, at: row.CreatedAt, id: row.ID},
		}
	}
	if len(rows) < lookLimit {
		s.pending[len(rows)-1].mark = mark{since: until}
	}
	return nil
}

// plan says when to look again: at once when there may be more to read, soon
// while somebody may have written without telling.
func (s *Subscription) plan(current *snapshot, more bool) {
	if s.unseen {
		s.unseen, s.horizon = false, current.xmax
	}
	now := time.Now()
	switch {
	case more:
		s.due = now
	case current.xmin < s.horizon:
		s.due = now.Add(min(lookSoon, s.every))
	default:
		s.due = now.Add(s.every)
	}
}

// pause waits before the next attempt, after a failure that may pass.
func (s *Subscription) pause(ctx context.Context, failure error) error {
	s.disconnect(ctx)
	s.failures++
	s.store.core.logger.LogAttrs(ctx, slog.LevelWarn, "elevate: subscription lost its connection",
		slog.Int("attempt", s.failures), slog.String("code", sqlState(failure)))
	// Full jitter, so that those who were cut off together do not come together.
	pause := time.NewTimer(rand.N(min(reconnectCap, reconnectBase<<min(s.failures-1, 10))))
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// passing reports whether a failure may be over soon: of the connection, not of
// what was asked.
func passing(err error) bool {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalidCursor) || errors.Is(err, errSnapshot) {
		return false
	}
	state := sqlState(err)
	if state == "" {
		return true
	}
	switch state[:2] {
	case "08", "40", "53", "55", "57": // connection, rollback, resources, object state, operator
		return true
	default:
		return state == stateReadOnly // a standby, before it is promoted
	}
}

// queries are the accessors on the subscription's own connection.
func (s *Subscription) queries() *db.Queries {
	return db.New(ownConn{placedReader{s.store.WithTx(s.conn)}})
}

// ownConn is the db.DBTX of a connection outside of the pool.
type ownConn struct {
	placedReader
}

func (c ownConn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return c.store.tx.Exec(ctx, c.store.core.schema.qualify(sql), args...)
}
