package elevate

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// snapshot is which transactions a statement saw: those below xmin, and those
// below xmax that were not running.
type snapshot struct {
	at         time.Time
	xmin, xmax uint64
	running    []uint64 // ascending
}

var errSnapshot = errors.New("not a snapshot")

// parseSnapshot reads PostgreSQL's text of a pg_snapshot.
func parseSnapshot(text string, at time.Time) (*snapshot, error) {
	fields := strings.Split(text, ":")
	if len(fields) != 3 {
		return nil, errSnapshot
	}
	s := &snapshot{at: at}
	var errs [2]error
	s.xmin, errs[0] = strconv.ParseUint(fields[0], 10, 63)
	s.xmax, errs[1] = strconv.ParseUint(fields[1], 10, 63)
	if fields[2] != "" {
		for field := range strings.SplitSeq(fields[2], ",") {
			xid, err := strconv.ParseUint(field, 10, 63)
			if err != nil {
				return nil, errSnapshot
			}
			s.running = append(s.running, xid)
		}
	}
	if errors.Join(errs[:]...) != nil || !s.valid() {
		return nil, errSnapshot
	}
	return s, nil
}

// valid reports whether PostgreSQL reads it. A transaction whose number ends in 32
// zero bits does not exist.
func (s *snapshot) valid() bool {
	last := s.xmin
	for i, xid := range s.running {
		if xid < last || xid >= s.xmax || i > 0 && xid == last {
			return false
		}
		last = xid
	}
	return s.xmin&math.MaxUint32 > 0 && s.xmax&math.MaxUint32 > 0 && s.xmin <= s.xmax && s.xmax <= math.MaxInt64
}

// after reports whether it knows of transactions that the other's server has not
// begun yet. None does not.
func (s *snapshot) after(other *snapshot) bool {
	return s != nil && s.xmax > other.xmax
}

// text is how PostgreSQL writes it; nil for none.
func (s *snapshot) text() *string {
	if s == nil {
		return nil
	}
	text := strconv.AppendUint(nil, s.xmin, 10)
	text = strconv.AppendUint(append(text, ':'), s.xmax, 10)
	text = append(text, ':')
	for i, xid := range s.running {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendUint(text, xid, 10)
	}
	whole := string(text)
	return &whole
}

// append adds the snapshot to a cursor. Each transaction is told by how far it is
// from the one before, which is one byte mostly.
func (s *snapshot) append(raw []byte) []byte {
	raw = binary.BigEndian.AppendUint64(raw, uint64(s.at.UnixMicro()))
	raw = binary.AppendUvarint(raw, s.xmin)
	raw = binary.AppendUvarint(raw, s.xmax-s.xmin)
	raw = binary.AppendUvarint(raw, uint64(len(s.running)))
	last := s.xmin
	for _, xid := range s.running {
		raw = binary.AppendUvarint(raw, xid-last)
		last = xid
	}
	return raw
}

// cursorReader takes a cursor apart; past its end it reads zeros, and fails.
type cursorReader struct {
	rest   []byte
	failed bool
}

func (r *cursorReader) take(n int) []byte {
	if len(r.rest) < n {
		r.rest, r.failed = nil, true
		return make([]byte, n)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *cursorReader) uvarint() uint64 {
	value, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.rest, r.failed = nil, true
		return 0
	}
	r.rest = r.rest[n:]
	return value
}

func (r *cursorReader) time() time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(r.take(8)))).UTC() //nolint:gosec // bits, encoded alike
}

func (r *cursorReader) snapshot() *snapshot {
	s := &snapshot{at: r.time(), xmin: r.uvarint()}
	s.xmax = s.xmin + r.uvarint()
	running := r.uvarint()
	if running > uint64(len(r.rest)) { // a byte each at least
		r.failed = true
		return s
	}
	last := s.xmin
	for range running {
		last += r.uvarint()
		s.running = append(s.running, last)
	}
	r.failed = r.failed || !s.valid() || !representable(s.at)
	return s
}

// mark is how far a subscription has come: everything that since saw was
// delivered and, of what until saw besides, everything up to a row.
type mark struct {
	since *snapshot
	until *snapshot // nil between two looks
	at    time.Time // of the row, with its id
	id    uuid.UUID
}

// encode makes the cursor.
func (m mark) encode() string {
	raw := m.since.append(nil)
	if m.until != nil {
		raw = m.until.append(raw)
		raw = binary.BigEndian.AppendUint64(raw, uint64(m.at.UnixMicro()))
		raw = append(raw, m.id[:]...)
	}
	return seal(listSubscription, raw)
}

// decodeMark reads a cursor. It grants nothing: a subscription reads its own
// person's notifications, whatever the mark says.
func decodeMark(cursor string) (mark, error) {
	raw, err := unseal(listSubscription, cursor)
	if err != nil {
		return mark{}, err
	}
	r := &cursorReader{rest: raw}
	m := mark{since: r.snapshot()}
	if len(r.rest) > 0 {
		m.until = r.snapshot()
		m.at = r.time()
		m.id = uuid.UUID(r.take(len(m.id)))
	}
	if r.failed || len(r.rest) > 0 || !representable(m.at) || m.encode() != cursor {
		return mark{}, ErrInvalidCursor
	}
	return m, nil
}
