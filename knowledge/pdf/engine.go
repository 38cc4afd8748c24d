package pdf

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"reflect"
	"unicode/utf16"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// wall bounds what one file may take of memory, in pages of 64 KiB: 256 MiB.
const wall = 4096

// compile makes the factory of engines. With a cache folder the compiled engine
// is kept there for the next start.
func compile(cacheDir string, parallel int, stoppable bool) (pdfium.Pool, wazero.CompilationCache, error) {
	config := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
		WithMemoryLimitPages(wall).
		WithCloseOnContextDone(stoppable)
	var cache wazero.CompilationCache
	if cacheDir != "" {
		var err error
		if cache, err = wazero.NewCompilationCacheWithDir(cacheDir); err != nil {
			return nil, nil, err
		}
		config = config.WithCompilationCache(cache)
	}
	pool, err := webassembly.Init(webassembly.Config{
		MaxIdle: 1, MaxTotal: parallel,
		// Left out, the whole disk would be mounted.
		FSConfig:      wazero.NewFSConfig(),
		Stdout:        io.Discard,
		Stderr:        io.Discard,
		RuntimeConfig: config,
	})
	if err != nil && cache != nil {
		cache.Close(context.Background())
	}
	return pool, cache, err
}

// engine is one instance of PDFium. It serves one file and is thrown away, so
// that no file meets what another left behind.
type engine struct {
	lib     pdfium.Pdfium
	mod     api.Module
	fns     map[string]api.Function
	stack   [8]uint64
	scratch uint64 // address of 256 bytes for results
	err     error  // of the first call that failed; every later one does nothing
}

func start(ctx context.Context, pool pdfium.Pool) (*engine, error) {
	lib, err := pool.GetInstanceWithContext(ctx)
	if err != nil {
		return nil, err
	}
	e := &engine{lib: lib, fns: map[string]api.Function{}}
	// The library wraps each of the engine's functions with locks and allocations
	// that cost ten times the call. Its way to the module itself is this field.
	field := reflect.Indirect(reflect.ValueOf(lib.GetImplementation())).FieldByName("Module")
	if field.IsValid() {
		e.mod, _ = field.Interface().(api.Module)
	}
	if e.mod == nil {
		lib.Close()
		return nil, fmt.Errorf("this version of the PDF library hides its module")
	}
	e.scratch = e.call(ctx, "malloc", 256)
	return e, nil
}

func (e *engine) close() { e.lib.Close() }

// call runs a function of the engine's C interface and returns its result of 32
// bits: an address or an int. After a failure it returns 0.
func (e *engine) call(ctx context.Context, name string, args ...uint64) uint64 {
	return uint64(uint32(e.bits(ctx, name, args...)))
}

// bits is call for a result of 64 bits.
func (e *engine) bits(ctx context.Context, name string, args ...uint64) uint64 {
	if e.err != nil {
		return 0
	}
	f := e.fns[name]
	if f == nil {
		if f = e.mod.ExportedFunction(name); f == nil {
			e.err = fmt.Errorf("the engine has no function %s", name)
			return 0
		}
		e.fns[name] = f
	}
	copy(e.stack[:], args)
	if e.err = f.CallWithStack(ctx, e.stack[:]); e.err != nil {
		return 0
	}
	return e.stack[0]
}

// number is call for a function that returns an int.
func (e *engine) number(ctx context.Context, name string, args ...uint64) int {
	return int(int32(e.call(ctx, name, args...)))
}

// put copies data into the engine's memory; 0 when there is no room.
func (e *engine) put(ctx context.Context, data []byte) uint64 {
	p := e.call(ctx, "malloc", uint64(len(data)+1))
	if p == 0 || !e.mod.Memory().Write(uint32(p), data) {
		return 0
	}
	return p
}

// bytes views the engine's memory; nil when it does not reach so far.
func (e *engine) bytes(at uint64, n int) []byte {
	b, ok := e.mod.Memory().Read(uint32(at), uint32(n))
	if !ok {
		return make([]byte, n)
	}
	return b
}

func (e *engine) float64s(n int) (v [4]float64) {
	b := e.bytes(e.scratch, 8*n)
	for i := range n {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return v
}

func (e *engine) float32s(n int) (v [6]float64) {
	b := e.bytes(e.scratch, 4*n)
	for i := range n {
		v[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return v
}

func (e *engine) ints(n int) (v [4]int) {
	b := e.bytes(e.scratch, 4*n)
	for i := range n {
		v[i] = int(int32(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return v
}

// longest text that a property, title or label may have, in bytes of UTF-16.
const longest = 1 << 16

// text calls a function that ends in (buffer, length) and returns the bytes it
// needs for a text in UTF-16.
func (e *engine) text(ctx context.Context, name string, args ...uint64) string {
	n := e.number(ctx, name, append(args, 0, 0)...)
	if n <= 2 || n > longest {
		return ""
	}
	p := e.call(ctx, "malloc", uint64(n))
	if p == 0 {
		return ""
	}
	e.call(ctx, name, append(args, p, uint64(n))...)
	b := e.bytes(p, n)
	units := make([]uint16, 0, n/2)
	for ; len(b) > 1; b = b[2:] {
		if u := binary.LittleEndian.Uint16(b); u != 0 {
			units = append(units, u)
		}
	}
	e.call(ctx, "free", p)
	return string(utf16.Decode(units))
}
