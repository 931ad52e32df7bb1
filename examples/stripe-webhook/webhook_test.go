package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
)

const secret = "whsec_test"

// shop is a database with a learner who is to pay 49 euros for a course, and the
// webhook in front of it.
type shop struct {
	store   *elevate.Store
	payment elevate.Payment
	url     string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	db := elevatetest.New(t)
	s := &shop{store: db.Store.As(elevate.System("test"))}
	learner := elevatetest.User(t, db.Store)
	course, _ := elevatetest.PublishedCourse(t, db.Store, 1, func(p *elevate.CreateCourseParams) {
		p.Price, p.Currency = 4900, "EUR"
	})
	created, err := s.store.CreatePayment(t.Context(), elevate.CreatePaymentParams{
		UserID: learner.ID, CourseID: course.ID, IdempotencyKey: "order 1",
	})
	require.NoError(t, err)
	s.payment = created.Payment
	server := httptest.NewServer(newHandler(db.Store, secret, slog.New(slog.DiscardHandler)))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// intent is a PaymentIntent of the payment, as Stripe writes it.
func (s *shop) intent() map[string]any {
	return map[string]any{
		"object": "payment_intent", "id": "pi_1", "amount": 4900, "amount_received": 4900, "currency": "eur",
		"metadata": map[string]string{"payment_id": s.payment.ID.String()},
	}
}

// charge is the charge of that intent, of which so much was refunded.
func (s *shop) charge(refunded int) map[string]any {
	return map[string]any{
		"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "currency": "eur",
		"amount": 4900, "amount_captured": 4900, "amount_refunded": refunded,
		"metadata": map[string]string{"payment_id": s.payment.ID.String()},
	}
}

func message(t *testing.T, id string, kind stripe.EventType, object map[string]any) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{
		"object": "event", "id": id, "type": kind, "api_version": "2024-06-20", "data": map[string]any{"object": object},
	})
	require.NoError(t, err)
	return payload
}

func (s *shop) post(t *testing.T, payload []byte, signature string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, bytes.NewReader(payload))
	require.NoError(t, err)
	request.Header.Set("Stripe-Signature", signature)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// send posts a message that Stripe has signed.
func (s *shop) send(t *testing.T, id string, kind stripe.EventType, object map[string]any) int {
	t.Helper()
	payload := message(t, id, kind, object)
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: secret})
	return s.post(t, payload, signed.Header)
}

// state is what has become of the payment, and whether the learner is enrolled.
func (s *shop) state(t *testing.T) (payment elevate.Payment, enrolled bool) {
	t.Helper()
	payment, err := s.store.GetPayment(t.Context(), s.payment.ID)
	require.NoError(t, err)
	courses, err := s.store.MyCourses(t.Context(), payment.UserID, elevate.PageParams{})
	require.NoError(t, err)
	return payment, len(courses.Items) > 0
}

