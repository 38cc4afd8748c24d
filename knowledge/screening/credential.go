package screening

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/knowledge"
)

// credentialRules are secrets without a form of their own: what gives them away
// is the word before them. They stand behind the tokens in the table because
// they say less about what was found.
func credentialRules() []rule {
	secret := knowledge.Secret
	return []rule{{
		id: "connection-string", kind: "db_connection_string", class: secret,
		about: "A password inside the address of a database, a cache or a queue.",
		keys:  []string{"://"},
		match: address(func(scheme string) bool { return storeScheme.MatchString(scheme) }),
		found: []string{"DATABASE_URL=postgres://ledger:«Kran-7-Nord»@db.internal:5432/ledger", "redis://:«kai9mauer»@cache/0", "mongodb+srv://a:«p@7/ss»@m.example.net/x"},
		clean: []string{"postgres://user:password@localhost:5432/db", "postgres://$USER:$PASS@host/db", "postgres://ledger@db/ledger", "mysql://app:<password>@db/x", "redis://localhost:6379/0"},
	}, {
		id: "address-password", kind: "basic_auth_url", class: secret,
		about: "A password inside a web address.",
		keys:  []string{"://"},
		match: address(func(scheme string) bool { return !storeScheme.MatchString(scheme) }),
		found: []string{"git clone https://deploy:«Kran-7-Nord»@git.example.com/plans.git"},
		clean: []string{"https://user:pass@example.com", "http://localhost:3000/@deploy", "https://example.com/a:b@c", "ssh://git@example.com:22/x", "https://x-access-token:${TOKEN}@git.example.com/x"},
	}, {
		id: "authorization", kind: "authorization_header", class: secret,
		about: "A header that signs in: whoever has it is let in.",
		keys:  []string{"bearer ", "basic ", "authorization: ", "authorization\": ", "authorization': "},
		match: authorization,
		found: []string{"Authorization: Bearer «" + d32 + "»", `-H "Authorization: Basic «ZGVwbG95Okty` + `YW4tNy1Ob3JkIQ==»"`, "Authorization: Token «" + hex32 + "»"},
		clean: []string{"Authorization: Bearer <token>", "basic understanding of it", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Authorization: Bearer $TOKEN"},
	}, {
		id: "otpauth", kind: "totp_secret", class: secret,
		about: "The seed of one-time passwords in an address for authenticators.",
		keys:  []string{"otpauth://"},
		match: otpauth,
		found: []string{"otpauth://totp/Yard:ona?secret=«GCPSAUYRDHJW" + "IOV7VTTPORGP»&issuer=Yard"},
		clean: []string{"otpauth://totp/LABEL?PARAMETERS"},
	}, {
		id: "command-password", kind: "password_assignment", class: secret,
		about: "A password on a command line.",
		keys:  []string{"sshpass", "mysql", "curl ", "net use ", "docker login", "psql", "mongo"},
		match: command,
		found: []string{"sshpass -p '«Kran7Nord!»' ssh ops@10.0.0.9", "mysqldump -u root -p«Kran7Nord!» shop", "curl -u robot:«Kran7Nord!» https://x.example.com", `net use z: \\files\plans /user:yard «Kran7Nord!»`},
		clean: []string{`curl -u "$USER:$PASS" https://api.example.com`, "mysql -u root -p shop", "mysql -h db -P3306", "curl -u user:password https://x.example.com"},
	}, {
		id: "password-setting", kind: "password_assignment", class: secret,
		about: "A password after its name and a colon, an equals sign or the like.",
		keys:  passwordKeys,
		match: setting(passwordName, likePassword),
		found: []string{
			"password: «Summer2026!»", "DB_PASSWORD=«Kran+7Nord#»\n", `{"password": "«Kran7Nord!»"}`, `<add key="AdminPassword" value="«Kran%72x»" />`,
			"Server=db;User Id=app;Password=«Kran7Nord!»;Encrypt=true", "- name: DB_PASSWORD\n  value: '«Kran7Nord!»'", "**Passwort:** `«Kran7Nord!»`",
			"Wachtwoord van de gedeelde mailbox: «Kran7Nord!»", "| WLAN-Passwort | «Kran7Nord» |", "pw: «blau-kai-nord34» (changed)", "?user=a&password=«Kran7Nord»&ssl=1",
		},
		clean: []string{
			"password: ask Rajan", "passwordMinLength=12", "password_hash TEXT", "PasswordAuthentication no", "DB_PASSWORD=${DB_PASSWORD}", `password: "<your password here>"`,
			"password = get_password(2)", "password: string", "Passwords: 12 signs or more", "key: password", "password: ********", "password = os.environ['PW2']", "password: see https://vault.example.com/a1",
			"the password: it's OAuth2 only", "password|2 places", "compass: north7east",
		},
	}, {
		id: "password-prose", kind: "password_in_prose", class: secret,
		about: "A password told in a sentence.",
		keys:  passwordKeys,
		match: sentence(passwordName),
		found: []string{
			"The admin password for the scanner is «Kran7Nord!», do not write it down.", "user guest, password «blau-kai-nord34»", "Das Kennwort für den Drucker lautet «Kran7Nord!».",
			"Le mot de passe du poste est «nord&2067», à changer.", "La contraseña del servidor es «blau-kai-nord40».", "初期パスワードは «SWykIKI%7Ndn» です。", "Use the same password as last year («blau-kai-nord89») for it.",
		},
		clean: []string{
			"The password must have 12 characters.", "A password is hashed with SHA-256 and stored.", "Passwords are 12-character strings", "The password of each account is kept in 1Password.",
			"Das Kennwort läuft alle 90 Tage ab.", "Forgot your password? Use step-2.", "password is checked by auth0.com", "the password is [here](https://vault.example.com/x1).",
		},
	}, {
		id: "password-changed", kind: "password_in_prose", class: secret,
		about: "A value that looks chosen as a password, where something was set to it or is opened with it.",
		keys:  []string{"reset to ", "changed to ", "log in with ", "login with ", "unlock with ", "geändert in ", "zurückgesetzt auf ", "anmelden mit "},
		match: changed,
		found: []string{"root on the backup host was reset to «#Kran7Nord!»; note it.", "Log in with `«blau-kai-nord34»`."},
		clean: []string{"It was changed to v1.2.3-rc4!", "Log in with GitHub.", "reset to 2026-01-01", "changed to my-service-2"},
	}, {
		id: "key-setting", kind: "generic_api_key", class: secret,
		about: "A key, token or secret after its name and a colon, an equals sign or the like.",
		keys:  []string{"secret", "token", "key", "credential", "schlüssel", "geheimnis", "clave", "clé"},
		match: setting(keyName, likeKey),
		found: []string{
			"api_key=«" + d32 + "»", "X-Api-Key: «" + hex32 + "»", `"secretToken": "«` + d32 + `»"`, "Our license server token: «" + d22 + "» (keep private)", "the API key for tides: «" + d22 + "»",
		},
		clean: []string{
			"api_key = os.environ[\"API_KEY\"]", "export API_KEY=<your-api-key>", "secret = secrets.token_hex(16)", "token: {{ .Values.token }}", "public key: " + d32,
			"token_url: https://example.com/a1b2c3d4e5f6g7", "cache_key: " + hex32, "max_tokens: 4096", "secretKeyRef:\n  name: db\n  key: password", "api_key: 550e8400-e29b-41d4-a716-446655440000",
		},
	}, {
		id: "secret-setting", kind: "password_assignment", class: secret,
		about: "A chosen secret, as one would choose a password, after the name secret.",
		keys:  []string{"secret"},
		match: setting(secretName, surelyPassword),
		found: []string{`private static final String SECRET = "«blau-kai-nord03»";`, "client_secret: «Kran7Nord!»"},
		clean: []string{"secret: my-app-v2", "secretName: db-credentials-2", "secret_id = aws-prod-10"},
	}}
}

var passwordKeys = []string{"pass", "pwd", "pw", "kennwort", "wachtwoord", "contrase", "clave", "senha", "hasło", "lösenord", "adgangskode", "salasana", "parola", "psk",
	"パスワード", "密码", "密碼", "비밀번호", "пароль"}

// An address without a user part is turned away by the first class, which
// admits neither slash nor blank.
var userPart = regexp.MustCompile(`^://([^\s/:@"'<>()\[\]]{0,64}):([^\s"'<>` + "`" + `]{3,128})@[\w.\[-]`)

var storeScheme = regexp.MustCompile(`(?i)(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|valkey|amqps?|mssql|sqlserver|oracle|cockroachdb|clickhouse|ldaps?|kafka|nats|jdbc|db2|couchdb|neo4j|bolt|elasticsearch|influxdb|snowflake|cassandra)[\w:+.-]*$`)

// address finds the password in scheme://user:password@host, for the schemes
// that of accepts.
func address(of func(scheme string) bool) matcher {
	return func(text string, key span) (span, bool) {
		m := userPart.FindStringSubmatchIndex(text[key.start:min(len(text), key.start+256)])
		if m == nil {
			return span{}, false
		}
		from := key.start
		for from > 0 && key.start-from < 32 && (wordByte(text[from-1]) || strings.IndexByte("+.-:", text[from-1]) >= 0) {
			from--
		}
		user, at := text[key.start+m[2]:key.start+m[3]], span{key.start + m[4], key.start + m[5]}
		password := text[at.start:at.end]
		if from == key.start || !of(text[from:key.start]) {
			return span{}, false
		}
		// http://host:3000/@name has a port and a path, not a password.
		if i := strings.IndexByte(password, '/'); i > 0 && strings.Trim(password[:i], "0123456789") == "" {
			return span{}, false
		}
		return at, !placeholder(password) && !strings.EqualFold(user, password) && !strings.Contains(password, "://")
	}
}

var (
	scheme   = regexp.MustCompile(`^(?i)(?:authorization["']?\s*:\s*["']?)?(bearer|basic|token|apikey|api-key)[ =]+["']?(?:token=["']?)?([0-9A-Za-z._~+/=-]{8}[0-9A-Za-z._~+/=-]*)`)
	bareAuth = regexp.MustCompile(`^(?i)authorization["']?\s*:\s*["']?([0-9A-Za-z._~+/=-]{20}[0-9A-Za-z._~+/=-]*)`)
)

func authorization(text string, key span) (span, bool) {
	if !fresh(text, key.start) && !strings.HasSuffix(text[:key.start], "-") {
		return span{}, false
	}
	rest := text[key.start:min(len(text), key.start+reach)]
	m, name := scheme.FindStringSubmatchIndex(rest), ""
	value := 4
	if m == nil {
		m, value = bareAuth.FindStringSubmatchIndex(rest), 2
	} else {
		name = strings.ToLower(rest[m[2]:m[3]])
	}
	if m == nil {
		return span{}, false
	}
	at := span{key.start + m[value], key.start + m[value+1]}
	v := strings.TrimRight(text[at.start:at.end], ".:")
	at.end = at.start + len(v)
	if name != "basic" {
		return at, likeKey(v)
	}
	plain, ok := decoded(v)
	user, password, colon := strings.Cut(plain, ":")
	// Aladdin opens the sesame of RFC 7617.
	return at, ok && colon && utf8.ValidString(plain) && password != "" && !placeholder(password) && user != password && user != "Aladdin"
}

var seed = regexp.MustCompile(`^otpauth://[^\s"'<>]*[?&]secret=([A-Za-z2-7]{16,128})`)

func otpauth(text string, key span) (span, bool) {
	m := seed.FindStringSubmatchIndex(text[key.start:min(len(text), key.start+512)])
	if m == nil {
		return span{}, false
	}
	at := span{key.start + m[2], key.start + m[3]}
	return at, !sample(text[at.start:at.end])
}

var commands = []*regexp.Regexp{
	regexp.MustCompile(`^sshpass\s+-p\s*["']?([^\s"']+)`),
	regexp.MustCompile(`^(?:mysql|mongo)\w*\s(?:[^\n]*\s)?-p["']?([^\s"']+)`),
	regexp.MustCompile(`^curl\s(?:[^\n]*\s)?(?:-u|--user)[ =]?["']?[^\s:"']+:([^\s"']+)`),
	regexp.MustCompile(`^net use\s[^\n]*/user:\S+\s+["']?([^\s"'/]+)`),
	regexp.MustCompile(`^net use\s[^\n]*\\\\\S+\s+["']?([^\s"'/*]+)["']?\s+/user:`),
	regexp.MustCompile(`^docker login\s(?:[^\n]*\s)?(?:-p|--password)[ =]["']?([^\s"']+)`),
}

func command(text string, key span) (span, bool) {
	if !fresh(text, key.start) {
		return span{}, false
	}
	rest := text[key.start:min(len(text), key.start+400)]
	for _, c := range commands {
		if m := c.FindStringSubmatchIndex(rest); m != nil {
			at := span{key.start + m[2], key.start + m[3]}
			if likePassword(text[at.start:at.end]) {
				return at, true
			}
		}
	}
	return span{}, false
}

// named is a name that a keyword stands in: where it ends, its words in lower
// case, and the word before it.
type named struct {
	end    int
	words  []string
	before string
}

// nameAt widens a keyword to the whole name around it and cuts it into words at
// signs and at changes of case: "DB_PASSWORD", "adminPassword", "WLAN-Passwort".
func nameAt(text string, key span) named {
	from, to := key.start, key.end
	if text[from] >= 0xe0 { // scripts without blanks: the keyword is the name
		return named{end: to, words: []string{text[from:to]}}
	}
	const limit = 64
	for from > 0 && key.start-from < limit && nameByte(text[from-1]) {
		from--
	}
	for to < len(text) && to-key.end < limit && nameByte(text[to]) {
		to++
	}
	for to > key.end && strings.IndexByte(".-", text[to-1]) >= 0 {
		to--
	}
	n := named{end: to}
	var word []rune
	flush := func() {
		if len(word) > 0 {
			n.words = append(n.words, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	var last rune
	for _, r := range text[from:to] {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
		case unicode.IsUpper(r) && unicode.IsLower(last):
			flush()
			word = append(word, r)
		default:
			word = append(word, r)
		}
		last = r
	}
	flush()
	head := strings.TrimRight(text[max(0, from-24):from], " \t-_")
	n.before = strings.ToLower(head[strings.LastIndexAny(head, " \t\n\"'(*`")+1:])
	return n
}

func nameByte(c byte) bool { return wordByte(c) || c == '-' || c == '.' || c >= 0x80 }

// afterthought is a word behind the word that counts: PASSWORD_PROD, secret_value.
var afterthought = strings.Fields(`value prod production dev staging stage live default plain plaintext base64 b64 text str old new current temp initial
	1 2 3 01 02 primary secondary is`)

// core returns the last word of the name that is no afterthought, and the one
// before it.
func (n named) core() (word, before string) {
	w := n.words
	for len(w) > 1 && slices.Contains(afterthought, w[len(w)-1]) {
		w = w[:len(w)-1]
	}
	if len(w) == 0 {
		return "", ""
	}
	if len(w) == 1 {
		return w[0], n.before
	}
	return w[len(w)-1], w[len(w)-2]
}

var passwordWords = strings.Fields(`password passwd passwort kennwort pwd pw pass passphrase passcode wachtwoord contraseña clave senha hasło lösenord passord
	adgangskode salasana parola psk pswd passw dbpass dbpassword userpass rootpw adminpw パスワード 密码 密碼 비밀번호 пароль`)

func passwordName(n named) bool {
	word, before := n.core()
	if slices.Contains(passwordWords, word) || word == "passe" && before == "de" {
		return true
	}
	for _, tail := range []string{"password", "passwort", "kennwort", "wachtwoord", "lösenord"} {
		if strings.HasSuffix(word, tail) {
			return true
		}
	}
	return false
}

// keyOwners are words before "key" that make it one to keep.
var keyOwners = strings.Fields(`api access secret private account auth authorization encryption signing master license licence shared service application app
	client deploy admin subscription session webhook storage consumer hmac`)

// passing are words before "token" that make it one that opens nothing for long.
var passing = strings.Fields(`csrf xsrf page next search continuation continue cursor sync`)

func keyName(n named) bool {
	word, before := n.core()
	switch word {
	case "token", "secret", "apikey", "accesskey", "secretkey", "authtoken", "accesstoken", "apitoken", "apisecret", "clientsecret", "credential", "geheimnis":
		return !slices.Contains(passing, before)
	case "key", "schlüssel", "clave", "clé":
		return slices.Contains(keyOwners, before)
	}
	return strings.HasSuffix(word, "schlüssel") && strings.Contains(word, "api")
}

func secretName(n named) bool {
	word, before := n.core()
	return word == "secret" || word == "key" && before == "secret"
}

// setting finds the value that is assigned to a name.
func setting(is func(named) bool, like func(string) bool) matcher {
	return func(text string, key span) (span, bool) {
		n := nameAt(text, key)
		if !is(n) {
			return span{}, false
		}
		at, ok := assigned(text, n.end)
		return at, ok && like(text[at.start:at.end])
	}
}

var (
	// valued leads from a name to its value when both have labels:
	// name: X / value: Y, key="X" value="Y", variable "X" { default = "Y" }.
	valued = regexp.MustCompile(`^["'` + "`" + `]?[\s,{]{1,24}["']?(?:value|default)["']?\s{0,3}[:=]\s{0,3}`)
	// equals leads from a name to its value; up to nine words may stand before a
	// colon ("password for the portal: ...").
	equals = regexp.MustCompile(`^(?:(?:\\?["'` + "`" + `\])]|\*\*|__){0,3}[ \t]{0,8}(?:\([^()\n]{1,40}\)[ \t]?)?(?:=>|:=|={1,2}|[:|：＝]|は|は：)|(?: [\p{L}\d'’.-]{1,24}){1,9} ?[:：])(?:\*\*|__)?[ \t]{0,8}(?:\n[ \t]{0,8})?`)
)

// assigned returns the value after a name that ends at i.
func assigned(text string, i int) (span, bool) {
	rest := text[i:min(len(text), i+600)]
	sep := equals.FindString(rest)
	nameless := valued.FindString(rest)
	if sep == "" && nameless == "" {
		return span{}, false
	}
	if nameless != "" {
		sep = nameless
	}
	from := i + len(sep)
	query := false
	// In a query string the value ends at the ampersand.
	if line := text[max(0, i-200):i]; sep == "=" {
		line = line[strings.LastIndexAny(line, " \t\n\"'")+1:]
		query = strings.ContainsAny(line, "?&")
	}
	at := valueAt(text, from, query)
	return at, at.start < at.end
}

var quotes = map[rune]string{'"': `"`, '\'': `'`, '`': "`", '“': "”", '„': "“”", '«': "»", '「': "」", '『': "』", '‘': "’"}

// valueAt returns the value that begins at i, without its quotes and without
// the punctuation of the sentence around it.
func valueAt(text string, i int, query bool) span {
	rest := text[i:min(len(text), i+1024)]
	for _, lead := range []string{"**", "\\\"", "\\'"} {
		if strings.HasPrefix(rest, lead) {
			i += len(lead)
			rest = rest[len(lead):]
		}
	}
	r, size := utf8.DecodeRuneInString(rest)
	if closers, quoted := quotes[r]; quoted {
		n := strings.IndexAny(rest[size:], closers+"\n")
		if n < 0 {
			return span{}
		}
		at := span{i + size, i + size + n}
		if r == '"' && strings.HasSuffix(text[at.start:at.end], `\`) {
			at.end--
		}
		return at
	}
	stop := strings.IndexFunc(rest, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("\"'`<>|、。」』", r) || query && r == '&'
	})
	if stop < 0 {
		stop = len(rest)
	}
	v := rest[:stop]
	// Password=...;Encrypt=... ends at the semicolon.
	if s := strings.IndexByte(v, ';'); s >= 0 && (strings.Contains(v[s:], "=") || s == len(v)-1 || strings.HasPrefix(text[i+stop:], " ")) {
		v = v[:s]
	}
	v = strings.TrimRight(v, ".,;:")
	if !strings.ContainsAny(v, "([{") {
		v = strings.TrimRight(v, ")]}.,;:")
	}
	v = strings.TrimSuffix(v, "**")
	return span{i, i + len(v)}
}

// links are words that tie a value to what it is the value of.
var links = strings.Fields(`is was are now remains stays = : -> → lautet lauten ist war heißt est était es era é foi è jest är er on war to は 는 은 为 是 為 :`)

// sentence finds a value that is told in the sentence of its name: close behind
// a link ("the password for the scanner is ..."), right behind the name, or in
// brackets and quotes.
func sentence(is func(named) bool) matcher {
	return func(text string, key span) (span, bool) {
		n := nameAt(text, key)
		if !is(n) {
			return span{}, false
		}
		if word, _ := n.core(); word == "pass" || word == "clave" {
			return span{}, false // words of prose
		}
		end := min(len(text), n.end+160)
		linked, first := false, true
		for i := n.end; i < end; first = false {
			j := i
			for j < end && (text[j] == ' ' || text[j] == '\t') {
				j++
			}
			if j == end || text[j] == '\n' {
				return span{}, false
			}
			k := j
			for k < end && text[k] != ' ' && text[k] != '\t' && text[k] != '\n' {
				k++
			}
			if k == end && end < len(text) {
				return span{}, false // the word is cut off
			}
			token := text[j:k]
			i = k
			if slices.Contains(links, strings.ToLower(token)) {
				linked = true
				continue
			}
			open := len(token) - len(strings.TrimLeft(token, "(*["))
			at := valueAt(text, j+open, false)
			if at.end > k {
				// A quotation of several words is no password.
				at = span{j, j}
			}
			v := text[at.start:at.end]
			if linked && likePassword(v) && (surelyPassword(v) || count(v).special > 0 || count(v).digits > 1) ||
				(first || open > 0 || at.start > j) && surelyPassword(v) {
				return at, true
			}
			if c := token[len(token)-1]; c == '.' || c == '!' || c == '?' || c == ';' {
				return span{}, false
			}
			linked = strings.HasSuffix(token, ":")
		}
		return span{}, false
	}
}

// changed takes the word right behind the keyword, when nothing but a password
// looks like it: a sign that words do not have, or several words and digits.
func changed(text string, key span) (span, bool) {
	at := valueAt(text, key.end, false)
	v := text[at.start:at.end]
	return at, surelyPassword(v) && (count(v).special > 0 || strings.Count(v, "-") >= 2 && count(v).upper == 0)
}
