package elevate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate/db"
)

// schemaName rewrites "public." in a query to the schema that holds the tables.
// It is the only change ever made to the text of a query.
type schemaName struct {
	name   string   // as it stands
	prefix string   // quoted, with its dot; empty for public
	cache  sync.Map // query text as generated → as sent
}

func (n *schemaName) place(schema string) {
	n.name = schema
	if schema != "public" {
		n.prefix = pgx.Identifier{schema}.Sanitize() + "."
	}
}

func (n *schemaName) qualify(sql string) string {
	if n.prefix == "" {
		return sql
	}
	if known, ok := n.cache.Load(sql); ok {
		if sent, ok := known.(string); ok {
			return sent
		}
	}
	sent := strings.ReplaceAll(sql, "public.", n.prefix)
	n.cache.Store(sql, sent)
	return sent
}

// errSent is a mistake in an operation, found by its first test.
var errSent = errors.New("elevate: statement outside the pipeline of its operation")

// pipeline is the db.DBTX of one write. Exec only queues; the Query or QueryRow
// that ends the operation sends everything in one round trip. Outside a
// transaction the batch is one implicit transaction.
type pipeline struct {
	core    *core
	tx      Tx   // the caller's transaction, or nil
	guarded bool // by a savepoint, in a caller's transaction
	batch   pgx.Batch
	sent    bool
}

const (
	guardBegin   = "SAVEPOINT elevate_operation"
	guardRelease = "RELEASE SAVEPOINT elevate_operation"
	guardUndo    = "ROLLBACK TO SAVEPOINT elevate_operation"
)

// Exec queues. What the statement did is not known yet, so queries of the head
// are :exec, never :execrows.
func (p *pipeline) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if p.sent {
		return pgconn.CommandTag{}, errSent
	}
	p.queue(sql, args)
	return pgconn.CommandTag{}, nil
}

func (p *pipeline) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if p.sent {
		return nil, errSent
	}
	head := p.batch.Len()
	p.queue(sql, args)
	conn := p.tx
	release := func() {}
	if conn == nil {
		// Acquired apart from sending: a failure here is known to have sent
		// nothing.
		acquired, err := p.core.acquire(ctx)
		if err != nil {
			return nil, err
		}
		conn, release = acquired, acquired.Release
	} else {
		if err := db.New(p).ActorRestore(ctx); err != nil {
			return nil, err
		}
		if p.guarded {
			p.batch.Queue(guardRelease)
		}
	}
	p.sent = true
	rows := &pipelineRows{results: conn.SendBatch(ctx, &p.batch), release: release}
	for range head {
		if _, err := rows.results.Exec(); err != nil {
			rows.abandon()
			return nil, err
		}
	}
	var err error
	if rows.Rows, err = rows.results.Query(); err != nil {
		rows.abandon()
		return nil, err
	}
	return rows, nil
}

// queue adds a statement. In the exec modes without a description of it, pgx
// cannot encode an array of ids, which it does not know; one of texts it can, and
// the cast in the query reads it.
func (p *pipeline) queue(sql string, args []any) {
	for i, arg := range args {
		if ids, ok := arg.([]uuid.UUID); ok && !p.described() {
			texts := make([]string, len(ids))
			for j, id := range ids {
				texts[j] = id.String()
			}
			args[i] = texts
		}
	}
	p.batch.Queue(p.core.schema.qualify(sql), args...)
}

// described reports whether the server tells pgx the types of a statement's
// parameters before it encodes them.
func (p *pipeline) described() bool {
	var config *pgx.ConnConfig
	switch tx := p.tx.(type) {
	case nil:
		config = p.core.pool.Config().ConnConfig
	case interface{ Conn() *pgx.Conn }:
		config = tx.Conn().Config()
	case *pgx.Conn:
		config = tx.Config()
	default:
		return true
	}
	mode := config.DefaultQueryExecMode
	return mode != pgx.QueryExecModeExec && mode != pgx.QueryExecModeSimpleProtocol
}

