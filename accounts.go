package elevate

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/db"
)

// User is a person with an account.
type User struct {
	ID uuid.UUID

	// Email is normalised: lower case, in Unicode's composed form, the domain in
	// ASCII.
	Email string

	Name      string
	Bio       string
	AvatarURL string

	// Role is RoleUser, RoleInstructor or RoleAdmin.
	Role Role

	EmailVerified bool
	CreatedAt     time.Time
	UpdatedAt     time.Time

	// LastLogin is nil until the first one.
	LastLogin *time.Time

	// DisabledAt is set while the person may not sign in.
	DisabledAt *time.Time
}

// RegisterUserParams is who registers, with a password or its hash.
type RegisterUserParams struct {
	Email string

	// ID names the account. A caller that gives one, of its own making and never
	// from a request, can repeat the call after ErrCommitUnknown. Defaults to a
	// new one.
	ID uuid.UUID

	// Name is at most 255 characters.
	Name string

	// Password has at least 8 characters and at most 72 bytes. Not in a
	// transaction.
	Password string

	// PasswordHash is from [Store.HashPassword], or a bcrypt hash of cost 10 to
	// 15 from elsewhere. Instead of Password.
	PasswordHash PasswordHash

	// Role defaults to RoleUser. Only trusted actors give another.
	Role Role
}

// String leaves out what a person typed.
func (p RegisterUserParams) String() string {
	return "RegisterUserParams{ID: " + p.ID.String() + ", Role: " + string(p.Role) + "}"
}

// GoString is String.
func (p RegisterUserParams) GoString() string { return p.String() }

// LogValue is String.
func (p RegisterUserParams) LogValue() slog.Value { return slog.StringValue(p.String()) }

