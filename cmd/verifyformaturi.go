package cmd

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// at is the location of what lies at a URL, at an offset where that is not negative.
func (s *sarifWriter) at(url string, offset int64) sarifLocation {
	l := sarifLocation{sarifPhysical{Artifact: sarifArtifact{URI: percentEncode(url, "/")}}}
	switch key, below := layout.Below(s.Root, url); {
	case below && key == "":
		l.Physical.Artifact = sarifArtifact{"./", sarifBase}
	case below:
		l.Physical.Artifact = sarifArtifact{percentEncode(key, "/"), sarifBase}
	}
	if offset >= 0 {
		l.Physical.Region = &sarifRegion{offset}
	}
	return l
}

// rootURI is the root as a directory's URI. Flink's URLs are not percent-encoded, and
// this one is.
func rootURI(root string) string {
	p := layout.ParsePlace(root)
	if p.Scheme == "" {
		p.Scheme = "file"
	}
	path := strings.Trim(percentEncode(p.Path, "/"), "/")
	if path != "" {
		path += "/"
	}
	return p.Scheme + "://" + percentEncode(p.Authority, "@:[]") + "/" + path
}

// percentEncode encodes all bytes but those that mean themselves anywhere in a URI
// (RFC 3986), and those of keep.
func percentEncode(s, keep string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if plain || strings.IndexByte("-._~"+keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
