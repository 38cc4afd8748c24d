package main

import (
	"bytes"
	"context"
	"os"
	"path"
	"path/filepath"
	"strings"

	"groundwork/knowledge"
	"groundwork/knowledge/office"
	"groundwork/knowledge/pdf"
	"groundwork/knowledge/text"
)

// fileReader gets the words out of files, by the first reader that knows one.
type fileReader struct{ pdfs *pdf.Reader }

// newFileReader keeps the compiled PDF engine in the user's cache folder; where
// there is none it is compiled anew by each process that meets a PDF.
func newFileReader() (fileReader, error) {
	folder := ""
	if cache, err := os.UserCacheDir(); err == nil {
		folder = filepath.Join(cache, "groundwork", "pdf")
	}
	pdfs, err := pdf.New(folder)
	if err != nil {
		pdfs, err = pdf.New("") // a cache that cannot be written is no reason not to read
	}
	return fileReader{pdfs}, err
}

func (r fileReader) close() error { return r.pdfs.Close() }

func (r fileReader) read(p string, data []byte) knowledge.Reading {
	if bytes.HasPrefix(data, []byte("%PDF-")) || strings.EqualFold(path.Ext(p), ".pdf") && pdf.Is(data) {
		return r.pdfs.Read(context.Background(), p, data) // which has a time limit of its own
	}
	if reading, mine := office.Read(p, data, text.Read); mine {
		return reading
	}
	return text.Read(p, data)
}
