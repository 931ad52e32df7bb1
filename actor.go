package elevate

import (
	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate/db"
)

// Role is what an actor may do. The zero value is a visitor.
type Role = db.UserRole

// Roles. A user has one of RoleUser, RoleInstructor and RoleAdmin; a visitor and
// the system have no account.
const (
	RoleVisitor    Role = ""
	RoleUser       Role = db.UserRoleUser
	RoleInstructor Role = db.UserRoleInstructor
	RoleAdmin      Role = db.UserRoleAdmin
	RoleSystem     Role = "system"
)

// Actor is who acts: checked by every operation, and told to the triggers of its
// transaction as the settings elevate.actor and elevate.request. The zero value
// is a visitor.
type Actor struct {
	// Name says which job acts, for the system.
	Name string

	// RequestID says for which request. Optional, at most 255 characters.
	RequestID string

	// Role decides what the actor may do.
	Role Role

	// UserID is the actor's account; zero for a visitor and for the system.
	UserID uuid.UUID
}

// System is trusted code of the host, by the name of the job. It may do
// everything, so it is never made from what a request says.
func System(name string) Actor {
	return Actor{Role: RoleSystem, Name: name}
}

// String is what the database is told: the user's id, "system:name" or
// "visitor".
func (a Actor) String() string {
	switch a.Role {
	case RoleSystem:
		return "system:" + a.Name
	case RoleUser, RoleInstructor, RoleAdmin:
		return a.UserID.String()
	default:
		return "visitor"
	}
}

// validate refuses what the database could not store.
func (a Actor) validate() error {
	if err := text("Actor.Name", a.Name, 0, maxName); err != nil {
		return err
	}
	return text("Actor.RequestID", a.RequestID, 0, maxName)
}

// trusted reports whether the actor is the host's own code or an admin.
func (a Actor) trusted() bool {
	return a.Role == RoleSystem || a.Role == RoleAdmin
}

// mayAdminister refuses all but trusted actors.
func (a Actor) mayAdminister() error {
	if a.trusted() {
		return nil
	}
	return ErrForbidden
}

// mayIntegrate refuses all but the host's own code: an admin is a person, whom
// the host's records overrule.
func (a Actor) mayIntegrate() error {
	if a.Role == RoleSystem {
		return nil
	}
	return ErrForbidden
}

// mayActFor refuses all but the user and trusted actors.
func (a Actor) mayActFor(userID uuid.UUID) error {
	if a.trusted() {
		return nil
	}
	if (a.Role == RoleUser || a.Role == RoleInstructor) && a.UserID == userID && userID != uuid.Nil {
		return nil
	}
	return ErrForbidden
}

// mayProveFor refuses all but the person and the host's own code, where a password
// has to be given: an admin is a person, who knows only their own.
func (a Actor) mayProveFor(userID uuid.UUID) error {
	if a.Role == RoleAdmin && a.UserID != userID {
		return ErrForbidden
	}
	return a.mayActFor(userID)
}

// mayTeach refuses all but instructors and trusted actors. Which courses an
// instructor may touch is decided in the statement, by can_teach.
func (a Actor) mayTeach() error {
	if a.trusted() || (a.Role == RoleInstructor && a.UserID != uuid.Nil) {
		return nil
	}
	return ErrForbidden
}

// teacher is the parameter of can_teach: nil for trusted actors, who work in
// every course; the id of an instructor; for all others the zero id, which
// teaches nothing: somebody who is no longer an instructor has lost the drafts of
// the courses that still name them.
func (a Actor) teacher() *uuid.UUID {
	var id uuid.UUID
	switch {
	case a.trusted():
		return nil
	case a.Role == RoleInstructor:
		id = a.UserID
	}
	return &id
}

// learner is the id of the person who reads, for what a list shows of the
// reader's own state; zero for a visitor and for the system.
func (a Actor) learner() uuid.UUID {
	switch a.Role {
	case RoleUser, RoleInstructor, RoleAdmin:
		return a.UserID
	default:
		return uuid.Nil
	}
}
