package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// verdict is what to do about an error.
type verdict int

const (
	final        verdict = iota // it is an answer
	tryElsewhere                // time will not mend it, but another namenode may be the right one
	tryAgain                    // patience may help, and so may another namenode
)

// judged is an error that knows its verdict.
type judged struct {
	error
	as verdict
}

func (e *judged) verdict() verdict { return e.as }

// Unwrap gives the error itself.
func (e *judged) Unwrap() error { return e.error }

// judge sorts errors. What it does not know is a connection that broke.
func judge(err error) verdict {
	var (
		known interface{ verdict() verdict }
		op    *net.OpError
		dns   *net.DNSError
	)
	switch {
	case err == nil:
		return final
	case errors.As(err, &known):
		return known.verdict()
	case errors.As(err, &op) && op.Op == "dial", errors.As(err, &dns), isTLS(err):
		return tryElsewhere
	}
	return tryAgain
}

// hinted is an error of that text, with what to do about it.
func hinted(hint, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &problem{message: err.Error(), hint: hint, err: err}
}

var errStalled = fmt.Errorf("no data for %v", silence)

func badReply(err error) error { return fmt.Errorf("the answer cannot be read: %w", err) }

// remoteError is an exception of Hadoop. Its status says little: 403 is for any
// IOException.
type remoteError struct {
	status             int
	Exception, Message string
}

// Error implements error.
func (e *remoteError) Error() string {
	message, _, _ := strings.Cut(e.Message, "\n") // stack traces follow
	return e.Exception + ": " + message
}

// Is maps exceptions to kinds of errors.
func (e *remoteError) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.absent()
	case fs.ErrExist:
		return e.Exception == "FileAlreadyExistsException"
	case layout.ErrNotEmpty:
		return e.Exception == "PathIsNotEmptyDirectoryException"
	case fs.ErrPermission:
		denied := []string{"AccessControlException", "AuthorizationException", "InvalidToken"}
		return !e.absent() && (e.status == http.StatusUnauthorized || slices.Contains(denied, e.Exception))
	}
	return false
}

// absent tells what does not exist: what cannot be a path, as well, and a path that
// leads through a file, for which Hadoop has no exception of its own.
func (e *remoteError) absent() bool {
	kinds := []string{"FileNotFoundException", "ParentNotDirectoryException", "InvalidPathException"}
	return slices.Contains(kinds, e.Exception) || e.Exception == "AccessControlException" && strings.Contains(e.Message, "is not a directory")
}

// verdict looks into the message as well: while tokens are checked, a standby
// namenode wraps its exception.
func (e *remoteError) verdict() verdict {
	passing := []string{"StandbyException", "RetriableException", "ObserverRetryOnActiveException"}
	if slices.Contains(passing, e.Exception) || strings.Contains(e.Message, "StandbyException") || isBusy(e.status) {
		return tryAgain
	}
	return final
}

// ErrHint is what to do about it.
func (e *remoteError) ErrHint() string {
	switch {
	case e.Exception == "InvalidToken":
		return "the delegation token of HADOOP_TOKEN_FILE_LOCATION has expired or is for another cluster"
	case e.Is(fs.ErrPermission):
		return "HADOOP_USER_NAME names the user to ask as, kinit makes a Kerberos ticket"
	}
	return ""
}

// unknownOp tells a server that is too old for an operation.
func unknownOp(err error) bool {
	var e *remoteError
	return errors.As(err, &e) && e.status == http.StatusBadRequest && e.Exception == "IllegalArgumentException" && strings.Contains(e.Message, `"op"`)
}

// isBusy tells a status by which a server asks to come back later.
func isBusy(status int) bool {
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented || status == http.StatusTooManyRequests
}

// maxFault is as much of an error's text as is looked at.
const maxFault = 1 << 20

// remoteFault is the error in an answer. One without an exception is not Hadoop's:
// above all, its 404 does not say that there is no such file.
func remoteFault(resp *http.Response, body io.Reader) error {
	var reply struct{ RemoteException *remoteError }
	if err := json.NewDecoder(io.LimitReader(body, maxFault)).Decode(&reply); err == nil && reply.RemoteException != nil {
		reply.RemoteException.status = resp.StatusCode
		return reply.RemoteException
	}
	at := resp.Request.URL.Scheme + "://" + resp.Request.URL.Host
	switch {
	case isBusy(resp.StatusCode):
		return &judged{fmt.Errorf("%s answers %s", at, resp.Status), tryAgain}
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return &judged{hinted(kerberosHint, "%w: %s answers %s", fs.ErrPermission, at, resp.Status), final}
	}
	return &judged{hinted(addressHint, "%s answers %s, which is not WebHDFS", at, resp.Status), tryElsewhere}
}

const (
	addressHint  = "webhdfs://HOST:PORT/path names the HTTP address of a namenode or HttpFS; HADOOP_CONF_DIR names the directory of hdfs-site.xml, where it stands"
	kerberosHint = "it asks for a login: kinit makes a Kerberos ticket, KRB5CCNAME names where it lies"
	datanodeHint = "data is read from the datanodes, which must be within reach by the names that the namenode knows; HttpFS (webhdfs://HOST:14000/path) needs none"
	trustHint    = "SSL_CERT_FILE names a file with the certificate of an authority to trust"
)

// noNamenode says which addresses were tried in vain.
func noNamenode(bases []string, err error) error {
	hint := addressHint
	if isTLS(err) {
		hint = trustHint
	}
	return hinted(hint, "no namenode at %s: %w", strings.Join(bases, ", "), err)
}
