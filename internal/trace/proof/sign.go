// SPDX-License-Identifier: AGPL-3.0-or-later

package proof

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// signHead stands before the file in the signed text, so that no proof can be taken
// for a checkpoint or the other way round.
const signHead = "consend-proof-file/1\n"

func (f File) signed() ([]byte, error) {
	f.Signature = ""
	body, err := canonicalJSON(f)
	return append([]byte(signHead), body...), err
}

// Sign gives the file's bytes, signed as a whole by the log's key. It verifies what
// it made, so a file that nobody could check is never handed out.
func Sign(f File, s note.Signer) ([]byte, error) {
	f.Schema, f.Profile = Schema, Profile
	text, err := f.signed()
	if err != nil {
		return nil, err
	}
	if f.Signature, err = signature(text, s); err != nil {
		return nil, err
	}
	out, err := canonicalJSON(f)
	if err != nil {
		return nil, err
	}
	if _, err := Verify(out, f.Log.Key, nil); err != nil {
		return nil, fmt.Errorf("proof: the file does not verify: %w", err)
	}
	return out, nil
}

// signature is the signature line of a note with this text.
func signature(text []byte, s note.Signer) (string, error) {
	msg, err := note.Sign(&note.Note{Text: string(text)}, s)
	if err != nil {
		return "", err
	}
	i := bytes.LastIndex(msg, []byte("\n\n"))
	return strings.TrimSuffix(string(msg[i+2:]), "\n"), nil
}

func (f File) checkSignature(key string) error {
	text, err := f.signed()
	if err != nil {
		return err
	}
	_, err = openNote(append(append(text, '\n'), f.Signature+"\n"...), key)
	return err
}
