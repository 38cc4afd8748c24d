package screening

import (
	"regexp"
	"strings"
	"unicode"

	"groundwork/knowledge"
)

// markingRules are the words with which people mark a document as not for
// everybody. The words alone are no mark: prose is full of confidential
// information. A mark stands alone, at the head or the foot, in a label or in
// the subject line.
func markingRules() []rule {
	mark := knowledge.Marking
	return []rule{{
		id: "marking-tlp", kind: "marking_tlp", class: mark,
		about: "A mark of the Traffic Light Protocol that forbids passing on.",
		keys:  []string{"tlp"},
		match: trafficLight,
		found: []string{"«TLP:RED»\nReport", "Subject: [«TLP:AMBER+STRICT»] incident", "tlp: «TLP:GREEN»"},
		clean: []string{"TLP:CLEAR", "TLP:WHITE", "TLP:RED means that it stays in the room.", "Use TLP:AMBER or TLP:GREEN."},
	}, {
		id: "marking-government", kind: "marking_government", class: mark,
		about: "A mark of a public authority.",
		keys:  []string{"official", "cui", "diffusion restreinte", "dienstgebrauch", "vs-nfd", "noforn", "secret", "geheim", "restreint", "nato", "fouo", "reservado"},
		match: banner(`OFFICIAL[- ]SENSITIVE|FOR OFFICIAL USE ONLY|U//FOUO|FOUO|CUI(?://[A-Z-]+)*|CONTROLLED UNCLASSIFIED INFORMATION|DIFFUSION RESTREINTE|VS[-–— ]{1,3}NUR FÜR DEN DIENSTGEBRAUCH|VS-NFD|NUR FÜR DEN DIENSTGEBRAUCH|(?:TOP )?SECRET(?://[A-Z/ -]+)?|(?:STRENG )?GEHEIM|NATO (?:RESTRICTED|CONFIDENTIAL|SECRET)|RESTREINT UE(?:/EU RESTRICTED)?`, alwaysUpper),
		found: []string{"«OFFICIAL-SENSITIVE»\nBriefing", "«CUI//SP-PRVCY»\nExtract", "«VS-NUR FÜR DEN DIENSTGEBRAUCH»\nLageplan", "«SECRET//NOFORN»\n"},
		clean: []string{"The official answer", "SECRET_KEY=1", "A secret", "the CUI program"},
	}, {
		id: "marking-privileged", kind: "marking_privileged", class: mark,
		about: "A mark that a text is between a lawyer and a client.",
		keys:  []string{"privilege", "work product", "anwaltsgeheimnis", "mandatsgeheimnis", "without prejudice", "anwaltskorrespondenz"},
		match: banner(`(?:legally |attorney[-– ]client |solicitor[-– ]client )?privileged?(?: (?:and|&) confidential| communication| material)*|attorney work product|legal privilege|anwaltsgeheimnis|mandatsgeheimnis|without prejudice|(?:vertrauliche )?anwaltskorrespondenz`, 0),
		found: []string{"«PRIVILEGED & CONFIDENTIAL»\nMemo", "«Attorney-Client Privileged»\nMemo"},
		clean: []string{"privileged access is reviewed", "It is a privilege to work here."},
	}, {
		id: "marking-confidential", kind: "marking_confidential", class: mark,
		about: "A mark as confidential.",
		keys:  []string{"confiden", "vertraulich", "vertrouwelijk", "riservato", "poufn", "konfiden", "社外秘", "部外秘", "極秘", "機密", "机密"},
		match: banner(`(?:(?:strictly|highly|company|commercially|commercial|most|private|personal|business|staff|board|very|and|&|in|in) ){0,3}(?:confidential|confidence)(?:\\[a-z ]+)?(?: (?:and|&) (?:proprietary|privileged)|[ –—-]{1,3}(?:do not (?:distribute|forward|share|copy)|internal use only|not for distribution))?|(?:streng |strikt )?vertraulich|(?:strictement |très )?confidentiel(?:le)?|(?:estrictamente )?confidencial|(?:strikt )?vertrouwelijk|(?:strettamente )?(?:confidenziale|riservato)|(?:ściśle )?poufne|(?:strengt )?konfidensielt|konfidentiellt?|社外秘|部外秘|極秘|機密|机密`, 0),
		found: []string{
			"«CONFIDENTIAL»\n\nPlan", "Page 3 of 12 | «Company Confidential» | Yard", "«STRICTLY PRIVATE AND CONFIDENTIAL»\nTo the board", "---\nclassification: «confidential»\n---\n# Forecast",
			"«VERTRAULICH» – Entwurf", "【«社外秘»】計画", "Sensitivity: «Confidential\\All Employees»", "<b>«Confidential – do not distribute»</b><p>Plan", "Subject: [«CONFIDENTIAL»] merger",
		},
		clean: []string{
			"# Confidential information\n\nWe keep it.", "Confidential information is shared with care.", "| Confidential | for few |\n|---|---|", "Keep this confidential.", "- Confidential\n- Public\n",
			"Vertrauliche Daten sind zu schützen.", "One\nTwo\nThree\nFour\nConfidential\nSix\nSeven\nEight\nNine\nTen\n",
		},
	}, {
		id: "marking-restricted", kind: "marking_restricted", class: mark,
		about: "A mark that only some may read.",
		keys:  []string{"restricted", "need to know", "need-to-know", "management only", "eyes only", "do not distribute", "do not forward", "not for distribution", "do not share", "nicht weitergeben"},
		match: banner(`(?:distribution |highly |c\d )?restricted(?: distribution| use)?(?:[ –—-]{1,3}[a-z]+ only)?|need[- ]to[- ]know(?: (?:basis|only))?|(?:for )?(?:management|board|hr|your|[a-z]+['’]s?) (?:eyes )?only|eyes only|(?:strictly )?(?:do not (?:distribute|forward|share)|not for distribution)|nicht weitergeben`, 0),
		found: []string{"«RESTRICTED»\nSurvey", "«Restricted – Management Only»\nCuts", "Document class: «C3 Restricted»", "Access: «need to know», annex 2"},
		clean: []string{"Access is restricted to staff.", "restricted: false", "Restricted stock units vest over four years."},
	}, {
		id: "marking-internal", kind: "marking_internal", class: mark,
		about: "A mark for the own house only.",
		keys:  []string{"intern", "社内限", "内部资料", "employees only", "staff only", "company use"},
		match: banner(`(?:strictly |for |company )?internal(?:[ -]use)? only|for internal (?:use|distribution)|internal use|internal(?: –| —| -) (?:do not (?:distribute|forward|share)|not for distribution)|company internal|internal|(?:nur )?für (?:den |die )?internen? (?:dienst)?(?:gebrauch|verwendung)|nur intern|intern|(?:à )?usage interne(?: uniquement| exclusivement)?|(?:para )?uso interno(?: exclusivo| solamente)?|社内限(?:り|定)?|内部资料|(?:for )?(?:employees|staff) only|for company use only`, 0),
		found: []string{"«INTERNAL USE ONLY»\nPlan", "Classification: «Internal»\n", "Yard | «For internal use only»\n", "«NUR FÜR DEN INTERNEN GEBRAUCH»\n"},
		clean: []string{"Internal tools are listed below.", "# Internal\n", "This page is for internal teams.", "internal: true"},
	}}
}

