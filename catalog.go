package elevate

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/elevateforhumanity/elevate/db"
)

// PriceBand is whether a course costs anything. Amounts are no filter: those of
// different currencies do not compare.
type PriceBand string

// Bands of prices.
const (
	PriceFree PriceBand = "free"
	PricePaid PriceBand = "paid"
)

// ListCoursesParams says which courses, and which page of them. Filters that are
// zero let everything through.
type ListCoursesParams struct {
	PageParams

	Category string

	// Drafts lists what is not published instead of what is: an instructor's
	// own courses; for trusted actors those of InstructorID, or all.
	Drafts bool

	// InstructorID lists the courses of one instructor. They themselves and
	// trusted actors see drafts among them.
	InstructorID uuid.UUID

	// Language is the language of Query: it says how words end, and is no filter.
	// One of those of [Config.SearchLanguage], which it defaults to. A course in
	// another language answers only by words that both languages leave as they are.
	Language string

	Level CourseLevel

	Price PriceBand

	// Query is what a person looks for, at most 255 characters. All its words must
	// be in the title or the description; "or", a "quoted phrase" and a -minus
	// right before a word have their usual meaning, and no syntax is wrong. Other
	// punctuation is space, but what it joins, as in node.js, must stand side by
	// side in that order. Words that a language leaves out, such as "the", are no
	// words: a query of these alone finds nothing. White space alone is no query.
	Query string
}

// ListCourses lists the catalogue: what is published, and on request the drafts
// that the actor may see. The newest course comes first; with a Query, those whose
// title alone answers it, and among these and the others what fits it best.
// Anyone may list what is published; Drafts is for those who teach.
//
// A search ranks all that it finds, whatever the page: its cost grows with the
// courses that hold the words. Of a description, the first 50,000 characters are
// searched.
//
// Errors: ErrForbidden; *ValidationError; ErrInvalidCursor.
func (s *Store) ListCourses(ctx context.Context, params ListCoursesParams) (courses Page[Course], err error) {
	defer wrap(&err, "list courses")
	if params.Drafts {
		if err := s.actor.mayTeach(); err != nil {
			return Page[Course]{}, err
		}
		if !s.actor.trusted() {
			params.InstructorID = cmp.Or(params.InstructorID, s.actor.UserID)
		}
	}
	filter := CatalogFacetsParams{
		Category:     params.Category,
		InstructorID: params.InstructorID,
		Language:     cmp.Or(params.Language, s.core.searchLanguage),
		Level:        params.Level,
		Price:        params.Price,
		Query:        params.Query,
	}
	if err := filter.validate(); err != nil {
		return Page[Course]{}, err
	}
	if filter.searches() {
		return s.searchCourses(ctx, params, filter)
	}
	before, limit, err := params.newestFirst(listCourses)
	if err != nil {
		return Page[Course]{}, err
	}
	// A query for each index: a filter that may be absent would hide them from a
	// plan that serves every call.
	switch {
	case params.InstructorID != uuid.Nil:
		rows, err := s.reader().CourseListByInstructor(ctx, db.CourseListByInstructorParams{
			InstructorID: params.InstructorID,
			Drafts:       params.Drafts,
			TeacherID:    s.actor.teacher(),
			Category:     some(params.Category),
			Level:        filter.level(),
			Free:         filter.free(),
			BeforeAt:     before.at,
			BeforeID:     before.id,
			RowLimit:     limit,
		})
		return coursePage(rows, err, limit, func(row db.CourseListByInstructorRow) Course {
			return course(db.CourseGetRow(row))
		})
	case params.Category != "" && !params.Drafts:
		rows, err := s.reader().CourseListByCategory(ctx, db.CourseListByCategoryParams{
			Category:  params.Category,
			TeacherID: s.actor.teacher(),
			Level:     filter.level(),
			Free:      filter.free(),
			BeforeAt:  before.at,
			BeforeID:  before.id,
			RowLimit:  limit,
		})
		return coursePage(rows, err, limit, func(row db.CourseListByCategoryRow) Course {
			return course(db.CourseGetRow(row))
		})
	case (params.Level != "" || params.Price != "") && !params.Drafts:
		rows, err := s.reader().CourseListByLevel(ctx, db.CourseListByLevelParams{
			TeacherID: s.actor.teacher(),
			Level:     filter.level(),
			Free:      filter.free(),
			BeforeAt:  before.at,
			BeforeID:  before.id,
			RowLimit:  limit,
		})
		return coursePage(rows, err, limit, func(row db.CourseListByLevelRow) Course {
			return course(db.CourseGetRow(row))
		})
	default:
		rows, err := s.reader().CourseList(ctx, db.CourseListParams{
			Drafts:    params.Drafts,
			TeacherID: s.actor.teacher(),
			Category:  some(params.Category),
			Level:     filter.level(),
			Free:      filter.free(),
			BeforeAt:  before.at,
			BeforeID:  before.id,
			RowLimit:  limit,
		})
		return coursePage(rows, err, limit, func(row db.CourseListRow) Course {
			return course(db.CourseGetRow(row))
		})
	}
}

