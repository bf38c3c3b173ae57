// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"consend/internal/ground/fault"
)

// With SQLite one process owns the data folder: a lock file says so, and a socket takes the
// commands of others, readable by its user alone. A command beside a running server is sent
// to it and runs there; else it becomes the owner for as long as it lasts.

// errOwned says that another process owns the folder.
var errOwned = errors.New("the data folder is owned by another process")

// Std is where a command reads and writes, at its own terminal or at that of the process
// that sent it.
type Std struct {
	In       io.Reader
	Out, Err io.Writer
	Terminal bool   // progress may be drawn
	Dir      string // where its relative paths begin
	Language string // the reader's
}

// Owned tells whether Open failed because another process owns the data folder.
func Owned(err error) bool { return errors.Is(err, errOwned) }

// Path makes a path of the command line absolute.
func (s Std) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.Dir, p)
}

// own takes the folder's lock; the returned function gives it back.
func own(dir string) (func(), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, "app.data_folder", "Path", dir)
	}
	f, err := os.OpenFile(filepath.Join(dir, "consend.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, "app.data_folder", "Path", dir)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, errOwned
	}
	return func() { f.Close() }, nil
}

// socketPath is the owner's socket. The names of sockets are short (108 bytes); a folder with
// a long path has its socket among the temporary files.
func socketPath(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	p := filepath.Join(abs, "consend.sock")
	if len(p) < 100 {
		return p
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(os.TempDir(), "consend-"+hex.EncodeToString(sum[:8])+".sock")
}

// order is what a command sends to the owner; frame is what comes back, a line each.
type order struct {
	Args     []string `json:"args"`
	Dir      string   `json:"dir"`
	Terminal bool     `json:"terminal"`
	Language string   `json:"language"`
}

type frame struct {
	Out  []byte `json:"out,omitempty"`
	Err  []byte `json:"err,omitempty"`
	Exit *int   `json:"exit,omitempty"`
}

// Runner runs a command line in a house and gives its exit code.
type Runner func(ctx context.Context, h *House, args []string, std Std) int

// listen takes commands at the owner's socket until ctx ends.
func (h *House) listen(ctx context.Context, run Runner) error {
	path := socketPath(h.Config.Data)
	os.Remove(path) // left by a killed owner; we hold the lock
	old := syscall.Umask(0o177)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	if err != nil {
		return fmt.Errorf("app: the owner's socket: %w", err)
	}
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go h.serveOrder(ctx, c, run)
		}
	}()
	return nil
}

func (h *House) serveOrder(ctx context.Context, c net.Conn, run Runner) {
	defer c.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	in := bufio.NewReaderSize(c, 64<<10)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return
	}
	var o order
	if json.Unmarshal(line, &o) != nil {
		return
	}
	go func() { // the sender left: so ends its command
		io.Copy(io.Discard, in)
		stop()
	}()
	var mu sync.Mutex
	enc := json.NewEncoder(c)
	send := func(f frame) error { mu.Lock(); defer mu.Unlock(); return enc.Encode(f) }
	code := run(ctx, h, o.Args, Std{In: nil, Dir: o.Dir, Terminal: o.Terminal, Language: o.Language,
		Out: writerFunc(func(b []byte) error { return send(frame{Out: b}) }),
		Err: writerFunc(func(b []byte) error { return send(frame{Err: b}) })})
	send(frame{Exit: &code})
}

type writerFunc func([]byte) error

func (f writerFunc) Write(b []byte) (int, error) {
	if err := f(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Send gives a command to the process that owns the data folder, and passes on what it says.
func Send(ctx context.Context, dir string, args []string, std Std) (int, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socketPath(dir))
	if err != nil {
		return 1, fault.Wrap(err, "app.owner_silent", "Path", dir)
	}
	defer c.Close()
	context.AfterFunc(ctx, func() { c.Close() })
	if err := json.NewEncoder(c).Encode(order{args, std.Dir, std.Terminal, std.Language}); err != nil {
		return 1, err
	}
	dec := json.NewDecoder(c)
	for {
		var f frame
		if err := dec.Decode(&f); err != nil {
			if ctx.Err() != nil {
				return 130, nil
			}
			return 1, fault.Wrap(err, "app.owner_gone")
		}
		std.Out.Write(f.Out)
		std.Err.Write(f.Err)
		if f.Exit != nil {
			return *f.Exit, nil
		}
	}
}
