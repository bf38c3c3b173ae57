// SPDX-License-Identifier: AGPL-3.0-or-later

package notice

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Make makes a note with its draft.
func Make(tx *store.Tx, name string, n Note) (int64, error) {
	doc, err := checked(name, n)
	if err != nil {
		return 0, err
	}
	id := tx.ID()
	tx.Do(makeNotice, id, strings.TrimSpace(name), doc)
	_, err = trace.Append(tx, trace.Act{Action: "notice.make", Object: "notice", ObjectID: id})
	return id, err
}

// Edit replaces the draft of a note. version is that of the draft that was edited: somebody
// else's edit in between is a conflict, and nothing is lost.
func Edit(tx *store.Tx, id, version int64, name string, n Note) error {
	doc, err := checked(name, n)
	if err != nil {
		return err
	}
	if err := one(tx.Exec(editNotice, strings.TrimSpace(name), doc, id, version)); err != nil {
		return err
	}
	_, err = trace.Append(tx, trace.Act{Action: "notice.edit", Object: "notice", ObjectID: id})
	return err
}

// Retire puts a note away: forms that name it keep the versions they show.
func Retire(tx *store.Tx, id, version int64) error {
	if err := one(tx.Exec(retireNotice, id, version)); err != nil {
		return err
	}
	_, err := trace.Append(tx, trace.Act{Action: "notice.retire", Object: "notice", ObjectID: id})
	return err
}

// Publish makes the draft a version, once every gap is closed: all gaps come back as faults.
// The same answers and words again give the version that is there.
func Publish(tx *store.Tx, id, version int64) (Version, error) {
	n, err := find(tx, lockNotice, id)
	if err != nil {
		return Version{}, err
	}
	if n.Version != version || n.RetiredAt != 0 {
		return Version{}, fault.New(fault.Conflict, "notice.changed")
	}
	var gaps fault.Many
	for _, g := range Gaps(n.Draft) {
		gaps = append(gaps, g.Fault())
	}
	if err := gaps.Err(); err != nil {
		return Version{}, err
	}
	v := Version{ID: tx.ID(), NoticeID: id, Number: n.Number + 1, Content: n.Draft, PublishedAt: tx.Now}
	clear := proof.Fields{"version": strconv.FormatInt(v.Number, 10)}
	for _, lang := range n.Draft.Languages {
		t := Write(n.Draft, lang)
		v.Texts = append(v.Texts, t)
		clear["sha256."+lang] = hex.EncodeToString(t.Sha256)
	}
	if n.CurrentID != 0 {
		old, err := Get(tx, n.CurrentID)
		if err != nil || old.same(v) {
			return old, err
		}
	}
	if v.EntryID, err = trace.Append(tx, trace.Act{Action: "notice.publish", Object: "notice", ObjectID: id, Clear: clear}); err != nil {
		return Version{}, err
	}
	doc, err := json.Marshal(v.Content)
	if err != nil {
		return Version{}, err
	}
	tx.Do(addVersion, v.ID, id, v.Number, string(doc), v.EntryID)
	for _, t := range v.Texts {
		tx.Do(addText, v.ID, t.Language, t.Short, t.Body, t.Sha256)
	}
	tx.Do(setCurrent, v.ID, id)
	return v, nil
}

func (v Version) same(o Version) bool {
	if len(v.Texts) != len(o.Texts) || v.Content.Policy != o.Content.Policy {
		return false
	}
	for _, t := range o.Texts {
		if string(v.In(t.Language).Sha256) != string(t.Sha256) {
			return false
		}
	}
	return true
}

// Find gives a note with its draft.
func Find(r store.Reader, id int64) (Notice, error) { return find(r, findNotice, id) }

// All gives the notes that are in use, the oldest first.
func All(r store.Reader) ([]Notice, error) {
	rows, err := store.All[noticeRow](r, allNotices)
	out := make([]Notice, len(rows))
	for i, row := range rows {
		if err == nil {
			out[i], err = row.notice()
		}
	}
	return out, err
}

// Get gives a version with its texts.
func Get(r store.Reader, version int64) (Version, error) { return get(r, findVersion, version) }

// Numbered gives a version of a note by its number.
func Numbered(r store.Reader, id, number int64) (Version, error) {
	return get(r, findNumber, id, number)
}

// Versions lists the versions of a note, the newest first, without their texts.
func Versions(r store.Reader, id int64) ([]Version, error) {
	rows, err := store.All[versionRow](r, versions, id)
	out := make([]Version, len(rows))
	for i, row := range rows {
		if err == nil {
			out[i], err = row.version()
		}
	}
	return out, err
}

type noticeRow struct {
	ID, Version, CurrentID, Number  int64
	Name, Draft                     string
	CreatedAt, UpdatedAt, RetiredAt legalclock.Moment
}

func (r noticeRow) notice() (Notice, error) {
	n := Notice{ID: r.ID, Name: r.Name, Version: r.Version, CurrentID: r.CurrentID, Number: r.Number,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, RetiredAt: r.RetiredAt}
	return n, json.Unmarshal([]byte(r.Draft), &n.Draft)
}

type versionRow struct {
	ID, NoticeID, Number, EntryID int64
	Content                       string
	PublishedAt                   legalclock.Moment
}

func (r versionRow) version() (Version, error) {
	v := Version{ID: r.ID, NoticeID: r.NoticeID, Number: r.Number, PublishedAt: r.PublishedAt, EntryID: r.EntryID}
	return v, json.Unmarshal([]byte(r.Content), &v.Content)
}

type textRow struct {
	VersionID             int64
	Language, Short, Body string
	Sha256                []byte
}

func find(r store.Reader, q *store.Query, id int64) (Notice, error) {
	row, err := store.One[noticeRow](r, q, id)
	if errors.Is(err, store.ErrNone) {
		return Notice{}, fault.New(fault.NotFound, "notice.none")
	}
	if err != nil {
		return Notice{}, err
	}
	return row.notice()
}

func get(r store.Reader, q *store.Query, args ...any) (Version, error) {
	row, err := store.One[versionRow](r, q, args...)
	if errors.Is(err, store.ErrNone) {
		return Version{}, fault.New(fault.NotFound, "notice.none")
	}
	if err != nil {
		return Version{}, err
	}
	v, err := row.version()
	if err != nil {
		return v, err
	}
	rows, err := store.All[textRow](r, texts, v.ID)
	for _, t := range rows {
		v.Texts = append(v.Texts, Text{t.Language, t.Short, t.Body, t.Sha256})
	}
	return v, err
}

func checked(name string, n Note) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 200 {
		return "", fault.New(fault.Invalid, "notice.name").At("name")
	}
	if err := n.limits(); err != nil {
		return "", err
	}
	b, err := json.Marshal(n)
	return string(b), err
}

func one(n int64, err error) error {
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "notice.changed")
	}
	return err
}
