package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	t.Parallel()
	const (
		passed = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:1: chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
`
		failed = `{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: broken\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}
{"Action":"fail","Package":"p"}
`
		skipped = `{"Action":"skip","Package":"p","Test":"TestC"}
`
		ok = `{"Action":"output","Package":"p","Output":"PASS\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
		noFiles = `{"Action":"output","Package":"q","Output":"?   \tq\t[no test files]\n"}
{"Action":"skip","Package":"q"}
`
		cut = `{"Action":"run","Package":"p","Test":"TestD"}
{"Action":"output","Package":"p","Test":"TestD","Output":"panic: here\n"}
`
	)
	cases := map[string]struct{ in, out, err string }{
		"Passed": {passed + ok, "ok  \tp\t0.1s\n1 passed, 0 failed, 0 skipped\n", ""},
		"Failed": {
			passed + failed,
			"    b_test.go:1: broken\nFAIL\tp\t0.1s\n1 passed, 1 failed, 0 skipped\n",
			"1 tests failed, 1 passed",
		},
		"Skipped": {passed + skipped + ok, "ok  \tp\t0.1s\n1 passed, 0 failed, 1 skipped\n", "skipped: p.TestC"},
		"NoTestFiles": {
			passed + ok + noFiles,
			"ok  \tp\t0.1s\n?   \tq\t[no test files]\n1 passed, 0 failed, 0 skipped\n",
			"",
		},
		"NothingToRun": {
			passed + ok + strings.ReplaceAll(ok, "0.1s", "0.1s [no tests to run]"),
			"ok  \tp\t0.1s\nok  \tp\t0.1s [no tests to run]\n1 passed, 0 failed, 0 skipped\n",
			"no tests to run: p",
		},
		"Nothing":  {"", "0 passed, 0 failed, 0 skipped\n", "0 tests failed, 0 passed"},
		"CutShort": {passed + cut, "panic: here\n1 passed, 0 failed, 0 skipped\n", ""},
		"OtherText": {
			"make: *** no rule\n" + `{"Action":"build-output","ImportPath":"p","Output":"a.go:1: undefined\n"}` + "\n",
			"make: *** no rule\na.go:1: undefined\n0 passed, 0 failed, 0 skipped\n",
			"0 tests failed, 0 passed",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := report(strings.NewReader(c.in), &out)
			require.Equal(t, c.out, out.String())
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, c.err)
			}
		})
	}
}
