// SPDX-License-Identifier: AGPL-3.0-or-later

package sheet_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"consend/internal/ground/fault"
	"consend/internal/people/importer/sheet"
)

// opened is a file of any kind as an upload takes it in: looked through, and its rows.
func opened(in []byte) (sheet.Survey, []string, error) {
	f, err := sheet.Detect(in[:min(len(in), sheet.HeadSize)], len(in) < sheet.HeadSize)
	if err != nil {
		return sheet.Survey{}, nil, err
	}
	return as(in, f, 0)
}

func as(in []byte, f sheet.Format, tab int) (sheet.Survey, []string, error) {
	if f.Kind != sheet.Text {
		c, err := sheet.Begin(f, bytes.NewReader(in), bytes.NewReader(in), int64(len(in)), sheet.Standard)
		if err != nil {
			return sheet.Survey{}, nil, err
		}
		var b bytes.Buffer
		if err := c.Run(&b); err != nil {
			return sheet.Survey{}, nil, err
		}
		if in, f = b.Bytes(), c.Format; tab != 0 {
			f.Sheet = tab
		}
		if !f.Known() {
			return sheet.Survey{}, nil, fmt.Errorf("an unknown format: %+v", f)
		}
	}
	s, err := sheet.Look(bytes.NewReader(in), f, sheet.Standard, nil)
	if err != nil {
		return s, nil, err
	}
	var out []string
	r := sheet.NewReader(bytes.NewReader(in), f, sheet.Standard, sheet.Position{})
	for {
		row, err := r.Next()
		if err == io.EOF {
			return s, out, nil
		}
		if err != nil {
			return s, out, err
		}
		if row.Fault != nil {
			out = append(out, fmt.Sprintf("%d!%s", row.Line, row.Fault.Key))
		} else {
			out = append(out, fmt.Sprintf("%d:%s", row.Line, strings.Join(row.Strings(), "|")))
		}
	}
}

