package elevate_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// wire watches what goes over the connections of a pool. A round trip ends with
// ReadyForQuery, message Z of the protocol:
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type wire struct {
	ready atomic.Int64 // ReadyForQuery messages seen
	cut   atomic.Bool  // lose the connection behind the next write
}

// pool is another pool on the bundle's database, whose wire is watched.
func (w *wire) pool(t testing.TB, b *testBundle, maxConns int32) *pgxpool.Pool {
	t.Helper()
	cfg := b.pool.Config()
	cfg.MaxConns = maxConns
	dial := cfg.ConnConfig.DialFunc
	cfg.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &watchedConn{Conn: conn, wire: w}, nil
	}
	pool, err := pgxpool.NewWithConfig(b.ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

type watchedConn struct {
	net.Conn

	wire   *wire
	header []byte // of the message being read: type and length
	rest   int    // of its body
	lost   atomic.Bool
}

func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err == nil && c.wire.cut.CompareAndSwap(true, false) {
		c.lost.Store(true)
	}
	return n, err
}

func (c *watchedConn) Read(p []byte) (int, error) {
	if c.lost.Load() {
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p)
	c.watch(p[:n])
	return n, err
}

const headerSize = 5

func (c *watchedConn) watch(p []byte) {
	for len(p) > 0 {
		if c.rest > 0 {
			skip := min(c.rest, len(p))
			c.rest -= skip
			p = p[skip:]
			continue
		}
		take := min(headerSize-len(c.header), len(p))
		c.header = append(c.header, p[:take]...)
		p = p[take:]
		if len(c.header) < headerSize {
			return
		}
		if c.header[0] == 'Z' {
			c.wire.ready.Add(1)
		}
		c.rest = int(binary.BigEndian.Uint32(c.header[1:])) - 4
		c.header = c.header[:0]
	}
}
