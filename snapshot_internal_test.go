package elevate

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestParseSnapshot(t *testing.T) {
	t.Parallel()

	for _, text := range []string{
		"1:1:", "10:20:10,14,15", "10:20:", "745:9223372036854775807:745", "3:5:4",
	} {
		s, err := parseSnapshot(text, time.Now())
		require.NoError(t, err, text)
		require.Equal(t, text, *s.text())
	}
	for _, text := range []string{
		"", "1", "1:2", "1:2:3:4", "0:1:", "2:1:", "10:20:20", "10:20:9", "10:20:15,14", "10:20:14,14", "10:20:,", "a:b:c",
		"4294967296:4294967297:", "4294967295:4294967296:",
		"-1:2:", "1:18446744073709551615:", "1:2:\x00",
	} {
		_, err := parseSnapshot(text, time.Now())
		require.ErrorIs(t, err, errSnapshot, text)
	}
	require.Nil(t, (*snapshot)(nil).text())
}

func TestMark(t *testing.T) {
	t.Parallel()

	at := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)
	between := mark{since: &snapshot{at: at, xmin: 700, xmax: 1<<40 + 5, running: []uint64{700, 702, 1<<40 + 4}}}
	inside := between
	inside.until = &snapshot{at: at.Add(time.Second), xmin: 1<<41 + 3, xmax: 1<<41 + 3}
	inside.at, inside.id = at.Add(-time.Hour), uuid.New()
	for name, m := range map[string]mark{"Between": between, "Inside": inside} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cursor := m.encode()
			got, err := decodeMark(cursor)
			require.NoError(t, err)
			require.Equal(t, m, got)
			raw, err := base64.RawURLEncoding.DecodeString(cursor)
			require.NoError(t, err)
			for i := range raw {
				wrong := append([]byte{}, raw...)
				wrong[i] ^= 1
				_, err = decodeMark(base64.RawURLEncoding.EncodeToString(wrong))
				require.ErrorIs(t, err, ErrInvalidCursor)
				_, err = decodeMark(base64.RawURLEncoding.EncodeToString(raw[:i]))
				require.ErrorIs(t, err, ErrInvalidCursor, "cut after %d bytes", i)
			}
		})
	}
	for name, cursor := range map[string]string{
		"OfAList":   position{at: at, id: uuid.New()}.encode(listNotifications),
		"TooLong":   string(make([]byte, longestCursor+1)),
		"NUL":       "\x00",
		"ManyTimes": base64.RawURLEncoding.EncodeToString(signed([]byte{byte(listSubscription), 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 1})),
	} {
		_, err := decodeMark(cursor)
		require.ErrorIs(t, err, ErrInvalidCursor, name)
	}
}

// signed is a body with the checksum that fits.
func signed(body []byte) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{}, body...), crc32.ChecksumIEEE(body))
}

func FuzzDecodeMark(f *testing.F) {
	f.Add([]byte{})
	f.Add(mark{since: &snapshot{at: time.Now(), xmin: 9, xmax: 12, running: []uint64{9, 11}}}.since.append([]byte{byte(listSubscription)}))
	f.Fuzz(func(t *testing.T, body []byte) {
		cursor := base64.RawURLEncoding.EncodeToString(signed(body))
		m, err := decodeMark(cursor)
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidCursor)
			return
		}
		require.Equal(t, cursor, m.encode())
		for _, s := range []*snapshot{m.since, m.until} {
			if s != nil {
				_, err := parseSnapshot(*s.text(), s.at)
				require.NoError(t, err)
			}
		}
	})
}
