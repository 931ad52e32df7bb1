package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/elevateforhumanity/elevate"
)

const (
	// maxPayload is more than Stripe sends for the events that are read here.
	maxPayload = 64 << 10

	// tolerance is how old a signature may be: somebody who has copied a message
	// cannot send it later.
	tolerance = 5 * time.Minute

	// metadataKey is where a PaymentIntent carries our payment's id.
	metadataKey = "payment_id"
)

// handler answers Stripe. It sends again, for up to three days, what is not
// answered with 2xx.
type handler struct {
	store  *elevate.Store
	secret string
	logger *slog.Logger
}

func newHandler(store *elevate.Store, secret string, logger *slog.Logger) *handler {
	return &handler{store: store.As(elevate.System("stripe-webhook")), secret: secret, logger: logger}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	event, err := webhook.ConstructEventWithOptions(payload, r.Header.Get("Stripe-Signature"), h.secret,
		webhook.ConstructEventOptions{
			Tolerance: tolerance,
			// The version is the endpoint's, set in Stripe's dashboard. Refused,
			// every event would be lost between an upgrade there and one here,
			// and the few fields that are read are the same in all versions.
			IgnoreAPIVersionMismatch: true,
		})
	if err != nil {
		h.logger.WarnContext(r.Context(), "refused", "error", err)
		http.Error(w, "not signed by Stripe", http.StatusBadRequest)
		return
	}
	log := h.logger.With("event", event.ID, "type", event.Type)
	reported, ours, err := read(event)
	switch {
	case err != nil:
		log.ErrorContext(r.Context(), "unreadable", "error", err)
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	case !ours:
		// Whatever else the account sells, or the endpoint is subscribed to.
		w.WriteHeader(http.StatusOK)
		return
	}
	result, err := h.store.ApplyPaymentEvent(r.Context(), reported)
	switch {
	case errors.Is(err, elevate.ErrNotFound):
		// The event may have overtaken the transaction that makes the payment:
		// have it sent again.
		log.WarnContext(r.Context(), "payment unknown", "error", err)
		http.Error(w, "payment unknown", http.StatusServiceUnavailable)
		return
	case err != nil:
		log.ErrorContext(r.Context(), "not applied", "error", err)
		http.Error(w, "not applied", http.StatusInternalServerError)
		return
	case result.Outcome == elevate.PaymentEventQuarantined:
		// It is stored, and would be no better the next time. Somebody has to
		// look at it.
		log.ErrorContext(r.Context(), "quarantined", "payment", result.Payment.ID)
	default:
		log.InfoContext(r.Context(), string(result.Outcome), "payment", result.Payment.ID,
			"enrolled", result.Enrolled, "unenrolled", result.Unenrolled)
	}
	w.WriteHeader(http.StatusOK)
}

// read is the event in our words, and whether it is about a payment of ours.
func read(event stripe.Event) (reported elevate.PaymentEvent, ours bool, err error) {
	reported = elevate.PaymentEvent{EventID: event.ID, Provider: "stripe"}
	var metadata map[string]string
	switch event.Type {
	case stripe.EventTypePaymentIntentSucceeded, stripe.EventTypePaymentIntentPaymentFailed,
		stripe.EventTypePaymentIntentCanceled:
		var intent stripe.PaymentIntent
		if err := json.Unmarshal(event.Data.Raw, &intent); err != nil {
			return elevate.PaymentEvent{}, false, fmt.Errorf("payment intent: %w", err)
		}
		reported.Kind, reported.Amount = elevate.PaymentFailed, minor(intent.Amount)
		if event.Type == stripe.EventTypePaymentIntentSucceeded {
			reported.Kind, reported.Amount = elevate.PaymentSucceeded, minor(intent.AmountReceived)
		}
		reported.Currency, reported.Reference = string(intent.Currency), intent.ID
		metadata = intent.Metadata
	case stripe.EventTypeChargeRefunded:
		var charge stripe.Charge
		if err := json.Unmarshal(event.Data.Raw, &charge); err != nil {
			return elevate.PaymentEvent{}, false, fmt.Errorf("charge: %w", err)
		}
		reported.Kind, reported.Amount = elevate.PaymentRefunded, minor(charge.AmountCaptured)
		reported.RefundedAmount = minor(charge.AmountRefunded) // so far, as we want it
		reported.Currency = string(charge.Currency)
		if charge.PaymentIntent != nil {
			reported.Reference = charge.PaymentIntent.ID
		}
		metadata = charge.Metadata // Stripe has copied the intent's
	default:
		return elevate.PaymentEvent{}, false, nil
	}
	reported.PaymentID, err = uuid.Parse(metadata[metadataKey])
	return reported, err == nil, nil // another program's intents have another id there, or none
}

// minor is an amount as a payment has it. One that is too large for a payment is
// cut, and then as wrong as it was.
func minor(amount int64) int32 {
	return int32(min(amount, math.MaxInt32)) //nolint:gosec // Stripe's amounts are not negative
}
