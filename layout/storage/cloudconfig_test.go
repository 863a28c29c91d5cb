package storage

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// signedFor is the region that an S3 request was signed for.
func signedFor(r *http.Request) string {
	parts := strings.Split(r.Header.Get("Authorization"), "/")
	if len(parts) < 3 {
		return ""
	}
	return parts[2]
}

// TestS3Region: a bucket that lies elsewhere is read there, whether S3 says where at once
// or when asked.
func TestS3Region(t *testing.T) {
	for name, says := range map[string]func(w http.ResponseWriter, r *http.Request){
		"at once": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
			w.WriteHeader(http.StatusMovedPermanently)
		},
		"when asked": func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
			}
			w.WriteHeader(http.StatusBadRequest)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeS3(t)
			f.put(t, "a", "x")
			var regions []string
			f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
				region := signedFor(r)
				regions = append(regions, r.Method+" "+region)
				if region != "eu-west-3" {
					says(w, r)
				}
				return region != "eu-west-3"
			})
			s := f.open(t, "")
			if got := read(t, s, "a") + read(t, s, "a"); got != "xx" || len(regions) > 4 || regions[0] != "GET us-east-1" {
				t.Errorf("read %q by %v", got, regions)
			}
		})
	}
}

// TestS3Keys: Flink's keys, in all their spellings, and AWS's variables.
func TestS3Keys(t *testing.T) {
	f := newFakeS3(t)
	f.put(t, "a", "x")
	host := strings.TrimPrefix(f.URL, "http://")
	_, port, _ := net.SplitHostPort(host)
	for name, c := range map[string]struct {
		flink, env, awsEnv map[string]string
		want               func(r *http.Request) bool
	}{
		"path style": {
			flink: map[string]string{"s3.endpoint": f.URL, "s3.access-key": "who", "s3.secret-key": "s"},
			want:  func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/bucket") && r.Host == host },
		},
		"hadoop": {
			flink: map[string]string{"fs.s3a.endpoint": host, "fs.s3a.connection.ssl.enabled": "false", "fs.s3a.access.key": "who", "fs.s3a.secret.key": "s", "fs.s3a.session.token": "tok",
				"fs.s3a.endpoint.region": "xx-1", "fs.s3a.path.style.access": "true"},
			want: func(r *http.Request) bool {
				return signedFor(r) == "xx-1" && r.Header.Get("X-Amz-Security-Token") == "tok" && strings.Contains(r.Header.Get("Authorization"), "Credential=who/")
			},
		},
		"a host for each bucket": {
			flink: map[string]string{"s3.endpoint": "http://localhost:" + port, "s3.access-key": "who", "s3.secret-key": "s", "s3.path-style-access": "false"},
			want:  func(r *http.Request) bool { return r.Host == "bucket.localhost:"+port },
		},
		"variables": {
			awsEnv: map[string]string{"AWS_ENDPOINT_URL_S3": f.URL, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "yy-2"},
			want: func(r *http.Request) bool {
				return signedFor(r) == "yy-2" && strings.Contains(r.Header.Get("Authorization"), "Credential=me/") && strings.HasPrefix(r.URL.Path, "/bucket")
			},
		},
		"nobody": {
			awsEnv: map[string]string{"AWS_ENDPOINT_URL": f.URL},
			env:    map[string]string{"AWS_NO_SIGN_REQUEST": "yes"},
			want:   func(r *http.Request) bool { return r.Header.Get("Authorization") == "" },
		},
		"nobody, by Hadoop": {
			flink: map[string]string{"s3.endpoint": f.URL, "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider"},
			want:  func(r *http.Request) bool { return r.Header.Get("Authorization") == "" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			noCloud(t)
			for k, v := range c.awsEnv {
				t.Setenv(k, v)
			}
			var asked *http.Request
			f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
				asked = r
				w.WriteHeader(http.StatusNotFound)
				return true
			})
			s, err := New(Settings{LookupEnv: environment(c.env), Flink: environment(c.flink)}).Open(t.Context(), "s3p://bucket/root")
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Stat(t.Context(), "a")
			if asked == nil && strings.Contains(err.Error(), "cannot find the host bucket.localhost") {
				return // whom to ask is right, and that is all
			}
			if !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if !c.want(asked) {
				t.Errorf("%s %s: %v", asked.Host, asked.URL, asked.Header)
			}
		})
	}
}

