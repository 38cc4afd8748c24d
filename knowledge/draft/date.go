package draft

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"groundwork/knowledge"
)

var (
	isoDate    = regexp.MustCompile(`^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]|\b)`)
	dottedDate = regexp.MustCompile(`^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\b`)
	dayFirst   = regexp.MustCompile(`^(\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(\pL{3,9})\.?,?\s+(\d{4})\b`)
	monthFirst = regexp.MustCompile(`^(\pL{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b`)
)

var months = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
	"januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "dezember"}

// ParseDate reads the date at the start of s, and its time where there is one, as
// UTC: numbers (2026-03-12, 12.3.2026) or names of months in English or German, of
// the years 1900 to 2200. It reports false when there is none.
func ParseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05 -0700"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), true
		}
	}
	var y, m, d string
	if p := isoDate.FindStringSubmatch(s); p != nil {
		y, m, d = p[1], p[2], p[3]
	} else if p := dottedDate.FindStringSubmatch(s); p != nil {
		y, m, d = p[3], p[2], p[1]
	} else if p := dayFirst.FindStringSubmatch(s); p != nil {
		y, m, d = p[3], month(p[2]), p[1]
	} else if p := monthFirst.FindStringSubmatch(s); p != nil {
		y, m, d = p[3], month(p[1]), p[2]
	}
	year, _ := strconv.Atoi(y)
	mon, _ := strconv.Atoi(m)
	day, _ := strconv.Atoi(d)
	t := time.Date(year, time.Month(mon), day, 0, 0, 0, 0, time.UTC)
	if year < 1900 || year > 2200 || t.Day() != day || int(t.Month()) != mon {
		return time.Time{}, false
	}
	return t, true
}

// month returns the number of a month's name or of its beginning, or "".
func month(name string) string {
	name = strings.ToLower(name)
	for i, m := range months {
		if strings.HasPrefix(m, name) {
			return strconv.Itoa(i%12 + 1)
		}
	}
	return ""
}

const dateWithin = 600 // bytes at the top of a text where a date speaks for all of it

var dateLabel = regexp.MustCompile(`(?im)(?:^[\s>*_|#(~-]*|[.;|(]\s+)(?:last\s+(?:updated?|reviewed|review|modified|changed|revised|edited)|updated|reviewed|revised|date|dated|datum|stand|as of|as at|valid from|effective(?:\s+(?:from|date|as of))?|in force (?:since|from)|gültig ab)\b[\s*_]*[:|]?[\s*_|]*(?:on\s+)?`)

// StatedDate finds a date that the text t states of itself ("Updated: 12 March
// 2026") in the first 600 bytes behind byte from; zero when there is none.
func StatedDate(t string, blocks []knowledge.Block, from int) time.Time {
	for _, b := range blocks {
		if b.Start >= from+dateWithin {
			break
		}
		if b.Kind == knowledge.Code {
			continue
		}
		s := t[b.Start:b.End]
		for _, m := range dateLabel.FindAllStringIndex(s[:RuneEnd(s, from+dateWithin-b.Start)], -1) {
			if d, ok := ParseDate(s[m[1]:RuneEnd(s, m[1]+40)]); ok {
				return d
			}
		}
	}
	return time.Time{}
}
