package draft

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// suffix is what marks a file's kind; "12. March" or "v1.2" have none.
var suffix = regexp.MustCompile(`^\.[a-z0-9_+-]*[a-z][a-z0-9_+-]*$`)

// SplitName parts the last element of a path: ext is what marks its kind, in lower
// case with its dot, "" when nothing does; stem is the rest as a title, "untitled"
// when nothing is left.
func SplitName(p string) (stem, ext string) {
	name := path.Base(p)
	if ext = strings.ToLower(path.Ext(name)); !suffix.MatchString(ext) {
		ext = ""
	}
	return plainName(name[:len(name)-len(ext)]), ext
}

// plainName turns a file name without extension into a title.
func plainName(stem string) string {
	t := strings.Join(strings.FieldsFunc(Tidy(strings.ToValidUTF8(stem, "\uFFFD")), func(r rune) bool {
		return r == '-' || r == '_' || unicode.IsSpace(r)
	}), " ")
	if t == "" {
		return "untitled"
	}
	return t
}

// InnerNames makes names that can stand behind the path of the file they are
// in, each once. The value is ready when it is made.
type InnerNames map[string]int // by name: the number that its last namesake got

// longestName bounds a name, in bytes.
const longestName = 240

// Clean drops what leads out of the file ("..", a drive, a leading slash) and
// what cannot be printed; a name that is taken gets a number.
func (n InnerNames) Clean(name string) string {
	var segments []string
	for s := range strings.SplitSeq(strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), `\`, "/"), "/") {
		s = strings.TrimSpace(strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) && r != ' ' {
				return -1
			}
			return r
		}, Tidy(s)))
		if s != "" && strings.Trim(s, ".") != "" && !(len(segments) == 0 && len(s) == 2 && s[1] == ':') {
			segments = append(segments, s)
		}
	}
	for i := range max(0, len(segments)-1) { // "!/" parts a file from what is in it
		segments[i] = strings.TrimRight(segments[i], "!") + strings.Repeat("_", len(segments[i])-len(strings.TrimRight(segments[i], "!")))
	}
	base := strings.Join(segments, "/")
	if base == "" {
		base = "unnamed"
	}
	ext := path.Ext(base)
	if len(ext) > 16 {
		ext = ""
	}
	stem := strings.TrimSuffix(base, ext)
	if len(stem) > longestName {
		stem = strings.TrimRight(stem[:RuneEnd(stem, longestName)], " /.")
	}
	if stem == "" && ext == "" {
		stem = "unnamed"
	}
	all := stem + ext
	for i := n[all] + 1; n[all] > 0; i++ {
		if other := fmt.Sprintf("%s (%d)%s", stem, i, ext); n[other] == 0 {
			n[all], all = i, other
		}
	}
	n[all] = 1
	return all
}
