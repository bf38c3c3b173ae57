// SPDX-License-Identifier: AGPL-3.0-or-later

package contact

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"consend/internal/ground/pii"
	"consend/internal/ground/store"
	"consend/internal/trace"
	"consend/internal/trace/proof"
)

// Filling is what a file or program says about a person who is here already. What is empty
// says nothing: a blank never erases.
type Filling struct {
	Row        *Row // from Ensure in the same act
	Name       pii.Text
	Attributes Attributes
	Language   string
	Country    string
}

// Pack gives the name and the attributes of a filling as octets, to be kept under the person's key.
func (f Filling) Pack() []byte {
	b, _ := json.Marshal(packed{f.Name.Raw(), json.RawMessage(f.Attributes.text())}) // disclosed: it is sealed
	return b
}

// Unpack takes what Pack gave, of the attributes those that are still declared.
func (f *Filling) Unpack(b []byte, declared map[string]Attribute) error {
	var p packed
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	f.Name = pii.T(p.Name)
	if err := f.Attributes.Scan([]byte(p.Attributes)); err != nil {
		return err
	}
	maps.DeleteFunc(f.Attributes, func(n string, _ Value) bool { _, ok := declared[n]; return !ok })
	return nil
}

type packed struct {
	Name       string          `json:"name,omitempty"`
	Attributes json.RawMessage `json:"attributes"`
}

// Fill brings what is new into people who are here, in bulk: what is missing, or with
// replace whatever differs. People who are being erased or are frozen stay as they are, and so does
// what somebody took back their express yes to. What
// was and what is are committed in one set act, named after the import; what was replaced is kept as a
// correction's is, and told by Changes. The number of people who changed is given.
func Fill(tx *store.Tx, fills []Filling, replace bool, importID int64) (int64, error) {
	var members []trace.Member
	var said []noted
	var entries []int64 // of the set acts
	err := each(tx, lockSome, fills, replace, func(f *Filling, now Contact, private proof.Fields) error {
		if again := f.stands(now); len(again) > 0 {
			said = append(said, noted{now.ID, again})
		}
		if len(private) == 0 {
			return nil
		}
		if len(members)%proof.MaxMembers == 0 {
			entries = append(entries, tx.ID())
		}
		tx.Do(fill, now.Name, now.Attributes.text(), now.Language, now.Country, now.ID)
		members = append(members, filled(f.Row, private))
		gone := slices.DeleteFunc(fieldsOf(private), func(n string) bool { return private["before."+n] == "" })
		if len(gone) == 0 {
			return nil
		}
		key, err := f.Row.Unlock(tx)
		if err != nil {
			return err
		}
		return remember(tx, now.ID, key, entries[len(entries)-1], private, gone, now.UpdatedAt, tx.Now)
	})
	if err != nil {
		return 0, err
	}
	if err := note(tx, said); err != nil {
		return 0, err
	}
	changed := int64(len(members))
	for _, entry := range entries {
		n := min(len(members), proof.MaxMembers)
		act := trace.Act{ID: entry, Action: "contact.fill", Object: "import", ObjectID: importID, Clear: proof.Fields{"replace": strconv.FormatBool(replace)}}
		if _, err := trace.AppendSet(tx, act, members[:n]); err != nil {
			return 0, err
		}
		members = members[n:]
	}
	return changed, nil
}

// WouldFill tells how many people a Fill would change now, and changes nobody.
func WouldFill(r store.Reader, fills []Filling, replace bool) (n int64, err error) {
	err = each(r, some, fills, replace, func(_ *Filling, _ Contact, private proof.Fields) error {
		if len(private) > 0 {
			n++
		}
		return nil
	})
	return n, err
}

// each gives the people whom fillings are of, as they are with them, and what of that is new.
func each(r store.Reader, people *store.Query, fills []Filling, replace bool, take func(f *Filling, now Contact, private proof.Fields) error) error {
	at := make(map[int64]*Filling, len(fills))
	ids := make([]int64, 0, len(fills))
	for i := range fills {
		f := &fills[i]
		if f.Row.State.Ending() || f.Row.State == StateRestricted || f.Name.IsZero() && len(f.Attributes) == 0 && f.Language == "" && f.Country == "" {
			continue
		}
		if at[f.Row.ID] == nil {
			ids = append(ids, f.Row.ID)
		}
		at[f.Row.ID] = f
	}
	slices.Sort(ids)
	for part := range slices.Chunk(ids, 1000) {
		was, err := store.All[Contact](r, people, part)
		if err != nil {
			return err
		}
		var taken map[int64][]string
		if slices.ContainsFunc(part, func(id int64) bool { return len(at[id].Attributes) > 0 }) {
			if taken, err = withheld(r, part); err != nil {
				return err
			}
		}
		for _, c := range was {
			f := at[c.ID]
			f.Attributes = f.Attributes.but(taken[c.ID])
			if c.State.Ending() || c.State == StateRestricted {
				continue
			}
			now, private := f.change(c, replace).onto(c)
			if err := take(f, now, private); err != nil {
				return err
			}
		}
	}
	return nil
}

// stands are the values of a filling that the person has now: brought, or said again.
func (f *Filling) stands(now Contact) Attributes {
	out := Attributes{}
	for n, v := range f.Attributes {
		if !v.IsZero() && now.Attributes[n] == v {
			out[n] = v
		}
	}
	return out
}

// filled is the member of the set act that tells of one person: which fields, and what they
// were and are, as one value each (a set act has few names of private fields).
func filled(r *Row, private proof.Fields) trace.Member {
	before, after := map[string]string{}, map[string]string{}
	for n, v := range private {
		if f, ok := strings.CutPrefix(n, "before."); ok {
			before[f] = v
		} else {
			after[strings.TrimPrefix(n, "after.")] = v
		}
	}
	text := func(m map[string]string) string {
		b, _ := json.Marshal(m) // strings always encode, names sorted
		return string(b)
	}
	return trace.Member{Person: r.Person(), Clear: proof.Fields{"fields": strings.Join(slices.Sorted(maps.Keys(after)), " ")},
		Private: proof.Fields{"before": text(before), "after": text(after)}}
}

// change is the part of a filling that counts for a person.
func (f *Filling) change(c Contact, replace bool) Change {
	var out Change
	if !f.Name.IsZero() && (replace || c.Name.IsZero()) {
		out.Name = &f.Name
	}
	if f.Language != "" && (replace || c.Language == "") {
		out.Language = &f.Language
	}
	if f.Country != "" && (replace || c.Country == "") {
		out.Country = &f.Country
	}
	for n, v := range f.Attributes {
		if v.IsZero() || !replace && !c.Attributes[n].IsZero() {
			continue
		}
		if out.Attributes == nil {
			out.Attributes = Attributes{}
		}
		out.Attributes[n] = v
	}
	return out
}
