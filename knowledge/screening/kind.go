package screening

import "strings"

// name returns what people call a kind, so that "a" or "an" may stand before it.
func name(kind string) string {
	switch kind {
	case "aws_access_key_id":
		return "AWS access key id"
	case "aws_secret_access_key":
		return "AWS secret access key"
	case "azure_sas_signature":
		return "signature of an Azure link"
	case "basic_auth_url":
		return "password in a web address"
	case "credential_file":
		return "file that holds passwords or tokens by its name"
	case "db_connection_string":
		return "password in a connection string"
	case "generic_api_key":
		return "key or token"
	case "jwt":
		return "signed token (JWT)"
	case "key_file":
		return "file that is a private key by its name"
	case "marking_folder":
		return "folder marked as not for everybody"
	case "marking_tlp":
		return "TLP marking"
	case "password_assignment", "password_in_prose":
		return "password"
	case "totp_secret":
		return "seed of one-time passwords"
	}
	if what, ok := strings.CutPrefix(kind, "marking_"); ok {
		return `marking "` + what + `"`
	}
	words := strings.Split(kind, "_")
	for i, w := range words {
		if proper, ok := makers[w]; ok {
			words[i] = proper
		}
	}
	return strings.Join(words, " ")
}

// makers spells what is not spelled in small letters.
var makers = map[string]string{
	"anthropic": "Anthropic", "azure": "Azure", "databricks": "Databricks", "digitalocean": "DigitalOcean", "discord": "Discord",
	"github": "GitHub", "gitlab": "GitLab", "google": "Google", "grafana": "Grafana", "huggingface": "Hugging Face", "linear": "Linear",
	"mailgun": "Mailgun", "oauth": "OAuth", "openai": "OpenAI", "api": "API", "postman": "Postman", "pypi": "PyPI", "sendgrid": "SendGrid",
	"shopify": "Shopify", "slack": "Slack", "stripe": "Stripe", "telegram": "Telegram", "twilio": "Twilio", "vault": "Vault",
}
