//go:build linux || darwin

package pgserver

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

var (
	//go:embed run.sh
	runScript string
	//go:embed guard.sh
	guardScript string
)

// errPortTaken says that another process took the port between the moment it
// was found free and the moment the server asked for it.
var errPortTaken = errors.New("the port was taken by another process")

// run starts a server with the binaries in bin.
func run(ctx context.Context, bin string) (*Server, error) {
	const attempts = 5
	for attempt := 1; ; attempt++ {
		port, err := freePort(ctx)
		if err != nil {
			return nil, err
		}
		srv, err := runOn(ctx, bin, port)
		if !errors.Is(err, errPortTaken) || attempt == attempts {
			return srv, err
		}
	}
}

func runOn(ctx context.Context, bin string, port int) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	owner, err := serverUser()
	if err != nil {
		return nil, err
	}
	dir, err := makeDir(owner)
	if err != nil {
		return nil, err
	}
	// Anybody on this machine can reach the port, and a superuser of a server
	// may run programs as the user who started it.
	password := rand.Text()
	if err := writeFile(filepath.Join(dir, "password"), password, owner); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}

	args := append([]string{bin, dir}, localeFlags()...)
	args = append(args, "--", "-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(port),
		// A socket's path may have about 100 bytes, less than a directory of
		// temporary files can be deep.
		"-c", "unix_socket_directories=")
	args = append(args, settings()...)
	keeper, err := startKeeper(runScript, owner, dir, args...)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}

	url := fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", password, port)
	version, err := awaitServer(ctx, url, func() error { return exited(ctx, dir, port) })
	if err != nil {
		return nil, errors.Join(err, keeper.release(""))
	}
	return &Server{
		Link:    "local",
		URL:     url,
		Version: version,
		stop:    stopOnce(func() error { return keeper.release("") }),
	}, nil
}

// exited returns why the server in dir ended, or nil while it has not.
func exited(ctx context.Context, dir string, port int) error {
	if _, err := os.Stat(filepath.Join(dir, "exited")); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("look for the end of the server: %w", err)
	}
	// The text of the log differs between versions and languages; whether the
	// port is taken now does not. A context that has ended would look the same.
	var config net.ListenConfig
	listener, err := config.Listen(context.WithoutCancel(ctx), "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	if err := listener.Close(); err != nil {
		return fmt.Errorf("close port %d: %w", port, err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		return fmt.Errorf("the server ended, and its log: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return fmt.Errorf("the server ended:\n%s", strings.Join(lines[max(0, len(lines)-10):], "\n"))
}

// keeper is a shell that does something when this process ends.
type keeper struct {
	cmd   *exec.Cmd
	stdin *os.File
}

func startKeeper(script string, owner *account, dir string, args ...string) (*keeper, error) {
	// os.Pipe opens close-on-exec, so no program that this process starts
	// inherits the end that has to close.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	defer func() { _ = r.Close() }()
	// No context: the keeper outlives the call, and this process.
	//nolint:noctx // see above
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, "elevate-postgres"}, args...)...)
	cmd.Dir = dir
	cmd.Env = serverEnv()
	cmd.Stdin = r
	// A session of its own: a signal for the terminal's or the test's process
	// group must not end the one who cleans up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if owner != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(owner.uid), Gid: uint32(owner.gid)}
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start a shell: %w", err), w.Close())
	}
	return &keeper{cmd: cmd, stdin: w}, nil
}

// release tells the keeper a last word and waits until it has cleaned up.
func (k *keeper) release(word string) error {
	_, wordErr := k.stdin.WriteString(word)
	closeErr := k.stdin.Close()
	if err := errors.Join(wordErr, closeErr, k.cmd.Wait()); err != nil {
		return fmt.Errorf("elevate/internal/pgserver: stop the server: %w", err)
	}
	return nil
}

// account is the user that a server runs as.
type account struct{ uid, gid int }

// serverUser returns nil for this process's own user: PostgreSQL refuses to
// run as root, and nobody else may change the user.
func serverUser() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil is an answer, see above
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no other user for it: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, fmt.Errorf("id of user %s: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, fmt.Errorf("group of user %s: %w", u.Username, err)
	}
	return &account{uid: uid, gid: gid}, nil
}

// makeDir returns a new directory that belongs to owner.
func makeDir(owner *account) (string, error) {
	base := os.TempDir()
	if owner != nil && !open(base) {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "elevate-postgres-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the server: %w", err)
	}
	if owner != nil {
		if err := os.Chown(dir, owner.uid, owner.gid); err != nil {
			return "", errors.Join(fmt.Errorf("give the server its directory: %w", err), os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// open reports whether every user can reach dir: root's TMPDIR is often
// root's alone.
func open(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

func writeFile(path, text string, owner *account) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	if owner != nil {
		if err := os.Chown(path, owner.uid, owner.gid); err != nil {
			return fmt.Errorf("give the server its password: %w", err)
		}
	}
	return nil
}

// serverEnv is this process's environment without what would turn the server
// into something else: PGDATA, PGPORT, PGOPTIONS, the locale.
func serverEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "PG") || strings.HasPrefix(kv, "LC_") || strings.HasPrefix(kv, "LANG") {
			continue
		}
		env = append(env, kv)
	}
	return append(env, "LC_ALL=C")
}

// localeFlags ask for the order of code points, the same on every machine,
// and for upper and lower case beyond ASCII.
func localeFlags() []string {
	if runtime.GOOS == "darwin" {
		return []string{"--locale=C", "--lc-ctype=en_US.UTF-8"}
	}
	return []string{"--locale=C.UTF-8"}
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil || !ok {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return address.Port, nil
}
