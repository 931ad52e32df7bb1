package elevate

import "time"

// NotOfWords is what a query is cut at.
var NotOfWords = notOfWords

// HoldHashing keeps everybody else from hashing until release is called; with
// full, nobody else may even wait.
func HoldHashing(s *Store, full bool) (release func()) {
	w := s.core.hashing
	running, waiting := cap(w.running), cap(w.running)
	if full {
		waiting = cap(w.waiting)
	}
	for range waiting {
		w.waiting <- struct{}{}
	}
	for range running {
		w.running <- struct{}{}
	}
	return func() {
		for range running {
			<-w.running
		}
		for range waiting {
			<-w.waiting
		}
	}
}

// LookEvery changes how often the subscriptions of a Store look for what nobody
// has told them of.
func LookEvery(s *Store, every time.Duration) { s.core.lookEvery = every }

// FutureCursor is a cursor of a server that is ahead of any test's.
func FutureCursor() string {
	return mark{since: &snapshot{at: time.Now(), xmin: 1<<60 + 3, xmax: 1<<60 + 3}}.encode()
}
