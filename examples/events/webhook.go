package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/elevateforhumanity/elevate"
)

const (
	sendTimeout = 15 * time.Second
	maxAnswer   = 4 << 10 // bytes that are read of it
)

// webhookArgs are what River keeps of a job, as JSON.
type webhookArgs struct {
	Event elevate.Event `json:"event"`
}

func (webhookArgs) Kind() string { return "webhook" }

// message is what the receiver gets. It has ids only; who wants more asks for it
// and has to show who they are.
type message struct {
	Type      elevate.EventType `json:"type"`
	Timestamp time.Time         `json:"timestamp"`
	Data      messageData       `json:"data"`
}

type messageData struct {
	UserID    uuid.UUID `json:"user_id,omitzero"`
	CourseID  uuid.UUID `json:"course_id,omitzero"`
	SubjectID uuid.UUID `json:"subject_id"`
}

// sender sends webhooks to one receiver.
type sender struct {
	river.WorkerDefaults[webhookArgs]

	address string
	client  *http.Client
	signer  *standardwebhooks.Webhook

	// retry is when a webhook that failed is sent again; zero leaves it to River,
	// which waits a second and then longer and longer, for three weeks in all.
	retry func() time.Time
}

// newSender trusts the address. Where strangers may choose it, dial through a
// proxy that reaches nothing inside of your network.
func newSender(address, secret string) (*sender, error) {
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return nil, fmt.Errorf("read the secret of %s: %w", address, err)
	}
	return &sender{
		address: address,
		client: &http.Client{
			Timeout: sendTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse // an answer like any other that is not 2xx
			},
		},
		signer: signer,
		retry:  func() time.Time { return time.Time{} },
	}, nil
}

func (s *sender) NextRetry(*river.Job[webhookArgs]) time.Time { return s.retry() }

// Work sends the webhook. It may arrive twice, when the answer gets lost: its id
// is the event's, so that the receiver can tell.
func (s *sender) Work(ctx context.Context, job *river.Job[webhookArgs]) error {
	request, err := s.request(ctx, job.Args.Event, time.Now())
	if err != nil {
		return river.JobCancel(err) // would fail for ever
	}
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("send event %d: %w", job.Args.Event.ID, err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer) // so that the connection is used again
	switch {
	case response.StatusCode/100 == 2:
		return nil
	case response.StatusCode == http.StatusGone:
		return river.JobCancel(fmt.Errorf("send event %d: the receiver wants no more", job.Args.Event.ID))
	default:
		return fmt.Errorf("send event %d: %s", job.Args.Event.ID, response.Status)
	}
}

// request is the signed webhook. The time is that of the attempt: a receiver
// refuses old ones, which somebody may have recorded.
func (s *sender) request(ctx context.Context, event elevate.Event, at time.Time) (*http.Request, error) {
	body, err := json.Marshal(message{
		Type:      event.Type,
		Timestamp: event.At,
		Data:      messageData{event.UserID, event.CourseID, event.SubjectID},
	})
	if err != nil {
		return nil, fmt.Errorf("write event %d: %w", event.ID, err)
	}
	id := "evt_" + strconv.FormatInt(event.ID, 10)
	signature, err := s.signer.Sign(id, at, body)
	if err != nil {
		return nil, fmt.Errorf("sign event %d: %w", event.ID, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("address event %d: %w", event.ID, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
}
