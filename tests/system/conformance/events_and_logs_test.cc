// Manual 1: "Event-controlled", "Log data"; the databases EVENTS and LOG and
// their commands, on `cmd` and `cmdResult`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/conformance/cases.h"

namespace fieldgate::system_test {
namespace {

const Case kEvents[] = {
    {"SetConfig of EVENTS with a handler and a condition -> empty SetConfig",
     {R"(<SetConfig _="EVENTS" ver="y">
           <EventHandler><Alarm><Set _="/Process/PV/Scratch" value="5"/></Alarm></EventHandler>
           <EventStates><High _="/Process/PV/Level" condition="above" value="80" handler="Alarm"/>
           </EventStates></SetConfig>)",
      R"({"SetConfig": {"-_": "EVENTS", "-ver": "y",
          "EventHandler": {"Alarm": {"Set": {"-_": "/Process/PV/Scratch", "-value": "5"}}},
          "EventStates": {"High": {"-_": "/Process/PV/Level", "-condition": "above",
                                   "-value": 80, "-handler": "Alarm"}}}})"},
     0,
     {"<SetConfig/>", R"({"SetConfig": null})"},
     "1"},
    {"DoOn executes the handler of this name",
     {R"(<DoOn _="Alarm"/><Get _="/Process/PV/Scratch"/>)",
      R"({"DoOn": {"-_": "Alarm"}, "Get": {"-_": "/Process/PV/Scratch"}})"},
     0,
     {R"(<DoOn/><Get _="5"/>)", R"({"DoOn": null, "Get": {"-_": "5"}})"},
     "3"},
    {"DoOn of an unknown handler -> 500 with Error -2196",
     {R"(<DoOn _="Alarmm"/>)", R"({"DoOn": {"-_": "Alarmm"}})"},
     500,
     {R"(<DoOn><Error _="-2196"/></DoOn>)", R"({"DoOn": {"Error": {"-_": "-2196"}}})"},
     "3"},
    {"a condition without its handler -> 500 with Error -2151, nothing applied",
     {R"(<SetConfig _="EVENTS/EventStates"><Low _="/Process/PV/Level" condition="below" value="1"
           handler="Nobody"/></SetConfig>)",
      R"({"SetConfig": {"-_": "EVENTS/EventStates", "Low": {"-_": "/Process/PV/Level",
          "-condition": "below", "-value": "1", "-handler": "Nobody"}}})"},
     500,
     {R"(<SetConfig><Error _="-2151"/></SetConfig>)",
      R"({"SetConfig": {"Error": {"-_": "-2151"}}})"},
     "1"},
};

const Case kLogs[] = {
    {"SetConfig of LOG -> empty SetConfig",
     {R"(<SetConfig _="LOG" ver="y"><Manual><Level _="/Process/PV/Level" meta_type="custom"/>
         </Manual></SetConfig>)",
      R"({"SetConfig": {"-_": "LOG", "-ver": "y",
          "Manual": {"Level": {"-_": "/Process/PV/Level", "-meta_type": "custom"}}}})"},
     0,
     {"<SetConfig/>", R"({"SetConfig": null})"},
     "1"},
    {"RecordLog records by event",
     {R"(<RecordLog _="Manual"/>)", R"({"RecordLog": {"-_": "Manual"}})"},
     0,
     {R"(<RecordLog id="{any}"/>)", R"({"RecordLog": {"-id": "{any}"}})"},
     "1"},
    {"ReadLog answers with records and their time",
     {R"(<ReadLog _="Manual" count="1"/>)", R"({"ReadLog": {"-_": "Manual", "-count": 1}})"},
     0,
     {R"(<ReadLog><Manual{more}><Record id="{any}" time="{any}Z"><Level _="23.5" state="2"/>
         </Record></Manual></ReadLog>)",
      R"({"ReadLog": {"Manual": {{more}"Record": {"-id": "{any}", "-time": "{any}Z",
          "Level": {"-_": "23.5", "-state": "2"}}}}})"},
     "1"},
    {"ReadLog of an unknown log -> 500 with Error -2196",
     {R"(<ReadLog _="Nothing"/>)", R"({"ReadLog": {"-_": "Nothing"}})"},
     500,
     {R"(<ReadLog><Error _="-2196"/></ReadLog>)", R"({"ReadLog": {"Error": {"-_": "-2196"}}})"},
     "1"},
    {"ReadLog with a wrong count -> 500 with Error -2190",
     {R"(<ReadLog _="Manual" count="many"/>)",
      R"({"ReadLog": {"-_": "Manual", "-count": "many"}})"},
     500,
     {R"(<ReadLog><Error _="-2190"/></ReadLog>)", R"({"ReadLog": {"Error": {"-_": "-2190"}}})"},
     "1"},
    {"CloudSendLogData of a section that is not there -> 500 with Error -2196",
     {R"(<CloudSendLogData _="CloudConn,Log1"/>)",
      R"({"CloudSendLogData": {"-_": "CloudConn,Log1"}})"},
     500,
     {R"(<CloudSendLogData><Error _="-2196"/></CloudSendLogData>)",
      R"({"CloudSendLogData": {"Error": {"-_": "-2196"}}})"},
     "1"},
};

class EventsAndLogsTest : public CaseTest {};

TEST_P(EventsAndLogsTest, Events) { Check("events", kEvents); }
TEST_P(EventsAndLogsTest, Logs) { Check("logs", kLogs); }

INSTANTIATE_TEST_SUITE_P(Formats, EventsAndLogsTest, testing::ValuesIn(kWires),
                         [](const auto& info) { return Name(info.param); });

}  // namespace
}  // namespace fieldgate::system_test
