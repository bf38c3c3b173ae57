// SPDX-License-Identifier: AGPL-3.0-or-later

package shell

import (
	"encoding/hex"
	"math"
	"strings"
)

type rgb [3]uint8

func parseRGB(s string) rgb {
	var c rgb
	b, err := hex.DecodeString(s)
	if err == nil && len(b) == 3 {
		copy(c[:], b)
	}
	return c
}

func (c rgb) hex() string { return "#" + hex.EncodeToString(c[:]) }

// luminance as WCAG 2.2 defines it.
func (c rgb) luminance() float64 {
	lin := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c[0]) + 0.7152*lin(c[1]) + 0.0722*lin(c[2])
}

func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

// readable moves a colour away from its ground, in small steps, until it reads at 4.6:1.
func readable(c, ground rgb) rgb {
	to := rgb{0, 0, 0}
	if ground.luminance() < 0.5 {
		to = rgb{255, 255, 255}
	}
	for i := 0; i < 100 && contrast(c, ground) < 4.6; i++ {
		for k := range c {
			c[k] = uint8(math.Round(float64(c[k])*0.96 + float64(to[k])*0.04))
		}
	}
	return c
}

// inkOn gives black or white, whichever reads better.
func inkOn(c rgb) rgb {
	black, white := rgb{16, 20, 21}, rgb{255, 255, 255}
	if contrast(c, white) >= contrast(c, black) {
		return white
	}
	return black
}

// MinContrast is what text needs on its ground (WCAG 2.2, 1.4.3).
const MinContrast = 4.5

// Contrast tells how a colour reads on a ground of ours, and which colour near it reads: that
// is the one pages then use.
type Contrast struct {
	Ratio, NearRatio float64
	Near             string
}

var grounds = map[bool]rgb{false: {255, 255, 255}, true: {24, 29, 31}} // by dark

// ContrastOf measures a colour "#rrggbb" on the light or the dark ground.
func ContrastOf(colour string, dark bool) Contrast {
	c, ground := parseRGB(strings.TrimPrefix(colour, "#")), grounds[dark]
	near := readable(c, ground)
	return Contrast{contrast(c, ground), contrast(near, ground), near.hex()}
}
