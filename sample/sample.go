// Package sample is an invented maker of ice pops: its handbook, which the demo
// and the tests read. Company, people and figures do not exist.
package sample

import "embed"

// Handbook holds the folder "handbook".
//
//go:embed all:handbook
var Handbook embed.FS
