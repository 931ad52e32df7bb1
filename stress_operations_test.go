package elevate_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func stressEnrollments() []stressOperation {
	return []stressOperation{
		{
			name:   "Enroll",
			weight: 12,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				return d.enroll(ctx, s, d.learner(), d.course())
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrNotPublished, elevate.ErrPaymentRequired},
		},
		{
			name:   "GrantEnrollment",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				params := elevate.GrantEnrollmentParams{UserID: d.learner(), CourseID: d.course(), Source: "scholarship"}
				result, err := d.system(s).GrantEnrollment(ctx, params)
				if err == nil && result.Created {
					d.note(effectEnrolled, params.UserID, params.CourseID)
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrNotPublished},
		},
		{
			name:   "EnrollMany",
			weight: 5,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				params := elevate.EnrollManyParams{CourseID: d.course(), Source: "company", UserIDs: d.someLearners()}
				outcomes, err := d.system(s).EnrollMany(ctx, params)
				for _, o := range outcomes {
					if o.Created {
						d.note(effectEnrolled, o.UserID, params.CourseID)
					}
				}
				d.unsure(err, params.UserIDs, params.CourseID)
				return err
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrNotPublished},
		},
		{
			name:   "Unenroll",
			weight: 5,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				params := elevate.UnenrollParams{UserID: d.learner(), CourseID: d.course()}
				params.DeleteProgress = d.IntN(4) == 0 || params.CourseID == d.tidy()
				result, err := d.actor(s, params.UserID).Unenroll(ctx, params)
				if err == nil && result.Removed {
					d.note(effectUnenrolled, params.UserID, params.CourseID)
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrCourseCompleted},
		},
	}
}

func stressProgress() []stressOperation {
	refusals := []error{elevate.ErrNotFound, elevate.ErrNotEnrolled}
	return []stressOperation{
		{
			name:   "CompleteLesson",
			weight: 45,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				courseID := d.course()
				return d.complete(ctx, s, d.learner(), courseID, d.lesson(courseID))
			},
			refusals: refusals,
		},
		{
			name:   "UncompleteLesson",
			weight: 6,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				_, err := d.actor(s, userID).UncompleteLesson(ctx, userID, d.lesson(d.course()))
				return err
			},
			refusals: refusals,
		},
		{
			name:   "RecordStudyTime",
			weight: 8,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				return d.study(ctx, s, d.learner(), d.lesson(d.course()))
			},
			refusals: refusals,
		},
		{
			name:   "ResetProgress",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				userID := d.learner()
				_, err := d.actor(s, userID).ResetProgress(ctx, userID, d.course())
				return err
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrNotEnrolled, elevate.ErrCourseCompleted},
		},
	}
}

func stressLessons() []stressOperation {
	return []stressOperation{
		{
			name:   "AddLessons",
			weight: 9,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				return d.addLessons(ctx, s, d.course())
			},
			refusals: []error{elevate.ErrNotFound, conflict(elevate.ConflictIDTaken)},
			indexed:  true,
		},
		{
			name:   "UpdateLesson",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				view, err := d.teacher(s).GetLesson(ctx, d.lesson(d.course()))
				if err != nil {
					return err
				}
				_, err = d.teacher(s).UpdateLesson(ctx, elevate.UpdateLessonParams{
					ID: view.Lesson.ID, Version: view.Lesson.Version, Title: fmt.Sprintf("Edited %d", d.IntN(3)),
				})
				return err
			},
			refusals: []error{elevate.ErrNotFound, conflict(elevate.ConflictVersion)},
		},
		{
			name:   "ReorderLessons",
			weight: 3,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				return d.reorder(ctx, s, d.course())
			},
			refusals: []error{elevate.ErrNotFound, conflict(elevate.ConflictLessonSet)},
		},
		{
			name:   "DeleteLesson",
			weight: 5,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				ids := d.lessons[d.course()]
				if len(ids) > stressFleeting {
					ids = ids[1:]
				}
				return d.teacher(s).DeleteLesson(ctx, pick(d, ids))
			},
			refusals: []error{elevate.ErrNotFound, conflict(elevate.ConflictLastLesson)},
		},
	}
}

