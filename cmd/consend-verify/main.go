// SPDX-License-Identifier: AGPL-3.0-or-later

// Consend-verify checks a proof of Consend, or a bundle of many, offline: it needs the file, the log's
// public key and, if you kept one, a checkpoint. It reads no network and no database.
//
// Exit: 0 all that was asked holds · 1 forged or damaged · 2 usage, or encrypted · 3 consistent, but
// the signer is unknown (no --key) or the kept checkpoint could not be linked.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"consend/internal/trace/proof"
)

const usage = `usage: consend-verify FILE --key KEY [--against CHECKPOINT]

FILE        the proof, as it was exported or mailed; or a bundle of proofs (a zip)
KEY         the log's public key, or a file with it (published by the sender, e.g.
            under /.well-known/consend/key; get it from a source you trust)
CHECKPOINT  a checkpoint or bridge you kept or fetched elsewhere

exit: 0 all holds · 1 forged or damaged · 2 usage · 3 consistent, not all shown
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int {
	fs := flag.NewFlagSet("consend-verify", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	key := fs.String("key", "", "")
	against := fs.String("against", "", "")
	var files []string
	for rest := args; ; {
		err := fs.Parse(rest)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(out, usage)
			return 0
		}
		if err != nil {
			return misused(errs, err)
		}
		if rest = fs.Args(); len(rest) == 0 {
			break
		}
		files, rest = append(files, rest[0]), rest[1:]
	}
	if len(files) != 1 {
		return misused(errs, fmt.Errorf("exactly one FILE is needed"))
	}
	k := *key
	if k != "" && !strings.Contains(k, "+") {
		b, err := read(k)
		if err != nil {
			return misused(errs, err)
		}
		k = strings.TrimSpace(string(b))
		if k == "" {
			return misused(errs, fmt.Errorf("the key file is empty"))
		}
	}
	var other []byte
	if *against != "" {
		var err error
		if other, err = read(*against); err != nil {
			return misused(errs, err)
		}
	}
	r, err := verify(files[0], k, other)
	if name := (*os.PathError)(nil); errors.As(err, &name) {
		return misused(errs, err)
	}
	if errors.Is(err, errClosed) {
		fmt.Fprintf(out, "ENCRYPTED: %v.\n", err)
		return 2
	}
	if err != nil {
		fmt.Fprintf(out, "FORGED OR DAMAGED: %v.\n", err)
		return 1
	}
	return tell(out, r)
}

// errClosed is a file that nobody can check before it is opened.
var errClosed = errors.New("the file is closed with age; open it first (age --decrypt), then check what comes out")

// verify checks a proof, or a bundle: that one tells by its first bytes.
func verify(name, key string, against []byte) (proof.Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return proof.Report{}, err
	}
	defer f.Close()
	head := make([]byte, 32)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return proof.Report{}, err
	}
	if head = head[:n]; proof.IsClosed(head) {
		return proof.Report{}, errClosed
	}
	if proof.IsBundle(head) {
		i, err := f.Stat()
		if err != nil {
			return proof.Report{}, err
		}
		return proof.VerifyBundle(f, i.Size(), key, against, proof.MostUnpacked)
	}
	file, err := read(name)
	if err != nil {
		return proof.Report{}, err
	}
	return proof.Verify(file, key, against)
}

func tell(out io.Writer, r proof.Report) int {
	code := 0
	switch {
	case r.Holds():
		fmt.Fprintln(out, "ALL HOLDS")
	case !r.SignerKnown:
		fmt.Fprintf(out, "CONSISTENT, SIGNER UNKNOWN (key %s)\n", r.Fingerprint)
		code = 3
	default:
		fmt.Fprintln(out, "CONSISTENT, BUT NOT LINKED TO THE CHECKPOINT YOU KEPT")
		code = 3
	}
	fmt.Fprintln(out, "\nShown:")
	for _, s := range r.Proved {
		fmt.Fprintln(out, "  +", s)
	}
	fmt.Fprintln(out, "\nNot shown by this file:")
	for _, s := range r.NotProved {
		fmt.Fprintln(out, "  -", s)
	}
	return code
}

func misused(errs io.Writer, err error) int {
	fmt.Fprintf(errs, "consend-verify: %v\n\n%s", err, usage)
	return 2
}

// read takes at most what a proof may be, so that a wrong name can't fill the memory.
func read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, proof.MaxFile+1))
	if err == nil && len(b) > proof.MaxFile {
		err = &os.PathError{Op: "read", Path: name, Err: errors.New("it is too large")}
	}
	return b, err
}
