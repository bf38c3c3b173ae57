// SPDX-License-Identifier: AGPL-3.0-or-later

package locale_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// message is the set of plural forms of one key.
type message map[string]string

// read loads all catalogue files of a language, flat, and reports keys written twice.
func read(t *testing.T, lang string) map[string]message {
	t.Helper()
	all, from := map[string]message{}, map[string]string{}
	names, _ := filepath.Glob("catalogue/*." + lang + ".toml")
	if len(names) == 0 {
		t.Fatal("no catalogue files")
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var raw map[string]any
		if err := toml.Unmarshal(b, &raw); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		flatten(raw, "", func(key string, m message) {
			if from[key] != "" {
				t.Errorf("%s: %q stands already in %s", name, key, from[key])
			}
			all[key], from[key] = m, name
		})
	}
	return all
}

var forms = []string{"zero", "one", "two", "few", "many", "other", "description", "hash", "leftDelim", "rightDelim"}

func flatten(raw map[string]any, prefix string, yield func(string, message)) {
	for k, v := range raw {
		key := prefix + k
		switch v := v.(type) {
		case string:
			yield(key, message{"other": v})
		case map[string]any:
			m := message{}
			for f, s := range v {
				if text, ok := s.(string); ok && slices.Contains(forms, f) {
					m[f] = text
				}
			}
			if len(m) == len(v) {
				yield(key, m)
			} else {
				flatten(v, key+".", yield)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`{{\s*\.(\w+)`)

func placeholders(m message) string {
	set := map[string]bool{}
	for _, f := range placeholder.FindAllStringSubmatch(m["other"], -1) {
		set[f[1]] = true
	}
	var names []string
	for n := range set {
		names = append(names, n)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestEveryMessageStandsInBothLanguages(t *testing.T) {
	en, fr := read(t, "en"), read(t, "fr")
	for key, e := range en {
		f, ok := fr[key]
		if !ok {
			t.Errorf("%s is missing in French", key)
			continue
		}
		if e["other"] == "" || f["other"] == "" {
			t.Errorf("%s has no text (other)", key)
		}
		if a, b := placeholders(e), placeholders(f); a != b {
			t.Errorf("%s takes %q in English, %q in French", key, a, b)
		}
		if e["one"] == "" != (f["one"] == "") {
			t.Errorf("%s is counted in one language only", key)
		}
		if f["one"] != "" && f["many"] == "" {
			t.Errorf("%s needs one, many and other in French (CLDR)", key)
		}
	}
	for key := range fr {
		if _, ok := en[key]; !ok {
			t.Errorf("%s is missing in English", key)
		}
	}
}

// French typography: a space before ; : ! ? (we write an ordinary one; see words.md for the words).
func TestFrenchKeepsItsSpacesAndItsWords(t *testing.T) {
	tight := regexp.MustCompile(`\p{L}[;!?](\s|$)`)
	avoid := regexp.MustCompile(`(?i)liste noire|opt-?out|\bconforme au RGPD|quarantaine|blacklist`)
	for key, m := range read(t, "fr") {
		for _, s := range m {
			if tight.MatchString(s) {
				t.Errorf("%s: no space before the sign in %q", key, s)
			}
			if avoid.MatchString(s) {
				t.Errorf("%s: a word to avoid in %q", key, s)
			}
		}
	}
	avoidEN := regexp.MustCompile(`(?i)GDPR[- ](proof|compliant)|blacklist|we value your privacy|implied consent|\btenant`)
	for key, m := range read(t, "en") {
		for _, s := range m {
			if avoidEN.MatchString(s) {
				t.Errorf("%s: a word to avoid in %q", key, s)
			}
		}
	}
}

// uses finds keys written as literals in code: .T("key"), .N("key"), fault.New(kind, "key").
var uses = []*regexp.Regexp{
	regexp.MustCompile(`\.[TN]\(\s*"([a-z0-9_]+(?:\.[a-z0-9_-]+)+)"\s*[,)]`),
	regexp.MustCompile(`fault\.New\(\s*[\w.]+,\s*"([a-z0-9_]+(?:\.[a-z0-9_-]+)+)"\s*[,)]`),
	regexp.MustCompile(`fault\.Wrap\(\s*[\w.]+,\s*"([a-z0-9_]+(?:\.[a-z0-9_-]+)+)"\s*[,)]`),
}

func TestEveryKeyUsedInCodeHasItsWords(t *testing.T) {
	en := read(t, "en")
	seen := 0
	err := filepath.WalkDir("../../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return err
		}
		goFile := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "_templ.go")
		if !goFile && !strings.HasSuffix(path, ".templ") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, re := range uses {
			for _, m := range re.FindAllSubmatch(uncomment(b), -1) {
				seen++
				if _, ok := en[string(m[1])]; !ok {
					t.Errorf("%s uses %q, which has no words", strings.TrimPrefix(path, "../../../"), m[1])
				}
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Fatalf("looked at %d uses: %v", seen, err)
	}
}

var comment = regexp.MustCompile(`(?m)^\s*//.*$`)

func uncomment(b []byte) []byte { return comment.ReplaceAll(b, nil) }
