package storage

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// credentialsOf writes a file of Hadoop credentials as both versions have it.
func credentialsOf(version byte, tokens ...hadoopToken) []byte {
	b := append([]byte(tokenMagic), version)
	if version == 0 {
		b = appendVInt(b, len(tokens))
		for _, t := range tokens {
			for _, f := range [][]byte{[]byte("alias"), t.identifier, t.password, []byte(t.kind), []byte(t.service)} {
				b = append(appendVInt(b, len(f)), f...)
			}
		}
		return append(b, 0)
	}
	var message []byte
	for _, t := range tokens {
		var token []byte
		for i, f := range [][]byte{t.identifier, t.password, []byte(t.kind), []byte(t.service)} {
			token = protowire.AppendBytes(protowire.AppendTag(token, protowire.Number(i+1), protowire.BytesType), f)
		}
		entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "alias")
		entry = protowire.AppendBytes(protowire.AppendTag(entry, 2, protowire.BytesType), token)
		message = protowire.AppendBytes(protowire.AppendTag(message, 1, protowire.BytesType), entry)
	}
	return protowire.AppendBytes(b, message)
}

var someTokens = []hadoopToken{
	{[]byte("id"), []byte("pw"), "YARN_AM_RM_TOKEN", "nn:8020"},
	{bytes.Repeat([]byte("i"), 300), []byte("pw1"), "HDFS_DELEGATION_TOKEN", "ha-hdfs:prod"},
	{[]byte("id"), []byte("pw2"), "HDFS_DELEGATION_TOKEN", "127.0.0.1:8020"},
	{[]byte("id"), []byte("pw3"), "WEBHDFS delegation", "nn:9870"},
}

func TestTokens(t *testing.T) {
	for _, version := range []byte{0, 1} {
		data := credentialsOf(version, someTokens...)
		got, err := parseTokens(data)
		if diff := cmp.Diff(someTokens, got, cmp.AllowUnexported(hadoopToken{})); diff != "" || err != nil {
			t.Errorf("version %d: %v %s", version, err, diff)
		}
		for n := range len(data) - 2 { // the secrets of version 0 are not read
			if got, err := parseTokens(data[:n]); err == nil {
				t.Errorf("version %d: of %d bytes: %v", version, n, got)
			}
		}
	}
	if _, err := parseTokens([]byte("HDTS\x02")); err == nil {
		t.Error("a version that nobody knows")
	}
	got := hadoopToken{bytes.Repeat([]byte{1}, 200), []byte{2}, "k", ""}.encode()
	want := append(append([]byte{0x8f, 200}, bytes.Repeat([]byte{1}, 200)...), 1, 2, 1, 'k', 0)
	if got != base64.RawURLEncoding.EncodeToString(want) {
		t.Errorf("encoded %s", got)
	}
}

func TestChooseToken(t *testing.T) {
	for _, c := range []struct {
		services []string
		password string
	}{
		{[]string{"ha-hdfs:prod", "nn:9870"}, "pw3"},
		{[]string{"ha-hdfs:prod", "other:8020"}, "pw1"},
		{[]string{"127.0.0.1:8020"}, "pw2"},
		{[]string{"127.0.0.1:9870"}, "pw2"}, // the host, by its other port
		{[]string{"ha-hdfs:test", "ha-hdfs:other"}, ""},
	} {
		if got, _ := chooseToken(someTokens, c.services); string(got.password) != c.password {
			t.Errorf("%v: %+v", c.services, got)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add(credentialsOf(0, someTokens...))
	f.Add(credentialsOf(1, someTokens...))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokens, err := parseTokens(data)
		if err == nil {
			for _, token := range tokens {
				_ = token.encode()
			}
		}
	})
}

// TestWebHDFSUser: who asks stands in the request.
func TestWebHDFSUser(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	for _, c := range []struct {
		env  map[string]string
		want map[string]string
	}{
		{map[string]string{"HADOOP_USER_NAME": "me"}, map[string]string{"user.name": "me"}},
		{map[string]string{"HADOOP_USER_NAME": "me", "HADOOP_PROXY_USER": "you"}, map[string]string{"user.name": "me", "doas": "you"}},
		{map[string]string{"HADOOP_TOKEN_FILE_LOCATION": tokens}, map[string]string{"delegation": "set"}},
	} {
		f := newFakeHDFS(t)
		if err := os.WriteFile(tokens, credentialsOf(1, hadoopToken{[]byte("i"), []byte("p"), "HDFS_DELEGATION_TOKEN", f.host()}), 0o600); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		f.fault = func(_ http.ResponseWriter, r *http.Request) bool {
			for _, key := range []string{"user.name", "doas", "delegation"} {
				if v := r.URL.Query().Get(key); v != "" {
					got[key] = v
				}
			}
			return false
		}
		f.openAs(t, "", Settings{LookupEnv: environment(c.env)})
		if got["delegation"] != "" {
			got["delegation"] = "set"
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
	bad := Settings{LookupEnv: environment(map[string]string{"HADOOP_TOKEN_FILE_LOCATION": tokens + "x"})}
	if _, err := openURL(t, bad, "webhdfs://127.0.0.1:1/x"); err == nil || !strings.Contains(err.Error(), tokens+"x") {
		t.Errorf("no file of tokens: %v", err)
	}
}

// TestWebHDFSNoTicket: a server that wants Kerberos is told from one that denies. The
// rest needs a KDC, which TestLiveHDFSKerberos has.
func TestWebHDFSNoTicket(t *testing.T) {
	krb5 := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(krb5, []byte("[libdefaults]\n default_realm = EXAMPLE.COM\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]map[string]string{
		"no krb5.conf": {"KRB5_CONFIG": krb5 + "x"},
		"no ticket":    {"KRB5_CONFIG": krb5, "KRB5CCNAME": "FILE:" + krb5 + "x"},
		"no file":      {"KRB5_CONFIG": krb5, "KRB5CCNAME": "KEYRING:persistent:0"},
		"no tickets":   {"KRB5_CONFIG": krb5, "KRB5CCNAME": krb5},
	} {
		f := newFakeHDFS(t)
		f.fault = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("WWW-Authenticate", "Negotiate")
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		_, err := openURL(t, Settings{LookupEnv: environment(env)}, "webhdfs://"+f.host()+"/root")
		if err == nil || !strings.Contains(err.Error(), "wants Kerberos") || !strings.Contains(hintIn(err), "kinit") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