func TestWebhook(t *testing.T) {
	t.Parallel()

	t.Run("PaidAndRefunded", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for _, step := range []struct {
			id       string
			kind     stripe.EventType
			object   map[string]any
			status   elevate.PaymentStatus
			refunded int32
			enrolled bool
		}{
			{"evt_1", stripe.EventTypePaymentIntentPaymentFailed, s.intent(), elevate.PaymentFailed, 0, false},
			{"evt_2", stripe.EventTypePaymentIntentSucceeded, s.intent(), elevate.PaymentSucceeded, 0, true},
			{"evt_5", stripe.EventTypePaymentIntentCanceled, s.intent(), elevate.PaymentSucceeded, 0, true},
			{"evt_2", stripe.EventTypePaymentIntentSucceeded, s.intent(), elevate.PaymentSucceeded, 0, true},
			{"evt_3", stripe.EventTypeChargeRefunded, s.charge(900), elevate.PaymentSucceeded, 900, true},
			{"evt_4", stripe.EventTypeChargeRefunded, s.charge(4900), elevate.PaymentRefunded, 4900, false},
			{"evt_2", stripe.EventTypePaymentIntentSucceeded, s.intent(), elevate.PaymentRefunded, 4900, false},
		} {
			require.Equal(t, http.StatusOK, s.send(t, step.id, step.kind, step.object))
			payment, enrolled := s.state(t)
			require.Equal(t, step.status, payment.Status)
			require.Equal(t, step.refunded, payment.RefundedAmount)
			require.Equal(t, "pi_1", payment.Reference)
			require.Equal(t, step.enrolled, enrolled)
		}
	})

	t.Run("RedeliveryChangesNothing", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		require.Equal(t, http.StatusOK, s.send(t, "evt_1", stripe.EventTypePaymentIntentSucceeded, s.intent()))
		before, _ := s.state(t)
		for range 3 {
			require.Equal(t, http.StatusOK, s.send(t, "evt_1", stripe.EventTypePaymentIntentSucceeded, s.intent()))
		}
		after, enrolled := s.state(t)
		require.Equal(t, before, after)
		require.True(t, enrolled)
	})

	t.Run("WrongAmountEnrollsNobody", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		for i, amount := range []int{1, 1 << 40} {
			intent := s.intent()
			intent["amount_received"] = amount
			require.Equal(t, http.StatusOK,
				s.send(t, []string{"evt_1", "evt_2"}[i], stripe.EventTypePaymentIntentSucceeded, intent))
			payment, enrolled := s.state(t)
			require.Equal(t, elevate.PaymentPending, payment.Status)
			require.False(t, enrolled)
		}
	})

	t.Run("NotOurs", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		require.Equal(t, http.StatusOK, s.send(t, "evt_1", stripe.EventTypeCustomerCreated, map[string]any{"id": "cus_1"}))
		intent := s.intent()
		for _, metadata := range []map[string]string{nil, {"payment_id": "17"}} {
			intent["metadata"] = metadata
			require.Equal(t, http.StatusOK, s.send(t, "evt_2", stripe.EventTypePaymentIntentSucceeded, intent))
		}
		require.Equal(t, http.StatusOK, s.send(t, "evt_3", stripe.EventTypeChargeRefunded, map[string]any{"id": "ch_2"}))
		_, enrolled := s.state(t)
		require.False(t, enrolled)
	})

	t.Run("UnknownPaymentIsSentAgain", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		intent := s.intent()
		intent["metadata"] = map[string]string{"payment_id": uuid.NewString()}
		require.Equal(t, http.StatusServiceUnavailable,
			s.send(t, "evt_1", stripe.EventTypePaymentIntentSucceeded, intent))
	})

	t.Run("Unreadable", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		intent := s.intent()
		intent["amount"] = "much"
		require.Equal(t, http.StatusBadRequest, s.send(t, "evt_1", stripe.EventTypePaymentIntentSucceeded, intent))
	})

	// Whoever is not Stripe: nothing is applied.
	for name, c := range map[string]struct {
		sign func(payload []byte) string
		want int
	}{
		"Unsigned": {func([]byte) string { return "" }, http.StatusBadRequest},
		"Garbled":  {func([]byte) string { return "t=,v1=" }, http.StatusBadRequest},
		"Forged": {func(payload []byte) string {
			return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: "guessed"}).Header
		}, http.StatusBadRequest},
		"OfAnotherMessage": {func(payload []byte) string {
			return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
				Payload: append([]byte(" "), payload...), Secret: secret,
			}).Header
		}, http.StatusBadRequest},
		"Stale": {func(payload []byte) string {
			return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{
				Payload: payload, Secret: secret, Timestamp: time.Now().Add(-tolerance - time.Minute),
			}).Header
		}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			payload := message(t, "evt_1", stripe.EventTypePaymentIntentSucceeded, s.intent())
			require.Equal(t, c.want, s.post(t, payload, c.sign(payload)))
			payment, enrolled := s.state(t)
			require.Equal(t, s.payment, payment)
			require.False(t, enrolled)
		})
	}

	t.Run("TooLarge", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		intent := s.intent()
		intent["description"] = strings.Repeat("a", maxPayload)
		require.Equal(t, http.StatusRequestEntityTooLarge,
			s.send(t, "evt_1", stripe.EventTypePaymentIntentSucceeded, intent))
		_, enrolled := s.state(t)
		require.False(t, enrolled)
	})
}

func TestRunWithoutSecret(t *testing.T) {
	t.Setenv("STRIPE_WEBHOOK_SECRET", "")
	require.ErrorContains(t, run(t.Context()), "STRIPE_WEBHOOK_SECRET")
}
