// Testreport reads what go test -json writes: it shows what plain go test shows,
// the results of packages and the output of tests that failed, and fails where
// a test was skipped or none was run.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one of cmd/test2json's.
type event struct {
	Action  string `json:"Action"`
	Output  string `json:"Output"`
	Package string `json:"Package"`
	Test    string `json:"Test"`
}

func main() {
	if err := report(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
}

func report(in io.Reader, out io.Writer) error {
	type test struct{ pkg, name string }
	var (
		outputs         = map[test]*strings.Builder{}
		passed, failed  int
		skipped, silent []string
	)
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var e event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil || e.Action == "" {
			fmt.Fprintln(out, scanner.Text()) // of make, or of the compiler
			continue
		}
		t := test{e.Package, e.Test}
		switch {
		case e.Action == "build-output", e.Action == "output" && e.Test == "":
			if e.Output != "PASS\n" {
				fmt.Fprint(out, e.Output)
			}
			if strings.HasPrefix(e.Output, "ok ") && strings.Contains(e.Output, "[no tests to run]") {
				silent = append(silent, e.Package)
			}
		case e.Test == "":
		case e.Action == "output":
			if outputs[t] == nil {
				outputs[t] = &strings.Builder{}
			}
			outputs[t].WriteString(e.Output)
		case e.Action == "pass":
			passed++
			delete(outputs, t)
		case e.Action == "skip":
			skipped = append(skipped, e.Package+"."+e.Test)
			delete(outputs, t)
		case e.Action == "fail":
			failed++
			if outputs[t] != nil {
				fmt.Fprint(out, outputs[t].String())
			}
			delete(outputs, t)
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	for _, output := range outputs { // of tests that a panic or a kill cut short
		fmt.Fprint(out, output.String())
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", passed, failed, len(skipped))
	switch {
	case len(skipped) > 0:
		return fmt.Errorf("skipped: %s", strings.Join(skipped, " "))
	case len(silent) > 0:
		return fmt.Errorf("no tests to run: %s", strings.Join(silent, " "))
	case failed > 0 || passed == 0:
		return fmt.Errorf("%d tests failed, %d passed", failed, passed)
	}
	return nil
}
