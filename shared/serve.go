package shared

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"

	"somssi/shared/telemetry"
)

// Problem is an answer that is not OK, as RFC 9457 writes it. It names fields and rules, never values.
type Problem struct {
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []Field `json:"errors,omitempty"`
}

// Field says what is wrong with one field of a request.
type Field struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

func (p *Problem) Error() string          { return p.Detail }
func bad(status int, detail string) error { return &Problem{Status: status, Detail: detail} }

// Invalid is 422 with the fields that are wrong, nil where there are none.
func Invalid(fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	return &Problem{Status: http.StatusUnprocessableEntity, Detail: "the request breaks a rule", Errors: fields}
}

// Fail answers err: a *Problem as it is, any other as 503, logged and not told.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	telemetry.Note(r.Context(), "error.message", fmt.Sprintf("%.1200s", err))
	told := &Problem{Status: http.StatusServiceUnavailable, Detail: "try again"}
	errors.As(err, &told)
	p := *told // which may be another request's, too; of its detail a dead letter keeps the first 1,024 bytes of an answer
	p.Title, p.Detail = http.StatusText(p.Status), strings.ToValidUTF8(p.Detail[:min(160, len(p.Detail))], "")
	switch p.Status {
	case http.StatusLengthRequired, http.StatusRequestEntityTooLarge:
		w.Header().Set("Connection", "close") // what follows on it is not to be trusted
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	WriteJSON(w, p.Status, p)
}

// WriteJSON answers v with status; nobody keeps a copy of it.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", cmp.Or(w.Header().Get("Content-Type"), "application/json"))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, v) // the caller is gone where this fails
}

// Answer makes a route of h, whose errors are answered by Fail and whose context ends after 5 s.
func Answer(h func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if err := h(w, r.WithContext(ctx)); err != nil {
			Fail(w, r, err)
		}
	}
}

// ReadJSON reads the request's body, at most 32 KiB, into v, as strictly as Decode, and refuses fields that v does not have.
func ReadJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		return bad(http.StatusUnsupportedMediaType, "Content-Type must be application/json")
	}
	body, err := readBody(w, r, 32<<10)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v, json.RejectUnknownMembers(true)); err != nil {
		field, why := explain(err)
		if field == "" {
			return bad(http.StatusBadRequest, why)
		}
		return Invalid(Field{field, why})
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if errors.As(err, new(*http.MaxBytesError)) {
		return nil, bad(http.StatusRequestEntityTooLarge, fmt.Sprintf("larger than %d bytes", most))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, bad(http.StatusBadRequest, "the body ended early")
	}
	return body, err // a body that stalls may arrive another time
}

// explain is the field that JSON was refused for, and why, without its value.
func explain(err error) (field, why string) {
	wrong := new(json.SemanticError)
	if !errors.As(err, &wrong) {
		return "", "not JSON that can be read in one way only"
	}
	field = strings.ReplaceAll(strings.TrimPrefix(string(wrong.JSONPointer), "/"), "/", ".")
	if errors.Is(err, json.ErrUnknownName) || wrong.GoType == nil {
		return field, "is not known"
	}
	return field, "must be of type " + strings.TrimPrefix(wrong.GoType.String(), "*")
}

// Users tells who a request comes from, by tokens of $OIDC_ISSUER for $OIDC_AUDIENCE.
type Users struct{ tokens *oidc.IDTokenVerifier }

// OpenUsers reads the issuer's discovery document, and stops the process where there is none: who cannot verify does not start.
func OpenUsers() Users {
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: 5 * time.Second})
	provider, err := oidc.NewProvider(ctx, Env("OIDC_ISSUER"))
	Stop(err)
	return Users{provider.Verifier(&oidc.Config{ClientID: Env("OIDC_AUDIENCE"), SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256}})}
}

// Of is the user whose token, verified by issuer, audience, expiry and signature, is in Authorization: Bearer
// or in the one cookie session: its sub, a positive integer. Anything else is 401.
func (u Users) Of(r *http.Request) (int64, error) {
	raw, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if sessions := r.CookiesNamed("session"); !isBearer && len(sessions) == 1 {
		raw, isBearer = sessions[0].Value, true
	}
	token, err := u.tokens.Verify(r.Context(), raw)
	if err == nil && isBearer && raw[0] != '{' { // RFC 7519 knows no other form of a token than three parts
		if user, err := strconv.ParseInt(token.Subject, 10, 64); err == nil && user > 0 && strconv.FormatInt(user, 10) == token.Subject {
			return user, nil
		}
	}
	return 0, bad(http.StatusUnauthorized, "a valid token is required, in Authorization: Bearer or in the cookie session")
}
