package elevate_test

import (
	"context"
	"fmt"

	"github.com/elevateforhumanity/elevate"
)

// A catalogue page: what a visitor looks for, the best first, and beside it how
// many courses each filter would leave.
func ExampleStore_CatalogFacets() {
	store, pool, cleanup := exampleStore("public")
	defer cleanup()
	ctx := context.Background()
	exampleCourse(pool, "public", "Go basics", 2)
	exampleCourse(pool, "public", "Testing in Go", 1)
	exampleCourse(pool, "public", "Gardening", 1)
	_, err := pool.Exec(ctx, `UPDATE courses SET level = 'advanced', price = 4900 WHERE title = 'Testing in Go'`)
	if err != nil {
		panic(err)
	}

	page, err := store.ListCourses(ctx, elevate.ListCoursesParams{Query: "go tests", Price: elevate.PricePaid})
	if err != nil {
		panic(err)
	}
	for _, course := range page.Items {
		fmt.Println("-", course.Title, course.Price, course.Currency)
	}
	facets, err := store.CatalogFacets(ctx, elevate.CatalogFacetsParams{Price: elevate.PricePaid})
	if err != nil {
		panic(err)
	}
	fmt.Println("paid:", facets.Total)
	fmt.Println("levels:", facets.Levels)
	fmt.Println("prices:", facets.Prices)

	// Output:
	// - Testing in Go 4900 USD
	// paid: 1
	// levels: [{advanced 1}]
	// prices: [{free 2} {paid 1}]
}