// workbook makes an .xlsx with another program's hands.
func workbook(t testing.TB, fill func(f *excelize.File)) []byte {
	f := excelize.NewFile()
	fill(f)
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(f *excelize.File, tab string, cells ...any) {
	for i := 0; i+1 < len(cells); i += 2 {
		if err := f.SetCellValue(tab, cells[i].(string), cells[i+1]); err != nil {
			panic(err)
		}
	}
}

func style(f *excelize.File, cell, code string) {
	n, err := f.NewStyle(&excelize.Style{CustomNumFmt: &code})
	if err == nil {
		err = f.SetCellStyle("Sheet1", cell, cell, n)
	}
	if err != nil {
		panic(err)
	}
}

func packed(parts ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(parts); i += 2 {
		w, _ := z.Create(parts[i])
		_, _ = io.WriteString(w, parts[i+1])
	}
	_ = z.Close()
	return b.Bytes()
}

// byHand is the smallest workbook around the rows of one sheet.
func byHand(rows string) []byte {
	return packed("xl/workbook.xml", `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="/xl/worksheets/s.xml"/></Relationships>`,
		"xl/worksheets/s.xml", `<?xml version="1.0"?><worksheet><sheetData>`+rows+`</sheetData></worksheet>`)
}

func wide(s string, big, mark bool) []byte {
	var b []byte
	if mark {
		s = "\ufeff" + s
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

// The corpus: files as people really bring them, with what becomes of each. rows begins with the
// number of the line in the person's own file; key is why a file is refused.
func TestOddFilesBecomeWhatTheyShould(t *testing.T) {
	days := func(old bool) []byte {
		return workbook(t, func(f *excelize.File) {
			if old {
				yes := true
				_ = f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes})
			}
			put(f, "Sheet1", "A1", "email", "B1", "born", "A2", "a@example.org", "B2", 43831)
			style(f, "B2", "dd/mm/yyyy")
		})
	}
	whole := workbook(t, func(f *excelize.File) { put(f, "Sheet1", "A1", "email", "A2", "a@example.org") })
	for name, c := range map[string]struct {
		in   []byte
		rows string
		key  string
	}{
		"UTF-8 with a mark":                      {[]byte("\xef\xbb\xbfemail,n\na@example.org,é\n"), "1:email|n 2:a@example.org|é", ""},
		"UTF-16 little with a mark":              {wide("email;n\na@example.org;é\n", false, true), "1:email|n 2:a@example.org|é", ""},
		"UTF-16 big with a mark":                 {wide("email;n\na@example.org;é\n", true, true), "1:email|n 2:a@example.org|é", ""},
		"UTF-16 without a mark":                  {wide("email;n\na@example.org;e\n", false, false), "1:email|n 2:a@example.org|e", ""},
		"Windows-1252":                           {[]byte("email;n\na@example.org;\xe9 \x80\n"), "1:email|n 2:a@example.org|é €", ""},
		"a name in UTF-8 beside a broken one":    {[]byte("email;n\na@example.org;é\nb@example.org;\xe9\n"), "1:email|n 2:a@example.org|é 3!import.row.encoding", ""},
		"line ends of all sorts":                 {[]byte("email,n\r\na@example.org,1\nb@example.org,2\r\n"), "1:email|n 2:a@example.org|1 3:b@example.org|2", ""},
		"line ends of old Macs":                  {[]byte("email,n\ra@example.org,1\rb@example.org,2"), "1:email|n 2:a@example.org|1 3:b@example.org|2", ""},
		"no line end at the end":                 {[]byte("email\na@example.org"), "1:email 2:a@example.org", ""},
		"empty lines between":                    {[]byte("email\n\n\na@example.org\n\n"), "1:email 4:a@example.org", ""},
		"tabs":                                   {[]byte("email\tn\na@example.org\tx, y\n"), "1:email|n 2:a@example.org|x, y", ""},
		"pipes":                                  {[]byte("email|n\na@example.org|x\n"), "1:email|n 2:a@example.org|x", ""},
		"sep= of Excel":                          {[]byte("sep=;\r\nemail;n\r\na@example.org;x,y\r\n"), "2:email|n 3:a@example.org|x,y", ""},
		"quotes over lines":                      {[]byte("email,n\na@example.org,\"x\r\ny\"\nb@example.org,z\n"), "1:email|n 2:a@example.org|x\ny 4:b@example.org|z", ""},
		"quotes doubled":                         {[]byte("email,n\na@example.org,\"x \"\"y\"\"\"\n"), "1:email|n 2:a@example.org|x \"y\"", ""},
		"a quote inside a bare cell":             {[]byte("email,n\na@example.org,5\" tall\n"), "1:email|n 2:a@example.org|5\" tall", ""},
		"a quote never closed":                   {[]byte("email,n\na@example.org,\"x\nb@example.org,y\n"), "1:email|n 2!import.row.open_quote 3:b@example.org|y", ""},
		"letters behind a closed quote":          {[]byte("email,n\na@example.org,\"x\"y\nb@example.org,z\n"), "1:email|n 2!import.row.after_quote 3:b@example.org|z", ""},
		"a NUL in a cell":                        {[]byte("email,n\na@example.org,x\x00y\nb@example.org,z\n"), "1:email|n 2!import.row.nul 3:b@example.org|z", ""},
		"no heading":                             {[]byte("a@example.org,x\nb@example.org,y\n"), "1:a@example.org|x 2:b@example.org|y", ""},
		"a heading twice":                        {[]byte("email,n,n\na@example.org,1,2\n"), "1:email|n|n 2:a@example.org|1|2", ""},
		"a heading without a name":               {[]byte("email,,n\na@example.org,1,2\n"), "1:email||n 2:a@example.org|1|2", ""},
		"more cells than headings":               {[]byte("email\na@example.org,1,2\n"), "1:email 2:a@example.org|1|2", ""},
		"fewer cells than headings":              {[]byte("email,n,m\na@example.org\nb@example.org,2,3\n"), "1:email|n|m 2:a@example.org 3:b@example.org|2|3", ""},
		"a formula in CSV stays text":            {[]byte("email,n\na@example.org,=1+1\n"), "1:email|n 2:a@example.org|=1+1", ""},
		"one address a line":                     {[]byte("a@example.org\nb@example.org\n"), "1:a@example.org 2:b@example.org", ""},
		"display names":                          {[]byte("Contact\nAda <a@example.org>\n"), "1:Contact 2:Ada <a@example.org>", ""},
		"a letter beyond the basic plane":        {wide("email;n\na@example.org;😀\n", false, true), "1:email|n 2:a@example.org|😀", ""},
		"nothing":                                {nil, "", "import.file.empty"},
		"white space":                            {[]byte(" \n\t\n"), "", "import.file.empty"},
		"a heading alone":                        {[]byte("email,name\n"), "", "import.file.no_rows"},
		"a PDF":                                  {[]byte("%PDF-1.7 …"), "", "import.file.no_table"},
		"a web page named .xls":                  {[]byte("<html><table><tr><td>a@example.org"), "", "import.file.no_table"},
		"a picture":                              {[]byte("\x89PNG\r\n\x1a\n…"), "", "import.file.no_table"},
		"gzip":                                   {[]byte("\x1f\x8b\x08…"), "", "import.file.packed"},
		"Mailchimp's zip of four files":          {packed("subscribed_members_export_1.csv", "Email Address\na@example.org\n", "cleaned.csv", "Email Address\n"), "", "import.file.packed"},
		"a zip of pictures":                      {packed("a.jpg", "x"), "", "import.file.no_table"},
		"an old .xls":                            {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 Workbook"), "", "import.file.workbook"},
		"an .ods":                                {packed("mimetype", "application/vnd.oasis.opendocument.spreadsheet", "content.xml", "<x/>"), "", "import.file.workbook"},
		"an .xlsb":                               {packed("xl/workbook.bin", "x"), "", "import.file.workbook"},
		"a workbook under a password":            {append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), wide("EncryptedPackage", false, false)...), "", "import.file.password"},
		"a workbook cut off":                     {whole[:len(whole)*2/3], "", "import.file.broken"},
		"a sheet cut off":                        {byHand(`<row r="1"><c r="A1" t="inlineStr"><is><t>a@exa`), "", "import.file.broken"},
		"a zip bomb":                             {byHand(`<row r="1"><c r="A1"><v>` + strings.Repeat("1", 80<<20) + `</v></c></row>`), "", "import.file.bomb"},
		"an empty workbook":                      {workbook(t, func(*excelize.File) {}), "", "import.file.empty"},
		"a workbook":                             {whole, "1:email 2:a@example.org", ""},
		"rows missing in a workbook":             {workbook(t, func(f *excelize.File) { put(f, "Sheet1", "A1", "email", "A5", "a@example.org") }), "1:email 5:a@example.org", ""},
		"a table that begins at C3":              {workbook(t, func(f *excelize.File) { put(f, "Sheet1", "C3", "email", "C4", "a@example.org") }), "3:||email 4:||a@example.org", ""},
		"days from 1900":                         {days(false), "1:email|born 2:a@example.org|2020-01-01", ""},
		"days from 1904":                         {days(true), "1:email|born 2:a@example.org|2024-01-02", ""},
		"before the day that never was":          {byStyle(t, 59.0, "yyyy-mm-dd"), "1:email|v 2:a@example.org|1900-02-28", ""},
		"a moment":                               {byStyle(t, 45000.5, "m/d/yy h:mm"), "1:email|v 2:a@example.org|2023-03-15 12:00:00", ""},
		"a time of day":                          {byStyle(t, 0.75, "h:mm AM/PM"), "1:email|v 2:a@example.org|18:00:00", ""},
		"a postcode with its zero":               {byStyle(t, 1000, "00000"), "1:email|v 2:a@example.org|01000", ""},
		"a telephone number":                     {byStyle(t, 612345678, `0#" "##" "##" "##" "##`), "1:email|v 2:a@example.org|06 12 34 56 78", ""},
		"a percentage":                           {byStyle(t, 0.125, "0.0%"), "1:email|v 2:a@example.org|12.5%", ""},
		"money":                                  {byStyle(t, 12.5, `#,##0.00 "€"`), "1:email|v 2:a@example.org|12.5", ""},
		"a red number is no day":                 {byStyle(t, 7, `[Red]0`), "1:email|v 2:a@example.org|7", ""},
		"a long number":                          {byStyle(t, 33612345678, "General"), "1:email|v 2:a@example.org|33612345678", ""},
		"a sum of floats":                        {byHand(`<row r="1"><c r="A1"><v>0.30000000000000004</v></c><c r="B1"><v>1E+20</v></c><c t="str"><v>a@b.org</v></c></row>`), "1:0.3|100000000000000000000|a@b.org", ""},
		"yes and no":                             {byStyle(t, true, "General"), "1:email|v 2:a@example.org|true", ""},
		"a formula gives what was saved with it": {byHand(`<row r="2"><c r="A2" t="str"><f>LOWER("A@EXAMPLE.ORG")</f><v>a@example.org</v></c><c r="B2" t="e"><v>#N/A</v></c></row>`), "2:a@example.org|#N/A", ""},
		"cells without their place":              {byHand(`<row><c><v>1</v></c><c t="inlineStr"><is><r><t>a@</t></r><r><t>example.org</t></r></is></c></row>`), "1:1|a@example.org", ""},
		"prefixed elements, entities, a comment": {byHand(`<x:row r="1"><!-- > --><x:c r="A1" t="inlineStr"><x:is><x:t>a&amp;b&#233;_x000D_<![CDATA[<c>]]></x:t></x:is></x:c><x:c t="str"><x:v>a@b.org</x:v></x:c></x:row>`), "1:a&bé<c>|a@b.org", ""},
		"rows out of order":                      {byHand(`<row r="3"><c><v>1</v></c></row><row r="2"><c><v>1</v></c></row>`), "", "import.file.broken"},
		"a cell with line breaks and quotes": {workbook(t, func(f *excelize.File) {
			put(f, "Sheet1", "A1", "a@example.org", "B1", "x\n\"y\", z", "A2", "b@example.org")
		}), "1:a@example.org|x\n\"y\", z 2:b@example.org", ""},
		"merged cells hold it in the first": {workbook(t, func(f *excelize.File) {
			put(f, "Sheet1", "A1", "a@example.org", "B1", "x", "A2", "b@example.org")
			_ = f.MergeCell("Sheet1", "B1", "B2")
		}), "1:a@example.org|x 2:b@example.org", ""},
		"the sheet that has people": {workbook(t, func(f *excelize.File) {
			_, _ = f.NewSheet("People")
			put(f, "Sheet1", "A1", "Our list of 2024")
			put(f, "People", "A1", "email", "A2", "a@example.org")
		}), "1:email 2:a@example.org", ""},
		"a hidden sheet": {workbook(t, func(f *excelize.File) {
			_, _ = f.NewSheet("Secret")
			put(f, "Secret", "A1", "secret@example.org")
			_ = f.SetSheetVisible("Secret", false)
			put(f, "Sheet1", "A1", "email", "A2", "a@example.org")
		}), "1:email 2:a@example.org", ""},
		"an array of objects":               {[]byte("[\n{\"email\":\"a@example.org\",\"n\":1.50},\n{\"email\":\"b@example.org\",\"ok\":true}\n]"), "2:a@example.org|1.50 3:b@example.org||true", ""},
		"an object a line, one of them cut": {[]byte("{\"email\":\"a@example.org\"}\n{\"email\":\n\n{\"email\":\"b@example.org\"}\n"), "1:a@example.org 2!import.row.json 4:b@example.org", ""},
		"what Brevo's interface answers":    {[]byte(`{"contacts":[{"email":"a@example.org","emailBlacklisted":false,"attributes":{"CITY":"Lyon"}}],"count":1}`), "1:a@example.org|false|Lyon", ""},
		"what listmonk's interface answers": {[]byte(`{"data":{"results":[{"email":"a@example.org","attribs":{"city":"Évry"},"lists":[{"id":1}]}],"total":1}}`), "1:a@example.org|Évry|[{\"id\":1}]", ""},
		"listmonk's export": {[]byte("uuid,email,name,attributes,status,created_at,updated_at\n" +
			"u,a@example.org,Ada,\"{\"\"city\"\": \"\"Évry\"\", \"\"tags\"\": [\"\"x\"\", \"\"y\"\"], \"\"email\"\": \"\"z\"\"}\",enabled,2024-01-02,2024-01-02\n" +
			"v,b@example.org,Bo,{},blocklisted,2024-01-02,2024-01-02\n" +
			"w,c@example.org,Cy,\"{\"\"n\"\": 3, \"\"ok\"\": true, \"\"deep\"\": {\"\"x\"\": [1]}, \"\"tags\"\": [\"\"a, b\"\"]}\",enabled,,\n" +
			"x,d@example.org,Di,not an object,enabled,,\n" +
			"y,e@example.org,El,\"[1]\",enabled,,\n" +
			"z,f@example.org,Fi,\"" + strings.Repeat("[", 40) + "\",enabled,,\n" +
			"q,g@example.org,Gi,\"{\"\"a\"\":1,\"\"a\"\":2}\",enabled,,\n"),
			"2:u|a@example.org|Ada|enabled|2024-01-02|2024-01-02|Évry|[\"x\",\"y\"]|z 3:v|b@example.org|Bo|blocklisted|2024-01-02|2024-01-02 " +
				"4:w|c@example.org|Cy|enabled||||[\"a, b\"]||3|true|{\"x\":[1]} 5!import.row.members 6!import.row.members 7!import.row.members_deep 8!import.row.json_twice", ""},
		"listmonk's export, nobody in it":            {[]byte("uuid,email,name,attributes,status,created_at,updated_at\n"), "", "import.file.no_rows"},
		"listmonk's export in UTF-16, by semicolons": {wide("uuid;email;attributes\nu;a@example.org;\"{\"\"city\"\":\"\"Évry\"\"}\"\n", false, true), "2:u|a@example.org|Évry", ""},
		"a long cell of an export":                   {[]byte("uuid,email,attributes\nu,a@example.org,\"{\"\"n\"\":\"\"" + strings.Repeat("x", 40<<10) + "\"\"}\"\nv,b@example.org,{}\n"), "2!import.row.cell_long 3:v|b@example.org", ""},
		"one person alone":                           {[]byte("{\n\"email\": \"a@example.org\"}"), "1:a@example.org", ""},
		"JSON with a mark":                           {[]byte("\xef\xbb\xbf[{\"email\":\"a@example.org\"}]"), "1:a@example.org", ""},
		"JSON in UTF-16":                             {wide(`[{"email":"a@example.org","n":"é"}]`, false, true), "1:a@example.org|é", ""},
		"JSON that is no UTF-8":                      {[]byte("[{\"email\":\"a@example.org\",\"n\":\"é\"},{\"email\":\"b@example.org\",\"n\":\"\xff\"}]"), "1:a@example.org|é 1!import.row.encoding", ""},
		"a member twice":                             {[]byte("[{\"email\":\"a@example.org\",\"email\":\"b@example.org\"}]"), "1!import.row.json_twice", ""},
		"no objects":                                 {[]byte("[1, \"a@example.org\", null, []]"), "1!import.row.json_object 1!import.row.json_object 1!import.row.json_object 1!import.row.json_object", ""},
		"deep nesting":                               {[]byte(`[{"email":"a@example.org","x":{"y":{"z":[1]}},"l":["a","b",3]}]`), "1:a@example.org|{\"z\":[1]}|a, b, 3", ""},
		"nesting without end":                        {[]byte(`[{"email":` + strings.Repeat("[", 20000)), "", "import.file.json"},
		"JSON cut off":                               {[]byte("[{\"email\":\"a@example.org\"},\n{\"em"), "", "import.file.json_cut"},
		"JSON with a comma too many":                 {[]byte("[{\"email\":\"a@example.org\"},\n]"), "", "import.file.json"},
		"an empty array":                             {[]byte("[]"), "", "import.file.no_rows"},
		"an object too long":                         {[]byte("[{\"email\":\"a@example.org\",\"n\":\"" + strings.Repeat("x", 3<<20) + "\"}]"), "", "import.file.json_long"},
		"a member longer than a cell":                {[]byte("[{\"email\":\"a@example.org\",\"n\":\"" + strings.Repeat("x", 40<<10) + "\"}]"), "1!import.row.cell_long", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, got, err := opened(c.in)
			switch {
			case c.key != "":
				if err == nil || fault.All(err)[0].Key != c.key {
					t.Errorf("got %v and %q, want %s", err, got, c.key)
				}
			case err != nil:
				t.Errorf("%v", err)
			case strings.Join(got, " ") != c.rows:
				t.Errorf("got  %q\nwant %q", strings.Join(got, " "), c.rows)
			}
		})
	}
}

