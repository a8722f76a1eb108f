package eventtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

var errFault = errors.New("the connection broke")

// Faults makes one call of a store fail. The zero value lets all pass.
type Faults struct {
	mu    sync.Mutex
	left  int // calls until the one that fails, from 1; 0: none does
	after bool
}

// Flaky is s, seen by somebody whose calls can fail at the driver: those who
// use s itself see what was really done.
func Flaky(t testing.TB, s Stores) (Stores, *Faults) {
	t.Helper()
	f := &Faults{}
	db := sql.OpenDB(connector{s.DB, f})
	o := s.Redis.Options()
	rdb := redis.NewClient(&redis.Options{Addr: o.Addr, DB: o.DB, Username: o.Username, Password: o.Password, TLSConfig: o.TLSConfig, ContextTimeoutEnabled: true})
	rdb.AddHook(f)
	t.Cleanup(func() { _, _ = db.Close(), rdb.Close() })
	return Stores{db, rdb}, f
}

// Fail lets the call after n more of them fail, instead of being done, or after
// it was done, its answer being lost; a negative n lets none.
func (f *Faults) Fail(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.after = n+1, after
}

// call does a call, unless it is the one that fails.
func (f *Faults) call(do func() error) error {
	f.mu.Lock()
	f.left = max(f.left-1, -1)
	fails, after := f.left == 0, f.after
	f.mu.Unlock()
	if fails && !after {
		return errFault
	}
	err := do()
	if fails && err == nil {
		return errFault
	}
	return err
}

// DialHook lets connections be made.
func (f *Faults) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return next(ctx, network, address)
	}
}

// ProcessHook counts a command as a call.
func (f *Faults) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		err := f.call(func() error { return next(ctx, command) })
		if errors.Is(err, errFault) {
			command.SetErr(err)
		}
		return err
	}
}

// ProcessPipelineHook counts a pipeline as a call.
func (f *Faults) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		err := f.call(func() error { return next(ctx, commands) })
		for _, command := range commands {
			if errors.Is(err, errFault) {
				command.SetErr(err)
			}
		}
		return err
	}
}

// connector takes the connections of another pool, so that it needs no address.
type connector struct {
	db *sql.DB
	*Faults
}

func (c connector) Driver() driver.Driver { return c.db.Driver() }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	pooled, err := c.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	out := &conn{pooled: pooled, Faults: c.Faults}
	return out, pooled.Raw(func(raw any) error {
		out.Conn = raw.(driver.Conn)
		return nil
	})
}

type conn struct {
	driver.Conn
	pooled *sql.Conn
	*Faults
}

func (c *conn) Close() error { return c.pooled.Close() }

// Raw is the connection of the driver, or of what else wraps it.
func (c *conn) Raw() driver.Conn { return c.Conn }

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	err = c.call(func() (err error) {
		result, err = c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	err = c.call(func() (err error) {
		rows, err = c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
		return err
	})
	if errors.Is(err, errFault) && rows != nil {
		for values := make([]driver.Value, len(rows.Columns())); rows.Next(values) == nil; { // which is when SQLite does it
		}
		_ = rows.Close()
	}
	return rows, err
}

func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (begun driver.Tx, err error) {
	err = c.call(func() (err error) {
		begun, err = c.Conn.(driver.ConnBeginTx).BeginTx(ctx, options)
		return err
	})
	if errors.Is(err, errFault) && begun != nil {
		_ = begun.Rollback()
	}
	return tx{begun, c.Faults}, err
}

type tx struct {
	driver.Tx
	*Faults
}

func (t tx) Commit() error {
	err := t.call(t.Tx.Commit)
	if errors.Is(err, errFault) {
		_ = t.Rollback() // as the server does for who went away; after a commit it does nothing
	}
	return err
}
