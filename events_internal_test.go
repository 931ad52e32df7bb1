package elevate

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEventCursor(t *testing.T) {
	t.Parallel()

	// Readers keep it in their databases: what was once written must be read for
	// ever.
	t.Run("Stays", func(t *testing.T) {
		t.Parallel()
		const kept = "RQAAAAEAAAAAAAAAAgAAAAAAAAADCJ-9IA"
		want := eventPosition{era: 1, clock: 2, id: 3}
		require.Equal(t, kept, want.encode())
		got, err := decodeEventPosition(kept)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})

	t.Run("ComesBack", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			want := eventPosition{
				era:   rapid.Int32Min(0).Draw(t, "era"),
				clock: rapid.Int64Min(0).Draw(t, "clock"),
				id:    rapid.Int64Min(0).Draw(t, "id"),
			}
			got, err := decodeEventPosition(want.encode())
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	})

	t.Run("ErrorIfNegative", func(t *testing.T) {
		t.Parallel()
		for _, p := range []eventPosition{{era: -1}, {clock: -1}, {id: -1}} {
			_, err := decodeEventPosition(p.encode())
			require.ErrorIs(t, err, ErrInvalidCursor)
		}
	})

	t.Run("ErrorIfOfAnotherList", func(t *testing.T) {
		t.Parallel()
		_, err := decodeEventPosition(seal(listUsers, make([]byte, eventPositionSize)))
		require.ErrorIs(t, err, ErrInvalidCursor)
	})
}

// FuzzDecodeEventPosition: whatever is accepted is what we would have written.
func FuzzDecodeEventPosition(f *testing.F) {
	f.Add(eventPosition{1, 2, 3}.encode())
	f.Add(seal(listEvents, binary.BigEndian.AppendUint64(nil, 1)))
	f.Fuzz(func(t *testing.T, cursor string) {
		got, err := decodeEventPosition(cursor)
		switch {
		case err != nil:
			require.ErrorIs(t, err, ErrInvalidCursor)
		case cursor != "":
			require.Equal(t, cursor, got.encode())
		}
	})
}

// TestEventID: no two of an era, and none of two eras, are the same.
func TestEventID(t *testing.T) {
	t.Parallel()
	require.Equal(t, int64(7), eventPosition{era: 0, clock: 9, id: 7}.eventID())
	require.Equal(t, int64(1<<40+7), eventPosition{era: 1, clock: 9, id: 7}.eventID())
}