const alwaysUpper = 1

var (
	// label is what stands before the value of a classification.
	label = regexp.MustCompile(`(?i)^[\s*_>#"'{(-]*(?:(?:document|data|information|security|protective|sensitivity|doc)[ _-]?)?(?:classification|sensitivity|confidentiality|class|label|marking|access|distribution|handling|visibility|klassifizierung|klassifikation|einstufung|vertraulichkeit|vertraulichkeitsstufe|schutzklasse|classificação|clasificación|confidentialité|diffusion|classificatie|classificazione|機密区分|tlp)(?:[ _-]?(?:level|label|stufe))?[*_"']*\s*[:=：][\s*_"'\[(]*(?:[CL]\d\s+)?$`)
	// subject is the start of a line that names what a message is about.
	subject = regexp.MustCompile(`(?i)^[\s*_>]*(?:subject|betreff|objet|asunto|oggetto|onderwerp|件名|re|aw|fwd?|wg)\s*[*_]*[:：]`)
	item    = regexp.MustCompile(`^\s*(?:[-*+•]|\d+[.)])\s`)
	heading = regexp.MustCompile(`^\s*#{1,6}\s`)
	parts   = regexp.MustCompile(`\s[|·•/–—-]{1,2}\s|\t+|\s{3,}|[©|]`)
)

// goesOn are words that make a sentence of a mark.
var goesOn = regexp.MustCompile(`(?i)^(?:information|data|documents?|materials?|and|or|is|are|means?|matters?|to|by|in|for|on|from|with|agreements?|reports?|reporting|disclosures?|conversations?|channel|project|access|use|stock|tools?|teams?|only|if|must|should|may|can|when|daten|informationen|unterlagen)\b`)

// banner matches phrase where it marks the document.
func banner(phrase string, upper int) matcher {
	flags := `(?i)`
	if upper == alwaysUpper {
		flags = ""
	}
	re := regexp.MustCompile(flags + `(?:` + phrase + `)`)
	return func(text string, key span) (span, bool) {
		start, end, ok := line(text, key)
		if !ok {
			return span{}, false
		}
		l := text[start:end]
		for _, m := range re.FindAllStringIndex(l, -1) {
			at := span{start + m[0], start + m[1]}
			for at.end > at.start && unicode.IsSpace(rune(text[at.end-1])) {
				at.end--
			}
			if at.start > key.start || at.end < key.end {
				continue
			}
			if at.start > start && wordByte(text[at.start-1]) || at.end < end && wordByte(text[at.end]) {
				return span{}, false
			}
			return at, marks(text, l, text[start:at.start], text[at.start:at.end], text[at.end:end], start)
		}
		return span{}, false
	}
}

