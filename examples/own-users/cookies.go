package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	cookieName = "session"
	cookieAge  = 12 * time.Hour
)

// cookies is how the host knows who is signed in: the browser keeps the account and
// an expiry, and the host's signature under both. Nothing is stored here, so a
// cookie cannot be ended before it expires, but by a new key, which ends all.
type cookies struct {
	key    []byte // 32 random bytes, the host's secret
	secure bool   // false only for http on loopback
	now    func() time.Time
}

// sign is the signature of an account and an expiry.
func (c *cookies) sign(payload string) string {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(cookieName + " " + payload))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// set signs an account in.
func (c *cookies) set(w http.ResponseWriter, accountID int64) {
	expiry := c.now().Add(cookieAge).Unix()
	payload := strconv.FormatInt(accountID, 10) + "." + strconv.FormatInt(expiry, 10)
	c.write(w, payload+"."+c.sign(payload), int(cookieAge.Seconds()))
}

// clear signs out.
func (c *cookies) clear(w http.ResponseWriter) {
	c.write(w, "", -1)
}

func (c *cookies) write(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // insecure only where the config says so
		Name:     cookieName,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		HttpOnly: true,
		Secure:   c.secure,
		SameSite: http.SameSiteLaxMode,
	})
}

// read is the account that is signed in.
func (c *cookies) read(r *http.Request) (accountID int64, ok bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return 0, false
	}
	end := strings.LastIndexByte(cookie.Value, '.')
	if end < 0 {
		return 0, false
	}
	payload, signature := cookie.Value[:end], cookie.Value[end+1:]
	if !hmac.Equal([]byte(signature), []byte(c.sign(payload))) {
		return 0, false
	}
	// What is signed is well formed: we wrote it.
	account, expiry, _ := strings.Cut(payload, ".")
	accountID, _ = strconv.ParseInt(account, 10, 64)
	until, _ := strconv.ParseInt(expiry, 10, 64)
	return accountID, c.now().Before(time.Unix(until, 0))
}
