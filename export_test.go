package elevate

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
