package elevate_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/elevateforhumanity/elevate"
)

func courseOperations() []operation {
	create := func(
		ctx context.Context, s *elevate.Store, w *world, change func(*elevate.CreateCourseParams),
	) error {
		params := elevate.CreateCourseParams{
			InstructorID: w.teacher, Slug: "c-" + uuid.NewString(), Title: "Go", Category: "computing",
			Level: elevate.LevelBeginner,
		}
		change(&params)
		_, err := s.CreateCourse(ctx, params)
		return err
	}
	update := func(
		ctx context.Context, s *elevate.Store, w *world, change func(*elevate.UpdateCourseParams),
	) error {
		params := elevate.UpdateCourseParams{
			ID: w.course, Version: 1, Slug: "u-" + w.course.String(), Title: "Go", Category: "computing",
			Currency: "EUR", Level: elevate.LevelAdvanced, Price: 4900,
		}
		change(&params)
		_, err := s.UpdateCourse(ctx, params)
		return err
	}
	transfer := func(ctx context.Context, s *elevate.Store, from, to uuid.UUID) error {
		_, err := s.TransferCourses(ctx, elevate.TransferCoursesParams{From: from, To: to})
		return err
	}
	// Both take the same texts, so both refuse the same ones.
	edits := func(
		call func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.CreateCourseParams)) error,
	) []refusal {
		change := func(f func(p *elevate.CreateCourseParams, value string)) func(context.Context, *elevate.Store, *world, string) error {
			return func(ctx context.Context, s *elevate.Store, w *world, value string) error {
				return call(ctx, s, w, func(p *elevate.CreateCourseParams) { f(p, value) })
			}
		}
		bad := func(name string, f func(p *elevate.CreateCourseParams)) refusal {
			return fails(name, func(ctx context.Context, s *elevate.Store, w *world) error { return call(ctx, s, w, f) })
		}
		return slices.Concat(
			texts("Title", 255, change(func(p *elevate.CreateCourseParams, v string) { p.Title = v })),
			texts("Slug", 255, change(func(p *elevate.CreateCourseParams, v string) { p.Slug = v })),
			texts("Category", 100, change(func(p *elevate.CreateCourseParams, v string) { p.Category = v })),
			texts("Description", 1<<20, change(func(p *elevate.CreateCourseParams, v string) { p.Description = v })),
			texts("Language", 100, change(func(p *elevate.CreateCourseParams, v string) { p.Language = v })),
			texts("ThumbnailURL", 500, change(func(p *elevate.CreateCourseParams, v string) { p.ThumbnailURL = v })),
			spans("Duration", func(ctx context.Context, s *elevate.Store, w *world, v time.Duration) error {
				return call(ctx, s, w, func(p *elevate.CreateCourseParams) { p.Duration = v })
			}),
			[]refusal{
				bad("TitleEmpty", func(p *elevate.CreateCourseParams) { p.Title = " " }),
				bad("SlugEmpty", func(p *elevate.CreateCourseParams) { p.Slug = "" }),
				bad("SlugShape", func(p *elevate.CreateCourseParams) { p.Slug = "Not/a slug" }),
				bad("CategoryEmpty", func(p *elevate.CreateCourseParams) { p.Category = "" }),
				bad("Level", func(p *elevate.CreateCourseParams) { p.Level = "expert" }),
				bad("Language", func(p *elevate.CreateCourseParams) { p.Language = "klingon" }),
				bad("PriceNegative", func(p *elevate.CreateCourseParams) { p.Price = -1 }),
				bad("Currency", func(p *elevate.CreateCourseParams) { p.Currency = "euro" }),
				{"SlugTaken", func(ctx context.Context, s *elevate.Store, w *world) error {
					return call(ctx, s, w, func(p *elevate.CreateCourseParams) { p.Slug = w.draft.String() })
				}, elevate.ErrSlugTaken},
			},
		)
	}
	asUpdate := func(ctx context.Context, s *elevate.Store, w *world, change func(*elevate.CreateCourseParams)) error {
		return update(ctx, s, w, func(p *elevate.UpdateCourseParams) {
			c := elevate.CreateCourseParams{
				Category: p.Category, Currency: p.Currency, Description: p.Description, Duration: p.Duration,
				Language: p.Language, Level: p.Level, Price: p.Price, Slug: p.Slug, ThumbnailURL: p.ThumbnailURL, Title: p.Title,
			}
			change(&c)
			p.Category, p.Currency, p.Description, p.Duration = c.Category, c.Currency, c.Description, c.Duration
			p.Language, p.Level, p.Price = c.Language, c.Level, c.Price
			p.Slug, p.ThumbnailURL, p.Title = c.Slug, c.ThumbnailURL, c.Title
		})
	}
	// of is an operation on one course.
	of := func(
		call func(ctx context.Context, s *elevate.Store, id uuid.UUID) error,
		which func(w *world) uuid.UUID,
	) func(ctx context.Context, s *elevate.Store, w *world) error {
		return func(ctx context.Context, s *elevate.Store, w *world) error { return call(ctx, s, which(w)) }
	}
	theCourse := func(w *world) uuid.UUID { return w.course }
	theDraft := func(w *world) uuid.UUID { return w.draft }
	noCourse := func(w *world) uuid.UUID { return w.learner }
	publish := func(ctx context.Context, s *elevate.Store, id uuid.UUID) error {
		_, err := s.PublishCourse(ctx, id)
		return err
	}
	unpublish := func(ctx context.Context, s *elevate.Store, id uuid.UUID) error {
		_, err := s.UnpublishCourse(ctx, id)
		return err
	}
	remove := func(ctx context.Context, s *elevate.Store, id uuid.UUID) error { return s.DeleteCourse(ctx, id) }
	get := func(ctx context.Context, s *elevate.Store, id uuid.UUID) error {
		_, err := s.GetCourse(ctx, id)
		return err
	}
	bySlug := func(ctx context.Context, s *elevate.Store, id uuid.UUID) error {
		_, err := s.GetCourseBySlug(ctx, id.String())
		return err
	}
	list := func(ctx context.Context, s *elevate.Store, change func(*elevate.ListCoursesParams)) error {
		var params elevate.ListCoursesParams
		change(&params)
		_, err := s.ListCourses(ctx, params)
		return err
	}
	facets := func(ctx context.Context, s *elevate.Store, change func(*elevate.CatalogFacetsParams)) error {
		var params elevate.CatalogFacetsParams
		change(&params)
		_, err := s.CatalogFacets(ctx, params)
		return err
	}
	return []operation{
		{
			name:  "CreateCourse",
			may:   "----+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return create(ctx, s, w, func(*elevate.CreateCourseParams) {})
			},
			refusals: append(edits(create),
				unknown("Instructor", func(ctx context.Context, s *elevate.Store, w *world) error {
					return create(ctx, s, w, func(p *elevate.CreateCourseParams) { p.InstructorID = uuid.New() })
				}),
				conflicts("InstructorWhoLearns", func(ctx context.Context, s *elevate.Store, w *world) error {
					return create(ctx, s, w, func(p *elevate.CreateCourseParams) { p.InstructorID = w.learner })
				}),
				conflicts("IDTaken", func(ctx context.Context, s *elevate.Store, w *world) error {
					return create(ctx, s, w, func(p *elevate.CreateCourseParams) { p.ID, p.InstructorID = w.course, w.rival })
				})),
		},
		{
			name:  "UpdateCourse",
			may:   "---0+++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return update(ctx, s, w, func(*elevate.UpdateCourseParams) {})
			},
			refusals: append(edits(asUpdate),
				unknown("Course", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateCourseParams) { p.ID = uuid.New() })
				}),
				conflicts("VersionMoved", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateCourseParams) { p.Version = 7 })
				}),
				conflicts("VersionOverflow", func(ctx context.Context, s *elevate.Store, w *world) error {
					return update(ctx, s, w, func(p *elevate.UpdateCourseParams) { p.Version = math.MaxInt32 })
				})),
		},
		{
			name:     "PublishCourse",
			may:      "---0+++",
			trips:    1,
			call:     of(publish, theDraft),
			refusals: []refusal{unknown("Course", of(publish, noCourse))},
		},
		{
			name:     "UnpublishCourse",
			may:      "---0+++",
			trips:    1,
			call:     of(unpublish, theCourse),
			refusals: []refusal{unknown("Course", of(unpublish, noCourse))},
		},
		{
			name:  "DeleteCourse",
			may:   "---0+++",
			trips: 1,
			call:  of(remove, theDraft),
			refusals: []refusal{
				unknown("Course", of(remove, noCourse)),
				conflicts("HasEnrollments", of(remove, theCourse)),
			},
		},
		{
			name:  "TransferCourses",
			may:   "-----++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, w *world) error {
				return transfer(ctx, s, w.teacher, w.rival)
			},
			refusals: []refusal{
				fails("OnePerson", func(ctx context.Context, s *elevate.Store, w *world) error {
					return transfer(ctx, s, w.teacher, w.teacher)
				}),
				fails("NoIDs", func(ctx context.Context, s *elevate.Store, _ *world) error {
					return transfer(ctx, s, uuid.Nil, uuid.Nil)
				}),
				unknown("From", func(ctx context.Context, s *elevate.Store, w *world) error {
					return transfer(ctx, s, w.course, w.rival)
				}),
				unknown("To", func(ctx context.Context, s *elevate.Store, w *world) error {
					return transfer(ctx, s, w.teacher, uuid.Nil)
				}),
				conflicts("ToLearner", func(ctx context.Context, s *elevate.Store, w *world) error {
					return transfer(ctx, s, w.teacher, w.learner)
				}),
			},
		},
		{
			name:     "GetCourse",
			may:      "0000+++",
			trips:    1,
			call:     of(get, theDraft),
			refusals: []refusal{unknown("Course", of(get, noCourse))},
		},
		{
			name:  "GetCourseBySlug",
			may:   "0000+++",
			trips: 1,
			call:  of(bySlug, theDraft),
			refusals: append(
				texts("Slug", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					_, err := s.GetCourseBySlug(ctx, value)
					return err
				}),
				unknown("Course", of(bySlug, noCourse))),
		},
		{
			name:  "ListCourses",
			may:   "+++++++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, _ *world) error {
				return list(ctx, s, func(*elevate.ListCoursesParams) {})
			},
			refusals: slices.Concat(
				texts("Category", 100, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return list(ctx, s, func(p *elevate.ListCoursesParams) { p.Category = value })
				}),
				texts("Query", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return list(ctx, s, func(p *elevate.ListCoursesParams) { p.Query = value })
				}),
				texts("Language", 100, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return list(ctx, s, func(p *elevate.ListCoursesParams) { p.Query, p.Language = "go", value })
				}),
				pages(func(ctx context.Context, s *elevate.Store, _ *world, page elevate.PageParams) error {
					return list(ctx, s, func(p *elevate.ListCoursesParams) { p.Query, p.PageParams = "go", page })
				}),
				pages(func(ctx context.Context, s *elevate.Store, _ *world, page elevate.PageParams) error {
					return list(ctx, s, func(p *elevate.ListCoursesParams) { p.PageParams = page })
				}),
				[]refusal{
					fails("Level", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return list(ctx, s, func(p *elevate.ListCoursesParams) {
							p.Level = elevate.CourseLevel(strings.Repeat("x", 9))
						})
					}),
					fails("Price", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return list(ctx, s, func(p *elevate.ListCoursesParams) { p.Price = "cheap" })
					}),
				},
			),
		},
		{
			name:  "CatalogFacets",
			may:   "+++++++",
			trips: 1,
			call: func(ctx context.Context, s *elevate.Store, _ *world) error {
				return facets(ctx, s, func(p *elevate.CatalogFacetsParams) { p.Query = "course" })
			},
			refusals: slices.Concat(
				texts("Category", 100, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return facets(ctx, s, func(p *elevate.CatalogFacetsParams) { p.Category = value })
				}),
				texts("Query", 255, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return facets(ctx, s, func(p *elevate.CatalogFacetsParams) { p.Query = value })
				}),
				texts("Language", 100, func(ctx context.Context, s *elevate.Store, _ *world, value string) error {
					return facets(ctx, s, func(p *elevate.CatalogFacetsParams) { p.Language = value })
				}),
				[]refusal{
					fails("Level", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return facets(ctx, s, func(p *elevate.CatalogFacetsParams) { p.Level = "expert" })
					}),
					fails("Price", func(ctx context.Context, s *elevate.Store, _ *world) error {
						return facets(ctx, s, func(p *elevate.CatalogFacetsParams) { p.Price = "cheap" })
					}),
				},
			),
		},
	}
}
