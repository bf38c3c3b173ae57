// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"fmt"
	"strings"
	"testing"

	"consend/internal/ground/store"
	"consend/internal/people/contact"
	"consend/internal/people/list"
	"consend/internal/people/segment"
)

// A segment names what went out of use since, says so, and breaks no page.
func TestASegmentOfWhatIsNoLongerInUseSaysSo(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.person("lea@example.org")
		var hat int64
		o.write(o.who, func(tx *store.Tx) (err error) {
			hat, err = contact.MakeAttribute(tx, contact.Attribute{Name: "HAT", Label: "Hat size", Type: contact.TypeText})
			return err
		})
		to := o.post("/segments/new", "name", "Hats", "m0", "all", "w1", fmt.Sprintf("attribute:%d", hat), "c1", "filled", "g1", "0", "w2", fmt.Sprintf("list:%d", o.offers), "c2", "off", "g2", "0")
		o.write(o.who, func(tx *store.Tx) error {
			if err := list.Retire(tx, o.offers); err != nil {
				return err
			}
			return contact.RetireAttribute(tx, hat)
		})
		gone := say(o, "This information is no longer in use", "n’est plus utilisée")
		contains(t, o.get("/segments"), "Hat size", "Offers")
		contains(t, o.get(to), "Hat size", "Offers", gone)
		contains(t, o.get("/contacts?segment="+strings.TrimPrefix(to, "/segments/")), gone, `href="`+to+`"`)
		page := o.get("/segments/new")
		for _, what := range []string{fmt.Sprintf(`value="attribute:%d:`, hat), fmt.Sprintf(`value="list:%d:`, o.offers)} {
			if strings.Contains(page, what) {
				t.Errorf("offered for a new condition: %s", what)
			}
		}
	})
}

// Clicks are counted among those who agreed to clicks, opens among those who agreed to opens.
func TestAMeasuredConditionIsOfferedWithItsOwnYesAlone(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		var on map[string]list.List
		o.write(o.who, func(tx *store.Tx) (err error) { on, err = list.EnsureMeasuring(tx, "en"); return err })
		page := o.get("/segments/new")
		for _, kind := range []contact.Doing{contact.Opened, contact.Clicked} {
			for what, l := range on {
				offered := strings.Contains(page, fmt.Sprintf(`value="activity:0:%s:%d"`, kind, l.ID))
				if offered != (what == segment.Measure(kind)) {
					t.Errorf("%s with a yes to %s: %v", kind, what, offered)
				}
			}
		}
	})
}

// From the thirteenth list or segment on they are chosen from one field: none is out of reach.
func TestManyListsAndSegmentsAreChosenFromAField(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.person("lea@example.org")
		o.write(o.who, func(tx *store.Tx) error {
			p, err := list.MakePurpose(tx, list.NewPurpose{Name: "Many"})
			for i := 0; i < 12 && err == nil; i++ {
				if _, err = list.Make(tx, list.New{Name: fmt.Sprintf("Many %02d", i), Purpose: p}); err == nil {
					_, err = segment.Make(tx, fmt.Sprintf("Group %02d", i), segment.Definition{})
				}
			}
			return err
		})
		page := o.get("/contacts")
		contains(t, page, `<select class="form-select" id="filter-list" name="list">`, "Many 11", "Group 11")
		if strings.Contains(page, `id="filter-segment"`) {
			t.Error("twelve segments stand in a field")
		}
		var last int64
		o.write(o.who, func(tx *store.Tx) (err error) { last, err = segment.Make(tx, "Last", segment.Definition{}); return err })
		page = o.get(fmt.Sprintf("/contacts?segment=%d&q=lea&state=given", last))
		contains(t, page, fmt.Sprintf(`<option value="%d" selected>`, last), `<input type="hidden" name="state" value="given">`, `<input type="hidden" name="q" value="lea">`, "lea@example.org")
	})
}
