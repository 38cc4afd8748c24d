package encoder

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"groundwork/internal/fault"
)

// bertEpsilon is what all models of the family add to the variance in their
// norms (Devlin and others 2018, the published code); a safetensors file does not say.
const bertEpsilon = 1e-12

// readSafetensors reads the weights out of a file that Quantise made, of a model
// with this many attention heads. The 8-bit data of the result alias data, which
// must not change afterwards. A file that is cut, or holds another model, is a
// fault of kind Input.
func readSafetensors(data []byte, heads int) (*Weights, error) {
	tensors, err := parseSafetensors(data)
	var w *Weights
	if err == nil {
		w, err = parameters(tensors, heads, bertEpsilon)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Input, err, "read the weights of an encoder (safetensors)", "get the model's file again")
	}
	return w, nil
}

// entry is how the head of a safetensors file describes a tensor
// (https://github.com/huggingface/safetensors, section Format).
type entry struct {
	Type    string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"` // of its bytes, from the end of the head
}

const mostHead = 1 << 20 // bytes; those we know have 12 to 40 KB

func parseSafetensors(data []byte) (map[string]tensor, error) {
	if len(data) < 8 || binary.LittleEndian.Uint64(data) > uint64(min(mostHead, len(data)-8)) {
		return nil, errors.New("it is cut or no safetensors file")
	}
	size := int(binary.LittleEndian.Uint64(data))
	head, data := data[8:8+size], data[8+size:]
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(head, &parts); err != nil {
		return nil, fmt.Errorf("its head is damaged: %w", err)
	}
	delete(parts, "__metadata__")
	tensors := make(map[string]tensor, len(parts))
	for name, part := range parts {
		var e entry
		if err := json.Unmarshal(part, &e); err != nil {
			return nil, fmt.Errorf("tensor %.80q is damaged: %w", name, err)
		}
		from, to := e.Offsets[0], e.Offsets[1]
		if from < 0 || to < from || to > len(data) || len(e.Shape) > mostDims {
			return nil, fmt.Errorf("tensor %.80q is cut", name)
		}
		t := tensor{dims: e.Shape, data: data[from:to]}
		switch e.Type {
		case "F32":
			t.kind = kindFloat32
		case "I8":
			t.kind = kindInt8
		case "U8":
			t.kind = kindUint8
		}
		tensors[name] = t
	}
	return tensors, nil
}

// writeSafetensors is the reverse of parseSafetensors, in the order of the names:
// the same tensors give the same bytes.
func writeSafetensors(tensors map[string]tensor) []byte {
	names := slices.Sorted(maps.Keys(tensors))
	entries := make(map[string]entry, len(names))
	at := 0
	for _, name := range names {
		t := tensors[name]
		types := map[kind]string{kindFloat32: "F32", kindInt8: "I8", kindUint8: "U8"}
		entries[name] = entry{types[t.kind], append([]int{}, t.dims...), [2]int{at, at + len(t.data)}}
		at += len(t.data)
	}
	head, err := json.Marshal(entries)
	if err != nil {
		panic(err) // of strings and numbers it makes JSON always
	}
	head = append(head, bytes.Repeat([]byte(" "), (8-len(head)%8)%8)...)
	file := make([]byte, 0, 8+len(head)+at)
	file = binary.LittleEndian.AppendUint64(file, uint64(len(head)))
	file = append(file, head...)
	for _, name := range names {
		file = append(file, tensors[name].data...)
	}
	return file
}
