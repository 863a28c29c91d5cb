// Package where decides by a condition which entries of state to show. The language is CEL (https://cel.dev); a
// condition sees an entry as `ckpt state cat` shows it, field by field:
//
//	op, state, kind           string
//	kg, ts                    int
//	key, ns, mapKey           what the types of the state make of them, in JSON; ns is the namespace
//	value, lastAccess         the same
//
// An integer of JSON is an int, any other number a double, and the two compare. Objects are maps and
// their fields: value.amount. A field that an entry does not have is an error of the evaluation, and has() tells
// of it beforehand.
package where