func stressCoursesAndUsers() []stressOperation {
	return []stressOperation{
		{
			name:   "PublishCourse",
			weight: 5,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				return d.publish(ctx, s, d.course())
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrCourseEmpty},
		},
		{
			name:   "UnpublishCourse",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, err := d.teacher(s).UnpublishCourse(ctx, d.course())
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "UpdateCourse",
			weight: 3,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				return d.updateCourse(ctx, s, d.course())
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrSlugTaken, conflict(elevate.ConflictVersion)},
			indexed:  true,
		},
		{
			name:   "CreateCourse",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				return d.createCourse(ctx, s, pick(d, d.courses[stressCourses:]))
			},
			refusals: []error{elevate.ErrSlugTaken},
		},
		{
			name:   "DeleteCourse",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				return d.teacher(s).DeleteCourse(ctx, pick(d, d.courses[stressCourses:]))
			},
			refusals: []error{
				elevate.ErrNotFound, conflict(elevate.ConflictHasEnrollments), conflict(elevate.ConflictHasPayments),
				conflict(elevate.ConflictHasCertificates), conflict(elevate.ConflictHasSubmissions),
			},
		},
		{
			name:   "SyncUser",
			weight: 5,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				if d.IntN(8) == 0 {
					return d.sync(ctx, s, d.teacherID, elevate.RoleInstructor)
				}
				return d.sync(ctx, s, pick(d, d.learners), elevate.RoleUser)
			},
			refusals: []error{elevate.ErrEmailTaken},
			indexed:  true,
		},
	}
}

func stressCertificates() []stressOperation {
	// public is the id of one of a learner's certificates; empty without one.
	public := func(ctx context.Context, s *elevate.Store, d *draw) (string, error) {
		certificates, err := d.system(s).ListCertificates(ctx, d.learner(), elevate.PageParams{})
		if err != nil || len(certificates.Items) == 0 {
			return "", err
		}
		return pick(d, certificates.Items).PublicID, nil
	}
	return []stressOperation{
		{
			name:   "IssueCertificate",
			weight: 10,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				params := elevate.IssueCertificateParams{UserID: d.learner(), CourseID: d.course(), Reissue: d.IntN(2) == 0}
				actor := d.system(s)
				if !params.Reissue {
					actor = d.actor(s, params.UserID)
				}
				result, err := actor.IssueCertificate(ctx, params)
				if err == nil && result.Issued {
					d.note(effectIssued, params.UserID, params.CourseID)
				}
				return err
			},
			refusals: []error{
				elevate.ErrNotFound, elevate.ErrNotEnrolled, elevate.ErrCourseIncomplete, elevate.ErrCertificateRevoked,
			},
		},
		{
			name:   "IssueCertificates",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				params := elevate.IssueCertificatesParams{CourseID: d.course(), UserIDs: d.someLearners()}
				outcomes, err := d.teacher(s).IssueCertificates(ctx, params)
				for _, o := range outcomes {
					if o.Issued {
						d.note(effectIssued, o.UserID, params.CourseID)
					}
				}
				d.unsure(err, params.UserIDs, params.CourseID)
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "RevokeCertificate",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				id, err := public(ctx, s, d)
				if id == "" {
					return err
				}
				result, err := d.teacher(s).RevokeCertificate(ctx, id)
				if err == nil && result.Revoked {
					d.note(effectRevoked, result.Certificate.UserID, result.Certificate.CourseID)
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
		{
			name:   "ReinstateCertificate",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				id, err := public(ctx, s, d)
				if id == "" {
					return err
				}
				result, err := d.teacher(s).ReinstateCertificate(ctx, id)
				if err == nil && result.Reinstated {
					d.note(effectReinstated, result.Certificate.UserID, result.Certificate.CourseID)
				}
				return err
			},
			refusals: []error{elevate.ErrNotFound, conflict(elevate.ConflictSuperseded)},
		},
	}
}

