package cmd

import (
	"io"

	"github.com/ckpt-tool/ckpt/backends/content"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

// checkContent hands the checks of package content to package verify, which knows no
// formats.
func checkContent(parts []verify.Part, size int64, src io.Reader, report func(verify.Problem)) error {
	theirs := make([]content.Part, len(parts))
	ours := make(map[*content.Part]*verify.Part, len(parts))
	for i, p := range parts {
		theirs[i] = content.Part{Place: p.Place, Handle: p.Handle, Start: p.Start, Size: p.Size}
		ours[&theirs[i]] = &parts[i]
	}
	return content.Check(theirs, size, src, func(p content.Problem) {
		severity := verify.Error
		if p.Severity == content.Unknown {
			severity = verify.Info
		}
		report(verify.Problem{Part: ours[p.Part], Offset: p.Offset, Message: p.Message, Severity: severity})
	})
}
