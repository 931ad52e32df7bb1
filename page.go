package elevate

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"github.com/google/uuid"
)

// Page is one page of a list. Lists use keyset pagination: rows that are added
// or removed elsewhere neither repeat nor skip one.
type Page[T any] struct {
	// Items is never nil.
	Items []T

	// Next is the cursor of the next page, empty on the last one.
	Next string
}

// PageParams says which page of a list. The zero value is the first page.
type PageParams struct {
	// Cursor is [Page.Next] of the page before; empty for the first page.
	Cursor string

	// Limit is how many items, at most 500; more counts as 500. Defaults to 50.
	Limit int
}

const (
	defaultLimit = 50
	maxLimit     = 500
)

// limit is how many rows to read: one more than the page holds, which tells
// whether there is a next one.
func (p PageParams) limit() (int32, error) {
	switch {
	case p.Limit < 0:
		return 0, invalid("Limit", "is negative")
	case p.Limit == 0:
		return defaultLimit + 1, nil
	default:
		return int32(min(p.Limit, maxLimit)) + 1, nil
	}
}

// newestFirst is where a list begins that is sorted by time and id, both
// descending.
func (p PageParams) newestFirst(of list) (position, int32, error) {
	limit, err := p.limit()
	if err != nil {
		return position{}, 0, err
	}
	before, err := decodeCursor(of, p.Cursor)
	switch {
	case err != nil:
		return position{}, 0, err
	case before == nil:
		return position{at: time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC), id: uuid.Max}, limit, nil
	default:
		return *before, limit, nil
	}
}

// oldestFirst is where a list begins that is sorted by time and id, both
// ascending.
func (p PageParams) oldestFirst(of list) (position, int32, error) {
	limit, err := p.limit()
	if err != nil {
		return position{}, 0, err
	}
	after, err := decodeCursor(of, p.Cursor)
	if err != nil || after == nil {
		return position{}, limit, err
	}
	return *after, limit, nil
}

// bestFirst is where a search begins: it is sorted by rank, then by time and id,
// all descending. The rank is not negative; a cursor holds its bits.
func (p PageParams) bestFirst() (before position, rank float64, limit int32, err error) {
	before, limit, err = p.newestFirst(listSearch)
	if err != nil {
		return position{}, 0, 0, err
	}
	if p.Cursor == "" {
		return before, math.MaxFloat32, limit, nil
	}
	rank = math.Float64frombits(uint64(before.rank)) //nolint:gosec // bits, encoded alike
	if !(rank >= 0 && rank <= math.MaxFloat32) {     // nor NaN
		return position{}, 0, 0, ErrInvalidCursor
	}
	return before, rank, limit, nil
}

// byID is where a list begins that is sorted by id, ascending.
func (p PageParams) byID(of list) (uuid.UUID, int32, error) {
	limit, err := p.limit()
	if err != nil {
		return uuid.Nil, 0, err
	}
	after, err := decodeCursor(of, p.Cursor)
	if err != nil || after == nil {
		return uuid.Nil, limit, err
	}
	return after.id, limit, nil
}

// inOrder is where a list begins that is sorted by a place, ascending.
func (p PageParams) inOrder(of list) (after, limit int32, err error) {
	limit, err = p.limit()
	if err != nil {
		return 0, 0, err
	}
	last, err := decodeCursor(of, p.Cursor)
	switch {
	case err != nil:
		return 0, 0, err
	case last == nil:
		return 0, limit, nil
	case last.rank < 0, last.rank > math.MaxInt32:
		return 0, 0, ErrInvalidCursor
	default:
		return int32(last.rank), limit, nil
	}
}

// list names what a cursor belongs to, so that one of another list is refused.
type list byte

const (
	listUsers list = iota + 1
	listCourses
	listOutline
	listMyCourses
	listLearners
	listCertificates
	listPayments
	listStalePayments
	listNotifications
	listUnread
	listUnreadFirst
	listSearch
	listReviews
	listAssignments
	listSubmissions
	listAttempts
	listGrades
	listGradebook
	listHandedIn
)

// Lists whose readers keep a cursor for long: their numbers never change.
const (
	listEvents       list = 'E'
	listSubscription list = 'S'
)

// position is the sort key of the last row of a page. Which fields count depends
// on the list; rank is for lists that are sorted by a number.
type position struct {
	at   time.Time
	rank int64
	id   uuid.UUID
}

const positionSize = 8 + 8 + 16

// encode makes the cursor.
func (p position) encode(of list) string {
	key := make([]byte, 0, positionSize)
	key = binary.BigEndian.AppendUint64(key, uint64(p.at.UnixMicro()))
	key = binary.BigEndian.AppendUint64(key, uint64(p.rank)) //nolint:gosec // bits, decoded alike
	key = append(key, p.id[:]...)
	return seal(of, key)
}

// seal makes a cursor of a list and a key: both and a checksum, base64url.
func seal(of list, key []byte) string {
	raw := append([]byte{byte(of)}, key...)
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// longestCursor is far beyond that of a subscription to a server with thousands of
// connections.
const longestCursor = 1 << 16

// unseal is the key in a cursor. The checksum finds a cursor that was cut or
// mistyped.
func unseal(of list, cursor string) ([]byte, error) {
	if len(cursor) > longestCursor {
		return nil, ErrInvalidCursor
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) < 1+crc32.Size || list(raw[0]) != of {
		return nil, ErrInvalidCursor
	}
	end := len(raw) - crc32.Size
	if crc32.ChecksumIEEE(raw[:end]) != binary.BigEndian.Uint32(raw[end:]) {
		return nil, ErrInvalidCursor
	}
	return raw[1:end], nil
}

// decodeCursor is nil for the first page. A cursor grants nothing: each list
// checks what its reader may see on every page.
func decodeCursor(of list, cursor string) (*position, error) {
	if cursor == "" {
		return nil, nil //nolint:nilnil // no position is where a list begins
	}
	key, err := unseal(of, cursor)
	if err != nil || len(key) != positionSize {
		return nil, ErrInvalidCursor
	}
	p := &position{
		at:   time.UnixMicro(int64(binary.BigEndian.Uint64(key[0:8]))).UTC(), //nolint:gosec // bits, encoded alike
		rank: int64(binary.BigEndian.Uint64(key[8:16])),                      //nolint:gosec // bits, encoded alike
		id:   uuid.UUID(key[16:32]),
	}
	if !representable(p.at) || p.encode(of) != cursor {
		return nil, ErrInvalidCursor
	}
	return p, nil
}

// pageOf cuts the row that was read to see whether there is more.
func pageOf[Row, T any](rows []Row, limit int32, of list, item func(Row) T, key func(Row) position) Page[T] {
	page := Page[T]{Items: make([]T, 0, len(rows))}
	if len(rows) == int(limit) {
		rows = rows[:limit-1]
		page.Next = key(rows[len(rows)-1]).encode(of)
	}
	for _, row := range rows {
		page.Items = append(page.Items, item(row))
	}
	return page
}

// pageOfKnown is pageOf for the list of one owner: the query answers with a row
// of zeros where the owner has none, and with no row where the owner is unknown.
//
// Errors: ErrNotFound.
func pageOfKnown[Row, T any](
	rows []Row, limit int32, of list, item func(Row) T, key func(Row) position,
) (Page[T], error) {
	if len(rows) == 0 {
		return Page[T]{}, ErrNotFound
	}
	if first := key(rows[0]); first.id == uuid.Nil && first.rank == 0 {
		rows = nil
	}
	return pageOf(rows, limit, of, item, key), nil
}
