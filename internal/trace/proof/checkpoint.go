// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the log's signed statement: this many leaves, this root, at this
// time by its own clock. Its body is the C2SP checkpoint form with one extension line:
//
//	origin \n size \n base64 root \n time RFC 3339 \n
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	At     time.Time // rounded down to microseconds, UTC
}

const stamp = "2006-01-02T15:04:05.000000Z"

func (c Checkpoint) body() string {
	return fmt.Sprintf("%s\n%d\n%s\ntime %s\n", c.Origin, c.Size, c.Root, c.At.UTC().Format(stamp))
}

// Sign gives the checkpoint as a signed note. Ed25519: signing twice gives the same bytes.
func (c Checkpoint) Sign(s note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.body()}, s)
}

// errUnknown says that a note carries no signature of the key.
var errUnknown = errors.New("no signature by the key")

// OpenCheckpoint reads a signed checkpoint: it must be in its one form and carry a
// good signature by the key.
func OpenCheckpoint(msg []byte, key string) (Checkpoint, error) {
	text, err := openNote(msg, key)
	if err != nil {
		return Checkpoint{}, err
	}
	return parseCheckpoint(text)
}

func parseCheckpoint(text string) (Checkpoint, error) {
	bad := errors.New("not a checkpoint")
	l := strings.Split(text, "\n")
	if len(l) != 5 || l[4] != "" {
		return Checkpoint{}, bad
	}
	n, err1 := strconv.ParseInt(l[1], 10, 64)
	root, err2 := tlog.ParseHash(l[2])
	at, err3 := time.Parse("time "+stamp, l[3])
	c := Checkpoint{Origin: l[0], Size: n, Root: root, At: at}
	if err1 != nil || err2 != nil || err3 != nil || n < 0 || c.body() != text {
		return Checkpoint{}, bad
	}
	return c, nil
}

// openNote checks the signature and that the note has exactly its one form: a note's
// base64 has spare bits, which would let a byte change unseen.
func openNote(msg []byte, key string) (string, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return "", fmt.Errorf("the key is malformed")
	}
	n, err := note.Open(msg, note.VerifierList(v))
	var unknown *note.UnverifiedNoteError
	if errors.As(err, &unknown) {
		return "", errUnknown
	}
	if err != nil {
		return "", err
	}
	again, err := rawSignature(n.Sigs)
	if err != nil || len(n.UnverifiedSigs) > 0 || !bytes.Equal([]byte(n.Text+"\n"+again), msg) {
		return "", fmt.Errorf("the note is not in its one form")
	}
	return n.Text, nil
}

func rawSignature(sigs []note.Signature) (string, error) {
	if len(sigs) != 1 {
		return "", fmt.Errorf("not exactly one signature")
	}
	raw, err := decode64(sigs[0].Base64)
	if err != nil {
		return "", err
	}
	return "— " + sigs[0].Name + " " + encode64(raw) + "\n", nil
}

// Fingerprint names a public key for reading aloud: the first 16 bytes of SHA-256
// over its text, in groups of four.
func Fingerprint(key string) string {
	h := sha256.Sum256([]byte(strings.TrimSpace(key)))
	s := hex.EncodeToString(h[:16])
	var g []string
	for i := 0; i < len(s); i += 4 {
		g = append(g, s[i:i+4])
	}
	return strings.Join(g, " ")
}

// Bridge links an older tree of the log to a newer checkpoint, for somebody who keeps
// a checkpoint that is not the one inside a proof:
//
//	consend-bridge/1 \n from N \n base64 hash … \n (empty line) checkpoint note
type Bridge struct {
	From       int64
	Path       []tlog.Hash
	Checkpoint []byte
}

const bridgeHead = "consend-bridge/1\n"

// Bytes writes the bridge.
func (b Bridge) Bytes() []byte {
	out := fmt.Appendf(nil, "%sfrom %d\n", bridgeHead, b.From)
	for _, h := range b.Path {
		out = append(append(out, h.String()...), '\n')
	}
	return append(append(out, '\n'), b.Checkpoint...)
}

func parseBridge(msg []byte) (Bridge, error) {
	head, cp, ok := strings.Cut(strings.TrimPrefix(string(msg), bridgeHead), "\n\n")
	l := strings.Split(head, "\n")
	n, err := strconv.ParseInt(strings.TrimPrefix(l[0], "from "), 10, 64)
	if !ok || err != nil {
		return Bridge{}, fmt.Errorf("not a bridge")
	}
	path, err := parsePath(l[1:])
	return Bridge{From: n, Path: path, Checkpoint: []byte(cp)}, err
}
