package screening

import (
	"encoding/json"
	"regexp"
	"strings"

	"groundwork/knowledge"
)

// Stuffing for examples: thrown by dice, belongs to nobody.
const (
	d22   = "k3Vx9QmT2bLw7ZrP5nYc8d"
	d32   = "Hq7Rt2Zs9LpW4xVb6NcM3kYd8JfG5aTe"
	hex32 = "9f3c1e7a5b2d8046c1f7e3a9b5d20864"
)

// tokenRules are secrets with a form that their maker published, and private
// keys. A check sign, where there is one, is checked.
func tokenRules() []rule {
	secret := knowledge.Secret
	return []rule{{
		id: "private-key", kind: "private_key", class: secret,
		about: "A private key in text form (PEM, OpenSSH, PGP, PuTTY): whoever has it can sign or sign in as its owner.",
		keys:  []string{"-----begin ", "---- begin ssh2 ", "putty-user-key-file-"},
		match: privateKey,
		found: []string{
			"the key:\n«-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE" + d32 + d32 + "\n" + d32 + "\n-----END " + "RSA PRIVATE KEY-----»\nend",
			`{"private_key": "«-----BEGIN ` + `PRIVATE KEY-----\nMIIE` + d32 + d32 + `\n-----END ` + `PRIVATE KEY-----»\n"}`,
			"«-----BEGIN " + "OPENSSH PRIVATE KEY-----\nb3Blbn" + d32 + d32 + "\n" + d32 + "»\nThe rest of the page was lost.",
		},
		clean: []string{
			"-----BEGIN " + "RSA PRIVATE KEY-----\n...\n-----END " + "RSA PRIVATE KEY-----",
			"-----BEGIN PUBLIC KEY-----\nMIIB" + d32 + d32 + "\n-----END PUBLIC KEY-----",
			"-----BEGIN CERTIFICATE-----\nMIIB" + d32 + d32 + "\n-----END CERTIFICATE-----",
		},
	}, {
		id: "age-secret-key", kind: "age_secret_key", class: secret,
		about: "A secret key of the age encryption tool.",
		keys:  []string{"age-secret-key-1"},
		match: shape(`(?i:AGE-SECRET-KEY-1[023456789ACDEFGHJKLMNPQRSTUVWXYZ]{58})`),
		found: []string{"«AGE-SECRET-" + "KEY-1QZ7RT2ZS9LPW4XV06NCM3KYD8JFG5ATE0QZ7RT2ZS9LPW4XV06NCM3KYD8»"},
		clean: []string{"It begins with AGE-SECRET-KEY-1 and is never shared."},
	}, {
		id: "aws-access-key-id", kind: "aws_access_key_id", class: secret,
		about: "The id of an AWS access key, long-lived (AKIA) or temporary (ASIA).",
		keys:  []string{"akia", "asia", "abia", "acca"},
		match: shape(`(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}`),
		found: []string{"aws_access_key_id = «AK" + "IAQ3XZ7RTBVN5KWM2P»"},
		clean: []string{"AKIA" + "IOSFODNN7EXAMPLE", "ASIA" + "PACIFICREGIONOFFICE", "akia" + "q3xz7rtbvn5kwm2p"},
	}, {
		id: "aws-secret-key", kind: "aws_secret_access_key", class: secret,
		about: "An AWS secret access key: 40 signs near the word AWS.",
		keys:  []string{"aws", "amazon", "akia", "asia", "secret_access_key", "secretaccesskey", "secret access key"},
		match: awsSecret,
		found: []string{
			"aws_secret_access_key = «h+7Rt2Zs9LpW4xVb6NcM/kYd" + "8JfG5aTek3Vx9QmT»",
			"The AWS one is `«h+7Rt2Zs9LpW4xVb6NcM/kYd" + "8JfG5aTek3Vx9QmT»`, ask Ona.",
		},
		clean: []string{
			"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY",
			"aws/modules/production-network-eu-north-1-v2/",
			"AWS revision 9f3c1e7a5b2d8046c1f7e3a9b5d20864c1f7e3a9",
		},
	}, {
		id: "github-token", kind: "github_token", class: secret,
		about: "A GitHub token (personal, app, OAuth, refresh) whose check sign holds.",
		keys:  []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"},
		match: shape(`gh[pousr]_[0-9A-Za-z]{36}`, crcHolds),
		found: []string{"GH_TOKEN=«gh" + "p_k3Vx9QmT2bLw7ZrP5nYc8dk3Vx9QmT1FIdho»"},
		clean: []string{"gh" + "p_k3Vx9QmT2bLw7ZrP5nYc8dk3Vx9QmT000000", "gh" + "p_" + strings.Repeat("x", 36)},
	}, {
		id: "github-fine-grained-token", kind: "github_fine_grained_token", class: secret,
		about: "A fine-grained personal access token of GitHub.",
		keys:  []string{"github_pat_"},
		match: shape(`github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}`),
		found: []string{"use «github_" + "pat_" + d22 + "_" + d32 + "k3Vx9QmT2bLw7ZrP5nYc8dHq7Rt»."},
		clean: []string{"Such a token begins with github_pat_ and 22 signs."},
	}, {
		id: "gitlab-token", kind: "gitlab_token", class: secret,
		about: "A GitLab token (personal, deploy, runner, trigger, feed, agent).",
		keys:  []string{"glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-", "glagent-", "glffct-", "gloas-"},
		match: shape(`gl[a-z]{2,5}-[0-9A-Za-z_-]{20,60}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?`, mixed),
		found: []string{"PRIVATE-TOKEN: «glp" + "at-" + "x7Qm-2bLw_ZrP5nYc8dK»"},
		clean: []string{"glpat-your-personal-access-token", "glpat-" + "xxxxxxxxxxxxxxxxxxxx"},
	}, {
		id: "slack-token", kind: "slack_token", class: secret,
		about: "A Slack token of an app, a bot or a person.",
		keys:  []string{"xoxa-", "xoxb-", "xoxe-", "xoxe.xox", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"},
		match: shape(`xox[abeoprs](?:\.xox[bp])?-\d[0-9A-Za-z-]{20}[0-9A-Za-z-]*|xapp-\d-[0-9A-Z]{8,14}-\d{8,14}-[0-9a-f]{32,64}`),
		found: []string{"bot: «xo" + "xb-731904562817-394056281734-" + d22 + "7Q»"},
		clean: []string{"xoxb-your-token-here"},
	}, {
		id: "slack-webhook", kind: "slack_webhook", class: secret,
		about: "The address of a Slack webhook: whoever has it can post.",
		keys:  []string{"hooks.slack.com/"},
		match: slackWebhook,
		found: []string{"curl -d x «https://hooks.slack" + ".com/services/T7QM2BLWZ/B9RP5NYC8D/" + d22 + "7Q»"},
		clean: []string{"https://hooks.slack.com/services/T00000000/B00000000/" + strings.Repeat("X", 24), "https://hooks.slack.com/services/..."},
	}, {
		id: "stripe-key", kind: "stripe_key", class: secret,
		about: "A secret or restricted key of Stripe, or the secret of its webhook.",
		keys:  []string{"sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"},
		match: shape(`(?:[sr]k_(?:live|test)_[0-9A-Za-z]{16,128}|whsec_[0-9A-Za-z+/]{24,64}=?)`, mixed),
		found: []string{"STRIPE=«sk" + "_live_" + d22 + "7Q»"},
		clean: []string{"sk_test_ keys never move money.", "sk_test_" + "4eC39HqLyjWDarjtT1zdp7dc"},
	}, {
		id: "google-api-key", kind: "google_api_key", class: secret,
		about: "A key for Google's interfaces.",
		keys:  []string{"aiza"},
		match: shape(`AIza[0-9A-Za-z_-]{35}`, mixed),
		found: []string{"maps?key=«AI" + "za" + d22 + "-7QmT2bLw7ZrP»"},
		clean: []string{"A key begins with AIza and has 39 signs."},
	}, {
		id: "google-oauth-secret", kind: "google_oauth_secret", class: secret,
		about: "The secret of a Google OAuth client, or an access token made with it.",
		keys:  []string{"gocspx-", "ya29."},
		match: shape(`GOCSPX-[0-9A-Za-z_-]{28}|ya29\.[0-9A-Za-z_-]{30}[0-9A-Za-z_-]*`, mixed),
		found: []string{"secret «GOC" + "SPX-" + d22 + "-7QmT2»"},
		clean: []string{"GOCSPX-your-client-secret-from-console"},
	}, {
		id: "anthropic-key", kind: "anthropic_key", class: secret,
		about: "A key for Anthropic's interfaces.",
		keys:  []string{"sk-ant-"},
		match: shape(`sk-ant-[a-z]{2,8}\d{2}-[0-9A-Za-z_-]{32}[0-9A-Za-z_-]*`, mixed),
		found: []string{"KEY=«sk-" + "ant-api03-" + d32 + "-" + d32 + "_" + d22 + "7AA»"},
		clean: []string{"sk-ant-..."},
	}, {
		id: "openai-key", kind: "openai_key", class: secret,
		about: "A key for OpenAI's interfaces.",
		keys:  []string{"sk-"},
		match: shape(`sk-(?:[a-z]{3,8}-)?[0-9A-Za-z_-]{16,120}T3BlbkFJ[0-9A-Za-z_-]{16,120}`),
		found: []string{"OPENAI_API_KEY=«sk-" + "k3Vx9QmT2bLw7ZrP5nYcT3Blbk" + "FJHq7Rt2Zs9LpW4xVb6NcM»"},
		clean: []string{"OPENAI_API_KEY=sk-...", "ask-first"},
	}, {
		id: "azure-storage-key", kind: "azure_storage_key", class: secret,
		about: "The key of an Azure storage account, database or queue.",
		keys:  []string{"=="},
		match: azureKey,
		found: []string{"AccountName=yard;AccountKey=«" + d32 + "+" + d32 + "/7QmT2bLw7ZrP5nYc8dK+" + "==»;EndpointSuffix=x"},
		clean: []string{"AccountKey=***;EndpointSuffix=core.windows.net", `azure "integrity": "sha512-` + d32 + d32 + `QmT2bLw7ZrP5nYc8dKQmT2=="`},
	}, {
		id: "azure-sas", kind: "azure_sas_signature", class: secret,
		about: "The signature in an Azure link: the link opens the file for anybody.",
		keys:  []string{"sig="},
		match: azureSignature,
		found: []string{"https://yard.blob.core.windows.net/p/a.pdf?sv=2024-11-04&sr=b&sp=r&sig=«" + d32 + "7Qm%2FT2bLw7%3D»"},
		clean: []string{"sig=<signature>", "https://example.org/?sp=r&sig=abc"},
	}, {
		id: "npm-token", kind: "npm_token", class: secret,
		about: "A token of the npm registry.",
		keys:  []string{"npm_"},
		match: shape(`npm_[0-9A-Za-z]{36}`, mixed, random),
		found: []string{"_authToken=«np" + "m_" + d32 + "7QmT»"},
		clean: []string{"npm_config_registry and npm_package_version"},
	}, {
		id: "pypi-token", kind: "pypi_token", class: secret,
		about: "A token of the Python package index.",
		keys:  []string{"pypi-ageic", "pypi-agenc"},
		match: shape(`pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[0-9A-Za-z_-]{50}[0-9A-Za-z_-]*`),
		found: []string{"password = «py" + "pi-AgEIcHlwaS5vcmc" + d32 + "-" + d32 + "»"},
		clean: []string{"pypi-AgEIcHlwaS5vcmc... is how it begins"},
	}, {
		id: "sendgrid-key", kind: "sendgrid_key", class: secret,
		about: "A key of the mail service SendGrid.",
		keys:  []string{"sg."},
		match: shape(`SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}`),
		found: []string{"«SG" + "." + d22 + "." + d32 + "7QmT2bLw7Zr»"},
		clean: []string{"SG.your-key.here"},
	}, {
		id: "twilio-key", kind: "twilio_key", class: secret,
		about: "A key of the telephone service Twilio.",
		keys:  []string{"sk0", "sk1", "sk2", "sk3", "sk4", "sk5", "sk6", "sk7", "sk8", "sk9", "ska", "skb", "skc", "skd", "ske", "skf"},
		match: shape(`SK[0-9a-f]{32}`, mixed),
		found: []string{"TWILIO_API_KEY=«S" + "K" + hex32 + "»"},
		clean: []string{"SKdeadbeef"},
	}, {
		id: "telegram-token", kind: "telegram_bot_token", class: secret,
		about: "The token of a Telegram bot.",
		keys:  []string{":aa"},
		match: telegram,
		found: []string{"BOT=«7319045628:" + "AA" + d32 + "7»"},
		clean: []string{"2001:db8:aaaa::1", "12345678:AAshort"},
	}, {
		id: "discord-token", kind: "discord_bot_token", class: secret,
		about: "The token of a Discord bot: the first part is its number in base64.",
		keys:  []string{"."},
		match: discord,
		found: []string{"bot token «NzMxOTA0NTYyODE3Mzk0MDU2" + ".GxK3qT." + d32 + "7QmT2b»"},
		clean: []string{"example.golang.org", "aaaaaaaaaaaaaaaaaaaaaaaa.GxK3qT." + d32},
	}, {
		id: "huggingface-token", kind: "huggingface_token", class: secret,
		about: "A token of Hugging Face.",
		keys:  []string{"hf_", "api_org_"},
		match: shape(`(?:hf|api_org)_[A-Za-z]{34}`, mixed),
		found: []string{"«h" + "f_QwmTbLwZrPnYcdKxVbNcMkYdJfGaTeHqRt»"},
		clean: []string{"hf_your_token", "hf_hub_download"},
	}, {
		id: "digitalocean-token", kind: "digitalocean_token", class: secret,
		about: "A token of DigitalOcean.",
		keys:  []string{"dop_v1_", "doo_v1_", "dor_v1_"},
		match: shape(`do[opr]_v1_[0-9a-f]{64}`),
		found: []string{"token «do" + "p_v1_" + hex32 + hex32 + "»"},
		clean: []string{"dop_v1_..."},
	}, {
		id: "shopify-token", kind: "shopify_token", class: secret,
		about: "A token of a Shopify app.",
		keys:  []string{"shpat_", "shpca_", "shppa_", "shpss_", "shpua_"},
		match: shape(`shp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32}`),
		found: []string{"«shp" + "at_" + hex32 + "»"},
		clean: []string{"shpat_ followed by 32 signs"},
	}, {
		id: "mailgun-key", kind: "mailgun_key", class: secret,
		about: "A key of the mail service Mailgun.",
		keys:  []string{"key-"},
		match: shape(`key-[0-9a-f]{32}`, mixed),
		found: []string{"MAILGUN=«ke" + "y-" + hex32 + "»"},
		clean: []string{"key-value pairs", "monkey-" + hex32},
	}, {
		id: "vault-token", kind: "vault_token", class: secret,
		about: "A token of HashiCorp Vault (service, batch, recovery).",
		keys:  []string{"hvs.", "hvb.", "hvr."},
		match: shape(`hv[sbr]\.[0-9A-Za-z_-]{24}[0-9A-Za-z_-]*`, mixed),
		found: []string{"VAULT_TOKEN=«hv" + "s." + d32 + "»"},
		clean: []string{"hvs. is the prefix"},
	}, {
		id: "databricks-token", kind: "databricks_token", class: secret,
		about: "A token of Databricks.",
		keys:  []string{"dapi"},
		match: shape(`dapi[0-9a-f]{32}(?:-\d)?`),
		found: []string{"«da" + "pi" + hex32 + "-2»"},
		clean: []string{"dapi and the rest"},
	}, {
		id: "linear-key", kind: "linear_key", class: secret,
		about: "A key of the tracker Linear.",
		keys:  []string{"lin_api_", "lin_oauth_"},
		match: shape(`lin_(?:api|oauth)_[0-9A-Za-z]{40}(?:[0-9a-f]{24})?`),
		found: []string{"«lin" + "_api_" + d32 + "7QmT2bLw»"},
		clean: []string{"lin_api_ is the prefix"},
	}, {
		id: "grafana-token", kind: "grafana_token", class: secret,
		about: "A token of Grafana.",
		keys:  []string{"glsa_", "glc_"},
		match: shape(`glsa_[0-9A-Za-z]{32}_[0-9a-fA-F]{8}|glc_[0-9A-Za-z+/]{32}[0-9A-Za-z+/]*={0,2}`),
		found: []string{"«gl" + "sa_" + d32 + "_9f3c1e7a»"},
		clean: []string{"glsa_abc"},
	}, {
		id: "postman-key", kind: "postman_key", class: secret,
		about: "A key of Postman.",
		keys:  []string{"pmak-"},
		match: shape(`PMAK-[0-9a-f]{24}-[0-9a-f]{34}`),
		found: []string{"«PM" + "AK-" + hex32[:24] + "-" + hex32 + "7a»"},
		clean: []string{"PMAK-id-secret"},
	}, {
		id: "jwt", kind: "jwt", class: secret,
		about: "A signed token (JWT): until it runs out, whoever has it is its owner.",
		keys:  []string{"eyj"},
		match: webToken,
		found: []string{"Bearer «ey" + "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0NzExIn0." + d32 + "7QmT2bLw7Zr»"},
		clean: []string{
			"eyJhbGciOi... is how a token begins",
			"eyJ" + "hbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
		},
	}}
}

var (
	keyHead  = regexp.MustCompile(`^-{4,5} ?BEGIN ([A-Z0-9 ]{0,30})PRIVATE KEY( BLOCK)? ?-{4,5}`)
	keyLines = regexp.MustCompile(`^(?:(?:\s|\\r|\\n)*(?:[0-9A-Za-z+/=]{16,}|[A-Za-z-]+: [^\n]*))*(?:\s*\n[0-9A-Za-z+/]{1,16}={0,2}[ \t]*(?:\n|$))?`)
	keySigns = regexp.MustCompile(`[0-9A-Za-z+/=]{16,}`)
)

// privateKey takes the block up to its end line; where that is missing, as far
// as lines of base64 go.
func privateKey(text string, key span) (span, bool) {
	rest := text[key.start:min(len(text), key.start+1<<16)]
	if strings.HasPrefix(rest, "PuTTY-User-Key-File-") {
		i := strings.Index(rest, "Private-Lines:")
		if i < 0 {
			return span{}, false
		}
		n := len(keyLines.FindString(rest[i:]))
		return span{key.start, key.start + i + n}, n > len("Private-Lines: 1\n")
	}
	head := keyHead.FindStringSubmatch(rest)
	if head == nil {
		return span{}, false
	}
	bodyAt := len(head[0])
	end, body := -1, ""
	// A second BEGIN before the END means that this block has none.
	if i := strings.Index(rest[bodyAt:], "PRIVATE KEY"+head[2]); i >= 0 {
		mark := rest[bodyAt : bodyAt+i]
		tail := rest[bodyAt+i+len("PRIVATE KEY"+head[2]):]
		dashes := len(tail) - len(strings.TrimLeft(tail, " -"))
		if j := strings.LastIndex(mark, "END "); j >= 0 && dashes >= 4 {
			end = bodyAt + i + len("PRIVATE KEY"+head[2]) + len(strings.TrimRight(tail[:dashes], " "))
			body = mark[:j]
		}
	}
	if end < 0 {
		end = bodyAt + len(strings.TrimRight(keyLines.FindString(rest[bodyAt:]), " \t\r\n"))
		body = rest[bodyAt:max(bodyAt, end)]
	}
	size := 0
	for _, s := range keySigns.FindAllString(body, -1) {
		size += len(s)
	}
	// The shortest real body, an Ed25519 key, has 64 signs.
	return span{key.start, key.start + end}, size >= 40 && longestRun(body) < 12
}

var awsRun = regexp.MustCompile(`[0-9A-Za-z/+=_-]+`)

// awsSecret finds forty signs of base64 after the keyword. They have no mark of
// their own, so they must look thrown by dice.
func awsSecret(text string, key span) (span, bool) {
	part, offset := within(text, span{key.end, key.end}, 0, 200)
	for _, m := range awsRun.FindAllStringIndex(part, -1) {
		at := span{offset + m[0], offset + m[1]}
		// name=value without blanks is one run; the value is behind the sign.
		if i := strings.LastIndexByte(strings.TrimRight(text[at.start:at.end], "="), '='); i >= 0 {
			at.start += i + 1
		}
		v := text[at.start:at.end]
		if len(v) != 40 || strings.ContainsAny(v, "=_-") {
			continue
		}
		s := count(v)
		if s.upper >= 5 && s.lower >= 5 && s.digits >= 2 && s.changes >= 16 && !sample(v) {
			return at, true
		}
	}
	return span{}, false
}

var webhook = regexp.MustCompile(`^hooks\.slack\.com/(?:services|workflows|triggers)/[0-9A-Z]{6,14}/[0-9A-Z]{6,20}/(?:[0-9]+/)?([0-9A-Za-z]{16,48})`)

func slackWebhook(text string, key span) (span, bool) {
	m := webhook.FindStringSubmatchIndex(text[key.start:min(len(text), key.start+reach)])
	if m == nil {
		return span{}, false
	}
	last := text[key.start+m[2] : key.start+m[3]]
	at := span{key.start, key.start + m[1]}
	for _, scheme := range []string{"https://", "http://"} {
		if strings.HasSuffix(text[:key.start], scheme) {
			at.start -= len(scheme)
		}
	}
	return at, mixed(last) && !sample(last)
}

var (
	azureContext = regexp.MustCompile(`(?i)azure|account_?key|storage|cosmos|blob|\.windows\.net|shared_?access_?key`)
	digestBefore = regexp.MustCompile(`(?i)(?:sha-?\d{3}|digest|integrity|hash|checksum)["']?\s*[-:= ]\s*["']?$`)
)

// azureKey finds the 86 signs before "==", which are 64 bytes, where Azure is
// spoken of.
func azureKey(text string, key span) (span, bool) {
	from := key.start
	for from > 0 && key.start-from <= 86 && (wordByte(text[from-1]) && text[from-1] != '_' || text[from-1] == '+' || text[from-1] == '/') {
		from--
	}
	if key.start-from != 86 || key.end < len(text) && wordByte(text[key.end]) || !random(text[from:key.start]) || sample(text[from:key.start]) {
		return span{}, false
	}
	before, _ := within(text, span{from, from}, 150, 0)
	after, _ := within(text, span{key.end, key.end}, 0, 100)
	if digestBefore.MatchString(before) || !azureContext.MatchString(before) && !azureContext.MatchString(after) {
		return span{}, false
	}
	return span{from, key.end}, true
}

var (
	signature = regexp.MustCompile(`^sig=((?:[0-9A-Za-z]|%2[BbFf]|[+/]){40,70}(?:%3[Dd]|=)?)`)
	sasParam  = regexp.MustCompile(`[?&](?:sv|se|sp|sr|st|spr)=`)
)

func azureSignature(text string, key span) (span, bool) {
	m := signature.FindStringSubmatchIndex(text[key.start:min(len(text), key.start+reach)])
	if m == nil || key.start == 0 || !strings.ContainsRune("?&;", rune(text[key.start-1])) {
		return span{}, false
	}
	at := span{key.start + m[2], key.start + m[3]}
	around, _ := within(text, at, 300, 200)
	return at, sasParam.MatchString(around) && !sample(text[at.start:at.end])
}

var telegramTail = regexp.MustCompile(`^:AA[0-9A-Za-z_-]{33}`)

func telegram(text string, key span) (span, bool) {
	from := key.start
	for from > 0 && key.start-from <= 10 && text[from-1] >= '0' && text[from-1] <= '9' {
		from--
	}
	n := len(telegramTail.FindString(text[key.start:min(len(text), key.start+64)]))
	if key.start-from < 8 || key.start-from > 10 || n == 0 || from > 0 && wordByte(text[from-1]) && !strings.HasSuffix(text[:from], "bot") {
		return span{}, false
	}
	at := span{from, key.start + n}
	if at.end < len(text) && wordByte(text[at.end]) {
		return span{}, false
	}
	return at, mixed(text[key.start:at.end]) && !sample(text[key.start:at.end])
}

var discordTail = regexp.MustCompile(`^\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,45}`)

func discord(text string, key span) (span, bool) {
	// Nearly every dot of prose is turned away by this one look.
	if key.end+6 >= len(text) || text[key.end+6] != '.' {
		return span{}, false
	}
	from := key.start
	for from > 0 && key.start-from <= 28 && wordByte(text[from-1]) {
		from--
	}
	n := len(discordTail.FindString(text[key.start:min(len(text), key.start+64)]))
	if key.start-from < 22 || key.start-from > 28 || n == 0 {
		return span{}, false
	}
	id, ok := decoded(text[from:key.start])
	if !ok || len(id) < 16 || strings.Trim(id, "0123456789") != "" {
		return span{}, false
	}
	return span{from, key.start + n}, !sample(text[key.start : key.start+n])
}

var (
	jwtParts = regexp.MustCompile(`^(eyJ[0-9A-Za-z_-]{10,})\.([0-9A-Za-z_-]*)\.([0-9A-Za-z_-]{16,})(?:\.[0-9A-Za-z_-]*\.[0-9A-Za-z_-]*)?`)
	jwtDemo  = "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_" + "adQssw5c" // of jwt.io
)

func webToken(text string, key span) (span, bool) {
	if !fresh(text, key.start) {
		return span{}, false
	}
	m := jwtParts.FindStringSubmatch(text[key.start:min(len(text), key.start+1<<14)])
	if m == nil || m[3] == jwtDemo {
		return span{}, false
	}
	head, ok := decoded(m[1])
	var fields map[string]any
	if !ok || json.Unmarshal([]byte(head), &fields) != nil {
		return span{}, false
	}
	_, signed := fields["alg"]
	return span{key.start, key.start + len(m[0])}, signed && !sample(m[3])
}
