package elevate_test

import (
	"context"
	"fmt"
	"strconv"

	"github.com/elevateforhumanity/elevate"
)

// stressAccounts change learners while they learn, and race for few identities.
func stressAccounts() []stressOperation {
	unknown := []error{elevate.ErrNotFound}
	identity := func(d *draw) elevate.LinkIdentityParams {
		return elevate.LinkIdentityParams{Provider: "google", Subject: strconv.Itoa(d.IntN(12)), UserID: d.learner()}
	}
	return []stressOperation{
		{
			name:   "UpdateProfile",
			weight: 3,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				params := elevate.UpdateProfileParams{UserID: d.learner(), Name: fmt.Sprintf("Named %d", d.IntN(3))}
				user, err := d.actor(s, params.UserID).UpdateProfile(ctx, params)
				if err == nil && user.Name != params.Name {
					return fmt.Errorf("named %q for %q", user.Name, params.Name)
				}
				return err
			},
			refusals: unknown,
		},
		{
			name:   "SetRole",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				role := pick(d, []elevate.Role{elevate.RoleUser, elevate.RoleInstructor})
				result, err := d.system(s).SetRole(ctx, d.learner(), role)
				if err == nil && result.User.Role != role {
					return fmt.Errorf("role %s for %s", result.User.Role, role)
				}
				return err
			},
			refusals: unknown,
		},
		{
			name:   "DisableUser",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, err := d.system(s).DisableUser(ctx, d.learner())
				return err
			},
			refusals: unknown,
		},
		{
			name:   "EnableUser",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, err := d.system(s).EnableUser(ctx, d.learner())
				return err
			},
			refusals: unknown,
		},
		{
			name:   "LinkIdentity",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, err := d.system(s).LinkIdentity(ctx, identity(d))
				return err
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrIdentityTaken},
		},
		{
			name:   "UnlinkIdentity",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				params := elevate.UnlinkIdentityParams(identity(d))
				_, err := d.actor(s, params.UserID).UnlinkIdentity(ctx, params)
				return err
			},
			refusals: []error{elevate.ErrNotFound, conflict(elevate.ConflictLastSignIn)},
		},
	}
}
