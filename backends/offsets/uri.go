package offsets

import (
	"strconv"
	"strings"
)

// joinURI makes the text of a path, as Flink's Path.toString does: nothing is escaped.
func joinURI(scheme, user, host string, port int32, path, query, fragment string) string {
	var b strings.Builder
	if scheme != "" {
		b.WriteString(scheme + ":")
	}
	if host != "" {
		b.WriteString("//")
		if user != "" {
			b.WriteString(user + "@")
		}
		b.WriteString(host)
		if port >= 0 {
			b.WriteString(":" + strconv.Itoa(int(port)))
		}
	}
	b.WriteString(path)
	if query != "" {
		b.WriteString("?" + query)
	}
	if fragment != "" {
		b.WriteString("#" + fragment)
	}
	return b.String()
}
