package source

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestFloatText(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]float64{
		"1.0": 1, "0.1": 0.1, "1.0E10": 1e10, "1.0E-5": 1e-5, "NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1),
		"0.001": 1e-3, "9.999E-4": 9.999e-4, "9999999.0": 9999999, "1.0E7": 1e7, "-1.5": -1.5, "0.0": 0, "-0.0": math.Copysign(0, -1),
		"1.7976931348623157E308": math.MaxFloat64, "4.9E-324": math.SmallestNonzeroFloat64, "1.23456789012E11": 123456789012,
	} {
		if got := floatText(f, 64); got != want {
			t.Errorf("%v is %s, want %s", f, got, want)
		}
	}
	key := binary.BigEndian.AppendUint32(nil, math.Float32bits(0.1))
	if got := keyText("float", key); got != "0.1" {
		t.Errorf("float32 0.1 is %s", got)
	}
	if got := keyText("float", binary.BigEndian.AppendUint64(nil, math.Float64bits(0.1))); got != "0.1" {
		t.Errorf("float64 0.1 is %s", got)
	}
	for _, keyType := range []string{"int", "float"} {
		if got := keyText(keyType, []byte("seven b")); got != "seven b" {
			t.Errorf("7 bytes as %s are %s", keyType, got)
		}
	}
	if got := keyText("int", []byte("8 bytes!")); got != "8 bytes!" {
		t.Errorf("8 bytes as int are %s", got)
	}
	if got := keyText("int", []byte{0xff, 0xff, 0xff, 0xfe}); got != "-2" {
		t.Errorf("fffffffe is %s", got)
	}
}

func TestHeaderValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain\ttext": "plain\ttext", "grüße": "gr\xfc\xdfe", "솜씨": "??", "😀": "??", "\u0080": "\x80",
		repairUTF8("a\xff"): "a?", repairUTF8("\xe2\x82b"): "?b", repairUTF8("\xf0\x9f\x98"): "?",
	} {
		if got, legal := headerValue(text); got != want || !legal {
			t.Errorf("%q is %q, %v; want %q", text, got, legal, want)
		}
	}
	for text, want := range map[string]string{"a\nb": "a?b", "\x00": "?", "\x7fä": "?\xe4", "\r\n x": "?? x"} {
		if got, legal := headerValue(text); got != want || legal {
			t.Errorf("%q is %q, %v; want %q and illegal", text, got, legal, want)
		}
	}
}

func TestRewriteTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2020-01-01T00:00:00Z": "2020-01-01T00:00:00Z", "2020-01-01t00:00z": "2020-01-01T00:00:00Z",
		"2020-01-01T00:00:00.120+01:00":       "2020-01-01T00:00:00.12+01:00",
		"2020-01-01T00:00:00.123456789-18:00": "2020-01-01T00:00:00.123456789-18:00",
		"2020-01-01T00:00:00+00:00":           "2020-01-01T00:00:00Z",
		"2020-01-01T00:00:00+01:02:03":        "2020-01-01T00:00:00+01:02:03",
		"2020-01-01T00:00:00":                 "",
		"2020-01-01T00:00:00.1234567890Z":     "",
		"2020-01-01T00:00:00,5Z":              "",
		"2020-01-01T0:00:00Z":                 "",
		"2020-02-30T00:00:00Z":                "",
		"2020-01-01T24:00:00Z":                "",
		"2020-01-01T00:00:60Z":                "",
		"2020-01-01T00:00:00+18:01":           "",
		"2020-01-01 00:00:00Z":                "",
		"":                                    "",
	} {
		if got, ok := rewriteTime(text); ok != (want != "") || (ok && got != want) {
			t.Errorf("%s is %s, %v; want %q", text, got, ok, want)
		}
	}
}

func TestValidURI(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"", "/s", "a", "urn:x:y", "http://x/y?a=b&c=[d]#e", "//host", "http://u:p@host:80/", "http://[::1]:80/x", "file:///x",
		"mailto:a@b", "#f", "?q", "/%41", "/grüße", "a/b:c", "http://h_ost/", "http://#f", "http:///x",
	} {
		if !validURI(uri) {
			t.Errorf("%s is refused", uri)
		}
	}
	for _, uri := range []string{
		"a b", "/{x}", "/a|b", `/a\b`, "/a^b", "/%4", "/%zz", ":x", "1a:x", "urn:", "http:", "//", "http://", "/a[b]", "a#b#c",
		"/a\"b", "<x>", "/\u00a0", "/\u0085", "/\x01", "http://[x]/", "http://[::1", "http://a[b]c/", "http://[::1]x/",
	} {
		if validURI(uri) {
			t.Errorf("%s is accepted", uri)
		}
	}
}