// coursePage is a page of any of the queries of ListCourses but the search.
func coursePage[Row any](rows []Row, err error, limit int32, item func(Row) Course) (Page[Course], error) {
	if err != nil {
		return Page[Course]{}, err
	}
	return pageOf(rows, limit, listCourses, item, func(row Row) position {
		last := item(row)
		return position{at: last.CreatedAt, id: last.ID}
	}), nil
}

// searchCourses is ListCourses with a query.
func (s *Store) searchCourses(
	ctx context.Context, params ListCoursesParams, filter CatalogFacetsParams,
) (Page[Course], error) {
	before, rank, limit, err := params.bestFirst()
	if err != nil {
		return Page[Course]{}, err
	}
	rows, err := s.reader().CourseSearch(ctx, db.CourseSearchParams{
		Language:     filter.Language,
		Query:        filter.words(),
		Drafts:       params.Drafts,
		InstructorID: someID(filter.InstructorID),
		TeacherID:    s.actor.teacher(),
		Category:     some(filter.Category),
		Level:        filter.level(),
		Free:         filter.free(),
		BeforeRank:   rank,
		BeforeAt:     before.at,
		BeforeID:     before.id,
		RowLimit:     limit,
	})
	if err != nil {
		return Page[Course]{}, err
	}
	return pageOf(rows, limit, listSearch,
		func(row db.CourseSearchRow) Course {
			return course(db.CourseGetRow{
				ID:           row.ID,
				Slug:         row.Slug,
				Title:        row.Title,
				Description:  row.Description,
				InstructorID: row.InstructorID,
				Category:     row.Category,
				Level:        row.Level,
				Price:        row.Price,
				Currency:     row.Currency,
				Language:     row.Language,
				ThumbnailURL: row.ThumbnailURL,
				Duration:     row.Duration,
				LessonsTotal: row.LessonsTotal,
				Rating:       row.Rating,
				RatingCount:  row.RatingCount,
				Published:    row.Published,
				Version:      row.Version,
				CreatedAt:    row.CreatedAt,
				UpdatedAt:    row.UpdatedAt,
			})
		},
		func(row db.CourseSearchRow) position {
			// The rank is a real. With a low extra_float_digits the server writes it
			// as a double of 15 digits, which is another one.
			rank := float64(float32(row.Rank))
			bits := int64(math.Float64bits(rank)) //nolint:gosec // bits, decoded alike
			return position{at: row.CreatedAt, rank: bits, id: row.ID}
		}), nil
}

// CatalogFacetsParams are the filters of [ListCoursesParams] that a visitor has.
type CatalogFacetsParams struct {
	Category     string
	InstructorID uuid.UUID
	Language     string
	Level        CourseLevel
	Price        PriceBand
	Query        string
}

// Facet is a value of a filter, and how many courses it leaves.
type Facet[T ~string] struct {
	Value T
	Count int64
}

// Facets are what a catalogue page shows beside its list.
type Facets struct {
	// Total is how many courses all filters leave.
	Total int64

	// Categories, Levels and Prices are the values that leave any course, those
	// that leave most first; at most 100 categories, the one that is asked for
	// among them.
	Categories []Facet[string]
	Levels     []Facet[CourseLevel]
	Prices     []Facet[PriceBand]
}

// maxFacets bounds the categories of facets.
const maxFacets = 100

// CatalogFacets counts the published courses by category, level and price. Each
// count is how many courses [Store.ListCourses] has for a visitor when the value
// takes the place of the filter of its kind, and the other filters stay. Anyone
// may.
//
// It looks at every published course in one index, or at all that a Query finds:
// its cost grows with them. A page that is shown often may keep the answer for a
// minute.
//
// Errors: *ValidationError.
func (s *Store) CatalogFacets(ctx context.Context, params CatalogFacetsParams) (facets Facets, err error) {
	defer wrap(&err, "catalog facets")
	params.Language = cmp.Or(params.Language, s.core.searchLanguage)
	if err := params.validate(); err != nil {
		return Facets{}, err
	}
	var rows []db.CourseFacetsRow
	if params.searches() {
		var found []db.CourseFacetsBySearchRow
		found, err = s.reader().CourseFacetsBySearch(ctx, db.CourseFacetsBySearchParams{
			Language:     params.Language,
			Query:        params.words(),
			InstructorID: someID(params.InstructorID),
			TeacherID:    s.actor.teacher(),
			Category:     some(params.Category),
			Level:        params.level(),
			Free:         params.free(),
			RowLimit:     maxFacets,
		})
		for _, row := range found {
			rows = append(rows, db.CourseFacetsRow(row))
		}
	} else {
		rows, err = s.reader().CourseFacets(ctx, db.CourseFacetsParams{
			InstructorID: someID(params.InstructorID),
			TeacherID:    s.actor.teacher(),
			Category:     some(params.Category),
			Level:        params.level(),
			Free:         params.free(),
			RowLimit:     maxFacets,
		})
	}
	if err != nil {
		return Facets{}, err
	}
	for _, row := range rows {
		switch row.Kind {
		case "category":
			facets.Categories = append(facets.Categories, Facet[string]{row.Value, row.N})
		case "level":
			facets.Levels = append(facets.Levels, Facet[CourseLevel]{CourseLevel(row.Value), row.N})
		case "price":
			facets.Prices = append(facets.Prices, Facet[PriceBand]{PriceBand(row.Value), row.N})
		case "total":
			facets.Total = row.N
		default:
			return Facets{}, fmt.Errorf("unknown kind %q", row.Kind)
		}
	}
	return facets, nil
}

