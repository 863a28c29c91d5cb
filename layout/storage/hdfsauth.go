package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/layout"
	krb5 "github.com/jcmturner/gokrb5/v8/client"
	krb5conf "github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/spnego"
)

// hdfsAuth says who asks: by a delegation token where there is one, as containers of
// YARN have it; else by Kerberos where the cluster wants it; else by a name that is
// believed.
type hdfsAuth struct {
	user, proxy string
	token       string      // in its form for URLs, or ""
	negotiate   atomic.Bool // Kerberos
	login       func() (*krb5.Client, error)
	logged      atomic.Pointer[krb5.Client]
}

// close ends the renewal of tickets.
func (a *hdfsAuth) close() {
	if client := a.logged.Load(); client != nil {
		client.Destroy()
	}
}

func newHDFSAuth(s Settings, conf *hadoopConf, place layout.Place, bases []string) (*hdfsAuth, error) {
	token, err := findToken(s, conf, place, bases)
	if err != nil {
		return nil, err
	}
	a := &hdfsAuth{
		user: hadoopUser(s), proxy: s.env("HADOOP_PROXY_USER"), token: token,
		login: sync.OnceValues(func() (*krb5.Client, error) { return kerberosLogin(s) }),
	}
	a.negotiate.Store(strings.EqualFold(conf.get("hadoop.security.authentication"), "kerberos"))
	return a, nil
}

func hadoopUser(s Settings) string {
	if name := s.env("HADOOP_USER_NAME"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// send asks for a URL as the user, which is made of what the user is to be known by.
func (a *hdfsAuth) send(ctx context.Context, client *http.Client, method string, address func(url.Values) string) (*http.Response, error) {
	resp, err := a.once(ctx, client, method, address(a.values()), false)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !wantsKerberos(resp) || a.token != "" {
		return resp, err
	}
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	a.negotiate.Store(true) // from now on without a name, which would have to be that of the ticket
	return a.once(ctx, client, method, address(a.values()), true)
}

func (a *hdfsAuth) once(ctx context.Context, client *http.Client, method, address string, login bool) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	if login {
		if err := a.addTicket(req); err != nil {
			return nil, &judged{err, final}
		}
	}
	return client.Do(req)
}

// values are the parameters that name the user.
func (a *hdfsAuth) values() url.Values {
	v := url.Values{}
	switch {
	case a.token != "":
		v.Set("delegation", a.token)
		return v // which names the proxy user as well
	case !a.negotiate.Load() && a.user != "":
		v.Set("user.name", a.user)
	}
	if a.proxy != "" {
		v.Set("doas", a.proxy)
	}
	return v
}

func wantsKerberos(resp *http.Response) bool {
	for _, challenge := range resp.Header.Values("WWW-Authenticate") {
		if scheme, _, _ := strings.Cut(challenge, " "); strings.EqualFold(scheme, "Negotiate") {
			return true
		}
	}
	return false
}

// addTicket lets a request carry a Kerberos ticket for its host.
func (a *hdfsAuth) addTicket(req *http.Request) error {
	client, err := a.login()
	if err == nil {
		a.logged.Store(client)
		err = spnego.SetSPNEGOHeader(client, req, "HTTP/"+req.URL.Hostname())
	}
	if err != nil {
		return hinted(kerberosHint, "%w: %s wants Kerberos: %w", os.ErrPermission, req.URL.Host, err)
	}
	return nil
}

// kerberosLogin uses the keytab of Flink's configuration, or the ticket that kinit got.
func kerberosLogin(s Settings) (*krb5.Client, error) {
	conf, err := krb5conf.Load(cmp.Or(s.env("KRB5_CONFIG"), s.flink("security.kerberos.krb5-conf.path"), "/etc/krb5.conf"))
	if err != nil {
		return nil, fmt.Errorf("krb5.conf: %w", err)
	}
	file, principal := s.flink("security.kerberos.login.keytab"), s.flink("security.kerberos.login.principal")
	if file == "" || principal == "" {
		return kerberosTicket(s, conf)
	}
	keys, err := keytab.Load(file)
	if err != nil {
		return nil, fmt.Errorf("keytab %s: %w", file, err)
	}
	name, realm, ok := strings.Cut(principal, "@")
	if !ok {
		realm = conf.LibDefaults.DefaultRealm
	}
	client := krb5.NewWithKeytab(name, realm, keys, conf, krb5.DisablePAFXFAST(true))
	return client, client.Login()
}

func kerberosTicket(s Settings, conf *krb5conf.Config) (*krb5.Client, error) {
	cache := cmp.Or(s.env("KRB5CCNAME"), "/tmp/krb5cc_"+strconv.Itoa(os.Getuid()))
	file, _ := strings.CutPrefix(cache, "FILE:")
	if kind, _, ok := strings.Cut(file, ":"); ok && !strings.Contains(kind, "/") && len(kind) > 1 {
		return nil, fmt.Errorf("KRB5CCNAME=%s: only tickets in files (FILE:) can be read", cache)
	}
	tickets, err := credentials.LoadCCache(file)
	if err != nil {
		return nil, fmt.Errorf("no ticket: %w", err)
	}
	client, err := krb5.NewFromCCache(tickets, conf, krb5.DisablePAFXFAST(true))
	if err == nil && client == nil {
		err = errors.New("the ticket cache is empty")
	}
	return client, err
}
