package planted

// bug is a mistake that somebody could make, as a patch.
type bug struct {
	name    string
	patches []patch
	in      string // the package whose test finds it: TestHistory, of a function
	seeds   int    // within so many; 0: of a test without seeds
	says    string // what it then says
}

// patch replaces in a file texts that are there just once, or adds a file.
type patch struct {
	file    string
	changes [][2]string
	text    string
}

var bugs = []bug{
	{"statistics_forget_whom_they_counted", []patch{{file: "functions/update-stats/count.go", changes: [][2]string{
		{"if redis.call('SADD', KEYS[1], ARGV[1]) == 0 then return 0 end", "redis.call('SADD', KEYS[1], ARGV[1])"},
	}}}, "./functions/update-stats", 3, "figures"},
	{"relay_by_id_beyond_the_last", []patch{{file: "functions/relay-outbox/rows.go", changes: [][2]string{
		{"func claim(", "var last string\n\nfunc claim("},
		{"WHERE not_before_ms <= $1 ORDER BY not_before_ms LIMIT", "WHERE not_before_ms <= $1 AND id > '`+last+`' ORDER BY id LIMIT"},
		{"	if err := found.Err(); err != nil {\n", "	for _, r := range rows {\n		last = max(last, r.ID)\n	}\n	if err := found.Err(); err != nil {\n"},
	}}}, "./functions/relay-outbox", 3, "left"},
	{"row_deleted_before_Kafka_has_it", []patch{{file: "functions/relay-outbox/handler.go", changes: [][2]string{
		{"	sent, unsent := send(ctx, h.outbox.Kafka, rows)\n", "	sent := []any{}\n	for _, r := range rows {\n		sent = append(sent, r.ID)\n	}\n"},
		{"	if unsent != nil {\n", "	if _, unsent := send(ctx, h.outbox.Kafka, rows); unsent != nil {\n"},
	}}}, "./functions/relay-outbox", 5, "sent"},
	{"2xx_where_Redis_is_away", []patch{{file: "functions/notify-interested/handler.go", changes: [][2]string{
		{"		return fmt.Errorf(\"tell followers of %s of talent %d: %w\", t.Category, t.ID, err)\n", "		return nil\n"},
	}}}, "./functions/notify-interested", 20, "timeline"},
	{"dead_letter_answered_without_its_row", []patch{{file: "functions/keep-dead-letters/handler.go", changes: [][2]string{
		{"		return fmt.Errorf(\"keep a dead letter: %w\", err)\n", "		_ = err\n"},
	}}}, "./functions/keep-dead-letters", 60, "kept"},
	{"now_in_place_of_the_time_of_registration", []patch{{file: "functions/notify-interested/timeline.go", changes: [][2]string{
		{"t.At.UnixMilli()", "time.Now().UnixMilli()"}, {"	\"fmt\"\n", "	\"fmt\"\n	\"time\"\n"},
	}}}, "./functions/notify-interested", 1, "timeline"},
	{"no_tombstone_in_the_cache", []patch{{file: "functions/evict-cache/handler.go", changes: [][2]string{
		{"redis.call('SET', KEYS[1], ARGV[2], 'EX', 60)", "redis.call('DEL', KEYS[1])"},
	}}}, "./functions/evict-cache", 10, "cache holds"},
	{"older_version_overwrites_a_newer", []patch{{file: "functions/evict-cache/handler.go", changes: [][2]string{
		{"held.version > version or ", ""},
	}}}, "./functions/evict-cache", 4, "cache holds"},
	{"late_registration_undoes_a_closing", []patch{{file: "functions/notify-interested/timeline.go", changes: [][2]string{
		{"not redis.call('ZSCORE', KEYS[2], ARGV[i]) and ", ""},
	}}}, "./functions/notify-interested", 4, "timeline"},
	{"reconciler_is_silent", []patch{{file: "functions/reconcile-views/handler.go", changes: [][2]string{
		{"		if err == nil && len(gaps) > 0 {\n", "		if false {\n"},
	}}}, "./functions/reconcile-views", 4, "views"},
	// Whoever asked asks again, so that no promise breaks in a house: the test of the function that stops finds it.
	{"no_drain_at_SIGTERM", []patch{{file: "shared/main.go", changes: [][2]string{{
		"	drain, cancel := context.WithTimeout(context.Background(), 25*time.Second)\n	defer cancel()\n" +
			"	log.Info().Err(errors.Join(servers[\"METRICS_PORT\"].Shutdown(drain), servers[\"PORT\"].Shutdown(drain))).Msg(\"stopped\")\n",
		"	log.Info().Msg(\"stopped\")\n",
	}}}}, "./shared", 0, "TestServeFinishesWhatIsInFlight"},
}