func (p CatalogFacetsParams) validate() error {
	switch {
	case p.Level != "" && !p.Level.Valid():
		return invalid("Level", "is not a level of courses")
	case p.Price != "" && p.Price != PriceFree && p.Price != PricePaid:
		return invalid("Price", "is neither free nor paid")
	}
	return cmp.Or(
		text("Category", p.Category, 0, maxCategory),
		language("Language", p.Language),
		text("Query", p.Query, 0, maxName),
	)
}

// searches reports whether there is a query.
func (p CatalogFacetsParams) searches() bool {
	return strings.TrimSpace(p.Query) != ""
}

// words is the query as websearch_to_tsquery takes it, of words that search_text
// leaves whole, in quotation marks: what PostgreSQL would read as an operator is none
// there, and punctuation inside of a word makes a phrase of it, so that node.js and
// -node.js find and exclude what "node js" does. A minus excludes only what follows
// at once; PostgreSQL would take that of "Go - basics" for one, and fails at 32 of
// them before one word.
func (p CatalogFacetsParams) words() string {
	var made []string
	for _, token := range queryToken.FindAllStringSubmatch(norm.NFC.String(p.Query), -1) {
		word, phrase := token[1]+token[3], token[2]
		if strings.EqualFold(token[3], "or") {
			made = append(made, "or")
			continue
		}
		minus := ""
		if at := notOfWords.FindStringIndex(word); at != nil && at[0] == 0 && strings.Count(word[:at[1]], "-") == 1 {
			minus = "-"
		}
		for _, text := range []string{word, phrase} {
			if text = strings.TrimSpace(notOfWords.ReplaceAllString(text, " ")); text != "" {
				made = append(made, minus+`"`+text+`"`)
				minus = ""
			}
		}
	}
	return strings.Join(made, " ")
}

// queryToken is what joins a phrase in quotation marks, and the phrase, which ends
// with the query at the latest; or a word.
var queryToken = regexp.MustCompile(`([^\s\pZ\x{85}"]*)"([^"]*)"?|([^\s\pZ\x{85}"]+)`)

// notOfWords is what search_text makes spaces of: white space, punctuation and
// symbols.
var notOfWords = regexp.MustCompile(
	`[\x{0001}-/:-@\[-` + "`" + `{-\x{00A9}\x{00AB}-\x{00AC}\x{00AE}-\x{00B1}\x{00B4}` +
		`\x{00B6}-\x{00B8}\x{00BB}\x{00BF}\x{00D7}\x{00F7}\x{055A}-\x{055F}` +
		`\x{0589}-\x{058A}\x{05BE}\x{05C0}\x{05C3}\x{05F3}-\x{05F4}\x{060C}-\x{060D}` +
		`\x{061B}\x{061D}-\x{061F}\x{066A}-\x{066D}\x{06D4}\x{0964}-\x{0965}\x{1680}` +
		`\x{2000}-\x{200A}\x{2010}-\x{2029}\x{202F}-\x{205F}\x{20A0}-\x{20CF}\x{2122}` +
		`\x{2190}-\x{245F}\x{2500}-\x{2BFF}\x{3000}-\x{3004}\x{3008}-\x{3020}\x{30FB}` +
		`\x{FE30}-\x{FE4F}\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF20}\x{FF3B}-\x{FF40}` +
		`\x{FF5B}-\x{FF65}]+`,
)

// level and free are filters as the queries take them: nil for none.
func (p CatalogFacetsParams) level() *CourseLevel {
	if p.Level == "" {
		return nil
	}
	return &p.Level
}

func (p CatalogFacetsParams) free() *bool {
	if p.Price == "" {
		return nil
	}
	free := p.Price == PriceFree
	return &free
}
