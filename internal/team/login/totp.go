// SPDX-License-Identifier: AGPL-3.0-or-later

package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"

	"consend/internal/ground/actor"
	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/keys"
)

// RFC 6238: steps of 30 seconds, six digits, SHA-1 (what every authenticator app knows). One
// step early or late is fine (5.2); a step is used once.
const (
	totpStep = 30 * time.Second
	secretLn = 20 // bytes, RFC 4226 4 R6
	codes    = 10 // recovery codes at a time
)

// Secret is what the person's app is told, once.
type Secret struct{ raw string }

// Text is the secret as a person types it, in groups of four.
func (s Secret) Text() string {
	var out []string
	for i := 0; i < len(s.raw); i += 4 {
		out = append(out, s.raw[i:min(i+4, len(s.raw))])
	}
	return strings.Join(out, " ")
}

// URL is the secret as an app scans it.
func (s Secret) URL(email string) string {
	return "otpauth://totp/" + url.PathEscape("Consend:"+email) + "?secret=" + s.raw + "&issuer=Consend"
}

// Raw discloses the secret: to the test that plays the app.
func (s Secret) Raw() string { return s.raw }

// String gives a mask.
func (s Secret) String() string { return "•••" }

// GoString gives a mask.
func (s Secret) GoString() string { return "•••" }

// Format gives a mask for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "•••") }

func totpAt(login int64) keys.AAD { return keys.AAD{Table: "login", Column: "totp", Row: login} }

var base = base32.StdEncoding.WithPadding(base32.NoPadding)

// StartTOTP makes a new secret, not yet in force: the person proves first that their app has it.
func StartTOTP(tx *store.Tx, login int64) error {
	l, err := store.One[Login](tx, lockLogin, login)
	if err != nil {
		return err
	}
	if l.Second() {
		return fault.New(fault.Conflict, "login.totp.on")
	}
	b := make([]byte, secretLn)
	rand.Read(b) // never fails (crypto/rand)
	sealed, err := keys.Of(tx).Seal(keys.Installation, totpAt(login), b)
	if err != nil {
		return err
	}
	tx.Do(setTOTP, sealed, 0, 0, login)
	return nil
}

// Pending is the secret that waits to be proved; false when there is none.
func Pending(r store.Reader, l Login) (Secret, bool, error) {
	if l.Second() || len(l.Totp) == 0 {
		return Secret{}, false, nil
	}
	s, err := open(r, l)
	return s, err == nil, err
}

func open(r store.Reader, l Login) (Secret, error) {
	b, err := keys.Of(r).Open(keys.Installation, totpAt(l.ID), l.Totp)
	return Secret{base.EncodeToString(b)}, err
}

// TurnOnTOTP puts the pending secret in force, when the code proves that the app has it, and
// gives recovery codes to be shown once.
func TurnOnTOTP(tx *store.Tx, login int64, code string) ([]string, error) {
	l, err := store.One[Login](tx, lockLogin, login)
	if err != nil {
		return nil, err
	}
	if l.Second() {
		return nil, fault.New(fault.Conflict, "login.totp.on")
	}
	if len(l.Totp) == 0 {
		return nil, fault.New(fault.Conflict, "login.totp.none")
	}
	step, ok, err := matches(tx, l, code)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New(fault.Invalid, "login.code.wrong").At("code")
	}
	tx.Do(setTOTP, l.Totp, tx.Now, step, login)
	return NewCodes(tx, login), nil
}

// TurnOffTOTP takes secret and recovery codes away.
func TurnOffTOTP(tx *store.Tx, login int64) {
	tx.Do(setTOTP, nil, 0, 0, login)
	tx.Do(dropCodes, login)
}

// NewCodes replaces the recovery codes. They are shown once and kept as SHA-256 (80 random bits).
func NewCodes(tx *store.Tx, login int64) []string {
	tx.Do(dropCodes, login)
	out := make([]string, codes)
	for i := range out {
		b := make([]byte, 10)
		rand.Read(b)
		s := strings.ToLower(base.EncodeToString(b))
		out[i] = s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
		tx.Do(addCode, login, codeHash(out[i]))
	}
	return out
}

// CodesLeft is how many recovery codes are unused.
func CodesLeft(r store.Reader, login int64) (int64, error) {
	return store.One[int64](r, leftCodes, login)
}

func codeHash(code string) []byte {
	h := sha256.Sum256([]byte("recovery " + strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '2' && c <= '7' {
			return c
		}
		return -1
	}, strings.ToLower(code))))
	return h[:]
}

// Means is what a second step was proved by.
type Means string

// The means of a second step.
const (
	ByApp      Means = "app"
	ByRecovery Means = "recovery_code"
)

// UseCode takes a code of the app, or a recovery code: each works once. False is a wrong code.
func UseCode(tx *store.Tx, login int64, code string) (Means, bool, error) {
	l, err := store.One[Login](tx, lockLogin, login)
	if err != nil || !l.Second() {
		return "", false, err
	}
	step, ok, err := matches(tx, l, code)
	if err != nil {
		return "", false, err
	}
	if ok {
		tx.Do(setStep, step, login)
		return ByApp, true, nil
	}
	n, err := tx.Exec(useCode, login, codeHash(code))
	return ByRecovery, n == 1, err
}

// matches finds the step a code belongs to, later than the last one used. It looks at all three
// steps whatever it finds.
func matches(r *store.Tx, l Login, code string) (step int64, ok bool, err error) {
	s, err := open(r, l)
	if err != nil {
		return 0, false, err
	}
	code = strings.Join(strings.Fields(code), "")
	now := r.Now.Time().Unix() / int64(totpStep/time.Second)
	for _, c := range []int64{now - 1, now, now + 1} {
		want, err := hotp.GenerateCode(s.raw, uint64(c))
		if err != nil {
			return 0, false, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && c > l.TotpStep {
			step, ok = c, true
		}
	}
	return step, ok, nil
}

// AdmitCode counts a try at a code, over all sign-ins, or says how long it has to wait: a
// password in the wrong hands opens no endless row of tries.
func (k *Keeper) AdmitCode(ctx context.Context, who actor.Actor, login int64) error {
	return k.admit(ctx, who, k.codeTry(who, login))
}

// PassCode forgets the tries at a code.
func (k *Keeper) PassCode(ctx context.Context, who actor.Actor, login int64) error {
	return k.pass(ctx, who, k.codeTry(who, login))
}

func (k *Keeper) codeTry(who actor.Actor, login int64) try {
	return k.try(who, "code", string(base.AppendEncode(nil, []byte{byte(login >> 56), byte(login >> 48), byte(login >> 40), byte(login >> 32),
		byte(login >> 24), byte(login >> 16), byte(login >> 8), byte(login)})))
}
