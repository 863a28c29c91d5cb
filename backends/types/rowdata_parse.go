package types

import (
	"fmt"
	"math/big"
)

// recordFromJSON reads what appendRow appends.
func recordFromJSON(l *layout, json []byte) (*Record, error) {
	all, err := members(json)
	if err != nil {
		return nil, err
	}
	r := &Record{}
	for _, m := range all {
		switch m.name {
		case "rowKind":
			r.Kind, err = parseRowKind(m.value)
		case "fields":
			r.Fields, err = fieldsFromJSON(l, m.value)
		default:
			err = fmt.Errorf(`a row has no %q, only "rowKind" and "fields"`, m.name)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(r.Fields) != len(l.columns) {
		return nil, fmt.Errorf("a row of %d fields is needed", len(l.columns))
	}
	return r, nil
}

func parseRowKind(json []byte) (RowKind, error) {
	text, err := parseString(json)
	for k, name := range rowKinds {
		if err == nil && name == text {
			return RowKind(k), nil
		}
	}
	return 0, wanted(`a row kind: "+I", "-U", "+U" or "-D"`, json)
}

func fieldsFromJSON(l *layout, json []byte) ([]any, error) {
	all, err := elements(json)
	if err != nil {
		return nil, err
	}
	if len(all) != len(l.columns) {
		return nil, fmt.Errorf("a row of %d fields is needed, not of %d", len(l.columns), len(all))
	}
	fields := make([]any, len(all))
	for i, c := range l.columns {
		if fields[i], err = columnFromJSON(c, all[i]); err != nil {
			return nil, fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return fields, nil
}

// columnFromJSON reads what appendValue appends, and null.
func columnFromJSON(c *column, json []byte) (any, error) {
	if isNull(json) {
		return nil, nil
	}
	switch c.kind {
	case sqlBoolean:
		return parseAny(parseBool, json)
	case sqlTinyInt:
		return parseAny(integer[int8](8), json)
	case sqlSmallInt:
		return parseAny(integer[int16](16), json)
	case sqlInt:
		return parseAny(integer[int32](32), json)
	case sqlBigInt:
		return parseAny(integer[int64](64), json)
	case sqlFloat:
		return parseAny(parseFloat32, json)
	case sqlDouble:
		return parseAny(parseFloat64, json)
	case sqlDecimal:
		return decimalFromJSON(c, json)
	case sqlString:
		return parseAny(parseString, json)
	case sqlBinary, sqlRaw:
		return parseAny(parseHex, json)
	case sqlRow:
		return parseAny(func(json []byte) (*Record, error) { return recordFromJSON(c.row, json) }, json)
	case sqlArray:
		return listFromJSON(c, json)
	case sqlMap:
		return pairsFromJSON(c, json)
	}
	return timeFromJSON(c, json)
}

// parseAny calls parse; of an error it makes no value.
func parseAny[T any](parse func([]byte) (T, error), json []byte) (any, error) {
	v, err := parse(json)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func timeFromJSON(c *column, json []byte) (v any, err error) {
	switch c.kind {
	case sqlDate:
		return parseAny(localDateType.parse, json)
	case sqlTime:
		return parseAny(localTimeType.parse, json)
	case sqlTimestamp:
		v, err = parseAny(dateTimeType.parse, json)
	default:
		v, err = parseAny(parseInstant, json)
	}
	if err != nil {
		return nil, err
	}
	if _, _, err := momentOf(v, c.precision); err != nil {
		return nil, err
	}
	return v, nil
}

// decimalFromJSON reads a decimal of at most the digits of its type, and gives it its scale.
func decimalFromJSON(c *column, json []byte) (any, error) {
	d, err := parseDecimal(json)
	if err != nil {
		return nil, err
	}
	more := int64(c.scale) - int64(d.Scale)
	if more < 0 || more > maxDecimal {
		return nil, wanted("a "+c.text, json)
	}
	digits := new(big.Int).Mul(d.Unscaled, power10(more))
	if digits.CmpAbs(power10(int64(c.precision))) >= 0 {
		return nil, wanted("a "+c.text, json)
	}
	return Decimal{digits, c.scale}, nil
}

func power10(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

func listFromJSON(c *column, json []byte) (any, error) {
	all, err := elements(json)
	if err != nil {
		return nil, err
	}
	list := make([]any, len(all))
	for i, e := range all {
		if list[i], err = columnFromJSON(c.element, e); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return list, nil
}

func pairsFromJSON(c *column, json []byte) (any, error) {
	all, err := elements(json)
	if err != nil {
		return nil, err
	}
	pairs := make(Pairs, len(all))
	for i, e := range all {
		p, err := elements(e)
		if err != nil || len(p) != 2 {
			return nil, wanted("a pair of key and value", e)
		}
		if pairs[i].Key, err = columnFromJSON(c.key, p[0]); err != nil {
			return nil, err
		}
		if pairs[i].Value, err = columnFromJSON(c.element, p[1]); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}
