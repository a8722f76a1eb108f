package source

import "testing"

func TestRewriteJSON(t *testing.T) {
	for given, want := range map[string]string{
		`{"a":[1,true,false,null,{"e":"기타 e1"}]}`: `{"a":[1,true,false,null,{"e":"기타 e1"}]}`, // as it is
		`12345678901234567890`:                    `12345678901234567890`,
		`{ "a" : 1 }`:                             `{"a":1}`,
		"[1,\n2]":                                 `[1,2]`,
		`"\uae30\ud0c0\/"`:                        `"기타/"`,
		`{"\u0061":1}`:                            `{"a":1}`,
		`"a\"b"`:                                  `"a\"b"`,
		`1.10`:                                    `1.1`,
		`1e3`:                                     `1000.0`,
		`[2E2]`:                                   `[200.0]`,
		`-1`:                                      `-1`,
	} {
		if got, err := rewriteJSON([]byte(given)); err != nil || string(got) != want {
			t.Errorf("%s becomes %s (%v), want %s", given, got, err, want)
		}
	}
}
