// Stripe-webhook receives what Stripe reports of payments: who has paid is
// enrolled, and who was refunded no longer.
//
// Where a learner is to pay, your program calls CreatePayment and makes a
// PaymentIntent of the payment's amount and currency, with the payment's id in
// two places:
//
//   - as metadata "payment_id", by which the webhook finds the payment;
//   - as Stripe's idempotency key, so that a repeat makes no second intent.
//
// It reads DATABASE_URL, STRIPE_WEBHOOK_SECRET, which Stripe shows for the
// endpoint, and ADDR, by default "localhost:4242". The tables are there already.
// To try it: stripe listen --forward-to localhost:4242/stripe/webhook
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/elevateforhumanity/elevate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "stripe-webhook:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func run(ctx context.Context) error {
	secret := os.Getenv("STRIPE_WEBHOOK_SECRET")
	if secret == "" {
		return errors.New("STRIPE_WEBHOOK_SECRET is not set") // an empty secret would verify what anybody signs
	}
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := elevate.New(pool, nil)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /stripe/webhook", newHandler(store, secret, slog.Default()))
	server := &http.Server{
		Addr:        cmp.Or(os.Getenv("ADDR"), "localhost:4242"),
		Handler:     mux,
		ReadTimeout: 10 * time.Second,
	}
	go func() {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(stopping)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
