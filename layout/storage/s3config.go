package storage

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"github.com/ckpt-tool/ckpt/layout"
)

// s3Driver serves S3 by the three names that Flink has for it.
func s3Driver(s Settings) Driver {
	return Driver{Schemes: []string{"s3", "s3a", "s3p"}, Open: s.openS3, OpenMutable: s.openMutableS3}
}

func (s Settings) openS3(ctx context.Context, place layout.Place) (layout.Store, error) {
	s.clock = new(clock)
	b, err := s.s3Bucket(ctx, place)
	if err != nil {
		return nil, err
	}
	return s.newBucket(b, place, func() {}), nil
}

func (s Settings) openMutableS3(ctx context.Context, place layout.Place) (layout.MutableStore, error) {
	s.clock = new(clock)
	b, err := s.s3Bucket(ctx, place)
	if err != nil {
		return nil, err
	}
	return &mutableBucket{s.newBucket(b, place, func() {}), s.newS3Writer(b)}, nil
}

func (s Settings) s3Bucket(ctx context.Context, place layout.Place) (*s3Bucket, error) {
	if place.Authority == "" {
		return nil, noBucket(place)
	}
	cfg, err := s.s3Config(ctx)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: place.String(), Err: err}
	}
	client := s3.NewFromConfig(cfg, s.s3Options)
	b := &s3Bucket{name: place.Authority, client: client, access: s3Access}
	if endpoint := client.Options().BaseEndpoint; endpoint != nil {
		b.where = " " + *endpoint
	}
	return b, nil
}

// noBucket is the error for a URL that names no bucket.
func noBucket(place layout.Place) error {
	return &fs.PathError{Op: "open", Path: place.String(), Err: &problem{
		message: "the URL names no bucket", hint: "write " + place.Scheme + "://BUCKET/PATH",
	}}
}

// s3Key is the first value that Flink's configuration has for one of the names, under any
// of the prefixes by which its file systems know them.
func (s Settings) s3Key(names ...string) string {
	for _, name := range names {
		if v := s.flink("s3."+name, "fs.s3a."+name, "s3a."+name, "presto.s3."+name); v != "" {
			return v
		}
	}
	return ""
}

// s3Config is AWS's own configuration under what Flink's says. Credentials are asked for
// at once, so that it is they who are named when there are none.
func (s Settings) s3Config(ctx context.Context) (aws.Config, error) {
	http := awshttp.NewBuildableClient().WithTransportOptions(s.transport)
	opts := []func(*config.LoadOptions) error{
		config.WithHTTPClient(http),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		config.WithLogger(logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
			s.log().Debug(fmt.Sprintf(format, v...)) // where a search for credentials went on, for one
		})),
	}
	if region := s.s3Key("region", "endpoint.region"); region != "" {
		opts = append(opts, config.WithRegion(region))
	}
	provider := s.s3Credentials()
	if provider != nil {
		opts = append(opts, config.WithCredentialsProvider(provider))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return cfg, &problem{message: "AWS's configuration cannot be used: " + err.Error(), err: err, hint: "check AWS_PROFILE, AWS_CONFIG_FILE and ~/.aws"}
	}
	if cfg.Region == "" {
		cfg.Region = "us-east-1" // from there S3 tells where a bucket lies
	}
	if _, anonymous := provider.(aws.AnonymousCredentials); anonymous {
		cfg.Credentials = provider // as such, or it would be asked
		return cfg, nil
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, noCredentials(ctx, "S3", err, "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or Flink's s3.access-key and s3.secret-key; "+
			"AWS_NO_SIGN_REQUEST=true reads public buckets")
	}
	return cfg, nil
}

// noCredentials tells that there are none, in a line. Where the user stopped the search
// that is not known.
func noCredentials(ctx context.Context, store string, err error, hint string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	cause := innermost(err).Error()
	cause, _, _ = strings.Cut(cause, "\n")
	return &problem{message: "no credentials for " + store + " (" + cause + ")", kind: fs.ErrPermission, err: err, hint: hint}
}

// s3Credentials are those that do not come from AWS's own places, nil where there are
// none such.
func (s Settings) s3Credentials() aws.CredentialsProvider {
	id, secret := s.s3Key("access-key", "access.key"), s.s3Key("secret-key", "secret.key")
	switch {
	case id != "" && secret != "":
		return credentials.NewStaticCredentialsProvider(id, secret, s.s3Key("session.token", "session-token"))
	case isTrue(s.env("AWS_NO_SIGN_REQUEST")),
		strings.Contains(s.s3Key("aws.credentials.provider"), "AnonymousAWSCredentialsProvider"):
		return aws.AnonymousCredentials{}
	}
	return nil
}

func isTrue(v string) bool {
	switch strings.ToLower(v) {
	case "true", "yes", "1":
		return true
	}
	return false
}

// s3Options are those of the client.
func (s Settings) s3Options(o *s3.Options) {
	o.HTTPClient = s.patient(o.HTTPClient)
	o.DisableLogOutputChecksumValidationSkipped = true
	if endpoint := s.s3Key("endpoint"); endpoint != "" {
		if !strings.Contains(endpoint, "://") {
			scheme := "https://"
			if s.s3Key("connection.ssl.enabled", "ssl.enabled") == "false" {
				scheme = "http://"
			}
			endpoint = scheme + endpoint
		}
		o.BaseEndpoint = &endpoint
	}
	if o.BaseEndpoint == nil {
		return
	}
	o.UsePathStyle = !ownsHosts(*o.BaseEndpoint)
	if v := s.s3Key("path.style.access", "path-style-access"); v != "" {
		o.UsePathStyle = isTrue(v)
	}
}

// ownsHosts tells whether an endpoint is of a cloud that has a host for each bucket. Who
// runs a server of their own most often has not.
func ownsHosts(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn") || strings.HasSuffix(host, ".aliyuncs.com")
}
