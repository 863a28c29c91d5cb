package layout

import (
	"path"
	"strings"
)

// Place is a URL taken apart as Flink's Path does it: literally, because paths in
// _metadata are not percent-encoded.
type Place struct {
	Scheme    string // lower case; "" for a local path
	Authority string // bucket, or host and port
	Path      string // starts with a slash, unless it is a relative local path
}

// ParsePlace takes url apart. Without a scheme it is a local path; "a:b" is one as
// well, since only a slash after the colon makes a scheme.
func ParsePlace(url string) Place {
	scheme, rest, ok := strings.Cut(url, ":")
	if !ok || !isScheme(scheme) || !strings.HasPrefix(rest, "/") {
		return Place{Path: url}
	}
	p := Place{Scheme: strings.ToLower(scheme), Path: rest}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		p.Authority, p.Path = after, "/"
		if i := strings.IndexByte(after, '/'); i >= 0 {
			p.Authority, p.Path = after[:i], after[i:]
		}
	}
	return p
}

// families are schemes for the same storage by other clients.
var families = map[string]string{
	"s3a": "s3", "s3p": "s3",
	"abfss": "abfs", "wasbs": "wasb",
}

// SnapshotURL is the URL of the directory of a snapshot that is named by it or by its _metadata.
func SnapshotURL(url string) string {
	return strings.TrimSuffix(Canonical(url), "/"+MetadataName)
}

// Canonical gives one form to all spellings of a place: s3a and s3p are s3, file:/x
// and file:///x are /x, slashes are single and there is none at the end.
func Canonical(url string) string {
	p := ParsePlace(url)
	if p.Path == "" {
		return ""
	}
	if family, ok := families[p.Scheme]; ok {
		p.Scheme = family
	}
	p.Path = path.Clean(p.Path)
	if p.Scheme == "file" && (p.Authority == "" || p.Authority == "localhost") {
		return p.Path
	}
	return p.String()
}

// String is the URL, with two slashes after the scheme.
func (p Place) String() string {
	if p.Scheme == "" {
		return p.Path
	}
	s := p.Scheme + "://" + p.Authority
	if p.Path == "/" && p.Authority != "" {
		return s
	}
	return s + p.Path
}

// Join is the place of key below the root url, which is canonical.
func Join(url, key string) string {
	if key == "" {
		return url
	}
	return strings.TrimSuffix(url, "/") + "/" + key
}

// Below gives the key of the canonical url below the canonical root. It is "" for
// the root itself.
func Below(root, url string) (key string, ok bool) {
	if url == root {
		return "", true
	}
	return strings.CutPrefix(url, strings.TrimSuffix(root, "/")+"/")
}

// splitLast gives the canonical directory and the name of a canonical url. It
// fails at the top: "/" or a bucket.
func splitLast(url string) (dir, name string, ok bool) {
	p := ParsePlace(url)
	if p.Path == "/" || p.Path == "." || p.Path == "" {
		return "", "", false
	}
	d, name := path.Split(p.Path)
	p.Path = path.Clean(d)
	return p.String(), name, true
}

// isScheme follows RFC 3986.
func isScheme(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+.-", c)) {
			return false
		}
	}
	return s != ""
}
