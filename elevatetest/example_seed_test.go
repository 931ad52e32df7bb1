package elevatetest_test //nolint:testableexamples // it shows a test, which prints nothing

import (
	"testing"

	"github.com/elevateforhumanity/elevate"
	"github.com/elevateforhumanity/elevate/elevatetest"
)

// testDashboard is about the dashboard, so all that it needs is seeded.
func testDashboard(t *testing.T) { //nolint:thelper // it is a test
	t.Parallel()
	db := elevatetest.New(t)
	ada := elevatetest.User(t, db.Store, func(p *elevate.SyncUserParams) { p.Name = "Ada" })
	course, lessons := elevatetest.PublishedCourse(t, db.Store, 2)
	elevatetest.Enrollment(t, db.Store, ada.ID, course.ID)

	me := db.Store.As(elevate.Actor{UserID: ada.ID, Role: ada.Role})
	if _, err := me.CompleteLesson(t.Context(), ada.ID, lessons[0].ID, 0); err != nil {
		t.Fatal(err)
	}
	dashboard, err := me.MyCourses(t.Context(), ada.ID, elevate.PageParams{})
	if err != nil {
		t.Fatal(err)
	}
	if got := dashboard.Items[0].NextLesson.ID; got != lessons[1].ID {
		t.Errorf("next lesson is %s, want %s", got, lessons[1].ID)
	}
}

// Seeds make what a test is not about. They work on any Store, in a transaction
// too, and end the test when they are refused.
func Example() {
	_ = testDashboard // go test calls it, as func TestDashboard
}
