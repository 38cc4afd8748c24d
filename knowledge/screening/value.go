package screening

import (
	"encoding/base64"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// sample reports whether a token is one that documentation shows: it says so,
// it counts up, or it repeats itself.
func sample(token string) bool {
	low := strings.ToLower(token)
	for _, word := range []string{"example", "placeholder", "redacted", "yourtoken", "your-", "your_", "xxxxx", "0123456789", "123456789", "abcdefgh"} {
		if strings.Contains(low, word) {
			return true
		}
	}
	for _, known := range publicSamples {
		if token == known {
			return true
		}
	}
	return longestRun(token) >= 8
}

// publicSamples are values that vendors' manuals print and that unlock nothing,
// in pieces for the sake of push checks.
var publicSamples = []string{
	"sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc",
	"sk_test_" + "BQokikJOvBiI2HlWgH4olfQ2",
}

func longestRun(s string) int {
	longest, run := 0, 0
	var last rune = -1
	for _, r := range s {
		if r != last {
			run = 0
		}
		run++
		last = r
		longest = max(longest, run)
	}
	return longest
}

// signs counts what a value is made of.
type signs struct {
	runes, lower, upper, digits, special, changes int
}

// count takes as special what words and numbers of prose do not hold inside:
// not hyphens, dots, slashes, commas, apostrophes. changes is how often one sort
// of sign follows another.
func count(value string) signs {
	var s signs
	var last int
	for _, r := range value {
		sort := 0
		switch {
		case unicode.IsLower(r):
			s.lower++
			sort = 1
		case unicode.IsUpper(r):
			s.upper++
			sort = 2
		case unicode.IsDigit(r):
			s.digits++
			sort = 3
		case unicode.IsLetter(r):
			s.lower++
			sort = 1
		case strings.ContainsRune("!#$%&*+=?@^~", r):
			s.special++
			sort = 4
		}
		if sort != last && s.runes > 0 {
			s.changes++
		}
		last = sort
		s.runes++
	}
	return s
}

func (s signs) letters() int { return s.lower + s.upper }

// random reports whether a long value looks thrown by dice: letters and digits
// take turns. Words and paths do not pass.
func random(value string) bool {
	s := count(value)
	return s.digits >= 1 && s.letters() >= 1 && s.changes*5 >= s.runes
}

// mixed reports whether value holds letters and digits, or both cases.
func mixed(value string) bool {
	s := count(value)
	return s.letters() > 0 && s.digits > 0 || s.lower > 0 && s.upper > 1
}

// placeholder reports whether a value stands for another one: a gap to fill in,
// a variable, a mask, or code that fetches it.
func placeholder(value string) bool {
	low := strings.ToLower(value)
	if value == "" || sample(value) || slices.Contains(stockWords, strings.Trim(low, "-_.")) {
		return true
	}
	for _, word := range []string{"your", "xxx", "***", "•••", "●●", "...", "…", "___", "changeme", "change_me", "change-me",
		"insert", "replace", "${", "{{", "}}", "$(", "<", ">", "env.", "environ", "getenv", "secret:", "vault:", "op://"} {
		if strings.Contains(low, word) {
			return true
		}
	}
	return variable.MatchString(value) || longestRun(value) >= 5
}

var stockWords = strings.Fields(`password passwd pass pwd pw secret secrets token key admin root user username test demo
	mypassword mysecret my-password my-secret none null nil true false string required optional hunter2 passw0rd p@ssw0rd pa$$word pa$$w0rd`)

// variable is $NAME, %NAME%, NAME_OF_CONSTANT, @ref, name.of.field, call(...),
// [ref], and what is added to a string.
var variable = regexp.MustCompile(`^(?:\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|:[a-z_]+|[A-Z]+(?:_[A-Z]+)+|@[\w.]+|!\w+|\+ *[A-Za-z_].*|[A-Za-z_]+(?:\.[A-Za-z_]+)+|&?[A-Za-z_][\w.]*[(\[{].*|[\[({].*)$`)

// ordinary is what prose holds that has letters and digits but is no password:
// amounts with their unit, dates, versions, standards, addresses, paths.
var ordinary = regexp.MustCompile(`^(?i:` + strings.Join([]string{
	`\d+(?:[.,]\d+)?[-–]?\p{L}+(?:-\p{L}+)*`,   // 12-character, 2FA, 1Password
	`[$€£]?\d[\d.,:/xX%+-]*[kmb%]?`,            // $1,000; 2026-01-02; 10:30; 100%
	`v?\d+(?:\.\d+)+[\w.+-]*!?`, `0x[0-9a-f]+`, // v1.2.3-rc4
	`\p{L}{1,8}-?\d{1,4}`,                               // OAuth2, SHA-256, base64, Q3
	`(?:sha|aes|rsa|md|utf|iso|rfc|http|tls)[\w/:.+-]*`, // sha3-512, ISO-27001:2022
	`#\d+`,                                    // an item of a tracker
	`www\..*`, `[\w.+-]+@[\w-]+(?:\.[\w-]+)+`, // addresses
	`[\w-]+\.[a-z]{2,4}`,    // files and hosts
	`&\w+;.*`, `--?[a-z].*`, // entities, options of a command
}, `|`) + `)$`)

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// field is a name in code: module3.Function, and what ends like the name of a
// secret instead of being one.
var field = regexp.MustCompile(`^(?:(?:[A-Za-z_]\w*\.)+[A-Za-z_]+|\w*(?:Key|Token|Secret|Password))$`)

// place is an address or a path.
var place = regexp.MustCompile(`^(?i:.*://.*|(?:\.{0,2}|~)/.*|[\w.-]+(?:/[\w.#-]*)+|[a-z]:\\.*)$`)

// likePassword reports whether a value that stands where a password is told may
// be one. A plain word is not: too much prose goes on after "password:".
func likePassword(value string) bool {
	s := count(value)
	return s.runes >= 6 && s.runes <= 128 && s.letters() > 0 && (s.digits > 0 || s.special > 0) &&
		!trailing.MatchString(value) && !placeholder(value) && !ordinary.MatchString(value) && !uuid.MatchString(value) && !field.MatchString(value) &&
		(!place.MatchString(value) || s.digits > 0 && s.upper > 0 && s.changes*2 >= s.runes)
}

// trailing is a word with nothing but an emphasis behind it.
var trailing = regexp.MustCompile(`^[\p{L}'’-]+[!?*]+$`)

// surelyPassword is likePassword for a value that only stands near the word.
func surelyPassword(value string) bool {
	s := count(value)
	kinds := 0
	for _, n := range []int{s.lower, s.upper, s.digits, s.special} {
		if n > 0 {
			kinds++
		}
	}
	return likePassword(value) && value[0] != '.' && s.runes >= 8 && s.digits >= 1 &&
		(kinds >= 3 || s.digits >= 2 && strings.ContainsAny(value, "-_.")) && !strings.ContainsAny(value, "/()[]{}<>\\:,;")
}

// likeKey reports whether a value that stands where a key or token is told may
// be one: long, and looking thrown by dice.
func likeKey(value string) bool {
	s := count(value)
	return s.runes >= 16 && s.runes <= 1024 && s.digits >= 2 && s.letters() >= 2 && !strings.ContainsAny(value, " ()[]{}<>\\,;\"'") &&
		!placeholder(value) && !uuid.MatchString(value) && !field.MatchString(value) && random(value) &&
		!strings.Contains(value, "://") && !strings.HasPrefix(value, "www.")
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// crcHolds checks the last six signs of a GitHub token: the CRC-32 of the
// thirty before them in base 62
// (github.blog, "Behind GitHub's new authentication token formats", 2021).
func crcHolds(token string) bool {
	if len(token) < 36 {
		return false
	}
	body, check := token[len(token)-36:len(token)-6], token[len(token)-6:]
	sum := crc32.ChecksumIEEE([]byte(body))
	for i := 5; i >= 0; i-- {
		if check[i] != base62[sum%62] {
			return false
		}
		sum /= 62
	}
	return true
}

// decoded returns what stands behind base64 of either alphabet, padded or not.
func decoded(s string) (string, bool) {
	s = strings.TrimRight(s, "=")
	enc := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		enc = base64.RawURLEncoding
	}
	b, err := enc.DecodeString(s)
	return string(b), err == nil
}
