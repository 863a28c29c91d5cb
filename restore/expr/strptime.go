package expr

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// layout is a format of strptime, taken apart: texts and fields in turn.
type layout struct{ items []item }

// item is a field of a layout, or a text where field is 0.
type item struct {
	field byte
	text  string
}

// moment is what fields are read into.
type moment struct {
	year, month, day, hour, minute, second, milli int64
	offset                                        int64 // seconds east of UTC
	unix                                          int64
	isUnix                                        bool
}

func parseLayout(format string) (*layout, error) {
	l := &layout{}
	for rest := format; rest != ""; {
		before, after, found := strings.Cut(rest, "%")
		if before != "" {
			l.items = append(l.items, item{text: before})
		}
		if !found {
			break
		}
		if after == "" {
			return nil, fmt.Errorf("strptime: the format %q ends with %%", format)
		}
		field := after[0]
		rest = after[1:]
		switch {
		case field == '%':
			l.items = append(l.items, item{text: "%"})
		case strings.IndexByte("YmdHMSbByezZLs", field) >= 0:
			l.items = append(l.items, item{field: field})
		default:
			letter, _ := utf8.DecodeRuneInString(after)
			return nil, fmt.Errorf("strptime: no field %%%c in the format %q", letter, format)
		}
	}
	return l, nil
}

// read gives milliseconds since 1970. It is not ok where s is not of the layout.
func (l *layout) read(s string) (int64, bool) {
	m := moment{year: 1970, month: 1, day: 1}
	for _, it := range l.items {
		var ok bool
		if it.field == 0 {
			s, ok = strings.CutPrefix(s, it.text)
		} else {
			s, ok = m.read(it.field, s)
		}
		if !ok {
			return 0, false
		}
	}
	ms, ok := m.millis()
	return ms, ok && s == ""
}

// read takes one field off the front of s.
func (m *moment) read(field byte, s string) (rest string, ok bool) {
	switch field {
	case 'Y':
		return number(s, 4, 4, &m.year)
	case 'y':
		rest, ok = number(s, 2, 2, &m.year)
		m.year += 2000
		if m.year >= 2069 {
			m.year -= 100
		}
		return rest, ok
	case 'm':
		return number(s, 2, 2, &m.month)
	case 'd':
		return number(s, 2, 2, &m.day)
	case 'e':
		return number(strings.TrimPrefix(s, " "), 1, 2, &m.day)
	case 'H':
		return number(s, 2, 2, &m.hour)
	case 'M':
		return number(s, 2, 2, &m.minute)
	case 'S':
		return number(s, 2, 2, &m.second)
	case 'L':
		return number(s, 3, 3, &m.milli)
	case 's':
		m.isUnix = true
		return number(s, 1, 12, &m.unix)
	case 'b', 'B':
		return m.readMonth(s, field == 'B')
	}
	return m.readZone(field, s)
}

// number reads digits.
func number(s string, least, most int, n *int64) (rest string, ok bool) {
	*n = 0
	i := 0
	for ; i < most && i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		*n = *n*10 + int64(s[i]-'0')
	}
	return s[i:], i >= least
}

func (m *moment) readMonth(s string, long bool) (rest string, ok bool) {
	for month := time.January; month <= time.December; month++ {
		name := month.String()
		if !long {
			name = name[:3]
		}
		if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
			m.month = int64(month)
			return s[len(name):], true
		}
	}
	return s, false
}

// readZone reads +hhmm, +hh:mm or Z (%z), or UTC or GMT (%Z).
func (m *moment) readZone(field byte, s string) (rest string, ok bool) {
	if field == 'Z' {
		if rest, ok = strings.CutPrefix(s, "UTC"); ok {
			return rest, true
		}
		return strings.CutPrefix(s, "GMT")
	}
	if rest, ok = strings.CutPrefix(s, "Z"); ok {
		return rest, true
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		return s, false
	}
	var hours, minutes int64
	if rest, ok = number(s[1:], 2, 2, &hours); !ok {
		return rest, false
	}
	rest, ok = number(strings.TrimPrefix(rest, ":"), 2, 2, &minutes)
	m.offset = hours*3600 + minutes*60
	if s[0] == '-' {
		m.offset = -m.offset
	}
	return rest, ok && hours < 24 && minutes < 60
}

// millis puts the fields together; it is not ok for a day that does not exist.
func (m *moment) millis() (int64, bool) {
	if m.isUnix {
		ms := m.unix*1000 + m.milli
		return ms, ms <= maxMillis
	}
	t := time.Date(int(m.year), time.Month(m.month), int(m.day), int(m.hour), int(m.minute), int(m.second), 0, time.UTC)
	exists := int64(t.Month()) == m.month && int64(t.Day()) == m.day && int64(t.Hour()) == m.hour && int64(t.Minute()) == m.minute && int64(t.Second()) == m.second
	ms := (t.Unix()-m.offset)*1000 + m.milli
	return ms, exists && ms >= minMillis && ms <= maxMillis
}
