package elevate_test

import (
	"context"
	"slices"

	"github.com/elevateforhumanity/elevate"
)

// operations names every exported operation once.
func operations() []operation {
	return slices.Concat(
		accountOperations(),
		identityOperations(),
		sessionOperations(),
		tokenOperations(),
		courseOperations(),
		lessonOperations(),
		enrollmentOperations(),
		progressOperations(),
		assignmentOperations(),
		certificateOperations(),
		paymentOperations(),
		reviewOperations(),
		notificationOperations(),
		eventOperations(),
		reportOperations(),
	)
}

// fails is a refusal with a *ValidationError.
func fails(name string, call func(ctx context.Context, s *elevate.Store, w *world) error) refusal {
	return refusal{name: name, call: call}
}

// conflicts is a refusal with a *ConflictError.
func conflicts(name string, call func(ctx context.Context, s *elevate.Store, w *world) error) refusal {
	return refusal{name: name, call: call, want: errConflict}
}

// unknown is a refusal of an id that there is not.
func unknown(name string, call func(ctx context.Context, s *elevate.Store, w *world) error) refusal {
	return refusal{name: "Unknown" + name, call: call, want: elevate.ErrNotFound}
}
