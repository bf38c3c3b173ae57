// SPDX-License-Identifier: AGPL-3.0-or-later

package campaign

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// The flight journal: what this process was doing, should it die. A folder for each process, locked while it lives; in
// it a file for each batch in flight, made after the claim's commit and removed after the booking's. Files only grow, by
// lines of 24 bytes, little-endian:
//
//	batch u64 ‖ contact u64 ‖ kind u8 ‖ outcome u8 ‖ code u16 ‖ crc32 (IEEE) of the 20 bytes before
//
// kind 's' stands before the first byte of the content, 'a' after the answer; its outcome is a letter of marks. Nothing is synced: what was written survives a kill of the
// process, not of the machine. So the folder names the start of the machine it was written in; of another start nothing
// that is missing can be believed, and what is claimed is in doubt.
const lineSize = 24

const (
	lineStarted  = 's'
	lineAnswered = 'a'
)

// marks are the outcomes of an answer with all that is booked of them.
var marks = map[byte]result{'A': {outcome: accepted}, 'T': {outcome: accepted, told: true}, 'D': {outcome: deferred, reason: "later"},
	'F': {outcome: failed, reason: "server_refused"}, 'B': {outcome: failed, reason: "no_mailbox", bounced: true}, 'U': {outcome: inDoubt}, 'R': {outcome: returned}}

func (x result) mark() byte {
	for b, m := range marks {
		if m.outcome == x.outcome && m.told == x.told && m.bounced == x.bounced {
			return b
		}
	}
	return 'U'
}

// journal is a process's folder.
type journal struct {
	dir    string
	node   int64
	lock   *os.File
	unsure atomic.Bool // a claim may be in the database without a file here
}

// boot identifies the machine's start; "" where the system doesn't tell.
func boot() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// openJournal makes a process's folder. It has its name once it is locked and complete: nobody takes it for a wreck.
func openJournal(dir string, node int64) (*journal, error) {
	j := &journal{dir: filepath.Join(dir, strconv.FormatInt(node, 10)), node: node}
	fresh := j.dir + ".new"
	if err := os.MkdirAll(fresh, 0o700); err != nil {
		return nil, fmt.Errorf("campaign: the flight journal: %w", err)
	}
	var ok bool
	var err error
	if j.lock, ok, err = lockFolder(fresh); err == nil && !ok {
		err = errors.New("the folder of a new process is taken")
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(fresh, "boot"), []byte(boot()), 0o600)
	}
	if err == nil {
		err = os.Rename(fresh, j.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("campaign: the flight journal: %w", err)
	}
	return j, nil
}

// close removes the folder when nothing is in flight. Else the next process finds it, and books what is left from it.
func (j *journal) close() {
	left, _ := filepath.Glob(filepath.Join(j.dir, "*.flight"))
	if len(left) == 0 && !j.unsure.Load() {
		_ = os.RemoveAll(j.dir)
	}
	_ = j.lock.Close()
}

func lockFolder(dir string) (*os.File, bool, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		f.Close()
		return nil, false, nil
	}
	if err != nil {
		f.Close()
		return nil, false, err
	}
	return f, true, nil
}

// read gives what the journal says of a batch; false when it can't be believed. No file: nothing was begun.
func (j *journal) read(batch int64) (map[int64]line, bool) {
	lines, err := readFlight(j.path(batch), batch)
	if errors.Is(err, os.ErrNotExist) {
		return nil, true
	}
	return lines, err == nil
}

// flight is the file of one batch.
type flight struct {
	mu    sync.Mutex
	f     *os.File
	batch int64
}

func (j *journal) begin(batch int64) (*flight, error) {
	f, err := os.OpenFile(j.path(batch), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("campaign: the flight journal: %w", err)
	}
	return &flight{f: f, batch: batch}, nil
}

func (j *journal) path(batch int64) string {
	return filepath.Join(j.dir, strconv.FormatInt(batch, 10)+".flight")
}

func (f *flight) started(contact int64) error { return f.line(contact, lineStarted, 0, 0) }

func (f *flight) answered(x result) error { return f.line(x.contact, lineAnswered, x.mark(), x.code) }

func (f *flight) line(contact int64, kind, outcome byte, code int) error {
	var b [lineSize]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(f.batch))
	binary.LittleEndian.PutUint64(b[8:], uint64(contact))
	b[16], b[17] = kind, outcome
	binary.LittleEndian.PutUint16(b[18:], uint16(max(0, min(code, 65535))))
	binary.LittleEndian.PutUint32(b[20:], crc32.ChecksumIEEE(b[:20]))
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.f.Write(b[:])
	return err
}

// end removes the file: everything in it is booked.
func (f *flight) end() {
	name := f.f.Name()
	f.f.Close()
	_ = os.Remove(name)
}

// line is what the journal says of one message.
type line struct {
	answered bool
	result   result
}

// readFlight reads a batch's file. A torn last line is no line: the write never returned.
func readFlight(path string, batch int64) (map[int64]line, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := map[int64]line{}
	for ; len(b) >= lineSize; b = b[lineSize:] {
		if crc32.ChecksumIEEE(b[:20]) != binary.LittleEndian.Uint32(b[20:]) || int64(binary.LittleEndian.Uint64(b)) != batch {
			return out, fmt.Errorf("campaign: the flight journal of batch %d is damaged", batch)
		}
		contact := int64(binary.LittleEndian.Uint64(b[8:]))
		l := line{}
		if b[16] == lineAnswered {
			l.answered, l.result = true, result{outcome: inDoubt}
			if m, ok := marks[b[17]]; ok {
				l.result = m
			}
			l.result.code = int(binary.LittleEndian.Uint16(b[18:]))
		}
		out[contact] = l
	}
	return out, nil
}

// wreck is the folder of a process that is gone.
type wreck struct {
	dir     string
	node    int64
	lock    *os.File
	trusted bool // written since the machine started: what is missing was never begun
}

// wrecks finds the folders of dead processes on this machine, and locks them.
func wrecks(dir string, self int64) ([]wreck, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("campaign: the flight journal: %w", err)
	}
	var out []wreck
	for _, e := range list {
		node, err := strconv.ParseInt(e.Name(), 10, 64)
		if err != nil || !e.IsDir() || node == self {
			continue
		}
		path := filepath.Join(dir, e.Name())
		lock, ok, err := lockFolder(path)
		if err != nil || !ok {
			continue
		}
		b, err := os.ReadFile(filepath.Join(path, "boot"))
		now := boot()
		out = append(out, wreck{path, node, lock, err == nil && now != "" && bytes.Equal(b, []byte(now))})
	}
	return out, nil
}

func (w wreck) read(batch int64) (map[int64]line, bool) {
	lines, ok := (&journal{dir: w.dir}).read(batch)
	return lines, ok && w.trusted
}
