package elevate_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/elevateforhumanity/elevate"
)

// TestLoginTiming measures what a stranger could: how long a refusal takes. It
// judges that only with ELEVATE_TEST_TIMING=1, on a machine that has nothing else to
// do; otherwise it goes through the motions.
func TestLoginTiming(t *testing.T) {
	t.Parallel()
	cost, tries, judge := bcrypt.MinCost+1, 1, false
	if os.Getenv("ELEVATE_TEST_TIMING") == "1" {
		cost, tries, judge = 10, 60, true
	}
	b := newBundle(t)
	store := b.storeWith(t, elevate.Config{PasswordCost: cost})
	emails := map[string]string{"Unknown": "nobody@example.org"}
	for name, hash := range map[string]string{
		"Wrong":      hashed(t, rightPassword, cost),
		"CheapHash":  hashed(t, rightPassword, max(bcrypt.MinCost, cost-4)),
		"NoPassword": "!",
	} {
		userID, email := b.member(t)
		b.exec(t, `UPDATE {s}.users SET password_hash = $2 WHERE id = $1`, userID, hash)
		emails[name] = email
	}
	took := map[string][]time.Duration{}
	for range tries {
		for name, email := range emails { // in another order each time
			begun := time.Now()
			_, err := store.Login(b.ctx, elevate.LoginParams{Email: email, Password: wrongPassword})
			took[name] = append(took[name], time.Since(begun))
			require.ErrorIs(t, err, elevate.ErrInvalidCredentials)
			b.exec(t, `DELETE FROM {s}.attempts`)
		}
	}
	median := func(name string) time.Duration {
		slices.Sort(took[name])
		return took[name][tries/2]
	}
	for name := range emails {
		t.Logf("%s: median %s, fastest %s", name, median(name), took[name][0])
	}
	if !judge {
		return
	}
	for name := range emails {
		require.InEpsilon(t, float64(median("Unknown")), float64(median(name)), 0.05, name)
	}
}
