// SPDX-License-Identifier: AGPL-3.0-or-later

package template_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"consend/internal/ground/fault"
	"consend/internal/sending/template"
)

var (
	maison = template.Identity{Name: "Maison Orange", Postal: "12 rue des Lilas\n75011 Paris\nFrance", Language: "fr"}
	links  = template.Links{Unsubscribe: "https://mail.example.com/u/abc", Preferences: "https://mail.example.com/p/def", Privacy: "https://mail.example.com/privacy"}
)

func ada() template.Person {
	return template.Person{Links: links, Values: map[string]any{"FIRSTNAME": "Ada", "CITY": "Zürich", "EMAIL": "ada@example.com", "NAME": `<b>"Ada" & 'co'</b>`, "POINTS": int64(12)}}
}

func render(t *testing.T, body string, p template.Person) template.Message {
	t.Helper()
	tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "Hello {{ contact.FIRSTNAME }}", Preheader: "Good day", Body: body}, maison)
	if err != nil {
		t.Fatalf("compile %.200q: %v", body, err)
	}
	var m template.Message
	if err := tpl.Render(&m, p); err != nil {
		t.Fatalf("render %.200q: %v", body, err)
	}
	footer(t, m)
	return m
}

// footer is the oracle of every test here: a reader finds the ways out, and nothing that hides them.
func footer(t testing.TB, m template.Message) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(m.HTML))
	if err != nil {
		t.Fatal(err)
	}
	var found []*html.Node
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		for _, a := range n.Attr {
			if a.Key == "id" && a.Val == "consend-footer" {
				found = append(found, n)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	if len(found) != 1 {
		t.Fatalf("%d footers in %.400q", len(found), m.HTML)
	}
	f := found[0]
	if f.Parent.Data != "body" || f.Parent.Parent.Data != "html" || f.NextSibling != nil {
		t.Fatalf("the footer is in %s: %.2000q", f.Parent.Data, m.HTML)
	}
	for n := f; n.Type == html.ElementNode; n = n.Parent {
		style := ""
		for _, a := range n.Attr {
			if a.Key == "style" {
				style = a.Val
			}
			if a.Key == "hidden" {
				t.Fatalf("%s is hidden", n.Data)
			}
		}
		for _, want := range []string{"display:block!important", "visibility:visible!important", "opacity:1!important", "transform:none!important", "clip-path:none!important"} {
			if !strings.Contains(style, want) {
				t.Fatalf("%s lacks %s", n.Data, want)
			}
		}
	}
	var b strings.Builder
	if err := html.Render(&b, f); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{links.Unsubscribe, links.Preferences, links.Privacy, "Maison Orange", "12 rue des Lilas, 75011 Paris", "Se désinscrire"} {
		if !strings.Contains(b.String(), want) {
			t.Fatalf("the footer lacks %q: %s", want, b.String())
		}
	}
	for _, want := range []string{"Se désinscrire: " + links.Unsubscribe, "Maison Orange", "75011 Paris"} {
		if !strings.Contains(m.Text, want) {
			t.Fatalf("the text part lacks %q: %q", want, m.Text)
		}
	}
	if strings.Contains(m.HTML+m.Text+m.Subject, "xCnSd") {
		t.Fatalf("a mark is left: %.2000q", m.HTML+m.Text)
	}
}

func TestAMessageIsFilledWithTheValuesOfOnePerson(t *testing.T) {
	m := render(t, `<p>Dear {{ contact.FIRSTNAME }} of {{contact.city|upper}}, {{ contact.NAME }} <a href="https://example.com/?c={{ contact.CITY|urlencode }}">go</a></p>`, ada())
	if m.Subject != "Hello Ada" || !strings.Contains(m.HTML, "Dear Ada of ZÜRICH") || !strings.Contains(m.Text, "Dear Ada of ZÜRICH") {
		t.Errorf("%q\n%s\n%s", m.Subject, m.HTML, m.Text)
	}
	if strings.Contains(m.HTML, "<b>") || !strings.Contains(m.HTML, "&lt;b&gt;") {
		t.Errorf("a value became HTML: %s", m.HTML)
	}
	if !strings.Contains(m.HTML, "c=Z%C3%BCrich") {
		t.Errorf("urlencode: %s", m.HTML)
	}
	if !strings.Contains(m.HTML, "Good day") {
		t.Error("no preheader")
	}
}

func TestTheFastAndTheSlowWayWriteTheSame(t *testing.T) {
	for _, body := range []string{
		"<p>Dear {{ contact.FIRSTNAME }},</p><p>{{ contact.NAME }}</p>",
		`<p title="{{ contact.NAME }}">{{ contact.NOPE|default:"friend" }} {{ contact.CITY|upper }} {{ contact.CITY|truncatechars:4 }} {{ contact.POINTS }}</p>`,
		`<table><tr><td>{{ contact.CITY|capfirst }}</td></tr></table><a href="{{ unsubscribe }}">out</a>`,
	} {
		fast, slow := render(t, body, ada()), render(t, body+"{% if 1 %}{% endif %}", ada())
		unify := func(s string) string { return strings.ReplaceAll(s, "&quot;", "&#34;") }
		if unify(fast.HTML) != unify(slow.HTML) || fast.Text != slow.Text {
			t.Errorf("%s\nfast %s\nslow %s\n%q\n%q", body, fast.HTML, slow.HTML, fast.Text, slow.Text)
		}
	}
}

func TestNothingAnAuthorWritesHidesTheFooter(t *testing.T) {
	for name, body := range map[string]string{
		"open comment":        "<p>hi</p><!-- ",
		"open div":            `<div style="display:none"><p>hi`,
		"open table":          "<table><tr><td>hi",
		"open link":           `<a href="https://example.com">hi`,
		"open attribute":      `<p>hi</p><a href="https://example.com`,
		"open style":          "<p>hi</p><style>p{",
		"open script":         "<p>hi</p><script>",
		"open textarea":       "<p>hi</p><textarea>",
		"open title":          "<p>hi</p><title>",
		"plaintext":           "<p>hi</p><plaintext>",
		"xmp":                 "<p>hi</p><xmp>",
		"noscript":            "<p>hi</p><noscript><style>*{display:none}",
		"select":              "<p>hi</p><select><option>",
		"svg":                 "<p>hi</p><svg><style><!--</style><foreignObject>",
		"math":                "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;\">",
		"template":            "<p>hi</p><template>",
		"body hidden":         `<html hidden><body hidden style="display:none!important"><p>hi</p></body></html>`,
		"sheet":               `<style>body,html,div,p,a{display:none!important;opacity:0!important;font-size:0!important}</style><p>hi</p>`,
		"sheet by id":         `<style>#consend-footer{display:none!important}</style><p>hi</p>`,
		"own footer":          `<p>hi</p><div id="consend-footer" style="display:none">x</div>`,
		"after body":          "<html><body><p>hi</p></body></html><p>more<!--",
		"outlook":             "<!--[if mso]><div style='display:none'><![endif]--><p>hi</p>",
		"not outlook":         "<p>hi</p><!--[if !mso]><!-->",
		"doctype twice":       "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\"><!DOCTYPE x><p>hi",
		"nested forms":        "<form><form><input type=hidden><p>hi",
		"formatting":          strings.Repeat("<b><i><a href=x>", 30) + "hi",
		"tag in a tag":        `<p>hi</p><div {% if contact.FIRSTNAME %}hidden style="display:none"{% endif %}>`,
		"comment by a tag":    `<p>hi</p>{% if contact.FIRSTNAME %}<!--{% endif %}`,
		"attribute by a tag":  `<p>hi</p><a title="{% if contact.FIRSTNAME %}` + `{% else %}">{% endif %}`,
		"value opens comment": `<p>{{ contact.EVIL }}</p>`,
		"value in attribute":  `<p title={{ contact.EVIL }}>x</p>`,
		"value, slow":         `{% if 1 %}<p title={{ contact.EVIL }}>x</p>{% endif %}`,
		"value poses as mark": `<p>{{ contact.MARK }}</p>{% if 1 %}{{ contact.MARK }}{% endif %}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := ada()
			p.Values["EVIL"] = `"><!-- <style>*{display:none}</style><plaintext>`
			p.Values["MARK"] = "xCnSdMark900001Z"
			tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "s", Body: body}, maison)
			if err != nil {
				return // refused is as good
			}
			var m template.Message
			if err := tpl.Render(&m, p); err != nil {
				return
			}
			if strings.Contains(m.HTML, "<plaintext") || strings.Contains(m.HTML, "<script") {
				t.Errorf("%s", m.HTML)
			}
			if name == "value poses as mark" {
				m.HTML, m.Text = strings.ReplaceAll(m.HTML, "xCnSdMark900001Z", ""), strings.ReplaceAll(m.Text, "xCnSdMark900001Z", "")
			}
			footer(t, m)
		})
	}
}

