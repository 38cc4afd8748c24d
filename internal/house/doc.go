// Package house keeps the rules of the house as tests, so that they need no
// reviewer: the table of packages in ARCHITECTURE.md agrees with the folders,
// imports only go down, third-party modules stay where they belong, exported
// names are explained, and the shell lines in the documents work.
//
// It holds nothing but tests. Every check takes a root folder and returns what
// is wrong as lines that name a file, a line and the next move; a second test
// breaks each rule once in a small invented repository and expects that line.
package house
