// SPDX-License-Identifier: AGPL-3.0-or-later

package people_test

import (
	"fmt"
	"html"
	"regexp"
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

// What else the table is asked holds within a segment too, in both directions.
func TestTheTableOfASegmentHonoursEveryFilter(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		var ids []int64
		for i := range 30 {
			ids = append(ids, o.person(fmt.Sprintf("p%02d@example.org", i)))
		}
		o.post(fmt.Sprintf("/contacts/%d/withdraw", ids[0]), "scope", "all", "how", "phone", "on", "2026-03-01")
		o.post(fmt.Sprintf("/contacts/%d/freeze", ids[1]), "why", "accuracy")
		to := o.post("/segments/new", "name", "All", "m0", "all", "w1", "domain", "c1", "is", "v1", "example.org", "g1", "0")
		base := "/contacts?segment=" + strings.TrimPrefix(to, "/segments/")
		row := regexp.MustCompile(`class="row-link"[^>]*>\s*(p\d\d)@`)
		for q, want := range map[string][2]string{"": {"p29", "30"}, "&q=P03": {"p03", "1"}, "&q=nobody": {"", "0"}, "&state=withdrawn": {"p00", "1"}, "&state=frozen": {"p01", "1"}, "&grade=d": {"", "0"},
			"&grade=a&q=p1": {"p19", "10"}, fmt.Sprintf("&list=%d", o.news): {"p29", "30"}, fmt.Sprintf("&list=%d&state=withdrawn", o.news): {"p00", "1"}, fmt.Sprintf("&list=%d", o.offers): {"", "0"},
			"&sort=added": {"p00", "30"}, "&sort=email": {"p29", "30"}, "&sort=added&size=25": {"p00", "25"}} {
			found := row.FindAllStringSubmatch(o.get(base+q), -1)
			first := ""
			if len(found) > 0 {
				first = found[0][1]
			}
			if first != want[0] || fmt.Sprint(len(found)) != want[1] {
				t.Errorf("%s: %d people, first %q, want %v", q, len(found), first, want)
			}
		}
		next := regexp.MustCompile(`href="([^"]*after=[^"]*)"`).FindStringSubmatch(o.get(base + "&sort=added&size=25"))
		if next == nil {
			t.Fatal("no next page")
		}
		contains(t, o.get(html.UnescapeString(next[1])), "p25@example.org", "p29@example.org")
		contains(t, o.get(base+"&sort=email"), say(o, "in the order they were added", "dans l’ordre de leur ajout"))
	})
}
