// SPDX-License-Identifier: AGPL-3.0-or-later

package form

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"strconv"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/team/account"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Styles gives the style sheet that public pages of a colour ("#rrggbb", or "" for the house's own) are drawn with now.
// App attaches it to the main store.
type Styles func(colour string) []byte

// Appearance is the style sheet a version was drawn with, from a moment on until the next one.
type Appearance struct {
	Since  legalclock.Moment
	Sha256 []byte
}

// Appearances lists how a version looked, the newest first; nothing for one that was served only before looks were kept.
func Appearances(r store.Reader, version int64) ([]Appearance, error) {
	return store.All[Appearance](r, looks, version)
}

// Style gives the style sheet of a look. Faults: form.none.
func Style(r store.Reader, sum []byte) ([]byte, error) {
	packed, err := store.One[[]byte](r, style, sum)
	if errors.Is(err, store.ErrNone) {
		return nil, fault.New(fault.NotFound, "form.none")
	}
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fault.Wrap(err, "fault.internal")
	}
	return io.ReadAll(io.LimitReader(z, 4<<20))
}

// drawnNow is the style sheet a form is drawn with now, and its hash.
func drawnNow(tx *store.Tx, d Definition) (css, sum []byte, err error) {
	styles, ok := store.Attached[Styles](tx)
	if !ok {
		return nil, nil, fault.New(fault.Internal, "fault.internal")
	}
	a, err := account.Get(tx)
	css = styles(cmp.Or(d.Colour, a.Colour))
	return css, hashed(css), err
}

// keepLook keeps how a version looks from now on.
func keepLook(tx *store.Tx, version int64, css, sum []byte) error {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(css)
	if err := errors.Join(err, w.Close()); err != nil {
		return fault.Wrap(err, "fault.internal")
	}
	tx.Do(addStyle, sum, z.Bytes())
	tx.Do(addLook, version, sum)
	return nil
}

// KeepLooks keeps how the account's forms look now: a new release of Consend or a new colour of the account changes
// that, though no word of a form does.
func KeepLooks(tx *store.Tx) error {
	all, err := store.All[formRow](tx, allForms)
	for _, f := range all {
		if err == nil && f.CurrentID != 0 {
			err = keepLooksOf(tx, f.ID, f.CurrentID)
		}
	}
	return err
}

func keepLooksOf(tx *store.Tx, id, version int64) error {
	v, err := Get(tx, version)
	if err != nil {
		return err
	}
	css, sum, err := drawnNow(tx, v.Definition)
	if err != nil {
		return err
	}
	all, err := Appearances(tx, v.ID)
	if err != nil || len(all) > 0 && bytes.Equal(all[0].Sha256, sum) {
		return err
	}
	if err := keepLook(tx, v.ID, css, sum); err != nil {
		return err
	}
	_, err = trace.Append(tx, trace.Act{Action: "form.look", Object: "form", ObjectID: id,
		Clear: proof.Fields{"version": strconv.FormatInt(v.Number, 10), "style": hex.EncodeToString(sum)}})
	return err
}
