//go:build !linux && !darwin

package pgserver

import (
	"context"
	"errors"
	"io"
	"runtime"
)

func startLocal(context.Context, io.Writer) (*Server, error) {
	return nil, errors.New("servers of this machine are not started on " + runtime.GOOS)
}

func startEmbedded(context.Context, io.Writer) (*Server, error) {
	return nil, errors.New("servers of this machine are not started on " + runtime.GOOS)
}
