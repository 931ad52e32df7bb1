package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const maxMessage = 64 << 10 // bytes

// receiver is the other side: a program of somebody else's.
type receiver struct {
	verifier *standardwebhooks.Webhook
	failures atomic.Int64 // requests that are still to fail
	requests atomic.Int64

	mu         sync.Mutex
	known      map[string]bool // ids that have come
	deliveries []delivery
}

// delivery is a webhook that was accepted, once.
type delivery struct {
	id      string
	message message
}

func newReceiver(secret string) (*receiver, error) {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	return &receiver{verifier: verifier, known: map[string]bool{}}, nil
}

// ServeHTTP accepts a webhook whose signature is right and fresh. One that has
// come before is accepted, and nothing else happens.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.requests.Add(1)
	if r.failures.Add(-1) >= 0 {
		http.Error(w, "out of order", http.StatusServiceUnavailable)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxMessage))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	if err := r.verifier.Verify(body, request.Header); err != nil { // the bytes as they came
		http.Error(w, "not signed by whom we know", http.StatusUnauthorized)
		return
	}
	webhook := delivery{id: request.Header.Get(standardwebhooks.HeaderWebhookID)}
	if err := json.Unmarshal(body, &webhook.message); err != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	r.accept(webhook)
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) accept(webhook delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known[webhook.id] {
		r.known[webhook.id] = true
		r.deliveries = append(r.deliveries, webhook)
	}
}

func (r *receiver) arrived() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.deliveries)
}

func (r *receiver) count() int { return len(r.arrived()) }
