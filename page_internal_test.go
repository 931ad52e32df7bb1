package elevate

import (
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func drawPosition(t *rapid.T) position {
	return position{
		at:   time.UnixMicro(rapid.Int64Range(0, 253_402_300_799_999_999).Draw(t, "at")).UTC(), // up to 9999
		rank: rapid.Int64().Draw(t, "rank"),
		id:   uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
	}
}

func TestCursor(t *testing.T) {
	t.Parallel()

	t.Run("ComesBack", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			want := drawPosition(t)
			got, err := decodeCursor(listUsers, want.encode(listUsers))
			require.NoError(t, err)
			require.Equal(t, want, *got)
		})
	})

	t.Run("ErrorIfOfAnotherList", func(t *testing.T) {
		t.Parallel()
		_, err := decodeCursor(listCourses, position{id: uuid.New()}.encode(listUsers))
		require.ErrorIs(t, err, ErrInvalidCursor)
	})

	t.Run("ErrorIfChanged", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			cursor := []byte(drawPosition(t).encode(listUsers))
			i := rapid.IntRange(0, len(cursor)-1).Draw(t, "i")
			changed := rapid.Byte().Filter(func(c byte) bool { return c != cursor[i] }).Draw(t, "c")
			cursor[i] = changed
			_, err := decodeCursor(listUsers, string(cursor))
			require.ErrorIs(t, err, ErrInvalidCursor)
		})
	})

	t.Run("EmptyIsTheFirstPage", func(t *testing.T) {
		t.Parallel()
		got, err := decodeCursor(listUsers, "")
		require.NoError(t, err)
		require.Nil(t, got)
	})
}

// FuzzDecodeCursor: whatever is accepted is what we would have written.
func FuzzDecodeCursor(f *testing.F) {
	f.Add(position{id: uuid.Max, rank: -1}.encode(listUsers))
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, cursor string) {
		got, err := decodeCursor(listUsers, cursor)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidCursor)
			return
		}
		if got != nil {
			require.Equal(t, cursor, got.encode(listUsers))
		}
	})
}

func TestPageOf(t *testing.T) {
	t.Parallel()

	same := func(n int) int { return n }
	key := func(n int) position { return position{at: time.Unix(0, 0), rank: int64(n)} }
	for name, test := range map[string]struct {
		rows  []int
		limit int32
		items []int
		more  bool
	}{
		"Empty":    {nil, 3, []int{}, false},
		"Short":    {[]int{1}, 3, []int{1}, false},
		"Full":     {[]int{1, 2}, 3, []int{1, 2}, false},
		"WithNext": {[]int{1, 2, 3}, 3, []int{1, 2}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := pageOf(test.rows, test.limit, listUsers, same, key)
			require.Equal(t, test.items, page.Items)
			require.Equal(t, test.more, page.Next != "")
			if test.more {
				last, err := decodeCursor(listUsers, page.Next)
				require.NoError(t, err)
				require.Equal(t, int64(test.items[len(test.items)-1]), last.rank)
			}
		})
	}
}

func TestPageParamsLimit(t *testing.T) {
	t.Parallel()

	for limit, want := range map[int]int32{0: 51, 1: 2, 500: 501, 501: 501, 1 << 40: 501} {
		got, err := PageParams{Limit: limit}.limit()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestPageParamsBestFirst(t *testing.T) {
	t.Parallel()

	begin := func(cursor string) (uint64, error) {
		_, rank, _, err := PageParams{Cursor: cursor}.bestFirst()
		return math.Float64bits(rank), err
	}
	at := func(rank float64) string {
		return position{rank: int64(math.Float64bits(rank))}.encode(listSearch) //nolint:gosec // bits
	}
	for _, rank := range []float64{0, math.SmallestNonzeroFloat32, float64(float32(0.1)), 1, math.MaxFloat32} {
		got, err := begin(at(rank))
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(rank), got, "bit for bit")
	}
	for _, forged := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		_, err := begin(at(forged))
		require.ErrorIs(t, err, ErrInvalidCursor)
	}
	first, err := begin("")
	require.NoError(t, err)
	require.Equal(t, math.Float64bits(math.MaxFloat32), first)
	_, err = begin(position{}.encode(listCourses))
	require.ErrorIs(t, err, ErrInvalidCursor, "of the list without a query")
}
