package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// shower prints the steps, and what the tables hold after them.
type shower struct {
	pool  *pgxpool.Pool
	out   io.Writer
	steps int
}

// step begins a step, which calls some operations.
func (s *shower) step(title string, operations ...string) {
	if s.steps > 0 {
		fmt.Fprintln(s.out)
	}
	s.steps++
	fmt.Fprintf(s.out, "%d. %s", s.steps, title)
	if len(operations) > 0 {
		fmt.Fprintf(s.out, " (%s)", strings.Join(operations, ", "))
	}
	fmt.Fprintln(s.out)
}

func (s *shower) say(format string, args ...any) {
	fmt.Fprintf(s.out, "   "+format+"\n", args...)
}

// table prints the answer of a query.
func (s *shower) table(ctx context.Context, name, sql string) error {
	rows, err := s.pool.Query(ctx, strings.ReplaceAll(sql, "{schema}", pgx.Identifier{schemaName}.Sanitize()))
	if err != nil {
		return fmt.Errorf("show %s: %w", name, err)
	}
	defer rows.Close()
	var head, rule []string
	for _, field := range rows.FieldDescriptions() {
		head = append(head, field.Name)
		rule = append(rule, "")
	}
	lines := [][]string{head, rule}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return fmt.Errorf("show %s: %w", name, err)
		}
		cells := make([]string, len(values))
		for i, value := range values {
			cells[i] = fmt.Sprint(value)
		}
		lines = append(lines, cells)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("show %s: %w", name, err)
	}

	s.lines(name, lines)
	return nil
}

// lines prints lines of cells as columns; the first is the head, the second the
// rule below it.
func (s *shower) lines(name string, lines [][]string) {
	fmt.Fprintln(s.out)
	if len(lines) == 2 {
		s.say("%s: no rows", name)
		return
	}
	s.say("%s", name)
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			fill := " "
			if n == 1 {
				fill = "─"
			}
			line.WriteString(cell + strings.Repeat(fill, widths[i]-utf8.RuneCountInString(cell)) + "  ")
		}
		s.say("  %s", strings.TrimRight(line.String(), " "))
	}
}
