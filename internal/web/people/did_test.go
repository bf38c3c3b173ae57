// SPDX-License-Identifier: AGPL-3.0-or-later

package people

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"consend/internal/ground/locale"
	"consend/internal/people/consent"
	"consend/internal/trace"
	"consend/internal/web/shell"
)

// What a room calls an act of a person by stands in its source; those made of parts are added.
func TestEveryActOfAPersonHasWordsOnTheTimeline(t *testing.T) {
	actions := []string{"contact.restrict", "contact.unrestrict", "contact.erase", "contact.pause", "contact.resume", "contact.pace", "move.yes", "move.no", "move.expire", "once.asked"}
	for _, k := range consent.Kinds() {
		actions = append(actions, "consent."+string(k))
	}
	named := regexp.MustCompile(`Action: *"([a-z_.]*[a-z])"`)
	for _, floor := range []string{"../../people", "../../sending", "../../gate"} {
		err := fs.WalkDir(os.DirFS(floor), ".", func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(floor + "/" + path)
			for _, m := range named.FindAllSubmatch(b, -1) {
				actions = append(actions, string(m[1]))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(actions) < 60 {
		t.Errorf("only %d acts were found", len(actions))
	}
	for _, lang := range locale.Languages() {
		r := &shell.Request{P: locale.For(lang, nil)}
		for _, a := range actions {
			if s := did(r, trace.Entry{Action: a}); s == "" || s == strings.ReplaceAll(a, ".", " · ") {
				t.Errorf("%s lacks words for %s", lang, a)
			}
		}
	}
}