// stressReads see what one snapshot holds, so what they return must agree with
// itself whatever goes on.
func stressReads() []stressOperation {
	read := func(
		name string, call func(ctx context.Context, s *elevate.Store, d *draw) error, refusals ...error,
	) stressOperation {
		return stressOperation{name: name, weight: 1, call: call, refusals: refusals}
	}
	return []stressOperation{
		read("GetUser", func(ctx context.Context, s *elevate.Store, d *draw) error {
			_, err := d.system(s).GetUser(ctx, pick(d, d.learners))
			return err
		}, elevate.ErrNotFound),
		read("ListUsers", func(ctx context.Context, s *elevate.Store, d *draw) error {
			_, err := d.system(s).ListUsers(ctx, elevate.ListUsersParams{PageParams: d.page(), Role: elevate.RoleUser})
			return err
		}),
		read("GetCourse", func(ctx context.Context, s *elevate.Store, d *draw) error {
			_, err := s.GetCourse(ctx, d.course())
			return err
		}, elevate.ErrNotFound),
		read("GetCourseBySlug", func(ctx context.Context, s *elevate.Store, d *draw) error {
			_, err := d.teacher(s).GetCourseBySlug(ctx, pick(d, d.slugs))
			return err
		}, elevate.ErrNotFound),
		read("ListCourses", func(ctx context.Context, s *elevate.Store, d *draw) error {
			courses, err := s.ListCourses(ctx, elevate.ListCoursesParams{PageParams: d.page()})
			for _, c := range courses.Items {
				if !c.Published || c.LessonsTotal == 0 {
					return fmt.Errorf("in the catalogue: course %s, published %t, lessons %d", c.ID, c.Published, c.LessonsTotal)
				}
			}
			return err
		}),
		read("CourseOutline", func(ctx context.Context, s *elevate.Store, d *draw) error {
			outline, err := d.teacher(s).CourseOutline(ctx, d.course(), elevate.PageParams{})
			for i, l := range outline.Items {
				if int(l.Position) != i+1 {
					return fmt.Errorf("lesson %d of the outline has place %d", i+1, l.Position)
				}
			}
			return err
		}, elevate.ErrNotFound),
		read("GetLesson", func(ctx context.Context, s *elevate.Store, d *draw) error {
			_, err := d.actor(s, d.learner()).GetLesson(ctx, d.lesson(d.course()))
			return err
		}, elevate.ErrNotFound),
		read("MyCourses", func(ctx context.Context, s *elevate.Store, d *draw) error {
			userID := d.learner()
			courses, err := d.actor(s, userID).MyCourses(ctx, userID, d.page())
			for _, c := range courses.Items {
				e := c.Enrollment
				if left := e.CompletedAt == nil && e.LessonsCompleted < e.LessonsTotal; left != (c.NextLesson != nil) {
					return fmt.Errorf("next lesson %v of %+v", c.NextLesson, e)
				}
			}
			return err
		}, elevate.ErrNotFound),
		read("CourseLearners", func(ctx context.Context, s *elevate.Store, d *draw) error {
			_, err := d.teacher(s).CourseLearners(ctx, d.course(), d.page())
			return err
		}, elevate.ErrNotFound),
		read("ListCertificates", func(ctx context.Context, s *elevate.Store, d *draw) error {
			userID := d.learner()
			certificates, err := d.actor(s, userID).ListCertificates(ctx, userID, elevate.PageParams{})
			valid := map[uuid.UUID]bool{}
			for _, c := range certificates.Items {
				if c.RevokedAt == nil && valid[c.CourseID] {
					return fmt.Errorf("two valid certificates for course %s", c.CourseID)
				}
				valid[c.CourseID] = valid[c.CourseID] || c.RevokedAt == nil
			}
			return err
		}, elevate.ErrNotFound),
		read("VerifyCertificate", func(ctx context.Context, s *elevate.Store, d *draw) error {
			certificates, err := d.system(s).ListCertificates(ctx, d.learner(), elevate.PageParams{})
			if err != nil || len(certificates.Items) == 0 {
				return err
			}
			_, err = s.VerifyCertificate(ctx, pick(d, certificates.Items).PublicID)
			return err
		}, elevate.ErrNotFound),
	}
}

