package layout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

func TestJudge(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/root/chk-1/_metadata", Err: fs.ErrPermission}
	gone := &fs.PathError{Op: "open", Path: "/root/chk-1/_metadata", Err: fs.ErrNotExist}
	torn := &metadata.Error{Kind: metadata.Corrupt, Offset: 77, Message: "unexpected end"}
	young, old := now.Add(-14*time.Minute-59*time.Second), now.Add(-15*time.Minute)
	for name, c := range map[string]struct {
		facts  Facts
		want   State
		reason string
	}{
		"complete":                   {Facts{HasMetadata: true, Newest: young}, Complete, ""},
		"complete, list error":       {Facts{HasMetadata: true, ListErr: denied}, Complete, ""},
		"damaged: missing":           {Facts{HasMetadata: true, Missing: 3}, Damaged, "of the files it names, 3 are missing"},
		"damaged: resized":           {Facts{HasMetadata: true, Resized: 1}, Damaged, "of the files it names, 1 is of another size"},
		"damaged: both":              {Facts{HasMetadata: true, Missing: 1, Resized: 2}, Damaged, "of the files it names, 1 is missing, 2 are of another size"},
		"corrupt":                    {Facts{HasMetadata: true, ReadErr: torn, Newest: old}, Corrupt, "unexpected end (at offset 77, 0x4d)"},
		"corrupt, wrapped":           {Facts{HasMetadata: true, ReadErr: fmt.Errorf("x: %w", torn)}, Corrupt, "unexpected end (at offset 77, 0x4d)"},
		"corrupt and young":          {Facts{HasMetadata: true, ReadErr: torn, Newest: young}, Corrupt, "unexpected end (at offset 77, 0x4d); it changed 14 min ago, so it may still be being written"},
		"empty and young":            {Facts{HasMetadata: true, Empty: true, ReadErr: &metadata.Error{Kind: metadata.NotMetadata, Message: "empty"}, Newest: young}, Corrupt, "empty (at offset 0, 0x0); it changed 14 min ago, so it may still be being written"},
		"not metadata, young":        {Facts{HasMetadata: true, ReadErr: &metadata.Error{Kind: metadata.NotMetadata, Message: "starts with JFIF"}, Newest: young}, Corrupt, "starts with JFIF (at offset 0, 0x0)"},
		"not metadata":               {Facts{HasMetadata: true, ReadErr: &metadata.Error{Kind: metadata.NotMetadata, Message: "starts with JFIF"}}, Corrupt, "starts with JFIF (at offset 0, 0x0)"},
		"a directory":                {Facts{HasMetadata: true, ReadErr: &fs.PathError{Err: fmt.Errorf("%w but a directory", ErrNotFile)}}, Corrupt, "_metadata is not a regular file but a directory"},
		"unsupported":                {Facts{HasMetadata: true, ReadErr: &metadata.Error{Kind: metadata.Unsupported, Offset: 4, Message: "version 7"}}, Unsupported, "version 7 (at offset 4, 0x4)"},
		"unreadable file":            {Facts{HasMetadata: true, ReadErr: denied}, Unreadable, "could not check: permission denied"},
		"failing read":               {Facts{HasMetadata: true, ReadErr: io.ErrUnexpectedEOF}, Unreadable, "could not check: unexpected EOF"},
		"unreadable directory":       {Facts{ListErr: denied, Newest: young}, Unreadable, "could not check: permission denied"},
		"deleted meanwhile":          {Facts{HasMetadata: true, ReadErr: gone, Files: 2, Newest: old}, Incomplete, "its _metadata was deleted while it was read, 2 files; last change 15 min ago"},
		"deleted, then not listed":   {Facts{HasMetadata: true, ReadErr: gone, ListErr: denied}, Unreadable, "could not check: permission denied"},
		"empty":                      {Facts{Newest: now.Add(-50 * time.Hour)}, Incomplete, "no _metadata, no files; last change 2 days ago"},
		"at the end of grace":        {Facts{Files: 1, Newest: old}, Incomplete, "no _metadata, 1 file; last change 15 min ago"},
		"within grace":               {Facts{Files: 5, Newest: young}, InProgress, "no _metadata, 5 files; last change 14 min ago, within 15 min"},
		"young and empty":            {Facts{Newest: now}, InProgress, "no _metadata, no files; last change 0 s ago, within 15 min"},
		"in the future":              {Facts{Newest: now.Add(time.Hour)}, InProgress, "no _metadata, no files; last change 1 h in the future (clocks disagree), within 15 min"},
		"temporary file, young":      {Facts{Pending: true, Files: 3, Newest: young}, InProgress, "no _metadata, only its temporary file, 3 files; last change 14 min ago, within 15 min"},
		"temporary file left over":   {Facts{Pending: true, Files: 3, Newest: old}, Incomplete, "no _metadata, only its temporary file, 3 files; last change 15 min ago"},
		"a storage that has no time": {Facts{}, Incomplete, "no _metadata, no files; the storage tells no time"},
	} {
		c.facts.Now, c.facts.Grace = now, DefaultGrace
		if got, reason := Judge(c.facts); got != c.want || reason != c.reason {
			t.Errorf("%s: %s, %q\nwant %s, %q", name, got, reason, c.want, c.reason)
		}
	}
}

// Whatever else is known: without a _metadata read to its end nothing is complete, and
// what could not be looked at is never called incomplete.
func TestJudgeNeverGuesses(t *testing.T) {
	errs := []error{nil, fs.ErrPermission, fs.ErrNotExist, errors.New("timeout"), &metadata.Error{}, &metadata.Error{Kind: metadata.Unsupported}}
	for _, has := range []bool{false, true} {
		for _, read := range errs {
			for _, list := range errs[:4] {
				for _, newest := range []time.Time{{}, now, now.Add(-time.Hour)} {
					f := Facts{Now: now, Grace: DefaultGrace, HasMetadata: has, ReadErr: read, ListErr: list, Newest: newest}
					state, reason := Judge(f)
					if (state == Complete) != (has && read == nil) {
						t.Errorf("%+v is %s", f, state)
					}
					if (state == Complete) != (reason == "") {
						t.Errorf("%+v is %s: %q", f, state, reason)
					}
					blind := !has && list != nil || has && (read == errs[1] || read == errs[3])
					if blind && (state != Unreadable || !strings.HasPrefix(reason, "could not check: ")) {
						t.Errorf("%+v is %s: %q", f, state, reason)
					}
				}
			}
		}
	}
}