func byStyle(t testing.TB, v any, code string) []byte {
	return workbook(t, func(f *excelize.File) {
		put(f, "Sheet1", "A1", "email", "B1", "v", "A2", "a@example.org", "B2", v)
		style(f, "B2", code)
	})
}

func TestThreeHundredColumnsAreReadAndSixHundredRefusedInEveryKind(t *testing.T) {
	for _, n := range []int{300, 600} {
		text, book, object := []string{"a@example.org"}, []any{"A1", "a@example.org"}, `[{"email":"a@example.org"`
		for i := 2; i <= n; i++ {
			at, _ := excelize.CoordinatesToCellName(i, 1)
			text, book, object = append(text, "x"), append(book, at, "x"), object+fmt.Sprintf(`,"c%d":"x"`, i)
		}
		for kind, in := range map[string][]byte{"text": []byte(strings.Join(text, ",") + "\n"), "json": []byte(object + "}]"),
			"xlsx": workbook(t, func(f *excelize.File) { put(f, "Sheet1", book...) })} {
			s, rows, err := opened(in)
			if err != nil || len(rows) != 1 || (s.Broken == 1) != (n > 500) || n <= 500 && s.Width != n {
				t.Errorf("%d columns of %s: %d wide, %d broken, %v", n, kind, s.Width, s.Broken, err)
			}
		}
	}
}

