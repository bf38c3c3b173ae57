// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// QR draws a text as the path of an SVG, a unit a module, with the quiet zone of four that
// readers need (ISO/IEC 18004); side is the width of the whole. It fails when the text is too
// long for any code.
func QR(text string) (path string, side int, err error) {
	c, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", 0, err
	}
	const quiet = 4
	n := c.Bounds().Dx()
	dark := func(x, y int) bool { r, _, _, _ := c.At(x, y).RGBA(); return r == 0 }
	var b strings.Builder
	for y := range n {
		for x := 0; x < n; x++ {
			run := 0
			for x+run < n && dark(x+run, y) {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return b.String(), n + 2*quiet, nil
}

// QRPicture is the same code as a PNG, sixteen points a module: sharp on a poster's size.
func QRPicture(text string) ([]byte, error) {
	c, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	const quiet, points = 4, 16
	n := c.Bounds().Dx()
	img := image.NewPaletted(image.Rect(0, 0, (n+2*quiet)*points, (n+2*quiet)*points), color.Palette{color.White, color.Black})
	for y := range n {
		for x := range n {
			if r, _, _, _ := c.At(x, y).RGBA(); r != 0 {
				continue
			}
			for dy := range points {
				row := img.PixOffset((x+quiet)*points, (y+quiet)*points+dy)
				for dx := range points {
					img.Pix[row+dx] = 1
				}
			}
		}
	}
	var b bytes.Buffer
	err = png.Encode(&b, img)
	return b.Bytes(), err
}
