// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"errors"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"consend/internal/ground/fault"
	"consend/internal/ground/legalclock"
)

// Form is what somebody typed, and what is wrong with it. Field components read
// their value and error from it by name, so a page shown again keeps everything.
// An empty form (new page) is NewForm with the values to begin with.
type Form struct {
	Values url.Values
	Faults []*fault.Error
	files  map[string][]*multipart.FileHeader
	zone   *time.Location
}

// NewForm makes a form from name, value pairs.
func NewForm(pairs ...string) *Form {
	f := &Form{Values: url.Values{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Values.Add(pairs[i], pairs[i+1])
	}
	return f
}

// Form reads the posted form, up to max bytes in memory (no temporary files: they'd
// be copies of personal data nobody erases). A larger one is TooLarge before it is
// parsed; text with NUL or broken UTF-8 is Invalid. For files over a few megabytes
// use Parts.
func (r *Request) Form(max int64) (*Form, error) {
	f := &Form{Values: url.Values{}, zone: r.Zone}
	if r.reads() {
		return nil, fault.New(fault.Internal, "fault.internal").Because(errors.New("form read in a GET"))
	}
	if r.R.ContentLength > max {
		return nil, fault.New(fault.TooLarge, "shell.too_large", "max", r.P.Size(max))
	}
	r.R.Body = http.MaxBytesReader(r.W, r.R.Body, max)
	var err error
	if t, _, _ := mime.ParseMediaType(r.R.Header.Get("Content-Type")); t == "multipart/form-data" {
		if err = r.R.ParseMultipartForm(max); err == nil {
			f.files = r.R.MultipartForm.File
		}
	} else {
		err = r.R.ParseForm()
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return nil, fault.New(fault.TooLarge, "shell.too_large", "max", r.P.Size(max))
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "shell.bad_form").Because(err)
	}
	for name, vs := range r.R.PostForm {
		for _, v := range vs {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) || !utf8.ValidString(name) {
				return nil, fault.New(fault.Invalid, "shell.bad_text")
			}
			f.Values.Add(name, strings.ReplaceAll(v, "\r\n", "\n"))
		}
	}
	return f, nil
}

// Parts reads a large multipart body piece by piece. The route's Body bounds it.
func (r *Request) Parts() (*multipart.Reader, error) {
	mr, err := r.R.MultipartReader()
	if err != nil {
		return nil, fault.New(fault.Invalid, "shell.bad_form").Because(err)
	}
	return mr, nil
}

// Get gives a value, trimmed.
func (f *Form) Get(name string) string { return strings.TrimSpace(f.Values.Get(name)) }

// Raw gives a value as typed: for passwords and texts whose blanks count.
func (f *Form) Raw(name string) string { return f.Values.Get(name) }

// All gives all values of a name: checkboxes.
func (f *Form) All(name string) []string { return f.Values[name] }

// Has tells whether a value was chosen: a checkbox, or one of several.
func (f *Form) Has(name, value string) bool { return slices.Contains(f.Values[name], value) }

// Checked tells whether a single checkbox was ticked.
func (f *Form) Checked(name string) bool { return f.Values.Get(name) != "" }

// Int gives a whole number; 0 and false when it is none.
func (f *Form) Int(name string) (int64, bool) {
	n, err := strconv.ParseInt(f.Get(name), 10, 64)
	return n, err == nil
}

// IDs gives the ids of a group of checkboxes, such as the chosen rows of a table.
func (f *Form) IDs(name string) []int64 {
	var ids []int64
	for _, v := range f.Values[name] {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && n > 0 {
			ids = append(ids, n)
		}
	}
	return ids
}

// Date gives the start of a day in the account's zone; false when it is no date.
func (f *Form) Date(name string) (legalclock.Moment, bool) {
	z := zoneOr(f.zone)
	t, err := time.ParseInLocation(time.DateOnly, f.Get(name), z)
	return legalclock.MomentOf(t), err == nil
}

// File gives the uploaded file of a field, or nil.
func (f *Form) File(name string) *multipart.FileHeader {
	if fs := f.files[name]; len(fs) > 0 && fs[0].Size > 0 {
		return fs[0]
	}
	return nil
}

// Fail notes a fault of a field, found by the page itself.
func (f *Form) Fail(field, key string, args ...any) {
	f.Faults = append(f.Faults, fault.New(fault.Invalid, key, args...).At(field))
}

// OK tells whether nothing is wrong yet.
func (f *Form) OK() bool { return len(f.Faults) == 0 }

// Take notes what a verb found wrong, if the person can put it right on this page
// (Invalid, Conflict, or Forbidden with a field), and tells whether it did. Use:
//
//	if f.Take(err) { return r.Render(422, page(f)) }
//	if err != nil { return err }
func (f *Form) Take(err error) bool {
	if err == nil {
		return false
	}
	all := fault.All(err)
	for _, e := range all {
		if e.Kind != fault.Invalid && e.Kind != fault.Conflict && e.Field == "" {
			return false
		}
		if e.Kind == fault.Internal {
			return false
		}
	}
	f.Faults = append(f.Faults, all...)
	return true
}

// first gives the first fault of a field.
func (f *Form) first(field string) *fault.Error {
	if f == nil {
		return nil
	}
	for _, e := range f.Faults {
		if e.Field == field {
			return e
		}
	}
	return nil
}

func (f *Form) value(name string) string {
	if f == nil {
		return ""
	}
	return f.Values.Get(name)
}