// TestAzureAccount: which account, where, and how one gets in.
func TestAzureAccount(t *testing.T) {
	both := map[string]string{"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_KEY": "a2V5"}
	for name, c := range map[string]struct {
		host       string
		env, flink map[string]string
		want       azureAccount
	}{
		"data lake":    {"acc.dfs.core.windows.net", both, nil, azureAccount{name: "acc", endpoint: "https://acc.blob.core.windows.net", key: "a2V5"}},
		"china":        {"acc.blob.core.chinacloudapi.cn", both, nil, azureAccount{name: "acc", endpoint: "https://acc.blob.core.chinacloudapi.cn", key: "a2V5"}},
		"from env":     {"", both, nil, azureAccount{name: "acc", endpoint: "https://acc.blob.core.windows.net", key: "a2V5"}},
		"of another":   {"other.dfs.core.windows.net", both, nil, azureAccount{name: "other", endpoint: "https://other.blob.core.windows.net"}},
		"an endpoint":  {"", map[string]string{"AZURE_STORAGE_ACCOUNT": "acc", "AZURE_STORAGE_SERVICE_ENDPOINT": "http://h/acc", "AZURE_STORAGE_SAS_TOKEN": "?sig=1"}, nil, azureAccount{name: "acc", endpoint: "http://h/acc", sas: "?sig=1"}},
		"by Flink":     {"acc.dfs.core.windows.net", both, map[string]string{"fs.azure.account.key.acc.blob.core.windows.net": "Zmxpbms="}, azureAccount{name: "acc", endpoint: "https://acc.blob.core.windows.net", key: "Zmxpbms="}},
		"by Flink too": {"b.dfs.core.windows.net", nil, map[string]string{"fs.azure.sas.c.b.blob.core.windows.net": "sig=2"}, azureAccount{name: "b", endpoint: "https://b.blob.core.windows.net", sas: "sig=2"}},
		"connection": {"", map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=a==;EndpointSuffix=core.chinacloudapi.cn"}, nil,
			azureAccount{name: "x", endpoint: "https://x.blob.core.chinacloudapi.cn", key: "a=="}},
		"connection with a signature": {"y.dfs.core.windows.net", map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "BlobEndpoint=https://y.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=3"}, nil,
			azureAccount{name: "y", endpoint: "https://y.blob.core.windows.net/", sas: "sv=1&sig=3"}},
		"the emulator": {"", map[string]string{"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"}, nil,
			azureAccount{name: "devstoreaccount1", endpoint: "http://127.0.0.1:10000/devstoreaccount1", key: strings.Split(strings.Split(azurite, "AccountKey=")[1], ";")[0]}},
	} {
		got, err := Settings{LookupEnv: environment(c.env), Flink: environment(c.flink)}.azureAccount("c", c.host)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(azureAccount{}), cmpopts.IgnoreFields(azureAccount{}, "host")); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	for name, env := range map[string]map[string]string{
		"no account":        nil,
		"half a connection": {"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=c2VjcmV0"},
	} {
		_, err := Settings{LookupEnv: environment(env)}.azureAccount("c", "")
		if err == nil || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAzureDirectories: what Data Lake and Hadoop say is a directory is one.
func TestAzureDirectories(t *testing.T) {
	f := newFakeAzure(t)
	azure := f.real.(*fakeAzure)
	f.put(t, "job/chk-1/_metadata", "m")
	for _, dir := range []string{"root/job", "root/job/chk-1", "root/job/chk-2"} {
		azure.blobs[dir] = azureBlob{modified: time.Now(), folder: true}
	}
	s := f.open(t, "")
	want := map[string]int64{"job/chk-1/_metadata": 1, "job/chk-2": -1}
	if diff := cmp.Diff(want, list(t, s.List(t.Context(), ""))); diff != "" {
		t.Error(diff)
	}
	want = map[string]int64{"job/chk-1": -1, "job/chk-2": -1}
	if diff := cmp.Diff(want, list(t, s.Children(t.Context(), "job"))); diff != "" {
		t.Error(diff)
	}
	if o, err := s.Stat(t.Context(), "job/chk-2"); err != nil || o.Type != layout.TypeDir || o.Modified.IsZero() {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := s.Open(t.Context(), "job/chk-2"); !errors.Is(err, layout.ErrNotFile) {
		t.Errorf("opened: %v", err)
	}
	if got := list(t, s.List(t.Context(), "job/chk-2")); len(got) != 1 {
		t.Errorf("an empty one has %v", got)
	}
}

// TestNoSecrets: what fails does not tell what must not be known.
func TestNoSecrets(t *testing.T) {
	noCloud(t)
	const secret = "c2VjcmV0"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	l.Close()
	for target, env := range map[string]map[string]string{
		"azblob://c/sas":        {"AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=" + secret, "AZURE_STORAGE_SERVICE_ENDPOINT": nobody},
		"azblob://c/key":        {"AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_KEY": secret, "AZURE_STORAGE_SERVICE_ENDPOINT": nobody},
		"azblob://c/broken":     {"AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_KEY": secret + "!", "AZURE_STORAGE_SERVICE_ENDPOINT": nobody},
		"azblob://c/connection": {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=a;AccountKey=" + secret + ";BlobEndpoint=" + nobody},
		"s3://b/key":            {},
	} {
		flink := map[string]string{"s3.endpoint": nobody, "s3.access-key": "who", "s3.secret-key": secret, "s3.session.token": secret}
		s, err := New(Settings{LookupEnv: environment(env), Flink: environment(flink)}).Open(t.Context(), target)
		if err == nil {
			_, err = layout.Scan(t.Context(), s, layout.ScanOptions{})
		}
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), url.QueryEscape(secret)) {
			t.Errorf("%s: %v", target, err)
		}
		t.Log(err)
	}
}

// TestSilentMetadataService: not to be in a cloud is found out soon, also where the
// address that clouds have for it swallows what is sent there.
func TestSilentMetadataService(t *testing.T) {
	noCloud(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // which nobody accepts from
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://"+l.Addr().String())
	begin := time.Now()
	_, err = New(Settings{LookupEnv: environment(nil)}).Open(t.Context(), "s3://b/x")
	if took := time.Since(begin); took > 5*time.Second || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v after %v", err, took)
	}
}

// TestNoBucket: a URL without a bucket is told as such.
func TestNoBucket(t *testing.T) {
	hints := map[string]string{"s3:///x": "s3://BUCKET", "gs:///x": "gs://BUCKET", "azblob:///x": "azblob://CONTAINER", "abfss://@a/x": "abfss://CONTAINER"}
	for target, want := range hints {
		_, err := New(Settings{LookupEnv: environment(nil)}).Open(t.Context(), target)
		var hinted interface{ ErrHint() string }
		if !errors.As(err, &hinted) || !strings.Contains(hinted.ErrHint(), want) {
			t.Errorf("%s: %v", target, err)
		}
	}
}
