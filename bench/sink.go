// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// sink is a mail server that takes everything and keeps nothing, in a process of its own: what it costs is no part of a
// measured sender's time on the processor. It pipelines (RFC 2920) and counts.
func sink() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var got, size atomic.Int64
	fmt.Println(l.Addr())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveSink(c, &got, &size, 0)
		}
	}()
	io.Copy(io.Discard, os.Stdin) // until the sender closes it
	fmt.Println(got.Load(), size.Load())
	return nil
}

func serveSink(c net.Conn, got, size *atomic.Int64, delay time.Duration) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 128<<10)
	w := bufio.NewWriterSize(c, 4<<10)
	say := func(s string) { w.WriteString(s + "\r\n") }
	say("220 sink")
	for {
		if r.Buffered() == 0 {
			if w.Flush() != nil {
				return
			}
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(string(line[:min(4, len(line))])); verb {
		case "EHLO":
			say("250-sink")
			say("250-PIPELINING")
			say("250-8BITMIME")
			say("250 ENHANCEDSTATUSCODES")
		case "DATA":
			say("354 go on")
			if w.Flush() != nil {
				return
			}
			for {
				part, err := r.ReadSlice('\n')
				if err != nil && err != bufio.ErrBufferFull {
					return
				}
				size.Add(int64(len(part)))
				if bytes.Equal(part, []byte(".\r\n")) {
					break
				}
			}
			got.Add(1)
			time.Sleep(delay)
			say("250 2.0.0 taken")
		case "QUIT":
			say("221 bye")
			w.Flush()
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}

// sunk is a running sink.
type sunk struct {
	addr string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

func startSink(ctx context.Context) (*sunk, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &sunk{cmd: exec.CommandContext(ctx, self, "sink")}
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := s.out.ReadString('\n')
	s.addr = strings.TrimSpace(line)
	return s, err
}

// stop ends the sink and tells how many messages it took, and their size on average.
func (s *sunk) stop() (got, size int64, err error) {
	s.in.Close()
	if _, err = fmt.Fscan(s.out, &got, &size); err == nil {
		err = s.cmd.Wait()
	}
	if got > 0 {
		size /= got
	}
	return got, size, err
}
