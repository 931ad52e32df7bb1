// Withschema runs a command against a fresh database that holds the newest
// schema, and drops the database afterwards. It is created on the server of
// ELEVATE_TEST_DATABASE_URL, and ELEVATE_VET_DATABASE_URL tells the command its
// URL. Unless -search_path names one, no schema is on the search_path: a name
// that lacks its schema is unknown.
//
//	go run ./internal/withpostgres -- go run ./internal/withschema -- sqlc vet
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/elevateforhumanity/elevate/schema"
)

func main() {
	searchPath := flag.String("search_path", "", "search_path of the command's connections")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv("ELEVATE_TEST_DATABASE_URL"), *searchPath, flag.Args())
	stop()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode()) // the command has said why
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "withschema:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, server, searchPath string, args []string) (err error) {
	if len(args) == 0 {
		return errors.New("no command")
	}
	target, err := url.Parse(server)
	if err != nil || target.Host == "" && target.Query().Get("host") == "" {
		return errors.New("ELEVATE_TEST_DATABASE_URL is not the URL of a server")
	}
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := cleanup(ctx)
		defer cancel()
		err = errors.Join(err, admin.Close(ctx))
	}()

	name := "elevate_vet_" + uuid.NewString()
	quoted := pgx.Identifier{name}.Sanitize()
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+quoted); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := cleanup(ctx)
		defer cancel()
		_, dropErr := admin.Exec(ctx, "DROP DATABASE "+quoted+" WITH (FORCE)")
		err = errors.Join(err, dropErr)
	}()

	target.Path = "/" + name
	config, err := pgx.ParseConfig(target.String())
	if err != nil {
		return err
	}
	if err := schema.Up(ctx, config, nil); err != nil {
		return err
	}

	query := target.Query()
	query.Set("options", "-csearch_path="+searchPath)
	target.RawQuery = query.Encode()
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Env = append(os.Environ(), "ELEVATE_VET_DATABASE_URL="+target.String())
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	return command.Run()
}

// cleanup is for what is left to do when ctx has ended too.
func cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}