// RegisterUser makes an account. Anyone may, as RoleUser; trusted actors give
// other roles. Whether the email is theirs is not known yet: EmailVerified is
// false.
//
// Errors: ErrForbidden; *ValidationError; ErrInTransaction; ErrBusy;
// ErrEmailTaken; *ConflictError with ConflictIDTaken when the ID is another
// account's.
//
// Idempotent by ID: a repeat with the same ID and email returns the account as it
// is. Locks: none. In a caller's transaction: joins it when given PasswordHash.
func (s *Store) RegisterUser(ctx context.Context, params RegisterUserParams) (user User, err error) {
	if params.ID == uuid.Nil {
		params.ID = newID()
	}
	if params.Role == "" {
		params.Role = RoleUser
	}
	defer wrap(&err, "register user %s", params.ID)
	if params.Role != RoleUser {
		if err := s.actor.mayAdminister(); err != nil {
			return User{}, err
		}
	}
	email, err := normalizeEmail(params.Email)
	if err != nil {
		return User{}, err
	}
	if err := params.validate(s.core.passwordCost); err != nil {
		return User{}, err
	}
	hash := params.PasswordHash
	if params.Password != "" {
		if s.tx != nil {
			return User{}, ErrInTransaction
		}
		if hash, err = s.hash(ctx, params.Password); err != nil {
			return User{}, err
		}
	}
	create := db.UserCreateParams{
		ID:           params.ID,
		Email:        email,
		PasswordHash: string(hash),
		Name:         params.Name,
		Role:         params.Role,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.UserCreateRow, error) {
		row, err := q.UserCreate(ctx, create)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return User{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictAlready:
		return account(row), nil
	case verdictEmailTaken:
		return User{}, ErrEmailTaken
	case verdictIDTaken:
		return User{}, &ConflictError{Reason: ConflictIDTaken}
	default:
		return User{}, unknownVerdict(row.Verdict)
	}
}

func (p RegisterUserParams) validate(passwordCost int) error {
	if err := text("Name", p.Name, 1, maxName); err != nil {
		return err
	}
	if !p.Role.Valid() {
		return invalid("Role", "is not a role of users")
	}
	switch {
	case (p.Password == "") == (p.PasswordHash == ""):
		return invalid("Password", "is to be given, or else PasswordHash")
	case p.Password != "":
		return validateNewPassword("Password", p.Password)
	case !p.PasswordHash.usable(min(cheapestForeignHash, passwordCost)):
		return invalid("PasswordHash", "is not a bcrypt hash of cost 10 to 15")
	default:
		return nil
	}
}

// account is the user of a row with a verdict; the queries share its columns.
func account(row db.UserCreateRow) User {
	return User{
		ID:            row.ID,
		Email:         row.Email,
		Name:          row.Name,
		Bio:           row.Bio,
		AvatarURL:     row.AvatarURL,
		Role:          row.Role,
		EmailVerified: row.EmailVerified,
		CreatedAt:     row.CreatedAt,
		UpdatedAt:     row.UpdatedAt,
		LastLogin:     row.LastLogin,
		DisabledAt:    row.DisabledAt,
	}
}

// SyncUserParams is a person as the host knows them.
type SyncUserParams struct {
	// AvatarURL is at most 500 characters. Optional.
	AvatarURL string

	Email string

	// ID is chosen by the host, the same for the same person each time; a host
	// with other ids than UUIDs makes it with [uuid.NewSHA1].
	ID uuid.UUID

	// Name is at most 255 characters.
	Name string

	// Role defaults to RoleUser.
	Role Role
}

// SyncUserResult is a user, and whether this call made them.
type SyncUserResult struct {
	User User

	// Created is false when there was such a user already, changed now or not.
	Created bool
}

// SyncUser copies a person from a host that has accounts and sign-in of its own:
// the first call makes the user, later calls change the email, name, avatar and
// role where they differ. No password opens the account. The actor is the system.
//
// Errors: ErrForbidden; *ValidationError; ErrEmailTaken when another user has
// the email; ErrNotFound for someone who was erased.
//
// Idempotent: a repeat changes nothing, not even updated_at. Locks: the user
// UPDATE, when anything differs. In a caller's transaction: joins it, behind a
// savepoint.
func (s *Store) SyncUser(ctx context.Context, params SyncUserParams) (result SyncUserResult, err error) {
	if params.Role == "" {
		params.Role = RoleUser
	}
	defer wrap(&err, "sync user %s", params.ID)
	if err := s.actor.mayIntegrate(); err != nil {
		return SyncUserResult{}, err
	}
	email, err := normalizeEmail(params.Email)
	if err != nil {
		return SyncUserResult{}, err
	}
	if err := params.validate(); err != nil {
		return SyncUserResult{}, err
	}
	lock := db.UserLockForSyncParams{
		ID:        params.ID,
		Email:     email,
		Name:      params.Name,
		AvatarURL: params.AvatarURL,
		Role:      params.Role,
	}
	row, err := writeGuarded(ctx, s, func(q *db.Queries) (db.UserSyncRow, error) {
		if err := q.UserLockForSync(ctx, lock); err != nil {
			return db.UserSyncRow{}, err
		}
		row, err := q.UserSync(ctx, db.UserSyncParams{
			ID:        lock.ID,
			Email:     lock.Email,
			Name:      lock.Name,
			AvatarURL: lock.AvatarURL,
			Role:      lock.Role,
		})
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return SyncUserResult{}, err
	}
	switch row.Verdict {
	case verdictCreated, verdictUpdated, verdictUnchanged:
		return SyncUserResult{
			User:    account(db.UserCreateRow(row)),
			Created: row.Verdict == verdictCreated,
		}, nil
	case verdictUserUnknown:
		return SyncUserResult{}, ErrNotFound
	case verdictEmailTaken:
		return SyncUserResult{}, ErrEmailTaken
	default:
		return SyncUserResult{}, unknownVerdict(row.Verdict)
	}
}

func (p SyncUserParams) validate() error {
	if p.ID == uuid.Nil {
		return invalid("ID", "is zero")
	}
	if err := text("Name", p.Name, 1, maxName); err != nil {
		return err
	}
	if err := link("AvatarURL", p.AvatarURL); err != nil {
		return err
	}
	if !p.Role.Valid() {
		return invalid("Role", "is not a role of users")
	}
	return nil
}

// maxBio is ours: the column has no length, and lists of users carry it.
const maxBio = 10_000

// UpdateProfileParams is all that people say about themselves, as it is to be.
// Nothing has a default.
type UpdateProfileParams struct {
	// AvatarURL is at most 500 characters; empty for none.
	AvatarURL string

	// Bio is at most 10,000 characters; empty for none.
	Bio string

	// Name is 1 to 255 characters.
	Name string

	UserID uuid.UUID
}

// UpdateProfile replaces the name, bio and avatar of a user, whoever else edited
// them meanwhile. Certificates keep the name that they were issued for, and the
// next [Store.SyncUser] brings back the host's name and avatar. The actor is the
// user or trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user.
//
// Idempotent: a repeat changes nothing, not even updated_at. Locks: the user NO
// KEY UPDATE, when anything differs. In a caller's transaction: joins it.
func (s *Store) UpdateProfile(ctx context.Context, params UpdateProfileParams) (user User, err error) {
	defer wrap(&err, "update profile of user %s", params.UserID)
	if err := s.actor.mayActFor(params.UserID); err != nil {
		return User{}, err
	}
	if err := params.validate(); err != nil {
		return User{}, err
	}
	update := db.UserUpdateParams{
		ID:        params.UserID,
		Name:      params.Name,
		Bio:       params.Bio,
		AvatarURL: params.AvatarURL,
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.UserUpdateRow, error) {
		row, err := q.UserUpdate(ctx, update)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return User{}, err
	}
	switch row.Verdict {
	case verdictUpdated, verdictUnchanged:
		return account(db.UserCreateRow(row)), nil
	case verdictUserUnknown:
		return User{}, ErrNotFound
	default:
		return User{}, unknownVerdict(row.Verdict)
	}
}

func (p UpdateProfileParams) validate() error {
	return cmp.Or(
		text("Name", p.Name, 1, maxName),
		text("Bio", p.Bio, 0, maxBio),
		link("AvatarURL", p.AvatarURL),
	)
}

// UserResult is a user, and whether this call changed them.
type UserResult struct {
	User User

	// Changed is false when the user was so already.
	Changed bool
}

// SetRole gives a user another role and ends all their sessions, which
// [Store.SyncUser] does not. No rule keeps the last admin: the host's own code
// makes another. Courses keep their instructor; [Store.TransferCourses] gives them
// to somebody else. The actor is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrNotFound for an unknown user.
//
// Idempotent: a repeat returns Changed false and ends no session. Locks: the user
// NO KEY UPDATE, then their sessions. In a caller's transaction: joins it.
func (s *Store) SetRole(ctx context.Context, userID uuid.UUID, role Role) (result UserResult, err error) {
	defer wrap(&err, "set role of user %s", userID)
	if err := s.actor.mayAdminister(); err != nil {
		return UserResult{}, err
	}
	if !role.Valid() {
		return UserResult{}, invalid("Role", "is not a role of users")
	}
	params := db.UserSetRoleParams{ID: userID, Role: role}
	row, err := write(ctx, s, func(q *db.Queries) (db.UserSetRoleRow, error) {
		if err := q.UserLock(ctx, userID); err != nil {
			return db.UserSetRoleRow{}, err
		}
		row, err := q.UserSetRole(ctx, params)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return UserResult{}, err
	}
	switch row.Verdict {
	case verdictUpdated, verdictUnchanged:
		return UserResult{
			User:    account(db.UserCreateRow(row)),
			Changed: row.Verdict == verdictUpdated,
		}, nil
	case verdictUserUnknown:
		return UserResult{}, ErrNotFound
	default:
		return UserResult{}, unknownVerdict(row.Verdict)
	}
}

// DisableUser keeps a user from signing in until [Store.EnableUser]: all their
// sessions end, and what was mailed to them for a new password or a new email is
// void. Everything else stays: enrollments, certificates, courses, identities. An
// admin may disable anyone, themselves too. The actor is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user.
//
// Idempotent: a repeat returns Changed false, and ends what there is all the same.
// Locks: the user NO KEY UPDATE, then their sessions and mailed tokens. In a
// caller's transaction: joins it.
func (s *Store) DisableUser(ctx context.Context, userID uuid.UUID) (result UserResult, err error) {
	defer wrap(&err, "disable user %s", userID)
	if err := s.actor.mayAdminister(); err != nil {
		return UserResult{}, err
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.UserDisableRow, error) {
		if err := q.UserLock(ctx, userID); err != nil {
			return db.UserDisableRow{}, err
		}
		row, err := q.UserDisable(ctx, userID)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return UserResult{}, err
	}
	switch row.Verdict {
	case verdictDisabled, verdictAlready:
		return UserResult{
			User:    account(db.UserCreateRow(row)),
			Changed: row.Verdict == verdictDisabled,
		}, nil
	case verdictUserUnknown:
		return UserResult{}, ErrNotFound
	default:
		return UserResult{}, unknownVerdict(row.Verdict)
	}
}

// EnableUser undoes [Store.DisableUser]: the user may sign in again. Sessions and
// tokens that it ended stay so. The actor is trusted.
//
// Errors: ErrForbidden; ErrNotFound for an unknown user.
//
// Idempotent: a repeat returns Changed false. Locks: the user NO KEY UPDATE, when
// they are disabled. In a caller's transaction: joins it.
func (s *Store) EnableUser(ctx context.Context, userID uuid.UUID) (result UserResult, err error) {
	defer wrap(&err, "enable user %s", userID)
	if err := s.actor.mayAdminister(); err != nil {
		return UserResult{}, err
	}
	row, err := write(ctx, s, func(q *db.Queries) (db.UserEnableRow, error) {
		row, err := q.UserEnable(ctx, userID)
		return settled(row, err, row.Verdict)
	})
	if err != nil {
		return UserResult{}, err
	}
	switch row.Verdict {
	case verdictEnabled, verdictAlready:
		return UserResult{
			User:    account(db.UserCreateRow(row)),
			Changed: row.Verdict == verdictEnabled,
		}, nil
	case verdictUserUnknown:
		return UserResult{}, ErrNotFound
	default:
		return UserResult{}, unknownVerdict(row.Verdict)
	}
}

// GetUser is one user. The actor is the user or trusted.
//
// Errors: ErrForbidden; ErrNotFound, also for someone who was erased.
func (s *Store) GetUser(ctx context.Context, userID uuid.UUID) (user User, err error) {
	defer wrap(&err, "get user %s", userID)
	if err := s.actor.mayActFor(userID); err != nil {
		return User{}, err
	}
	row, err := s.reader().UserGet(ctx, userID)
	if errors.Is(err, pgx.ErrNoRows) {
		return User{}, ErrNotFound
	}
	if err != nil {
		return User{}, err
	}
	return User(row), nil
}

// ListUsersParams says which users, and which page of them.
type ListUsersParams struct {
	PageParams

	// Role lists only users of this role. Optional.
	Role Role
}

// ListUsers lists users in the order of their ids, which is roughly the order in
// which they came. The actor is trusted.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor.
func (s *Store) ListUsers(ctx context.Context, params ListUsersParams) (users Page[User], err error) {
	defer wrap(&err, "list users")
	if err := s.actor.mayAdminister(); err != nil {
		return Page[User]{}, err
	}
	if params.Role != "" && !params.Role.Valid() {
		return Page[User]{}, invalid("Role", "is not a role of users")
	}
	after, limit, err := params.byID(listUsers)
	if err != nil {
		return Page[User]{}, err
	}
	key := func(row db.UserListRow) position { return position{id: row.ID} }
	item := func(row db.UserListRow) User { return User(row) }
	if params.Role != RoleInstructor && params.Role != RoleAdmin {
		rows, err := s.reader().UserList(ctx, db.UserListParams{
			AfterID:  after,
			Learners: params.Role == RoleUser,
			RowLimit: limit,
		})
		if err != nil {
			return Page[User]{}, err
		}
		return pageOf(rows, limit, listUsers, item, key), nil
	}
	rows, err := s.reader().UserListStaff(ctx, db.UserListStaffParams{
		Role:     params.Role,
		AfterID:  after,
		RowLimit: limit,
	})
	if err != nil {
		return Page[User]{}, err
	}
	return pageOf(rows, limit, listUsers,
		func(row db.UserListStaffRow) User { return User(row) },
		func(row db.UserListStaffRow) position { return position{id: row.ID} }), nil
}
