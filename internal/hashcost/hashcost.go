// Package hashcost says how cheap the hashing of passwords may be. Only the test
// kit makes it cheaper than users' passwords deserve.
package hashcost

import (
	"sync/atomic"

	"golang.org/x/crypto/bcrypt"
)

// Default is the bcrypt cost of a Store that is not told another one, and the
// least that it may be told outside tests.
const Default = 12

//nolint:gochecknoglobals // one answer for the process, which only tests change
var lowered atomic.Bool

// Lower allows any cost that bcrypt knows, for the rest of the process.
func Lower() { lowered.Store(true) }

// Least is the lowest cost that a Store may be told.
func Least() int {
	if lowered.Load() {
		return bcrypt.MinCost
	}
	return Default
}