// stressTransaction is several operations in one transaction.
func stressTransaction(
	name string, fn func(ctx context.Context, store *elevate.Store, d *draw) []error,
) stressOperation {
	return stressOperation{
		name:   "InTx" + name,
		weight: 2,
		call: func(ctx context.Context, s *elevate.Store, d *draw) error {
			return d.inTx(ctx, s, func(store *elevate.Store) error { return errors.Join(fn(ctx, store, d)...) })
		},
		refusals: []error{
			elevate.ErrNotFound, elevate.ErrNotPublished, elevate.ErrPaymentRequired, elevate.ErrNotEnrolled,
			elevate.ErrEmailTaken, elevate.ErrSlugTaken, elevate.ErrCourseEmpty, conflict(elevate.ConflictIDTaken),
			conflict(elevate.ConflictVersion), conflict(elevate.ConflictLessonSet),
		},
		indexed: true,
	}
}

// stressCrossing locks out of order: where CompleteLesson raises the time of a
// completed lesson, the update of the same row after it has its foreign keys
// checked, which locks the user and the lesson after the progress. Whoever deletes
// the lesson meanwhile has it the other way round.
func stressCrossing() []stressOperation {
	return []stressOperation{
		stressTransaction("CompleteAndStudy", func(ctx context.Context, store *elevate.Store, d *draw) []error {
			userID, courseID := d.learner(), d.course()
			lessonID := d.lesson(courseID)
			return []error{
				d.complete(ctx, store, userID, courseID, lessonID),
				d.study(ctx, store, userID, lessonID),
			}
		}),
	}
}

// stressTransactions lock in order from their first operation to their last, so
// they meet no deadlock either. Most others can: completing a course and issuing
// its certificate locks the course after the enrollment.
func stressTransactions() []stressOperation {
	return []stressOperation{
		stressTransaction("SyncAndEnroll", func(ctx context.Context, store *elevate.Store, d *draw) []error {
			userID := d.learner()
			return []error{d.sync(ctx, store, userID, elevate.RoleUser), d.enroll(ctx, store, userID, d.course())}
		}),
		stressTransaction("EnrollAndComplete", func(ctx context.Context, store *elevate.Store, d *draw) []error {
			userID, courseID := d.learner(), d.course()
			return []error{
				d.enroll(ctx, store, userID, courseID),
				d.complete(ctx, store, userID, courseID, d.lesson(courseID)),
			}
		}),
		stressTransaction("AddAndPublish", func(ctx context.Context, store *elevate.Store, d *draw) []error {
			courseID := d.course()
			return []error{d.addLessons(ctx, store, courseID), d.publish(ctx, store, courseID)}
		}),
		stressTransaction("CreateAndAdd", func(ctx context.Context, store *elevate.Store, d *draw) []error {
			courseID := pick(d, d.courses[stressCourses:])
			return []error{d.createCourse(ctx, store, courseID), d.addLessons(ctx, store, courseID)}
		}),
		stressTransaction("UpdateAndReorder", func(ctx context.Context, store *elevate.Store, d *draw) []error {
			courseID := d.course()
			return []error{d.updateCourse(ctx, store, courseID), d.reorder(ctx, store, courseID)}
		}),
	}
}

func stressReviews() []stressOperation {
	return []stressOperation{
		{
			name:   "PutReview",
			weight: 4,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				params := elevate.PutReviewParams{UserID: d.learner(), CourseID: d.course(), Rating: 1 + d.Int32N(5)}
				_, err := d.actor(s, params.UserID).PutReview(ctx, params)
				return err
			},
			refusals: []error{elevate.ErrNotFound, elevate.ErrNotEnrolled},
		},
		{
			name:   "DeleteReview",
			weight: 2,
			call: func(ctx context.Context, s *elevate.Store, d *draw) error {
				_, err := d.system(s).DeleteReview(ctx, d.learner(), d.course())
				return err
			},
			refusals: []error{elevate.ErrNotFound},
		},
	}
}
