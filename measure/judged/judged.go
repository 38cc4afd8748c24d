// Package judged reads judged questions, reads and writes TREC runs, and scores
// a ranking against judgements.
//
// A set is a folder in the layout of BEIR: corpus.jsonl (or corpus.jsonl.gz),
// queries.jsonl, qrels.tsv and, where there is one, exclude.tsv: documents to
// take out of a query's ranking before it is scored. trec.go has the runs,
// metric.go the scores.
package judged

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"groundwork/internal/fault"
)

// Document is one document of a set's corpus. Text or Title may be empty, not both.
type Document struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Query is one judged question.
type Query struct {
	ID   string `json:"_id"`
	Text string `json:"text"`
	Kind string `json:"kind"` // the set's own sort of question; "" where it has none
}

// Set is a corpus with judged questions.
type Set struct {
	Name      string // of the folder
	Documents []Document
	Queries   []Query                   // those with at least one relevant document
	Unjudged  int                       // queries left out, because no judgement names a relevant document
	Relevant  map[string]map[string]int // query -> document -> grade, above 0
	Excluded  map[string]map[string]bool
	Corpus    string // SHA-256 of the corpus file, unpacked; hexadecimal
	Data      string // SHA-256 over all files of the set
}

// longestLine bounds one line of a set, in bytes.
const longestLine = 64 << 20

// Read reads the set in a folder. It is strict: ids are unique, every judgement
// and exclusion resolves, and no relevant document is excluded. Faults: Missing
// when the folder or one of its files is not there, Input for what is malformed,
// with file and line.
func Read(dir string) (Set, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		_, err = os.Stat(abs)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Set{}, fault.New(fault.Missing, "read the set "+dir+": there is no such folder", "name a folder with corpus.jsonl, queries.jsonl and qrels.tsv")
	}
	if err != nil {
		return Set{}, fault.Wrap(fault.Input, err, "read the set "+dir, "check the path and its permissions")
	}
	return read(os.DirFS(abs), filepath.Base(abs))
}

// reader gathers a set; its maps hold the line of each id.
type reader struct {
	files     fs.FS
	set       Set
	documents map[string]int
	queries   map[string]int
	judged    map[[2]string]int // pairs of query and document
	hashes    []string
}

func read(files fs.FS, name string) (Set, error) {
	r := reader{files: files, documents: map[string]int{}, queries: map[string]int{}, judged: map[[2]string]int{},
		set: Set{Name: name, Relevant: map[string]map[string]int{}, Excluded: map[string]map[string]bool{}}}
	corpus := "corpus.jsonl"
	if _, err := fs.Stat(files, corpus); err != nil {
		corpus += ".gz"
	}
	if err := r.lines(corpus, r.document); err != nil {
		return Set{}, err
	}
	r.set.Corpus = r.hashes[0]
	if err := r.lines("queries.jsonl", r.query); err != nil {
		return Set{}, err
	}
	if err := r.lines("qrels.tsv", r.judgement); err != nil {
		return Set{}, err
	}
	if _, err := fs.Stat(files, "exclude.tsv"); err == nil {
		if err := r.lines("exclude.tsv", r.exclusion); err != nil {
			return Set{}, err
		}
	}
	all := r.set.Queries
	r.set.Queries = nil
	for _, q := range all {
		if len(r.set.Relevant[q.ID]) > 0 {
			r.set.Queries = append(r.set.Queries, q)
		}
	}
	r.set.Unjudged = len(all) - len(r.set.Queries)
	if len(r.set.Queries) == 0 {
		return Set{}, malformed(name+"/qrels.tsv", 0, "it names no relevant document for any query")
	}
	sum := sha256.Sum256([]byte(strings.Join(r.hashes, "\n")))
	r.set.Data = hex.EncodeToString(sum[:])
	return r.set, nil
}

// malformed names the file, the line (0 for the whole file) and what is wrong.
func malformed(file string, line int, wrong string) error {
	if line > 0 {
		file += ":" + strconv.Itoa(line)
	}
	return fault.New(fault.Input, "read "+file+": "+wrong, "correct the set; doubtful data gives doubtful figures")
}

