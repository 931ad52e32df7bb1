package elevate

import "time"

// LookEvery changes how often the subscriptions of a Store look for what nobody
// has told them of.
func LookEvery(s *Store, every time.Duration) { s.core.lookEvery = every }

// FutureCursor is a cursor of a server that is ahead of any test's.
func FutureCursor() string {
	return mark{since: &snapshot{at: time.Now(), xmin: 1<<60 + 3, xmax: 1<<60 + 3}}.encode()
}
