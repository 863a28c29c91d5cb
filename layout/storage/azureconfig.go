package storage

import (
	"cmp"
	"context"
	"io/fs"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/ckpt-tool/ckpt/layout"
)

// azureDriver serves Azure Blob Storage and Data Lake, as Hadoop names them and as
// azblob://{container}/{path}, with the account from the environment.
func azureDriver(s Settings) Driver {
	return Driver{Schemes: []string{"azblob", "abfs", "abfss", "wasb", "wasbs"}, Open: s.openAzure, OpenMutable: s.openMutableAzure}
}

// azureAccount is where an account is and how one gets in.
type azureAccount struct {
	name     string
	host     string // as the URL names it, "" where it does not
	endpoint string // of its blobs
	key, sas string
}

func (s Settings) openAzure(ctx context.Context, place layout.Place) (layout.Store, error) {
	s.clock = new(clock)
	b, err := s.azureBucket(ctx, place)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: place.String(), Err: err}
	}
	return s.newBucket(b, place, func() {}), nil
}

func (s Settings) openMutableAzure(ctx context.Context, place layout.Place) (layout.MutableStore, error) {
	s.clock, s.writes = new(clock), true
	b, err := s.azureBucket(ctx, place)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: place.String(), Err: err}
	}
	return &mutableBucket{s.newBucket(b, place, func() {}), &azureWriter{b, s}}, nil
}

func (s Settings) azureBucket(ctx context.Context, place layout.Place) (*azureBucket, error) {
	name, host, _ := strings.Cut(place.Authority, "@")
	if name == "" {
		return nil, &problem{message: "the URL names no container", hint: "write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH or azblob://CONTAINER/PATH"}
	}
	account, err := s.azureAccount(name, host)
	if err != nil {
		return nil, err
	}
	client, err := s.azureClient(ctx, account, strings.TrimRight(account.endpoint, "/")+"/"+url.PathEscape(name))
	return &azureBucket{client: client, endpoint: account.endpoint, access: s.azureAccess()}, err
}

// azureAccount finds out what is known of the account of a container: what Flink's
// configuration says, then the environment, as far as it is about the same account.
func (s Settings) azureAccount(container, host string) (azureAccount, error) {
	name, _, _ := strings.Cut(host, ".")
	connection, err := parseConnection(s.env("AZURE_STORAGE_CONNECTION_STRING"))
	if err != nil {
		return connection, err
	}
	a := azureAccount{name: cmp.Or(name, connection.name, s.env("AZURE_STORAGE_ACCOUNT")), host: host}
	if a.name == "" {
		return a, &problem{message: "no storage account is named", hint: "set AZURE_STORAGE_ACCOUNT, or write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH"}
	}
	if connection.name == a.name {
		a.endpoint, a.key, a.sas = connection.endpoint, connection.key, connection.sas
	} else if cmp.Or(s.env("AZURE_STORAGE_ACCOUNT"), a.name) == a.name {
		a.endpoint, a.key, a.sas = s.env("AZURE_STORAGE_SERVICE_ENDPOINT"), s.env("AZURE_STORAGE_KEY"), s.env("AZURE_STORAGE_SAS_TOKEN")
	}
	if key, sas := s.azureKeys(container, a); key != "" || sas != "" {
		a.key, a.sas = key, sas
	}
	a.endpoint = cmp.Or(a.endpoint, "https://"+a.blobHost())
	return a, nil
}

// blobHost is the host of the account's blobs, also where the URL names that of Data Lake.
func (a azureAccount) blobHost() string {
	if !strings.Contains(a.host, ".") {
		return a.name + ".blob.core.windows.net"
	}
	return strings.Replace(a.host, ".dfs.", ".blob.", 1)
}

// azureKeys are the key and the signature that Flink's configuration has for the account.
func (s Settings) azureKeys(container string, a azureAccount) (key, sas string) {
	blobs := a.blobHost()
	lake := strings.Replace(blobs, ".blob.", ".dfs.", 1)
	key = s.flink("fs.azure.account.key."+lake, "fs.azure.account.key."+blobs, "fs.azure.account.key")
	sas = s.flink("fs.azure.sas."+container+"."+blobs, "fs.azure.sas.fixed.token."+lake, "fs.azure.sas.fixed.token")
	return key, sas
}

// azurite is the emulator, by the account that each one has.
const azurite = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;" +
	"AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;" +
	"BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"

// parseConnection takes a connection string apart. It must not show in errors.
func parseConnection(connection string) (azureAccount, error) {
	if strings.HasPrefix(connection, "UseDevelopmentStorage=true") {
		connection = azurite
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(connection, ";") {
		name, v, _ := strings.Cut(part, "=")
		parts[strings.ToLower(strings.TrimSpace(name))] = v
	}
	a := azureAccount{name: parts["accountname"], endpoint: parts["blobendpoint"], key: parts["accountkey"], sas: parts["sharedaccesssignature"]}
	if u, err := url.Parse(a.endpoint); a.name == "" && err == nil {
		a.name, _, _ = strings.Cut(u.Hostname(), ".") // a string with a signature names no account
	}
	if connection != "" && (a.name == "" || a.key == "" && a.sas == "") {
		return a, &problem{message: "AZURE_STORAGE_CONNECTION_STRING names no account, or no key", hint: "copy it as the portal shows it"}
	}
	if a.endpoint == "" {
		a.endpoint = cmp.Or(parts["defaultendpointsprotocol"], "https") + "://" + a.name + ".blob." + cmp.Or(parts["endpointsuffix"], "core.windows.net")
	}
	return a, nil
}

// azureClient opens a container with what there is: a key, a signature, or else who has
// signed in. For that one a token is asked for at once, so that it is the credentials
// that are named when there are none.
func (s Settings) azureClient(ctx context.Context, a azureAccount, address string) (*container.Client, error) {
	http := s.client()
	opts := &container.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: s.patient(http),
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}}
	switch {
	case a.key != "":
		key, err := container.NewSharedKeyCredential(a.name, a.key)
		if err != nil {
			return nil, &problem{message: "the key of the account " + a.name + " is not one", kind: fs.ErrPermission, hint: s.azureAccess()}
		}
		return container.NewClientWithSharedKeyCredential(address, key, opts)
	case a.sas != "":
		return container.NewClientWithNoCredential(address+"?"+strings.TrimPrefix(a.sas, "?"), opts)
	}
	identity, err := azidentity.NewDefaultAzureCredential(nil)
	if err == nil {
		_, err = identity.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}})
	}
	if err != nil {
		return nil, noCredentials(ctx, "the Azure account "+a.name, err, s.azureAccess())
	}
	return container.NewClient(address, identity, opts)
}
