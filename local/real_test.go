package main

import (
	"testing"

	"somssi/shared/eventtest"
)

// What a house does on embedded parts it does on Apache Kafka, redis-server and
// PostgreSQL. Topics and groups have one name in all houses, so that each house has
// servers of its own: one for most tests, others for those that do it harm.
func TestReal(t *testing.T) {
	eventtest.Real(t, "TEST_KAFKA_BROKERS", "TEST_REDIS_URL", "TEST_DATABASE_URL") // where these run, others do
	embedded := common
	common, onReal = &commonHouse{}, true
	defer func() {
		if err := common.stop(); err != nil {
			t.Error(err)
		}
		common, onReal = embedded, false
	}()
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"House_tells_of_the_plain_message_of_another_producer", TestHouse_tells_of_the_plain_message_of_another_producer},
		{"House_keeps_what_is_no_event_and_goes_on", TestHouse_keeps_what_is_no_event_and_goes_on},
		{"House_shows_a_change_and_takes_back_what_is_closed", TestHouse_shows_a_change_and_takes_back_what_is_closed},
		{"House_sweeps_the_outbox_through_kills_of_the_relay", TestHouse_sweeps_the_outbox_through_kills_of_the_relay},
		{"Page_one_registers_and_the_other_sees_it_appear", TestPage_one_registers_and_the_other_sees_it_appear},
		{"DLQ_lists_and_shows", TestDLQ_lists_and_shows},
		{"DLQ_redrives_what_is_mended", TestDLQ_redrives_what_is_mended},
		{"DLQ_leaves_what_fails_again", TestDLQ_leaves_what_fails_again},
		{"DLQ_redrives_the_record_itself", TestDLQ_redrives_the_record_itself},
		{"DLQ_does_not_send_another_event", TestDLQ_does_not_send_another_event},
		{"DLQ_redrive_is_told_by_why", TestDLQ_redrive_is_told_by_why},
		{"Local_looks_at_a_running_house", TestLocal_looks_at_a_running_house},
		{"Local_why_an_event_was_done_and_what_came_of_it", TestLocal_why_an_event_was_done_and_what_came_of_it},
		{"Local_holds_an_event_and_steps", TestLocal_holds_an_event_and_steps},
		{"Local_breaks_on_failure", TestLocal_breaks_on_failure},
		{"Local_replays_to_the_named_function_only", TestLocal_replays_to_the_named_function_only},
		{"Send_waits", TestSend_waits},
		{"Send_waits_for_nobody", TestSend_waits_for_nobody},
		{"Capture_wraps_as_the_source_that_reads_the_topic", TestCapture_wraps_as_the_source_that_reads_the_topic},
		{"House_mends_what_was_dropped", TestHouse_mends_what_was_dropped},
		{"House_survives_the_kill_of_any_function", TestHouse_survives_the_kill_of_any_function}, // the demo
		{"House_survives_its_own_kill", TestHouse_survives_its_own_kill},
	} {
		t.Run(test.name, test.run)
	}
}
