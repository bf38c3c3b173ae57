// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"consend/internal/ground/legalclock"
)

// Challenge is a little work for a browser, in the protocol of altcha: find the number whose
// hash after the salt is the challenge. Nothing is stored and nobody else is asked; the
// signature binds it to the form, the salt says when it ends. One solution may be sent
// again until then: what that could win is bounded by the budgets.
type Challenge struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"`
	MaxNumber int    `json:"maxnumber"`
	Salt      string `json:"salt"`
	Signature string `json:"signature"`
}

const (
	puzzleWork  = 50_000 // about half a second on a telephone
	puzzleLasts = 30 * time.Minute
)

// NewChallenge makes a challenge for a form. key is the account's MAC key for puzzles.
func NewChallenge(key [32]byte, form int64, now legalclock.Moment) Challenge {
	var r [16]byte
	rand.Read(r[:]) // never fails (crypto/rand)
	salt := hex.EncodeToString(r[:12]) + "?" + url.Values{"expires": {dec(now.Add(puzzleLasts).Time().Unix())}, "form": {dec(form)}}.Encode()
	n := int(binary.BigEndian.Uint32(r[12:]) % puzzleWork)
	c := Challenge{Algorithm: "SHA-256", Challenge: puzzleHash(salt, n), MaxNumber: puzzleWork, Salt: salt}
	c.Signature = c.sign(key)
	return c
}

// Solved tells whether a payload (base64 of JSON, as altcha's solvers send it) is the
// solution of a challenge of ours for this form that hasn't ended.
func Solved(key [32]byte, form int64, now legalclock.Moment, payload string) bool {
	if payload == "" || len(payload) > 1000 {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(payload)
	var p struct {
		Challenge
		Number int `json:"number"`
	}
	if err != nil || json.Unmarshal(raw, &p) != nil || p.Algorithm != "SHA-256" || p.Number < 0 || p.Number > puzzleWork {
		return false
	}
	if !hmac.Equal([]byte(p.Challenge.sign(key)), []byte(p.Signature)) || puzzleHash(p.Salt, p.Number) != p.Challenge.Challenge {
		return false
	}
	_, query, _ := strings.Cut(p.Salt, "?")
	v, err := url.ParseQuery(query)
	until, err2 := strconv.ParseInt(v.Get("expires"), 10, 64)
	return err == nil && err2 == nil && v.Get("form") == dec(form) && now.Time().Unix() <= until
}

// sign signs the challenge, which names the salt and so the form and the end.
func (c Challenge) sign(key [32]byte) string {
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(c.Challenge))
	return hex.EncodeToString(h.Sum(nil))
}

func puzzleHash(salt string, n int) string {
	s := sha256.Sum256([]byte(salt + strconv.Itoa(n)))
	return hex.EncodeToString(s[:])
}
