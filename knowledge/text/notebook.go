package text

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// Bounds of a notebook's outputs, in bytes of text.
const (
	longestOutput  = 4 << 10   // of one cell
	longestOutputs = 256 << 10 // of all
)

// lines is a text that a notebook keeps as one string or as a list of lines.
type lines string

func (l *lines) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = lines(one)
		return nil
	}
	var many []string
	if json.Unmarshal(data, &many) == nil {
		*l = lines(strings.Join(many, ""))
	}
	return nil // whatever else it is, it is no text
}

// notebook is a Jupyter notebook (nbformat 4; 3 with its worksheets).
type notebook struct {
	Format     *int           `json:"nbformat"`
	Cells      []notebookCell `json:"cells"`
	Worksheets []struct {
		Cells []notebookCell `json:"cells"`
	} `json:"worksheets"`
	Metadata struct {
		Title lines `json:"title"`
	} `json:"metadata"`
}

type notebookCell struct {
	Kind    string `json:"cell_type"`
	Level   int    `json:"level"`
	Source  lines  `json:"source"`
	Input   lines  `json:"input"`
	Outputs []struct {
		Text  lines                      `json:"text"`
		Data  map[string]json.RawMessage `json:"data"`
		Name  lines                      `json:"ename"`
		Value lines                      `json:"evalue"`
	} `json:"outputs"`
}

var terminalSign = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// readNotebook reads the cells of a notebook in order, code with what it printed;
// pictures and tables made for browsers are left out. Places are the cells'
// numbers.
func readNotebook(data []byte, stem string) knowledge.Reading {
	text, _, _ := draft.Decode(data, "")
	var n notebook
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it is no notebook, or cut off: " + err.Error()}
	}
	for _, w := range n.Worksheets {
		n.Cells = append(n.Cells, w.Cells...)
	}
	if n.Format == nil && n.Cells == nil {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it is JSON, but no notebook"}
	}
	var d draft.Draft
	var warnings []string
	title, left, shortened := string(n.Metadata.Title), longestOutputs, 0
	for i, c := range n.Cells {
		source := draft.Tidy(string(c.Source + c.Input))
		d.At(fmt.Sprintf("cell %d", i+1))
		switch c.Kind {
		case "markdown":
			r := readMarkdown(source, "")
			if title == "" {
				title = firstHeading(r)
			}
			d.Take(r)
			warnings = append(warnings, r.Warnings...)
		case "heading":
			if title == "" {
				title = source
			}
			d.Add(knowledge.Heading, min(max(c.Level, 1), 6), 0, source)
		case "code":
			d.Add(knowledge.Code, 0, 0, source)
		default:
			d.Add(knowledge.Paragraph, 0, 0, source)
		}
		var out strings.Builder
		for _, o := range c.Outputs {
			var shown lines
			_ = json.Unmarshal(o.Data["text/plain"], &shown) // what is no text shows nothing
			out.WriteString(string(o.Text + shown))
			if o.Name != "" {
				out.WriteString(string(o.Name + ": " + o.Value))
			}
			out.WriteString("\n")
		}
		printed := strings.TrimRight(terminalSign.ReplaceAllString(out.String(), ""), "\n ")
		if most := min(longestOutput, left); len(printed) > most {
			printed = printed[:draft.RuneEnd(printed, most)]
			shortened++
		}
		left -= len(printed)
		d.Add(knowledge.Code, 0, 0, printed)
	}
	if shortened > 0 {
		warnings = append(warnings, fmt.Sprintf("what %d cells printed was shortened", shortened))
	}
	r := d.Reading(title, stem)
	r.Warnings = append(r.Warnings, distinct(warnings)...)
	return r
}

// firstHeading returns the first heading of Markdown without its marks.
func firstHeading(r knowledge.Reading) string {
	for _, b := range r.Blocks {
		if b.Kind == knowledge.Heading {
			return strings.Trim(r.Text[b.Start:b.End], "#=-*_ \n")
		}
	}
	return ""
}
