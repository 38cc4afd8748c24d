package term

import "strings"

// irregular maps the forms of irregular verbs and nouns that suffix rules miss
// to their base form. It is read only.
var irregular = func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(`
begin began begun
bring brought
build built
buy bought
catch caught
choose chose chosen
come came
cost costs
cut cuts
drive drove driven
eat ate eaten
fall fell fallen
feel felt
fly flew flown
forbid forbade forbidden
forget forgot forgotten
freeze froze frozen
grow grew grown
hear heard
hold held
keep kept
know knew known
lead led
leave left
lend lent
lose lost
mean meant
meet met
pay paid
rise rose risen
run ran
see saw seen
sell sold
send sent
shut shuts
sleep slept
speak spoke spoken
spend spent
stand stood
steal stole stolen
swear swore sworn
teach taught
think thought
throw threw thrown
understand understood
wear wore worn
win won
write wrote written
child children
foot feet
man men
tooth teeth
woman women
`) {
		forms := strings.Fields(line)
		for _, f := range forms[min(1, len(forms)):] {
			m[f] = forms[0]
		}
	}
	return m
}()
