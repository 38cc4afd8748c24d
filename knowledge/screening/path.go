package screening

import (
	"path"
	"slices"
	"strings"

	"groundwork/knowledge"
)

// pathRule is one row of the table of what is looked for in paths.
type pathRule struct {
	id, kind string
	class    knowledge.Class
	about    string
	folder   bool     // names are of folders; otherwise of files
	names    []string // lower case; * stands for any signs but a slash
	except   []string // names that match and mean no harm
	found    []string // examples: paths with «» around the name
	clean    []string
}

func pathRules() []pathRule {
	return []pathRule{{
		id: "path-private-key", kind: "key_file", class: knowledge.Secret,
		about: "A file whose name says that it is a private key or a store of keys.",
		names: []string{"id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "*.key", "*.p12", "*.pfx", "*.kdbx", "*.kdb", "*.jks", "*.keystore", "*.ppk",
			"*key.pem", "*-key*.pem", "privkey*.pem", "*.ovpn", "*.agekey", "*.1pif", "*.keychain", "*.gpg-key", "secring.*"},
		except: []string{"*public*key.pem", "*pub-key.pem", "*pubkey.pem"},
		found:  []string{"home/ops/keys/«id_ed25519»", "tls/«Server.KEY»", "tls/«privkey1.pem»", "«vault.kdbx»"},
		clean:  []string{"ssh/id_rsa.pub", "tls/cert.pem", "tls/public-key.pem", "docs/keys.md"},
	}, {
		id: "path-credentials", kind: "credential_file", class: knowledge.Secret,
		about: "A file in which programs keep passwords or tokens.",
		names: []string{".env", ".env.*", "*.env", ".netrc", "_netrc", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", "credentials.json", "client_secret*.json", "service-account*.json", "service_account*.json",
			".htpasswd", ".git-credentials", ".npmrc", ".pypirc", ".dockercfg", ".dockerconfigjson", ".s3cfg", ".boto", "kubeconfig", "*.kubeconfig", "passwords.*", "passwort*.*", "*.rdp", "terraform.tfstate", "*.tfvars", "wp-config.php"},
		except: []string{"*.example", "*.sample", "*.template", "*.dist", "*.md", "*example*", "*.defaults"},
		found:  []string{"app/«.env»", "app/«.env.production»", "«.netrc»", "gcp/«credentials.json»"},
		clean:  []string{"app/.env.example", "app/.envrc.md", "docs/credentials.md", "passwords.md"},
	}, {
		id: "path-credentials-folder", kind: "credential_file", class: knowledge.Secret,
		about:  "A folder in which programs keep passwords or keys.",
		folder: true,
		names:  []string{".ssh", ".gnupg", ".aws", ".password-store", ".kube"},
		found:  []string{"home/ops/«.ssh»/config"},
		clean:  []string{"docs/ssh/config.md", ".ssh"},
	}, {
		id: "path-marked-folder", kind: "marking_folder", class: knowledge.Marking,
		about:  "A folder whose name says that what is in it is not for everybody.",
		folder: true,
		names: []string{"secret", "secrets", "private", "confidential", "*-confidential", "confidential-*", "restricted", "internal-only", "management-only", "board-only", "hr-only", "do-not-share", "do-not-distribute",
			"vertraulich", "*-vertraulich", "streng-vertraulich", "geheim", "privat", "confidentiel", "*-confidentiel", "confidencial", "*-confidencial", "privado", "secreto", "vertrouwelijk", "riservato", "社外秘", "機密"},
		except: []string{"non-confidential", "not-confidential"},
		found:  []string{"team/«HR confidential»/pay.xlsx", "«secrets»/plan.md", "a/«Vertraulich»/b/c.md"},
		clean:  []string{"handbook/confidential-information.md", "secret.md", "docs/secrets-manager/index.md", "privateer/log.md"},
	}}
}

// Path returns what a path gives away before the file is opened: files that are
// keys or hold passwords by their name, and folders that are marked as not for
// everybody. file has forward slashes; Start and End are byte offsets of the
// telling name. It returns nil when nothing was found.
func (s *Screen) Path(file string) []knowledge.Finding {
	var out []knowledge.Finding
	for start := 0; start < len(file); {
		n := strings.IndexByte(file[start:], '/')
		folder := n >= 0
		if !folder {
			n = len(file) - start
		}
		name := strings.ToLower(file[start : start+n])
		if folder {
			name = blanks.Replace(name)
		}
		for _, r := range s.paths {
			if r.folder == folder && fits(r.names, name) && !fits(r.except, name) {
				out = append(out, knowledge.Finding{Kind: r.kind, Class: r.class, Start: start, End: start + n, Rule: r.id})
				break
			}
		}
		start += n + 1
	}
	return out
}

// blanks makes one of the ways in which people part the words of a folder's name.
var blanks = strings.NewReplacer(" ", "-", "_", "-")

// fits reports whether name is one of the patterns.
func fits(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return err == nil && ok
	})
}
