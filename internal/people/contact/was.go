// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"consend/internal/ground/legalclock"
	"consend/internal/ground/store"
	"consend/internal/keys"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Changed is a field of a person before and after a correction (GDPR 16), or an import that replaced it. Values disclose.
type Changed struct {
	Field         string // name, language, country, age, email, or attribute. and its folded name
	Before, After string // "" is nothing
	Ended         bool   // both are kept no longer: the attribute's days are over, or the person has no key any more
}

// Over tells what a change would change of a person, by field; nothing when all stays.
func (c Change) Over(was Contact) []Changed {
	_, private := c.onto(was)
	return pairs(private, fieldsOf(private))
}

// Changes tells what entries of a person's trace changed, by entry and field. Where values ended, fields
// alone are told, and nothing of what an import replaced (Replacings); of a person who is being erased nothing is.
func Changes(r store.Reader, c Contact, entries []trace.Entry) (map[int64][]Changed, error) {
	out := map[int64][]Changed{}
	ids := []int64{}
	for _, e := range entries {
		if e.ContactID == c.ID && e.Fields()["fields"] != "" || replacing(e) {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 || c.State.Ending() {
		return out, nil
	}
	p, err := Person(r, c.ID)
	if err != nil {
		return nil, err
	}
	values := map[int64]proof.Fields{}
	for _, e := range entries {
		if !slices.Contains(ids, e.ID) {
			continue
		}
		if replacing(e) {
			values[e.ID] = proof.Fields{}
			continue
		}
		if values[e.ID], err = trace.Values(keys.Of(r), accountOf(r), e.ID, p, e.Sealed); err != nil {
			return nil, err
		}
	}
	if err := opened(r, p, values); err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch v, ok := values[e.ID]; {
		case !ok:
		case replacing(e):
			out[e.ID] = pairs(v, fieldsOf(v))
		default:
			out[e.ID] = pairs(v, strings.Fields(e.Fields()["fields"]))
		}
	}
	return out, nil
}

// replacing tells whether an act on many people filled in what was known about them.
func replacing(e trace.Entry) bool { return e.ContactID == 0 && e.Action == "contact.fill" }

// Replacings lists the imports' acts that replaced something of a person, newest first, behind a place, for as long as
// what was replaced is kept.
func Replacings(r store.Reader, id int64, after trace.Cursor, limit int) ([]trace.Entry, error) {
	entries, err := store.All[int64](r, replacedAt, id)
	if err != nil {
		return nil, err
	}
	all, err := trace.Among(r, entries, after, limit)
	return slices.DeleteFunc(all, func(e trace.Entry) bool { return !replacing(e) }), err
}

// pairs puts before and after beside each other.
func pairs(values proof.Fields, fields []string) []Changed {
	out := make([]Changed, len(fields))
	for i, f := range fields {
		before, kept := values["before."+f]
		out[i] = Changed{f, before, values["after."+f], !kept}
	}
	return out
}

// fieldsOf names what private fields tell of.
func fieldsOf(private proof.Fields) []string {
	fields := map[string]bool{}
	for n := range private {
		fields[strings.TrimPrefix(strings.TrimPrefix(n, "before."), "after.")] = true
	}
	return slices.Sorted(maps.Keys(fields))
}

const attributeField = "attribute."

// attributesOf names the attributes that private fields tell of: an entry of one person keeps the rest itself.
func attributesOf(private proof.Fields) []string {
	return slices.DeleteFunc(fieldsOf(private), func(f string) bool { return !strings.HasPrefix(f, attributeField) })
}

func wasAt(entry int64) keys.AAD {
	return keys.AAD{Table: "attribute_was", Column: "sealed", Row: entry}
}

// remember keeps what fields were and are, of the private ones of an act, under the person's key. It goes
// before anything is dated anew. since is when values were noted of which nothing else tells; of what was not there
// before it is filled.
func remember(tx *store.Tx, person int64, key keys.Subject, entry int64, private proof.Fields, fields []string, since, filled legalclock.Moment) error {
	for _, f := range fields {
		text, err := proof.Canonical(proof.Fields{"before." + f: private["before."+f], "after." + f: private["after."+f]})
		if err != nil {
			return err
		}
		sealed, err := key.Seal(wasAt(entry), []byte(text))
		if err != nil {
			return err
		}
		noted, name := since, f // of an attribute the name, in capitals
		if a, is := strings.CutPrefix(f, attributeField); is {
			name = strings.ToUpper(a)
		}
		if private["before."+f] == "" {
			noted = filled
		}
		tx.Do(addWas, person, entry, name, sealed, person, name, noted)
	}
	return nil
}

// opened adds what remember kept to the values of entries.
func opened(r store.Reader, p trace.Person, values map[int64]proof.Fields) error {
	type kept struct {
		EntryID int64
		Sealed  []byte
	}
	var rows []kept
	for part := range slices.Chunk(slices.Sorted(maps.Keys(values)), 1000) {
		some, err := store.All[kept](r, findWas, p.ID, part)
		if err != nil {
			return err
		}
		rows = append(rows, some...)
	}
	if len(rows) == 0 {
		return nil
	}
	subject, err := keys.Of(r).Subject(accountOf(r), p.Key)
	if errors.Is(err, keys.ErrForgotten) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, k := range rows {
		text, err := subject.Open(wasAt(k.EntryID), k.Sealed)
		if err != nil {
			return err
		}
		f, err := proof.Parse(string(text))
		if err != nil {
			return err
		}
		maps.Copy(values[k.EntryID], f)
	}
	return nil
}

var (
	addWas = store.Account("contact.add_was", `INSERT INTO attribute_was (account_id, contact_id, entry_id, name, sealed, noted_at)
		VALUES (:account, ?, ?, ?, ?, COALESCE((SELECT n.noted_at FROM attribute_noted n WHERE n.account_id = :account AND n.contact_id = ? AND n.name = ?), CAST(? AS BIGINT)))`)
	findWas    = store.Account("contact.find_was", `SELECT w.entry_id, w.sealed FROM attribute_was w WHERE w.account_id = :account AND w.contact_id = ? AND w.entry_id IN ?*`)
	replacedAt = store.Account("contact.replaced_at", `SELECT DISTINCT w.entry_id FROM attribute_was w WHERE w.account_id = :account AND w.contact_id = ?`)
	endWas     = store.Account("contact.end_was", `DELETE FROM attribute_was WHERE attribute_was.account_id = :account AND attribute_was.name = ? AND attribute_was.noted_at < ? AND attribute_was.entry_id IN
		(SELECT w.entry_id FROM attribute_was w WHERE w.account_id = :account AND w.name = ? AND w.noted_at < ?
			AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.account_id = :account AND c.id = w.contact_id AND c.state = 'restricted')
			ORDER BY w.noted_at, w.entry_id LIMIT ?)`)
	dropWasOf = store.Account("contact.drop_was_of", `DELETE FROM attribute_was WHERE account_id = :account AND name = ? AND contact_id IN ?*`)
	dropWas   = store.Account("contact.drop_was", `DELETE FROM attribute_was WHERE account_id = :account AND contact_id IN ?*`)
)
