package storage

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"google.golang.org/protobuf/encoding/protowire"
)

// hadoopToken is a delegation token (org.apache.hadoop.security.token.Token).
type hadoopToken struct {
	identifier, password []byte
	kind, service        string
}

// encode is the form of a token in a URL (Token.encodeToUrlString).
func (t hadoopToken) encode() string {
	var b []byte
	for _, field := range [][]byte{t.identifier, t.password, []byte(t.kind), []byte(t.service)} {
		b = append(appendVInt(b, len(field)), field...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// findToken is the token for a place, "" where there is none.
func findToken(s Settings, conf *hadoopConf, place layout.Place, bases []string) (string, error) {
	file := s.env("HADOOP_TOKEN_FILE_LOCATION")
	if file == "" {
		return "", nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	tokens, err := parseTokens(data)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	if t, ok := chooseToken(tokens, tokenServices(conf, place, bases)); ok {
		return t.encode(), nil
	}
	s.log().Warn("no delegation token for it", "place", place.String(), "file", file)
	return "", nil
}

// chooseToken takes the token whose service is one of those, or at least on their host:
// a webhdfs:// URL does not say at which port a namenode has the RPC that gave the
// token. The kinds are in the order in which a namenode should see them.
func chooseToken(tokens []hadoopToken, services []string) (hadoopToken, bool) {
	var hosts []string
	for _, s := range services {
		if host, port := splitPort(s); !strings.HasPrefix(host, "ha-") && port != "" {
			hosts = append(hosts, host)
		}
	}
	for _, fits := range []func(service, host string) bool{
		func(service, _ string) bool { return slices.Contains(services, service) },
		func(_, host string) bool { return slices.Contains(hosts, host) },
	} {
		for _, kind := range []string{"WEBHDFS delegation", "SWEBHDFS delegation", "HDFS_DELEGATION_TOKEN"} {
			for _, t := range tokens {
				if host, _ := splitPort(t.service); t.kind == kind && fits(t.service, host) {
					return t, true
				}
			}
		}
	}
	return hadoopToken{}, false
}

// tokenServices are the names by which a token can be meant for a place: the name
// service, or an address of a namenode, mostly by number.
func tokenServices(conf *hadoopConf, place layout.Place, bases []string) (services []string) {
	for _, prefix := range []string{"ha-hdfs:", "ha-webhdfs:", "ha-swebhdfs:"} {
		services = append(services, prefix+place.Authority)
	}
	addresses := conf.rpcAddresses(place.Authority)
	for _, base := range bases {
		if u, err := url.Parse(base); err == nil {
			addresses = append(addresses, u.Host)
		}
	}
	for _, address := range addresses {
		services = append(services, address)
		host, port := splitPort(address)
		ips, _ := net.DefaultResolver.LookupHost(context.Background(), host) // else the name must do
		for _, ip := range ips {
			services = append(services, ip+":"+port)
		}
	}
	return services
}

var errTokens = errors.New("not a file of Hadoop credentials")

const tokenMagic = "HDTS"

// parseTokens reads a file of credentials: the magic, a version, and the tokens as
// Writables (0) or as a protocol buffer (1).
func parseTokens(data []byte) ([]hadoopToken, error) {
	rest, ok := bytes.CutPrefix(data, []byte(tokenMagic))
	if !ok || len(rest) == 0 {
		return nil, errTokens
	}
	switch version := rest[0]; version {
	case 0:
		return readWritable(bytes.NewReader(rest[1:]))
	case 1:
		message, n := protowire.ConsumeBytes(rest[1:])
		if n < 0 {
			return nil, fmt.Errorf("%w: %w", errTokens, protowire.ParseError(n))
		}
		return readCredentials(message)
	default:
		return nil, fmt.Errorf("%w of version %d", errTokens, version)
	}
}

// readWritable reads the tokens; secrets that follow are of no use here.
func readWritable(r *bytes.Reader) (tokens []hadoopToken, err error) {
	count, err := readVInt(r)
	for ; err == nil && count > 0; count-- {
		var f [5][]byte // alias, identifier, password, kind, service
		for i := range f {
			if f[i], err = readField(r); err != nil {
				return nil, err
			}
		}
		tokens = append(tokens, hadoopToken{f[1], f[2], string(f[3]), string(f[4])})
	}
	return tokens, err
}

func readField(r *bytes.Reader) ([]byte, error) {
	n, err := readVInt(r)
	if err != nil || n < 0 || n > int64(r.Len()) {
		return nil, errTokens
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, err
}

// readVInt reads Hadoop's number of variable length (WritableUtils.readVLong), of
// which lengths need the positive ones only.
func readVInt(r *bytes.Reader) (n int64, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return 0, errTokens
	}
	if int8(first) >= -112 {
		return int64(int8(first)), nil
	}
	if int8(first) < -120 {
		return 0, errTokens
	}
	for range -112 - int(int8(first)) {
		b, err := r.ReadByte()
		if err != nil {
			return 0, errTokens
		}
		n = n<<8 | int64(b)
	}
	return n, nil
}

func appendVInt(b []byte, n int) []byte {
	if n <= 127 {
		return append(b, byte(n))
	}
	digits := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, uint64(n)), "\x00")
	return append(append(b, byte(-112-len(digits))), digits...)
}

// readCredentials reads CredentialsProto: tokens (1) with an alias (1) and a token (2)
// of identifier, password, kind and service (1 to 4).
func readCredentials(message []byte) (tokens []hadoopToken, err error) {
	err = eachField(message, func(number protowire.Number, entry []byte) error {
		if number != 1 {
			return nil
		}
		return eachField(entry, func(number protowire.Number, token []byte) error {
			if number != 2 {
				return nil
			}
			var f [5][]byte
			err := eachField(token, func(number protowire.Number, value []byte) error {
				if int(number) < len(f) {
					f[number] = value
				}
				return nil
			})
			tokens = append(tokens, hadoopToken{f[1], f[2], string(f[3]), string(f[4])})
			return err
		})
	})
	return tokens, err
}

// eachField calls f for each field of a message that has bytes.
func eachField(message []byte, f func(protowire.Number, []byte) error) error {
	for len(message) > 0 {
		number, kind, head := protowire.ConsumeTag(message)
		n := protowire.ConsumeFieldValue(number, kind, message[max(head, 0):])
		if head < 0 || n < 0 {
			return errTokens
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message[head:])
			if err := f(number, value); err != nil {
				return err
			}
		}
		message = message[head+n:]
	}
	return nil
}
