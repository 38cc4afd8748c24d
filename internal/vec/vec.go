// Package vec multiplies int8 vectors and matrices, for the encoder and the
// vector scan: assembly chosen at run time, and a portable twin that gives the
// same results everywhere.
package vec