func TestAnotherSheetCanBeChosenAndTheHiddenOnesAreNotOffered(t *testing.T) {
	in := workbook(t, func(f *excelize.File) {
		_, _ = f.NewSheet("Old")
		_, _ = f.NewSheet("Secret")
		_ = f.SetSheetVisible("Secret", false)
		put(f, "Sheet1", "A1", "email", "A2", "a@example.org")
		put(f, "Old", "A2", "mail", "A3", "b@example.org")
	})
	f, err := sheet.Detect(in, true)
	if err != nil {
		t.Fatal(err)
	}
	s, rows, err := as(in, f, 2)
	if err != nil || strings.Join(rows, " ") != "2:mail 3:b@example.org" || strings.Join(s.Format.Tabs(), ",") != "Sheet1,Old" || s.Rows != 1 {
		t.Errorf("%q of %q: %d rows, %v", rows, s.Format.Tabs(), s.Rows, err)
	}
}

func TestPastedAddressesAreParted(t *testing.T) {
	for in, want := range map[string]string{
		"a@example.org\n\n b@example.org \n":                                "1:a@example.org| 3:b@example.org|",
		"Ada Lovelace <a@example.org>, \"Bo, Jr\" <b@example.org>; c@x.org": "1:a@example.org|Ada Lovelace 1:b@example.org|Bo, Jr 1:c@x.org|",
		"email\tcity\na@example.org\tLyon":                                  "1:email|city 2:a@example.org|Lyon",
		"a@example.org\tLyon\nb@example.org\tParis":                         "1:a@example.org|Lyon 2:b@example.org|Paris",
		"<mailto:a@example.org>":                                            "1:a@example.org|",
	} {
		f, err := sheet.DetectPaste([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if _, rows, err := as([]byte(in), f, 0); err != nil || strings.Join(rows, " ") != want {
			t.Errorf("%q: %q, %v", in, rows, err)
		}
	}
	for in, key := range map[string]string{" \n": "import.paste.empty", strings.Repeat("a", sheet.MaxPaste+1): "import.paste.large"} {
		if _, err := sheet.DetectPaste([]byte(in)); fault.All(err)[0].Key != key {
			t.Errorf("%v, want %s", err, key)
		}
	}
}

func TestLatin1AndLatin9AreReadWhenAPersonSaysSo(t *testing.T) {
	for e, want := range map[sheet.Encoding]string{sheet.Latin1: "1:a@example.org|é¤¨´¼¾", sheet.Latin9: "1:a@example.org|é€šŽŒŸ"} {
		f := plain(',')
		f.Encoding = e
		if _, rows, err := as([]byte("a@example.org,\xe9\xa4\xa8\xb4\xbc\xbe\n"), f, 0); err != nil || !f.Known() || strings.Join(rows, " ") != want {
			t.Errorf("%s: %q, %v", e, rows, err)
		}
	}
}

// What another program writes into a workbook comes out of it, wherever it stands.
func TestAWorkbookGivesWhatWasPutIntoIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOfN(rapid.SampledFrom([]rune("ab\"',;\n<>&_x0041_é€😀 ")), 0, 12, -1)
		table := rapid.SliceOfN(rapid.SliceOfN(cell, 1, 4), 1, 6).Draw(t, "table")
		f := excelize.NewFile()
		var want []string
		for y, cells := range table {
			for x, v := range cells {
				at, _ := excelize.CoordinatesToCellName(x+1, y+1)
				if v != "" {
					put(f, "Sheet1", at, v)
				}
			}
			for len(cells) > 0 && cells[len(cells)-1] == "" {
				cells = cells[:len(cells)-1]
			}
			if len(cells) > 0 {
				want = append(want, fmt.Sprintf("%d:%s", y+1, strings.Join(cells, "|")))
			}
		}
		if len(want) < 2 {
			t.Skip()
		}
		var b bytes.Buffer
		if err := f.Write(&b); err != nil {
			t.Fatal(err)
		}
		_, got, err := opened(b.Bytes())
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("got %q\nwant %q\n%v", got, want, err)
		}
	})
}

