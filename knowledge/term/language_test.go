package term_test

import (
	"testing"

	"groundwork/knowledge/term"
)

func TestLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"how many days of leave are there?":              "en",
		"What is the Reisekosten limit?":                 "en",
		"Wie viele Urlaubstage habe ich?":                "de",
		"Was darf ein Hotel kosten?":                     "de",
		"combien de jours de congé avons-nous ?":         "fr",
		"¿cuántos días de vacaciones hay?":               "es",
		"有給休暇は何日ありますか":                                   "ja",
		"ホテルの上限":                                         "ja",
		"酒店限额是多少":                                        "zh",
		"сколько дней отпуска?":                          "ru",
		"hotel limit":                                    "",
		"sales_daily_v2":                                 "",
		"what does 東京 mean in the address of the office": "en",
		"": "",
	} {
		if got := term.Language(text); got != want {
			t.Errorf("Language(%q) = %q, want %q", text, got, want)
		}
	}
}