func (p *pipeline) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := p.Query(ctx, sql, args...)
	return pipelineRow{rows, err}
}

func (c *core) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	if c.pool == nil {
		return nil, ErrNoPool
	}
	return c.pool.Acquire(ctx)
}

// pipelineRows reads up to ReadyForQuery when it closes, because only then is
// the implicit transaction known to have committed.
type pipelineRows struct {
	pgx.Rows
	results pgx.BatchResults
	release func()
	closed  bool
	err     error
}

// abandon gives the connection back; the batch has already failed with the error
// that matters.
func (r *pipelineRows) abandon() {
	_ = r.results.Close()
	r.release()
}

func (r *pipelineRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *pipelineRows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.Rows.Close()
	r.err = r.Rows.Err()
	if err := r.results.Close(); r.err == nil {
		r.err = err
	}
	r.release()
}

func (r *pipelineRows) Err() error {
	if r.closed {
		return r.err
	}
	return r.Rows.Err()
}

// Scan reads times in UTC.
func (r *pipelineRows) Scan(dest ...any) error {
	return scanUTC(r.Rows, dest)
}

// pipelineRow scans one row, and succeeds only once the batch has.
type pipelineRow struct {
	rows pgx.Rows
	err  error
}

func (r pipelineRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// Verdicts: what the last statement of a write says in its first column. Each
// query lists its own above its text.
const (
	verdictAllowed            = "allowed"
	verdictAlready            = "already"
	verdictApplied            = "applied"
	verdictAssignmentUnknown  = "assignment_unknown"
	verdictCertificateUnknown = "certificate_unknown"
	verdictCompleted          = "completed"
	verdictConflict           = "conflict"
	verdictCourseCompleted    = "course_completed"
	verdictCourseFree         = "course_free"
	verdictCourseUnknown      = "course_unknown"
	verdictCreated            = "created"
	verdictDeleted            = "deleted"
	verdictDisabled           = "disabled"
	verdictDuplicate          = "duplicate"
	verdictEmailTaken         = "email_taken"
	verdictEmpty              = "empty"
	verdictEnabled            = "enabled"
	verdictExpired            = "expired"
	verdictGraded             = "graded"
	verdictGranted            = "granted"
	verdictHasCertificates    = "has_certificates"
	verdictHasEnrollments     = "has_enrollments"
	verdictHasGrades          = "has_grades"
	verdictHasPayments        = "has_payments"
	verdictHasSubmissions     = "has_submissions"
	verdictIdentityTaken      = "identity_taken"
	verdictIDTaken            = "id_taken"
	verdictIgnored            = "ignored"
	verdictIncomplete         = "incomplete"
	verdictIssued             = "issued"
	verdictKeyReused          = "key_reused"
	verdictLastLesson         = "last_lesson"
	verdictLastSignIn         = "last_sign_in"
	verdictLessonUnknown      = "lesson_unknown"
	verdictLinked             = "linked"
	verdictMoved              = "moved"
	verdictNotEnrolled        = "not_enrolled"
	verdictNotInstructor      = "not_instructor"
	verdictNoticeUnknown      = "notice_unknown"
	verdictNotPublished       = "not_published"
	verdictPaid               = "paid"
	verdictPastDue            = "past_due"
	verdictPaymentRequired    = "payment_required"
	verdictPaymentUnknown     = "payment_unknown"
	verdictQuarantined        = "quarantined"
	verdictRaced              = "raced"
	verdictRead               = "read"
	verdictRecorded           = "recorded"
	verdictReinstated         = "reinstated"
	verdictReordered          = "reordered"
	verdictReset              = "reset"
	verdictRevoked            = "revoked"
	verdictScoreGiven         = "score_given"
	verdictScoreOutOfRange    = "score_out_of_range"
	verdictSent               = "sent"
	verdictSessionUnknown     = "session_unknown"
	verdictSetDiffers         = "set_differs"
	verdictSlugTaken          = "slug_taken"
	verdictSubmissionUnknown  = "submission_unknown"
	verdictSuperseded         = "superseded"
	verdictThrottled          = "throttled"
	verdictTokenUnknown       = "token_unknown"
	verdictUnchanged          = "unchanged"
	verdictUncompleted        = "uncompleted"
	verdictUnlinked           = "unlinked"
	verdictUpdated            = "updated"
	verdictUserUnknown        = "user_unknown"
)

// maxRaces bounds how often a statement is sent again because a row that decides
// was committed after its snapshot.
const maxRaces = 3

// errRaced is the verdict raced on its way to write.
var errRaced = errors.New("raced")

// settled is how an operation hands its row to write: the verdict raced becomes
// the error that has it sent again.
func settled[Row any](row Row, err error, verdict string) (Row, error) {
	if err == nil && verdict == verdictRaced {
		return row, errRaced
	}
	return row, err
}

// write sends one operation, and who acts, in one round trip: the statements of
// op, of which all but the last are :exec. Outside a transaction a serialization
// failure, deadlock or lock timeout sends it again.
func write[Row any](ctx context.Context, s *Store, op func(q *db.Queries) (Row, error)) (Row, error) {
	return send(ctx, s, op, false)
}

// writeGuarded is write for statements that can meet a constraint in spite of
// their own checks, be it a foreign key of the host: in a caller's transaction
// they run in a savepoint, so that the refusal leaves it usable.
func writeGuarded[Row any](ctx context.Context, s *Store, op func(q *db.Queries) (Row, error)) (Row, error) {
	return send(ctx, s, op, true)
}

func send[Row any](ctx context.Context, s *Store, op func(q *db.Queries) (Row, error), guarded bool) (Row, error) {
	var none Row
	if err := s.actor.validate(); err != nil {
		return none, err
	}
	if s.tx == nil && s.core.pool == nil {
		return none, ErrNoPool
	}
	if s.tx != nil {
		row, err := settle(ctx, s, op, guarded)
		if err != nil {
			return none, s.core.constraintError(err)
		}
		return row, nil
	}
	var row Row
	err := s.core.retry(ctx, func() (err error) {
		row, err = settle(ctx, s, op, guarded)
		return err
	})
	if err != nil {
		return none, s.core.constraintError(err)
	}
	return row, nil
}

// settle sends op until it no longer loses a race.
func settle[Row any](ctx context.Context, s *Store, op func(q *db.Queries) (Row, error), guarded bool) (Row, error) {
	var none Row
	for race := 1; ; race++ {
		p := &pipeline{core: s.core, tx: s.tx, guarded: guarded && s.tx != nil}
		if p.guarded {
			p.batch.Queue(guardBegin)
		}
		q := db.New(p)
		if err := p.act(ctx, q, s.actor); err != nil {
			return none, err
		}
		row, err := op(q)
		switch {
		case err == nil:
			return row, nil
		case errors.Is(err, errRaced) && race < maxRaces:
			continue
		case errors.Is(err, errRaced):
			return none, &ConflictError{Reason: ConflictRaced}
		case p.guarded && refusedByConstraint(err):
			return none, errors.Join(err, undo(ctx, p.undoGuard))
		case p.tx == nil && sqlState(err) == stateActiveTransaction:
			return none, fmt.Errorf("%w: %w", ErrIsolation, err)
		case p.tx == nil && p.sent && outcomeUnknown(err):
			return none, &unknownOutcomeError{cause: err}
		default:
			return none, err
		}
	}
}

// act queues who acts.
func (p *pipeline) act(ctx context.Context, q *db.Queries, actor Actor) error {
	params := db.ActorSetParams{Actor: actor.String(), Request: actor.RequestID}
	if p.tx == nil {
		return q.ActorSet(ctx, params)
	}
	return q.ActorSetWithin(ctx, db.ActorSetWithinParams(params))
}

// undoGuard makes the caller's transaction usable again after a constraint refused
// a guarded statement.
func (p *pipeline) undoGuard(ctx context.Context) error {
	_, err := p.tx.Exec(ctx, guardUndo)
	if err == nil {
		_, err = p.tx.Exec(ctx, guardRelease)
	}
	return err
}
