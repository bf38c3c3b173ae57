// SPDX-License-Identifier: AGPL-3.0-or-later

package forms

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"consend/internal/ground/fault"
	"consend/internal/ground/store"
	"consend/internal/people/form"
	"consend/internal/people/notice"
	"consend/internal/team/account"
	"consend/internal/web/shell"
)

// ways are the ways a form reaches people.
type ways struct {
	f      form.Form
	link   string
	frame  string
	copies []copied
	puzzle bool // the form asks for work that plain HTML can't do
}

// copied is the form as plain HTML in one language.
type copied struct{ lang, name, html string }

func (p *Pages) share(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	w := ways{f: f, link: p.Site.Link(f.Path())}
	if f.CurrentID != 0 {
		err = p.view(r, func(v *store.View) error {
			ver, err := form.Get(v, f.CurrentID)
			if err != nil {
				return err
			}
			n, err := notice.Get(v, ver.NoteVersion)
			if err != nil {
				return err
			}
			w.puzzle = ver.Definition.Puzzle
			for _, lang := range ver.Definition.Languages {
				html, err := form.Embed(r.Context(), ver, n, r.Account, lang, p.Site.Link(""), f.Slug)
				if err != nil {
					return err
				}
				w.copies = append(w.copies, copied{lang, ver.Definition.LanguageName(lang), html})
			}
			lang := ver.Definition.Language(r.P.Lang)
			w.frame = fmt.Sprintf(`<iframe src="%s?frame=1" title="%s" width="100%%" height="640" loading="lazy" style="border:0"></iframe>`,
				w.link, strings.NewReplacer(`"`, "&quot;", "<", "&lt;", "&", "&amp;").Replace(ver.Definition.Title.In(lang)))
			return nil
		})
	}
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, sharePage(r, w))
}

// qr draws the form's address as a code, black on white in both themes.
func (p *Pages) qr(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	svg, err := code(p.Site.Link(f.Path()))
	if err != nil {
		return fault.Wrap(err, "fault.internal")
	}
	h := r.W.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if r.Q("save") != "" {
		h.Set("Content-Disposition", `attachment; filename="`+f.Slug+`.svg"`)
	}
	r.W.WriteHeader(http.StatusOK)
	_, err = r.W.Write([]byte(svg))
	if err != nil {
		return nil // the browser went away
	}
	return nil
}

// qrPNG is the same code as a picture of points, for programs that read no SVG.
func (p *Pages) qrPNG(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	b, err := shell.QRPicture(p.Site.Link(f.Path()))
	if err != nil {
		return fault.Wrap(err, "fault.internal")
	}
	return r.Download(f.Slug+".png", "image/png", bytes.NewReader(b))
}

func code(text string) (string, error) {
	path, size, err := shell.QR(text)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" shape-rendering="crispEdges">`+
		`<rect width="%d" height="%d" fill="#fff"/><path d="%s" fill="#000"/></svg>`, size, size, size*8, size*8, size, size, path), nil
}

func (p *Pages) versions(r *shell.Request) error {
	f, err := p.one(r)
	if err != nil {
		return err
	}
	var all []form.Version
	if err := p.view(r, func(v *store.View) (err error) { all, err = form.Versions(v, f.ID); return err }); err != nil {
		return err
	}
	return r.Render(http.StatusOK, versionsPage(r, f, all))
}

// pinned reads the version a page is about, and that it is this form's.
func (p *Pages) pinned(r *shell.Request) (f form.Form, v form.Version, pages []form.Page, err error) {
	if f, err = p.one(r); err != nil {
		return
	}
	id, err := r.ID("version")
	if err != nil {
		return
	}
	err = p.view(r, func(view *store.View) (err error) {
		if v, err = form.Get(view, id); err != nil {
			return err
		}
		if v.FormID != f.ID {
			return fault.New(fault.NotFound, "form.none")
		}
		pages, err = form.Pages(view, id)
		return err
	})
	return
}

func (p *Pages) version(r *shell.Request) error {
	f, v, pages, err := p.pinned(r)
	if err != nil {
		return err
	}
	looks, look, err := p.looks(r, v)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, versionPage(r, f, v, pages, looks, look))
}

// looks are how a version looked over time, and the one that is asked for: the newest where none is.
func (p *Pages) looks(r *shell.Request, of form.Version) (all []form.Appearance, one form.Appearance, err error) {
	err = p.view(r, func(v *store.View) (err error) { all, err = form.Appearances(v, of.ID); return err })
	if err != nil || len(all) == 0 {
		return all, one, err
	}
	asked := r.Q("look")
	if asked == "" {
		return all, all[0], nil
	}
	for _, k := range all {
		if dec(int64(k.Since)) == asked {
			return all, k, nil
		}
	}
	return all, one, fault.New(fault.NotFound, "form.none")
}

func lookQuery(k form.Appearance) string {
	if k.Since == 0 {
		return ""
	}
	return "&look=" + dec(int64(k.Since))
}

func versionURL(f form.Form, v form.Version, k form.Appearance) string {
	return at(f.ID, "/versions/"+dec(v.ID)+"?look="+dec(int64(k.Since)))
}

// kept shows a page of a version as its bytes were kept, drawn with the style sheet that was kept with it.
func (p *Pages) kept(r *shell.Request) error {
	f, v, pages, err := p.pinned(r)
	if err != nil {
		return err
	}
	_, look, err := p.looks(r, v)
	if err != nil {
		return err
	}
	var a account.Account
	if err := p.view(r, func(v *store.View) (err error) { a, err = account.Get(v); return err }); err != nil {
		return err
	}
	style := ""
	if look.Since != 0 {
		style = at(f.ID, "/versions/"+dec(v.ID)+"/style.css?look="+dec(int64(look.Since)))
	}
	lang := v.Definition.Language(r.Q("lang"))
	for _, x := range pages {
		if x.Language == lang {
			r.Brand = brand(a, v.Definition, lang)
			return r.Render(http.StatusOK, previewPage(r, v.Definition, lang, x, style))
		}
	}
	return fault.New(fault.NotFound, "form.none")
}

// style is the style sheet of a look.
func (p *Pages) style(r *shell.Request) error {
	_, v, _, err := p.pinned(r)
	if err != nil {
		return err
	}
	_, look, err := p.looks(r, v)
	if err != nil {
		return err
	}
	if look.Since == 0 {
		return fault.New(fault.NotFound, "form.none")
	}
	var css []byte
	if err := p.view(r, func(v *store.View) (err error) { css, err = form.Style(v, look.Sha256); return err }); err != nil {
		return err
	}
	h := r.W.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	r.W.WriteHeader(http.StatusOK)
	r.W.Write(css) // the browser may have gone away
	return nil
}