func TestStylesCannotMoveThingsOverTheFooter(t *testing.T) {
	m := render(t, `<style>.x{pos\69tion:fixed;inset:0} .y{position/**/:absolute} .z{background-position:center} @import "https://e.example/x.css";</style>
		<div style="position: sticky; top:0; color:red">hi</div>`, ada())
	for _, no := range []string{"position:fixed", "position:absolute", "sticky", "@import", `\`} {
		if strings.Contains(m.HTML, no) {
			t.Errorf("%s is left", no)
		}
	}
	if !strings.Contains(m.HTML, "background-position:center") || !strings.Contains(m.HTML, "color:red") {
		t.Error("harmless styles went too")
	}
}

func TestAMessageWithoutAWayOutIsNeverMade(t *testing.T) {
	tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "s", Body: "<p>hi</p>"}, maison)
	if err != nil {
		t.Fatal(err)
	}
	var m template.Message
	if err := tpl.Render(&m, template.Person{Values: map[string]any{}}); err == nil || m.HTML != "" {
		t.Errorf("made without links: %v", err)
	}
}

func TestWhatHasNoBoundsIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ body, key string }{
		"include":       {`{% include "/etc/passwd" %}`, "template.not_allowed"},
		"ssi":           {`{% ssi "/etc/passwd" %}`, "template.not_allowed"},
		"safe":          {`{{ contact.NAME|safe }}`, "template.not_allowed"},
		"autoescape":    {`{% autoescape off %}{{ contact.NAME }}{% endautoescape %}`, "template.not_allowed"},
		"set":           {`{% set x = 1 %}`, "template.not_allowed"},
		"wide":          {`{{ contact.NAME|ljust:1000000000 }}`, "template.not_allowed"},
		"by zero":       {`{{ 1/0 }}`, "template.zero"},
		"modulo zero":   {`{% if 1 %}{{ 5 % 0 }}{% endif %}`, "template.zero"},
		"open":          {`<p>{{ contact.NAME </p>`, "template.open_tag"},
		"unclosed if":   {`{% if 1 %}x`, "template.syntax"},
		"deep brackets": {"{{ " + strings.Repeat("(", 400) + "1" + strings.Repeat(")", 60) + " }}", "template.too_deep"},
		"deep":          {strings.Repeat("{% if 1 %}", 5000), "template.too_many"},
		"nested":        {strings.Repeat("{% if 1 %}", 50) + strings.Repeat("{% endif %}", 50), "template.too_deep"},
		"loops":         {strings.Repeat("{% for a in params.l %}", 4) + strings.Repeat("{% endfor %}", 4), "template.too_deep"},
		"control":       {"<p>a\x01b</p>", "template.not_text"},
		"not utf-8":     {"<p>\xff</p>", "template.not_text"},
		"large":         {strings.Repeat("x", template.MaxSource+1), "template.too_large"},
		"empty":         {"  \n", "template.empty"},
		"frames":        {"<frameset><frame></frameset>", "template.no_body"},
		"tag name":      {"<{{ contact.NAME }}>x", "template.var_place"},
		"attr name":     {"<p {{ contact.NAME }}=1>x</p>", "template.var_place"},
		"style sheet":   {"<style>p{color:{{ contact.NAME }}}</style><p>x</p>", "template.var_place"},
		"loop work": {"{% for a in params.l %}{% for b in params.l %}{% for c in params.l %}{% if a+b == c %}{% endif %}{% endfor %}{% endfor %}{% endfor %}",
			"template.too_much"},
		"loop output": {"{% for a in params.l %}{% for b in params.l %}" + strings.Repeat("x", 1000) + "{% endfor %}{% endfor %}", "template.too_much"},
		"doubling": {`{% with a=contact.EMAIL|default:"0123456789" %}{% with a=a+a+a+a+a+a+a+a %}{% with a=a+a+a+a+a+a+a+a %}{% with a=a+a+a+a+a+a+a+a %}{% with a=a+a+a+a+a+a+a+a %}{{ a }}{% endwith %}{% endwith %}{% endwith %}{% endwith %}{% endwith %}`,
			"template.too_much"},
	} {
		t.Run(name, func(t *testing.T) {
			list := make([]any, 200)
			for i := range list {
				list[i] = i
			}
			tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "s", Body: c.body, Params: map[string]any{"l": list}}, maison)
			if err == nil {
				var m template.Message
				err = tpl.Render(&m, ada())
			}
			if err == nil || fault.All(err)[0].Key != c.key {
				t.Errorf("want %s, got %v", c.key, err)
			}
		})
	}
}

func TestLoopsRunOverGivenListsInOrder(t *testing.T) {
	tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "s",
		Body:   `{% for k, v in params.m %}{{ k }}={{ v }};{% endfor %}{% for x in params.l reversed %}{{ forloop.Counter }}:{{ x.n }}{% if not forloop.Last %},{% endif %}{% empty %}none{% endfor %}{% for c in contact.NAME %}!{% endfor %}`,
		Params: map[string]any{"m": map[string]any{"b": "2", "a": "1", "c": "3"}, "l": []any{map[string]any{"n": "x"}, map[string]any{"n": "y"}}}}, maison)
	if err != nil {
		t.Fatal(err)
	}
	var m template.Message
	if err := tpl.Render(&m, ada()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.HTML, "a=1;b=2;c=3;1:y,2:x</div>") {
		t.Error(m.HTML)
	}
}

func TestASubjectNeverBecomesTwoHeaders(t *testing.T) {
	p := ada()
	p.Values["FIRSTNAME"] = "Ada\r\nBcc: all@example.com"
	if m := render(t, "<p>x</p>", p); strings.ContainsAny(m.Subject, "\r\n") {
		t.Errorf("%q", m.Subject)
	}
	if _, err := template.Compile(template.Source{Kind: template.HTML, Subject: "a\nb", Body: "x"}, maison); err == nil || fault.All(err)[0].Field != "subject" {
		t.Errorf("%v", err)
	}
}

func TestMarkdownIsSetInTheLayoutWithItsTags(t *testing.T) {
	tpl, err := template.Compile(template.Source{Kind: template.Markdown, Subject: "s", Look: template.Look{Colour: "#ffcc00"},
		Body: "# Hello {{ contact.FIRSTNAME|default:\"you\" }}\n\n{% if contact.CITY %}\n\nIn *{{ contact.CITY }}*\n\n{% endif %}\n\n[Read more](https://example.com/a \"button\")\n\n<script>x</script>"}, maison)
	if err != nil {
		t.Fatal(err)
	}
	var m template.Message
	if err := tpl.Render(&m, ada()); err != nil {
		t.Fatal(err)
	}
	footer(t, m)
	for _, want := range []string{"<h1>Hello Ada</h1>", "<em>Zürich</em>", `class="c-button"`, "background:#ffcc00", "color:#000000", "prefers-color-scheme: dark", "width=device-width", "<!--[if mso]>"} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("no %s in %s", want, m.HTML)
		}
	}
	for _, no := range []string{"<script", "{%", "{{"} {
		if strings.Contains(m.HTML, no) {
			t.Errorf("%s in %s", no, m.HTML)
		}
	}
	if !strings.Contains(m.Text, "Read more <https://example.com/a>") {
		t.Error(m.Text)
	}
}

// What Markdown, a logo or a name makes look like a tag was never read as one: no bounds were held against it.
func TestNothingBecomesATagThatWasNotReadAsOne(t *testing.T) {
	for name, c := range map[string]struct{ body, logo, want string }{
		"escaped":        {`{\{ 6|add:1 }} and {\% if 1 %}`, "", "{{ 6|add:1 }} and {% if 1 %}"},
		"an entity":      {`&#123;{ 6|add:1 }} and &#123;% if 1 %}, &lbrace;# x`, "", "{{ 6|add:1 }} and {% if 1 %}, {# x"},
		"beside a tag":   {`&#123;{{ contact.CITY }}`, "", "{Zürich"},
		"without bounds": {`{\{ ` + strings.Repeat("(", 2000) + `1 }}`, "", "{{ ((("},
		"the logo":       {"x", "https://example.com/{{6|add:1}}{%if\t1%}", ""},
	} {
		tpl, err := template.Compile(template.Source{Kind: template.Markdown, Subject: "s", Look: template.Look{Logo: c.logo},
			Body: "{% if contact.CITY %}\n\nIn the city\n\n{% endif %}\n\n" + c.body}, maison) // the slow way
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var m template.Message
		if err := tpl.Render(&m, ada()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		footer(t, m)
		if !strings.Contains(m.Text, c.want) || !strings.Contains(m.HTML, c.logo) {
			t.Errorf("%s: %q", name, m.Text)
		}
	}
}

func TestTheOpeningOfAFirstMailSaysWhyAndHowToLeave(t *testing.T) {
	p := ada()
	p.Opening.Why = "You get this because Maison Orange told us you asked for it."
	m := render(t, "<p>Body</p>", p)
	why, leave, body := strings.Index(m.HTML, "You get this because"), strings.Index(m.HTML, links.Unsubscribe), strings.Index(m.HTML, "<p>Body")
	if why < 0 || leave < why || body < leave || !strings.HasPrefix(m.Text, "You get this because") {
		t.Errorf("%s\n%s", m.HTML, m.Text)
	}
}

func TestLinksFromValuesLeadNowhereHarmful(t *testing.T) {
	p := ada()
	for value, want := range map[string]string{"https://example.com/x": `href="https://example.com/x"`, "javascript:alert(1)": `href="#"`, "JaVaScRiPt:x": `href="#"`, "data:text/html,x": `href="#"`, "": `href="#"`} {
		p.Values["URL"] = value
		if m := render(t, `<a href="{{ contact.URL }}">x</a>`, p); !strings.Contains(m.HTML, want) {
			t.Errorf("%q gives %s", value, m.HTML)
		}
	}
	if m := render(t, `<a href="javascript:alert(1)" onclick="x()">x</a><img src=x onerror=y()>`, ada()); strings.Contains(m.HTML, "javascript") || strings.Contains(m.HTML, "onclick") || strings.Contains(m.HTML, "onerror") {
		t.Error(m.HTML)
	}
}

func TestTheCheckFindsWhatAnAuthorShouldKnow(t *testing.T) {
	tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "", Body: `<p>{{ contact.NICKNAME }} {{ contact.FIRSTNAME }}</p><img src="http://example.com/a.png"><a href="">x</a><a href="https://nodot/x">y</a>` + strings.Repeat("<p>0123456789</p>", 8000)}, maison)
	if err != nil {
		t.Fatal(err)
	}
	var m template.Message
	if err := tpl.Render(&m, ada()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range tpl.Check(m, map[string]bool{"FIRSTNAME": true}) {
		got[strings.TrimPrefix(f.Key, "template.check.")] = f.Detail
	}
	want := map[string]string{"unknown_value": "NICKNAME", "no_subject": "", "clipped": "", "no_alt": "http://example.com/a.png", "plain_http": "http://example.com/a.png", "empty_link": "x", "bad_link": "https://nodot/x"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if fmt.Sprint(tpl.Missing(ada())) != "[NICKNAME]" {
		t.Errorf("missing %v", tpl.Missing(ada()))
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"<p>{{ contact.FIRSTNAME }}</p>", "{% if contact.X %}<!--{% endif %}", "{% for a in params.l %}{{ a|add:a }}{% endfor %}", "<table><a href={{ contact.EVIL }}>", "# x\n\n[a](b \"button\")",
		"<svg><style><!--</style>", "{{ 1/0 }}", "<!--[if mso]><td><![endif]-->", "<style>*{position:fixed}</style>", "{% with a=contact.NAME %}{{ a|floatformat:9 }}{% endwith %}", "{# x #}{% comment %}y{% endcomment %}"} {
		f.Add(s, `"><!--`, true)
		f.Add(s, "x", false)
	}
	f.Fuzz(func(t *testing.T, body, value string, md bool) {
		kind := template.HTML
		if md {
			kind = template.Markdown
		}
		tpl, err := template.Compile(template.Source{Kind: kind, Subject: "{{ contact.EVIL }}", Preheader: "{{ contact.EVIL|upper }}", Body: body,
			Params: map[string]any{"l": []any{"a", "b", map[string]any{"c": "d"}}}}, maison)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Fatalf("internal: %v", err)
			}
			return
		}
		p := ada()
		p.Values["EVIL"], p.Values["X"] = strings.ToValidUTF8(strings.ReplaceAll(value, "xCnSd", ""), ""), value != ""
		var m template.Message
		if err := tpl.Render(&m, p); err != nil {
			return
		}
		if len(m.HTML) > 8<<20 || strings.ContainsAny(m.Subject, "\r\n\x00") {
			t.Fatalf("%d bytes, subject %q", len(m.HTML), m.Subject)
		}
		footer(t, m)
	})
}

func TestTheFormsFilledAreTheMessageRendered(t *testing.T) {
	tpl, err := template.Compile(template.Source{Kind: template.HTML, Subject: "Hi {{ contact.NAME }}", Preheader: "For {{ contact.NAME }}",
		Body: `<p style="color:{{ contact.COLOUR }}">Dear {{ contact.NAME|default:"friend" }}</p><a href="{{ contact.URL }}">x</a><a href="{{ unsubscribe }}">out</a>`},
		template.Identity{Name: "Maison", Postal: "1 rue", Language: "fr"})
	if err != nil {
		t.Fatal(err)
	}
	html, text, ok := tpl.Forms()
	if !ok {
		t.Fatal("no forms")
	}
	for _, p := range []template.Person{
		{Values: map[string]any{"NAME": "Zoé <b>", "COLOUR": "red", "URL": "https://example.org/?a&b"}},
		{Values: map[string]any{"URL": "javascript:x"}, Opening: template.Opening{Why: "Because."}},
	} {
		p.Links = template.Links{Unsubscribe: "https://e.example/u/1", Preferences: "https://e.example/p/1", Privacy: "https://e.example/x"}
		var whole, cut template.Message
		if err := errors.Join(tpl.Render(&whole, p), tpl.Fill(&cut, p)); err != nil {
			t.Fatal(err)
		}
		join := func(pieces, fill []string) (s string) {
			for i, x := range pieces {
				s += x
				if i < len(fill) {
					s += fill[i]
				}
			}
			return s
		}
		if join(html, cut.HTMLFill) != whole.HTML || join(text, cut.TextFill) != whole.Text || cut.Subject != whole.Subject {
			t.Errorf("%q\nis not\n%q", join(html, cut.HTMLFill), whole.HTML)
		}
	}
}