// lines calls f for each line that is not blank, unpacks what is packed and
// keeps the hash of what it read.
func (r *reader) lines(name string, f func(line []byte, n int) string) error {
	path := r.set.Name + "/" + name
	file, err := r.files.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Missing, "read "+path+": there is no such file", "a set has corpus.jsonl (or corpus.jsonl.gz), queries.jsonl and qrels.tsv")
	}
	if err != nil {
		return fault.Wrap(fault.Input, err, "read "+path, "check its permissions")
	}
	defer file.Close()
	var source io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		if source, err = gzip.NewReader(file); err != nil {
			return malformed(path, 0, err.Error())
		}
	}
	hash := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(source, hash))
	lines.Buffer(nil, longestLine)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimRight(lines.Bytes(), "\r")
		switch {
		case len(bytes.TrimSpace(line)) == 0:
		case !utf8.Valid(line):
			return malformed(path, n, "it is not UTF-8")
		default:
			if wrong := f(line, n); wrong != "" {
				return malformed(path, n, wrong)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return malformed(path, n+1, err.Error())
	}
	r.hashes = append(r.hashes, hex.EncodeToString(hash.Sum(nil)))
	return nil
}

// unique notes the line of an id, or says why the id cannot be one.
func unique(seen map[string]int, id string, n int) string {
	if id == "" {
		return `there is no "_id"`
	}
	if at, twice := seen[id]; twice {
		return fmt.Sprintf("the id %q stands in line %d already", id, at)
	}
	seen[id] = n
	return ""
}

func (r *reader) document(line []byte, n int) string {
	var d Document
	if err := json.Unmarshal(line, &d); err != nil {
		return err.Error()
	}
	if strings.TrimSpace(d.Title+d.Text) == "" {
		return "neither title nor text"
	}
	r.set.Documents = append(r.set.Documents, d)
	return unique(r.documents, d.ID, n)
}

func (r *reader) query(line []byte, n int) string {
	var q Query
	if err := json.Unmarshal(line, &q); err != nil {
		return err.Error()
	}
	if strings.TrimSpace(q.Text) == "" {
		return "a query without text"
	}
	r.set.Queries = append(r.set.Queries, q)
	return unique(r.queries, q.ID, n)
}

// pair reads the first two columns of a line and wants both to resolve. The
// head of the file gives no columns and no complaint.
func (r *reader) pair(line []byte, n, columns int) (fields []string, wrong string) {
	fields = strings.Split(string(line), "\t")
	if n == 1 {
		if fields[0] != "query-id" {
			return nil, `the first line must be the head: query-id, corpus-id, parted by tabs`
		}
		return nil, ""
	}
	if len(fields) != columns {
		return nil, fmt.Sprintf("%d columns, want %d, parted by tabs", len(fields), columns)
	}
	if _, ok := r.queries[fields[0]]; !ok {
		return nil, fmt.Sprintf("no query has the id %q", fields[0])
	}
	if _, ok := r.documents[fields[1]]; !ok {
		return nil, fmt.Sprintf("no document has the id %q", fields[1])
	}
	return fields, ""
}

func (r *reader) judgement(line []byte, n int) string {
	fields, wrong := r.pair(line, n, 3)
	if fields == nil {
		return wrong
	}
	grade, err := strconv.Atoi(fields[2])
	if err != nil {
		return fmt.Sprintf("the score %q is not a whole number", fields[2])
	}
	pair := [2]string{fields[0], fields[1]}
	if at, twice := r.judged[pair]; twice {
		return fmt.Sprintf("this pair is judged in line %d already", at)
	}
	r.judged[pair] = n
	if grade > 0 {
		if r.set.Relevant[fields[0]] == nil {
			r.set.Relevant[fields[0]] = map[string]int{}
		}
		r.set.Relevant[fields[0]][fields[1]] = grade
	}
	return ""
}

func (r *reader) exclusion(line []byte, n int) string {
	fields, wrong := r.pair(line, n, 2)
	if fields == nil {
		return wrong
	}
	if r.set.Relevant[fields[0]][fields[1]] > 0 {
		return "a relevant document is excluded"
	}
	if r.set.Excluded[fields[0]] == nil {
		r.set.Excluded[fields[0]] = map[string]bool{}
	}
	r.set.Excluded[fields[0]][fields[1]] = true
	return ""
}
