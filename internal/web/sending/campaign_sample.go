// SPDX-License-Identifier: AGPL-3.0-or-later

package sending

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"consend/internal/people/evidence"
	"consend/internal/sending/report"
	"consend/internal/web/shell"
)

// An auditor draws people of a campaign by a seed of their own: nobody here chooses whom they see.

func (p *CampaignPages) campaignSample(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	return r.Render(http.StatusOK, campaignSamplePage(r, c, shell.NewForm("n", strconv.FormatInt(max(1, min(50, c.Frozen)), 10))))
}

func (p *CampaignPages) campaignSamplePost(r *shell.Request) error {
	c, err := p.get(r)
	if err != nil {
		return err
	}
	f, err := r.Form(4 << 10)
	if err != nil {
		return err
	}
	n, ok := f.Int("n")
	if !ok || n > evidence.MostDrawn {
		f.Fail("n", "evidence.draw.n", "most", evidence.MostDrawn)
	}
	if f.Get("seed") == "" {
		f.Fail("seed", "campaign_sample.seed.none")
	}
	e := f.Envelope()
	var b bytes.Buffer
	if f.OK() {
		var d evidence.Drawing
		d, err = report.Sample(r.Context(), p.DB, r.Who, evidence.Drawing{Campaign: c.ID, N: int(n), Seed: f.Get("seed"), Language: r.P.Lang, Closed: e.How})
		if err == nil {
			err = d.Pack(r.Context(), p.DB, r.Who, &b)
		}
	}
	if f.Take(err) || !f.OK() {
		return r.Render(http.StatusUnprocessableEntity, campaignSamplePage(r, c, f))
	}
	if err != nil {
		return err
	}
	closed := e.Reader(&b)
	defer closed.Close()
	return r.Download(e.Name(fmt.Sprintf("campaign-%d-sample.zip", c.ID)), e.Type("application/zip"), closed)
}
