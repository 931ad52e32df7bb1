package elevate_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/elevateforhumanity/elevate"
)

// assign adds an assignment of the course, of at most 20 points, to the world.
func (w *world) assign(t *testing.T) {
	t.Helper()
	result, err := w.system.CreateAssignment(w.ctx, elevate.CreateAssignmentParams{
		CourseID: w.course, Title: "Essay", Description: "Write.", MaxScore: 20,
	})
	require.NoError(t, err)
	w.assignment = result.Assignment.ID
}

// handIn also adds an attempt of the learner.
func (w *world) handIn(t *testing.T) {
	t.Helper()
	w.assign(t)
	result, err := w.system.Submit(w.ctx, elevate.SubmitParams{
		UserID: w.learner, AssignmentID: w.assignment, Content: "Written.",
	})
	require.NoError(t, err)
	w.submission = result.Submission.ID
}

// gradeIt also grades it, with 15 points.
func (w *world) gradeIt(t *testing.T) {
	t.Helper()
	w.handIn(t)
	_, err := w.system.Grade(w.ctx, elevate.GradeParams{
		UserID: w.learner, AssignmentID: w.assignment, SubmissionID: w.submission, Score: 15,
	})
	require.NoError(t, err)
}

func assignmentOperations() []operation {
	prepared := func(call func(*world, *testing.T)) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			call(w, t)
		}
	}
	create := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.CreateAssignmentParams)) error {
		params := elevate.CreateAssignmentParams{CourseID: w.course, Title: "Poem", Description: "Rhyme.", AllowLate: true}
		change(&params)
		_, err := s.CreateAssignment(ctx, params)
		return err
	}
	update := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.UpdateAssignmentParams)) error {
		params := elevate.UpdateAssignmentParams{
			ID: w.assignment, Version: 1, Title: "Poem", Description: "Rhyme.", AllowLate: true, MaxScore: 30,
		}
		change(&params)
		_, err := s.UpdateAssignment(ctx, params)
		return err
	}
	asUpdate := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.CreateAssignmentParams)) error {
		return update(ctx, s, w, func(p *elevate.UpdateAssignmentParams) {
			c := elevate.CreateAssignmentParams{
				AllowLate: p.AllowLate, Description: p.Description, DueDate: p.DueDate, LatePenalty: p.LatePenalty,
				MaxScore: p.MaxScore, Title: p.Title,
			}
			change(&c)
			p.AllowLate, p.Description, p.DueDate = c.AllowLate, c.Description, c.DueDate
			p.LatePenalty, p.MaxScore, p.Title = c.LatePenalty, c.MaxScore, c.Title
		})
	}
	// Both take the same values, so both refuse the same ones.
	edits := func(
		call func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.CreateAssignmentParams)) error,
	) []refusal {
		bad := func(name string, change func(*elevate.CreateAssignmentParams)) refusal {
			return fails(name, func(ctx context.Context, s *elevate.Store, w *world) error { return call(ctx, s, w, change) })
		}
		change := func(
			f func(*elevate.CreateAssignmentParams, string),
		) func(context.Context, *elevate.Store, *world, string) error {
			return func(ctx context.Context, s *elevate.Store, w *world, value string) error {
				return call(ctx, s, w, func(p *elevate.CreateAssignmentParams) { f(p, value) })
			}
		}
		due := func(year int) func(*elevate.CreateAssignmentParams) {
			return func(p *elevate.CreateAssignmentParams) {
				at := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC)
				p.DueDate = &at
			}
		}
		return slices.Concat(
			texts("Title", 255, change(func(p *elevate.CreateAssignmentParams, v string) { p.Title = v })),
			texts("Description", 1<<20, change(func(p *elevate.CreateAssignmentParams, v string) { p.Description = v })),
			[]refusal{
				bad("TitleEmpty", func(p *elevate.CreateAssignmentParams) { p.Title = " " }),
				bad("DescriptionEmpty", func(p *elevate.CreateAssignmentParams) { p.Description = "" }),
				bad("DueBeforeTime", due(0)),
				bad("DueAfterTime", due(9999)),
				bad("MaxScoreNegative", func(p *elevate.CreateAssignmentParams) { p.MaxScore = -1 }),
				bad("LatePenaltyNegative", func(p *elevate.CreateAssignmentParams) { p.LatePenalty = -1 }),
				bad("LatePenaltyTooLarge", func(p *elevate.CreateAssignmentParams) { p.LatePenalty = 101 }),
			},
		)
	}
	submit := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.SubmitParams)) error {
		params := elevate.SubmitParams{UserID: w.learner, AssignmentID: w.assignment, Content: "Again."}
		change(&params)
		_, err := s.Submit(ctx, params)
		return err
	}
	submits := func(change func(*elevate.SubmitParams, *world)) func(context.Context, *elevate.Store, *world) error {
		return func(ctx context.Context, s *elevate.Store, w *world) error {
			return submit(ctx, s, w, func(p *elevate.SubmitParams) { change(p, w) })
		}
	}
	grade := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.GradeParams)) error {
		params := elevate.GradeParams{
			UserID: w.learner, AssignmentID: w.assignment, SubmissionID: w.submission, Score: 20, Feedback: "Good.",
		}
		change(&params)
		_, err := s.Grade(ctx, params)
		return err
	}
	grades := func(change func(*elevate.GradeParams, *world)) func(context.Context, *elevate.Store, *world) error {
		return func(ctx context.Context, s *elevate.Store, w *world) error {
			return grade(ctx, s, w, func(p *elevate.GradeParams) { change(p, w) })
		}
	}
	attempts := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.ListAttemptsParams)) error {
		params := elevate.ListAttemptsParams{UserID: w.learner, AssignmentID: w.assignment}
		change(&params)
		_, err := s.ListAttempts(ctx, params)
		return err
	}
	book := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.GradebookParams)) error {
		params := elevate.GradebookParams{CourseID: w.course}
		change(&params)
		_, err := s.Gradebook(ctx, params)
		return err
	}
	return []operation{
		{
			name:    "CreateAssignment",
			may:     "---0+++",
			trips:   1,
			prepare: prepared((*world).assign),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return create(ctx, s, w, func(*elevate.CreateAssignmentParams) {})
			},
			refusals: append(edits(create),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return create(ctx, s, w, func(p *elevate.CreateAssignmentParams) { p.CourseID = uuid.New() })
				}),
				conflicts("IDTaken", func(ctx context.Context, s *elevate.Store, w *world) error {
					return create(ctx, s, w, func(p *elevate.CreateAssignmentParams) {
						p.ID, p.CourseID = w.assignment, w.draft
					})
				})),
		},
		{
			name:    "UpdateAssignment",
			may:     "---0+++",
			trips:   1,
			prepare: prepared((*world).gradeIt),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return update(ctx, s, w, func(*elevate.UpdateAssignmentParams) {})
			},
			refusals: append(edits(asUpdate),
				fails("MaxScoreZero", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateAssignmentParams) { p.MaxScore = 0 })
				}),
				fails("VersionZero", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateAssignmentParams) { p.Version = 0 })
				}),
				unknown("Assignment", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateAssignmentParams) { p.ID = w.course })
				}),
				conflicts("Edited", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateAssignmentParams) { p.Version = 7 })
				}),
				conflicts("ScoreGiven", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateAssignmentParams) { p.MaxScore = 14 })
				})),
		},
		{
			name:  "DeleteAssignment",
			may:   "---0+++",
			trips: 1,
			prepare: func(t *testing.T, w *world) {
				t.Helper()
				w.gradeIt(t)
				w.submitted = w.assignment
				w.assign(t)
			},
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return s.DeleteAssignment(ctx, w.assignment)
			},
			refusals: []refusal{
				unknown("Assignment", func(ctx context.Context, s *elevate.Store, w *world) error {
					return s.DeleteAssignment(ctx, w.course)
				}),
				conflicts("Graded", func(ctx context.Context, s *elevate.Store, w *world) error {
					return s.DeleteAssignment(ctx, w.submitted)
				}),
			},
		},
		{
			name:    "GetAssignment",
			may:     "00+0+++",
			trips:   1,
			prepare: prepared((*world).gradeIt),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetAssignment(ctx, w.assignment)
				return err
			},
			refusals: []refusal{unknown("Assignment", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetAssignment(ctx, w.course)
				return err
			})},
		},
		{
			name:    "ListAssignments",
			may:     "00+0+++",
			trips:   1,
			prepare: prepared((*world).gradeIt),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListAssignments(ctx, w.course, elevate.PageParams{})
				return err
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					_, err := s.ListAssignments(ctx, w.course, page)
					return err
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.ListAssignments(ctx, w.assignment, elevate.PageParams{})
					return err
				})),
		},
		{
			name:    "Submit",
			may:     "--+--++",
			trips:   1,
			prepare: prepared((*world).handIn),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return submit(ctx, s, w, func(*elevate.SubmitParams) {})
			},
			refusals: slices.Concat(
				texts("Content", 1<<20, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return submit(ctx, s, w, func(p *elevate.SubmitParams) { p.Content = value })
				}),
				texts("FileURL", 500, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return submit(ctx, s, w, func(p *elevate.SubmitParams) { p.FileURL = value })
				}),
				[]refusal{
					fails("Nothing", submits(func(p *elevate.SubmitParams, _ *world) { p.Content = " " })),
					fails("FileScript", submits(func(p *elevate.SubmitParams, _ *world) { p.FileURL = "javascript:x" })),
					unknown("User", submits(func(p *elevate.SubmitParams, _ *world) { p.UserID = uuid.New() })),
					unknown("Assignment", submits(func(p *elevate.SubmitParams, _ *world) { p.AssignmentID = uuid.New() })),
					unknown("SwappedIDs", submits(func(p *elevate.SubmitParams, w *world) {
						p.UserID, p.AssignmentID = w.assignment, w.learner
					})),
					{
						"NotEnrolled", submits(func(p *elevate.SubmitParams, w *world) { p.UserID = w.stranger }),
						elevate.ErrNotEnrolled,
					},
					// Who is not enrolled does not learn whose it is.
					conflicts("IDTaken", submits(func(p *elevate.SubmitParams, w *world) {
						p.UserID, p.ID = w.stranger, w.submission
					})),
				},
			),
		},
		{
			name:    "Grade",
			may:     "---0+++",
			trips:   1,
			prepare: prepared((*world).handIn),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return grade(ctx, s, w, func(*elevate.GradeParams) {})
			},
			refusals: append(
				texts("Feedback", 1<<16, func(ctx context.Context, s *elevate.Store, w *world, value string) error {
					return grade(ctx, s, w, func(p *elevate.GradeParams) { p.Feedback = value })
				}),
				fails("ScoreNegative", grades(func(p *elevate.GradeParams, _ *world) { p.Score = -1 })),
				fails("ScoreAboveMaximum", grades(func(p *elevate.GradeParams, _ *world) { p.Score = 21 })),
				unknown("Submission", grades(func(p *elevate.GradeParams, _ *world) { p.SubmissionID = uuid.New() })),
				unknown("Assignment", grades(func(p *elevate.GradeParams, w *world) { p.AssignmentID = w.course })),
				unknown("User", grades(func(p *elevate.GradeParams, w *world) { p.UserID = w.stranger })),
				unknown("SwappedIDs", grades(func(p *elevate.GradeParams, w *world) {
					p.SubmissionID, p.AssignmentID = w.assignment, w.submission
				}))),
		},
		{
			name:    "GetSubmission",
			may:     "00+0+++",
			trips:   1,
			prepare: prepared((*world).gradeIt),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetSubmission(ctx, w.submission)
				return err
			},
			refusals: []refusal{unknown("Submission", func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GetSubmission(ctx, w.assignment)
				return err
			})},
		},
		{
			name:    "ListSubmissions",
			may:     "---0+++",
			trips:   1,
			prepare: prepared((*world).gradeIt),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.ListSubmissions(ctx, w.assignment, elevate.PageParams{})
				return err
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					_, err := s.ListSubmissions(ctx, w.assignment, page)
					return err
				}),
				unknown("Assignment", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.ListSubmissions(ctx, w.course, elevate.PageParams{})
					return err
				})),
		},
		{
			name:    "ListAttempts",
			may:     "--+0+++",
			trips:   1,
			prepare: prepared((*world).gradeIt),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return attempts(ctx, s, w, func(*elevate.ListAttemptsParams) {})
			},
			refusals: slices.Concat(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					return attempts(ctx, s, w, func(p *elevate.ListAttemptsParams) { p.PageParams = page })
				}),
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					return attempts(ctx, s, w, func(p *elevate.ListAttemptsParams) {
						p.AssignmentID, p.PageParams = uuid.Nil, page
					})
				}),
				[]refusal{
					unknown("Assignment", func(ctx context.Context, s *elevate.Store, w *world) error {
						return attempts(ctx, s, w, func(p *elevate.ListAttemptsParams) { p.AssignmentID = w.course })
					}),
					unknown("User", func(ctx context.Context, s *elevate.Store, w *world) error {
						return attempts(ctx, s, w, func(p *elevate.ListAttemptsParams) { p.UserID = w.course })
					}),
					unknown("UserOfAll", func(ctx context.Context, s *elevate.Store, w *world) error {
						return attempts(ctx, s, w, func(p *elevate.ListAttemptsParams) {
							p.UserID, p.AssignmentID = w.course, uuid.Nil
						})
					}),
				},
			),
		},
		{
			name:    "GradeHistory",
			may:     "---0+++",
			trips:   1,
			prepare: prepared((*world).gradeIt),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				_, err := s.GradeHistory(ctx, w.submission, elevate.PageParams{})
				return err
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					_, err := s.GradeHistory(ctx, w.submission, page)
					return err
				}),
				unknown("Submission", func(ctx context.Context, s *elevate.Store, w *world) error {
					_, err := s.GradeHistory(ctx, w.assignment, elevate.PageParams{})
					return err
				})),
		},
		{
			name:    "Gradebook",
			may:     "---0+++",
			trips:   1,
			prepare: prepared((*world).gradeIt),
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return book(ctx, s, w, func(*elevate.GradebookParams) {})
			},
			refusals: append(
				pages(func(ctx context.Context, s *elevate.Store, w *world, page elevate.PageParams) error {
					return book(ctx, s, w, func(p *elevate.GradebookParams) { p.PageParams = page })
				}),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return book(ctx, s, w, func(p *elevate.GradebookParams) { p.CourseID = w.learner })
				})),
		},
	}
}