// line returns the line around the keyword; tags of HTML end a line too. Long
// lines are prose.
func line(text string, key span) (start, end int, ok bool) {
	const longest = 160
	start, end = key.start, key.end
	for start > 0 && strings.IndexByte("\n\f<>", text[start-1]) < 0 {
		if start--; key.start-start > longest {
			return 0, 0, false
		}
	}
	for end < len(text) && strings.IndexByte("\n\f\r<>", text[end]) < 0 {
		if end++; end-key.end > longest {
			return 0, 0, false
		}
	}
	return start, end, end-start <= longest
}

const ornament = " \t*_#[](){}【】《》〔〕|–—-=~\"'`“”„·•!⚠:.,"

// marks reports whether phrase, between pre and post on its line, marks the text.
func marks(text, l, pre, phrase, post string, start int) bool {
	left, right := strings.Trim(pre, ornament), strings.Trim(post, ornament)
	loud := phrase == strings.ToUpper(phrase) && phrase != strings.ToLower(phrase) || phrase[0] >= 0xe0
	edge := atEdge(text, start)
	listed := item.MatchString(l) || strings.HasPrefix(strings.TrimSpace(l), "|")
	stands := !goesOn.MatchString(strings.TrimLeft(post, " ")) && !strings.HasPrefix(post, "’") && !strings.HasPrefix(post, "'s")
	bracketed := pre != "" && post != "" && strings.ContainsAny(pre[len(pre)-1:], "[(") && strings.ContainsAny(post[:1], "])") || strings.HasSuffix(pre, "【")
	switch {
	case label.MatchString(pre):
		return stands && len(right) <= 60 && !(strings.HasSuffix(right, ".") || strings.Contains(right, " is "))
	case subject.MatchString(pre):
		return stands && (bracketed || loud || strings.HasSuffix(strings.TrimSpace(pre), ":") && (right == "" || strings.ContainsAny(strings.TrimLeft(post, " ")[:1], ":-–—|")))
	case listed:
		return false
	case left == "" && right == "":
		return loud || edge && !heading.MatchString(l) && !strings.HasSuffix(strings.TrimSpace(post), ":")
	case left == "" && loud:
		sep := strings.TrimLeft(post, " ")
		return stands && (strings.ContainsAny(sep[:1], ":-–|/,.]】)") || edge && !strings.HasSuffix(right, "."))
	}
	if !edge && !loud {
		return false
	}
	// A part between separators: "Page 3 of 12 | Company Confidential | Yard".
	for _, part := range parts.Split(l, -1) {
		if strings.Trim(part, ornament) == strings.Trim(phrase, ornament) {
			return !heading.MatchString(l) || loud
		}
	}
	// "Highly Confidential draft 0.3": two words of it at the head of the text.
	return left == "" && strings.Contains(phrase, " ") && unicode.IsUpper([]rune(phrase)[0]) && stands && edge && len(l) <= 90 &&
		!heading.MatchString(l) && !strings.HasSuffix(strings.TrimSpace(post), ".")
}

// atEdge reports whether the line at i is among the first four or the last
// three lines of text that are not empty; front matter does not count.
func atEdge(text string, i int) bool {
	from := 0
	if strings.HasPrefix(text, "---\n") {
		if n := strings.Index(text[3:], "\n---\n"); n >= 0 && 3+n+4 < i {
			from = 3 + n + 4
		}
	}
	return filled(text[from:i], 4, false) < 4 || filled(text[i:], 4, true) <= 3
}

// filled counts lines that are not empty, up to most. A started last line
// counts only when whole is true.
func filled(text string, most int, whole bool) int {
	n := 0
	for len(text) > 0 && n < most {
		l, rest, more := strings.Cut(text, "\n")
		if strings.TrimSpace(l) != "" && (more || whole) {
			n++
		}
		text = rest
	}
	return n
}

var light = regexp.MustCompile(`(?i)^TLP\s?[:：-]\s?(?:RED|AMBER(?:\+STRICT)?|GREEN)\b`)

// trafficLight finds TLP marks, also inside a sentence: they are short codes
// that nobody writes by chance. Lines that explain them name several or say
// what one means.
func trafficLight(text string, key span) (span, bool) {
	n := len(light.FindString(text[key.start:min(len(text), key.start+32)]))
	start, end, ok := line(text, key)
	if n == 0 || !ok || !fresh(text, key.start) {
		return span{}, false
	}
	at := span{key.start, key.start + n}
	if strings.Count(strings.ToUpper(text[start:end]), "TLP:") > 1 && !label.MatchString(text[start:key.start]) ||
		goesOn.MatchString(strings.TrimLeft(text[at.end:end], " ")) || item.MatchString(text[start:end]) ||
		key.start > start && text[key.start-1] == '`' {
		return span{}, false
	}
	return at, true
}
