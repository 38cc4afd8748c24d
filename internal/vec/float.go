package vec

// Gelu sets every x to x·Φ(x), Φ being the distribution function of the standard
// normal (Hendrycks and Gimpel 2016, the exact form). The paths agree within
// 2e-6 times the larger of 1 and |x|.
func (p *Path) Gelu(x []float32) {
	for len(x) > 0 {
		n := min(callFloats, len(x))
		p.gelu(x[:n])
		x = x[n:]
	}
}

// Norm sets dst to the LayerNorm (Ba and others 2016) of x + y, by rows of
// len(gain) values: (v - mean) / √(variance + epsilon) * gain + bias. dst may be x
// or y. The paths agree within 1e-5 of a value's size before gain and bias.
func (p *Path) Norm(dst, x, y, gain, bias []float32, epsilon float32) {
	n := len(gain)
	if n == 0 || len(bias) != n || len(dst)%n != 0 || len(x) != len(dst) || len(y) != len(dst) {
		panic("vec: Norm needs gain and bias of one row and whole rows of the same number")
	}
	for step := max(1, callFloats/n) * n; len(dst) > 0; {
		m := min(step, len(dst))
		p.norm(dst[:m], x[:m], y[:m], gain, bias, epsilon)
		dst, x, y = dst[m:], x[m:], y[m:]
	}
}