func TestALongWorkbookIsReadInLittleMemory(t *testing.T) {
	var b strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&b, `<row r="%d"><c r="A%d" t="inlineStr"><is><t>p%d@example.org</t></is></c><c r="B%d"><v>%d</v></c></row>`, i+1, i+1, i, i+1, i)
	}
	in := byHand(b.String())
	f, err := sheet.Detect(in[:1024], false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sheet.Begin(f, nil, bytes.NewReader(in), int64(len(in)), sheet.Standard)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	if err := c.Run(io.Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	t.Logf("200,000 rows in %v", time.Since(began))
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("allocated %d MB", got>>20)
	}
}

func FuzzAnyFile(f *testing.F) {
	f.Add([]byte("[{\"email\":\"a@example.org\"}]"))
	f.Add([]byte("{\"email\":\"a\"}\n{}"))
	f.Add(byHand(`<row r="1"><c r="A1"><v>1</v></c></row>`))
	f.Fuzz(func(t *testing.T, in []byte) { _, _, _ = opened(in) })
}

func TestAPastedListWithOneBadEntryIsStillAList(t *testing.T) {
	for text, want := range map[string]sheet.Kind{
		"Ada L <pa1@example.org>, pa2@example.org; pa3@example.org\nnot an address\npa4@example.org": sheet.Pasted,
		"ada@example.org;Ada\nbo@example.org;\ncy@example.org;":                                      sheet.Text,
		"email\nada@example.org\nbo@example.org":                                                     sheet.Text,
	} {
		if f, err := sheet.DetectPaste([]byte(text)); err != nil || f.Kind != want {
			t.Errorf("%q: %+v %v", text, f, err)
		}
	}
	for text, header := range map[string]bool{"Ada <a@b.example>\nBo <b@b.example>\n": false, "a@b.example, c@b.example;x\nd@b.example;y\n": false, "e-mail;name\na@b.example;A\n": true} {
		if f, err := sheet.Detect([]byte(text), true); err != nil || f.Header != header {
			t.Errorf("%q: %+v %v", text, f, err)
		}
	}
}
