package pgserver

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

const defaultImage = "postgres:17-alpine"

//go:embed container.sh
var containerScript string

func startContainer(ctx context.Context, stderr io.Writer) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*startLimit)
	defer cancel()
	engine, err := dialEngine(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = engine.Close() }()

	image := cmp.Or(os.Getenv(EnvImage), defaultImage)
	announcef(stderr, "starting PostgreSQL in a container of %s (pulled first where it is missing)", image)

	// The engine's own end of the container's stdin is the watchdog that works
	// without the docker command, without a second container, and also where
	// the engine is on another machine.
	var lifeline *client.HijackedResponse
	attach := func(ctx context.Context, c testcontainers.Container) error {
		res, err := engine.Client().ContainerAttach(ctx, c.GetContainerID(),
			client.ContainerAttachOptions{Stream: true, Stdin: true})
		if err != nil {
			return fmt.Errorf("attach to the container: %w", err)
		}
		lifeline = &res.HijackedResponse
		return nil
	}
	pg, err := postgres.Run(ctx, image,
		testcontainers.CustomizeRequestOption(func(req *testcontainers.GenericContainerRequest) error {
			req.Logger = log.NewNoopLogger()
			return nil
		}),
		postgres.WithUsername("postgres"),
		postgres.WithPassword(rand.Text()),
		postgres.WithDatabase("postgres"),
		testcontainers.WithEnv(map[string]string{
			"POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8 --no-sync",
		}),
		testcontainers.WithEntrypoint("sh", "-c", containerScript, "elevate"),
		testcontainers.WithCmd(append([]string{"postgres"}, settings()...)...),
		testcontainers.WithConfigModifier(func(c *container.Config) {
			c.AttachStdin, c.OpenStdin, c.StdinOnce = true, true, true
		}),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) { h.AutoRemove = true }),
		testcontainers.WithAdditionalLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostCreates: []testcontainers.ContainerHook{attach},
		}),
		postgres.BasicWaitStrategies(),
	)
	stop := stopOnce(func() error {
		if lifeline != nil {
			lifeline.Close()
		}
		if pg == nil {
			return nil
		}
		// Nothing in the server is worth waiting for.
		if err := testcontainers.TerminateContainer(pg, testcontainers.StopTimeout(0)); err != nil {
			return fmt.Errorf("elevate/internal/pgserver: remove the container: %w", err)
		}
		runtime.KeepAlive(lifeline)
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", image, err), stop())
	}

	url, err := pg.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find the port of the container: %w", err), stop())
	}
	version, err := awaitServer(ctx, url, func() error { return nil })
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	announcef(stderr, "PostgreSQL %s in a container of %s", readable(version), image)
	return &Server{Link: "container", URL: url, Version: version, stop: stop}, nil
}

// dialEngine answers whether a Docker engine does.
func dialEngine(ctx context.Context) (engine *testcontainers.DockerProvider, err error) {
	// Some of testcontainers' ways to look for an engine panic when there is
	// none, and having none is ordinary here.
	defer func() {
		if r := recover(); r != nil {
			engine, err = nil, fmt.Errorf("no Docker engine: %v", r)
		}
	}()

	engine, err = testcontainers.NewDockerProvider()
	if err != nil {
		return nil, fmt.Errorf("no Docker engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	if err := engine.Health(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("no Docker engine answers: %w", err), engine.Close())
	}
	return engine, nil
}
