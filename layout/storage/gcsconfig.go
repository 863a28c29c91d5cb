package storage

import (
	"cmp"
	"context"
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"github.com/ckpt-tool/ckpt/layout"
)

// gcsDriver serves Google Cloud Storage.
func gcsDriver(s Settings) Driver {
	return Driver{Schemes: []string{"gs"}, Open: s.openGCS, OpenMutable: s.openMutableGCS}
}

func (s Settings) openGCS(ctx context.Context, place layout.Place) (layout.Store, error) {
	s.clock = new(clock)
	b, closing, err := s.gcsBucket(ctx, place)
	if err != nil {
		return nil, err
	}
	return s.newBucket(b, place, closing), nil
}

func (s Settings) openMutableGCS(ctx context.Context, place layout.Place) (layout.MutableStore, error) {
	s.clock, s.writes = new(clock), true
	b, closing, err := s.gcsBucket(ctx, place)
	if err != nil {
		return nil, err
	}
	return &mutableBucket{s.newBucket(b, place, closing), &gcsWriter{b, s}}, nil
}

func (s Settings) gcsBucket(ctx context.Context, place layout.Place) (b *gcsBucket, closing func(), err error) {
	if place.Authority == "" {
		return nil, nil, noBucket(place)
	}
	client := s.client()
	b = &gcsBucket{name: place.Authority, client: s.patient(client), access: gcsAccess}
	if s.writes {
		b.access = gcsWriteAccess
	}
	emulator := s.env("STORAGE_EMULATOR_HOST")
	b.endpoint = cmp.Or(emulator, s.flink("fs.gs.storage.root.url", "gs.storage.root.url"), "https://storage."+cmp.Or(s.env("GOOGLE_CLOUD_UNIVERSE_DOMAIN"), "googleapis.com"))
	if !strings.Contains(b.endpoint, "://") {
		b.endpoint = "http://" + b.endpoint // as Google's own clients take an emulator
	}
	b.endpoint = strings.TrimSuffix(strings.TrimRight(b.endpoint, "/"), "/storage/v1")
	b.token = s.gcsToken()
	if emulator != "" || s.flink("fs.gs.auth.type", "gs.auth.type") == "UNAUTHENTICATED" {
		b.token = func(context.Context) (http.Header, error) { return nil, nil }
	}
	if _, err := b.token(ctx); err != nil {
		return nil, nil, &fs.PathError{Op: "open", Path: place.String(), Err: noCredentials(ctx, "Google Cloud Storage", err, b.access)}
	}
	return b, client.CloseIdleConnections, nil
}

// gcsToken gives the headers that show who asks.
func (s Settings) gcsToken() func(context.Context) (http.Header, error) {
	find := sync.OnceValues(func() (*auth.Credentials, error) {
		scope := "https://www.googleapis.com/auth/devstorage.read_only"
		if s.writes {
			scope = "https://www.googleapis.com/auth/devstorage.read_write"
		}
		opts := &credentials.DetectOptions{Scopes: []string{scope}}
		if file := s.flink("fs.gs.auth.service.account.json.keyfile", "gs.auth.service.account.json.keyfile", "google.cloud.auth.service.account.json.keyfile"); file != "" {
			return credentials.NewCredentialsFromFile(credentials.ServiceAccount, file, opts)
		}
		return credentials.DetectDefault(opts)
	})
	return func(ctx context.Context) (http.Header, error) {
		found, err := find()
		if err != nil {
			return nil, err
		}
		token, err := found.Token(ctx)
		if err != nil {
			return nil, err
		}
		h := http.Header{"Authorization": {cmp.Or(token.Type, "Bearer") + " " + token.Value}}
		if project, err := found.QuotaProjectID(ctx); err == nil && project != "" {
			h.Set("X-Goog-User-Project", project)
		}
		return h, nil
	}
}
