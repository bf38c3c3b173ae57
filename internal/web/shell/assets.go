// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
)

// dist is built from npm packages by script/assets.sh and committed, so that
// `go build` needs no Node; CI builds it again and compares.
//
//go:embed assets/dist/*
var dist embed.FS

// assets serves our own files: same origin, no other host, kept by browsers for a
// year under an address that changes with their content.
type assets struct{ files map[string]assetFile }

type assetFile struct {
	plain, packed []byte
	kind, hash    string
}

var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

var loadAssets = sync.OnceValues(func() (*assets, error) {
	a := &assets{files: map[string]assetFile{}}
	entries, err := dist.ReadDir("assets/dist")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		b, err := dist.ReadFile("assets/dist/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
		w.Write(b)
		w.Close()
		a.files[e.Name()] = assetFile{plain: b, packed: z.Bytes(), kind: kinds[path.Ext(e.Name())], hash: hex.EncodeToString(sum[:6])}
	}
	return a, nil
})

// asset gives the address of one of our files, with its content's hash.
func asset(name string) string {
	a, err := loadAssets()
	if err != nil {
		return "/assets/" + name
	}
	return "/assets/" + name + "?v=" + a.files[name].hash
}

func (a *assets) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	f, ok := a.files[q.PathValue("file")]
	if !ok {
		http.NotFound(w, q)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Vary", "Accept-Encoding")
	if q.URL.Query().Get("v") == f.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	body := f.plain
	if strings.Contains(q.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.packed
	}
	if q.Method != http.MethodHead {
		w.Write(body)
	}
}

var colour = regexp.MustCompile(`^#?([0-9a-fA-F]{6})(\.css)?$`)

// styles are the addresses of the style sheets of a page, with a colour or "".
func styles(colour string) []string {
	out := []string{asset("tabler.css"), asset("consend.css")}
	if b := brandLink(colour); b != "" {
		out = append(out, b)
	}
	return out
}

func (p PublicPage) styles(r *Request) []string {
	if p.Style != "" {
		return []string{p.Style}
	}
	return styles(r.Brand.Colour)
}

// brandLink gives the address of a style sheet with the account's colour, or "".
func brandLink(c string) string {
	m := colour.FindStringSubmatch(c)
	if m == nil || strings.HasSuffix(c, ".css") {
		return ""
	}
	return "/assets/brand/" + strings.ToLower(m[1]) + ".css"
}

// serveBrand makes the style sheet of a brand colour: an own address, because the
// policy forbids inline styles. The colour is darkened or lightened until text on it
// and links in it reach 4.5:1 in both themes (WCAG 1.4.3).
func serveBrand(w http.ResponseWriter, q *http.Request) {
	m := colour.FindStringSubmatch(q.PathValue("file"))
	if m == nil || m[2] == "" {
		http.NotFound(w, q)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Write([]byte(brandOf(m[1])))
}

// PublicStyle is the style sheet of public pages of a colour, in one piece: what somebody saw can be drawn again.
func PublicStyle(c string) []byte {
	var b bytes.Buffer
	for _, name := range []string{"tabler.css", "consend.css"} {
		if css, err := dist.ReadFile("assets/dist/" + name); err == nil { // embedded: it is there
			b.Write(css)
			b.WriteByte('\n')
		}
	}
	if m := colour.FindStringSubmatch(c); m != nil && m[2] == "" {
		b.WriteString(brandOf(m[1]))
	}
	return b.Bytes()
}

// brandOf is the style sheet of a colour "rrggbb".
func brandOf(s string) string {
	c := parseRGB(strings.ToLower(s))
	return brandSheet(readable(c, grounds[false]), readable(c, grounds[true]))
}

func brandSheet(light, dark rgb) string {
	var b strings.Builder
	b.WriteString(":root{--c-accent:" + light.hex() + ";--c-accent-ink:" + inkOn(light).hex() + ";--c-link:" + light.hex() + "}\n")
	d := "{--c-accent:" + dark.hex() + ";--c-accent-ink:" + inkOn(dark).hex() + ";--c-link:" + dark.hex() + "}"
	b.WriteString("[data-bs-theme=dark]" + d + "\n@media (prefers-color-scheme:dark){[data-bs-theme=auto]" + d + "}\n")
	return b.String()
}
