package screening

// keywords finds the keywords of all rules in one pass over a text (Aho and
// Corasick, 1975), without regard to the case of ASCII letters.
type keywords struct {
	class   [256]uint8 // equal for bytes that no keyword tells apart; 0 for those in none
	classes int
	next    []int32 // by state*classes + class
	ends    [][]end // by state: the keywords that end there
	hot     []bool  // by state: whether any does
}

// end is a keyword of a rule that ends where a state is reached.
type end struct {
	rule, length int
}

func newKeywords(rules []rule) keywords {
	k := keywords{classes: 1}
	for _, r := range rules {
		for _, word := range r.keys {
			for _, c := range []byte(word) {
				if k.class[c] == 0 {
					k.class[c] = uint8(k.classes)
					k.classes++
				}
			}
		}
	}
	for c := 'a'; c <= 'z'; c++ {
		k.class[c-'a'+'A'] = k.class[c]
	}
	state := func() int32 {
		for range k.classes {
			k.next = append(k.next, -1)
		}
		k.ends = append(k.ends, nil)
		return int32(len(k.ends) - 1)
	}
	state()
	for i, r := range rules {
		for _, word := range r.keys {
			s := int32(0)
			for _, c := range []byte(word) {
				cell := int(s)*k.classes + int(k.class[c])
				if k.next[cell] < 0 {
					s = state() // grows k.next, so the cell is written after it
					k.next[cell] = s
				} else {
					s = k.next[cell]
				}
			}
			k.ends[s] = append(k.ends[s], end{i, len(word)})
		}
	}
	// Breadth first, so that the state of the longest proper suffix is complete
	// before it is copied from.
	suffix := make([]int32, len(k.ends))
	var queue []int32
	for c := range k.classes {
		if t := k.next[c]; t < 0 {
			k.next[c] = 0
		} else {
			queue = append(queue, t)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		k.ends[s] = append(k.ends[s], k.ends[suffix[s]]...)
		for c := range k.classes {
			cell, back := int(s)*k.classes+c, k.next[int(suffix[s])*k.classes+c]
			if t := k.next[cell]; t < 0 {
				k.next[cell] = back
			} else {
				suffix[t] = back
				queue = append(queue, t)
			}
		}
	}
	k.hot = make([]bool, len(k.ends))
	for s := range k.ends {
		k.hot[s] = len(k.ends[s]) > 0
	}
	return k
}

// scan calls visit for each keyword in text with the row of its rule.
func (k *keywords) scan(text string, visit func(rule int, key span)) {
	if len(k.next) == 0 {
		return
	}
	s := int32(0)
	for i := 0; i < len(text); i++ {
		s = k.next[int(s)*k.classes+int(k.class[text[i]])]
		if !k.hot[s] {
			continue
		}
		for _, e := range k.ends[s] {
			visit(e.rule, span{i + 1 - e.length, i + 1})
		}
	}
}
