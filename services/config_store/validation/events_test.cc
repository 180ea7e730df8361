// CS-80 to CS-89: what EVENTS may hold.
#include "services/config_store/validation/events.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Result {
  v1::Events events;
  std::vector<std::string> problems;
  std::vector<std::string> unknown_paths;
};

v1::Acquisition Field() {
  v1::Acquisition acquisition;
  v1::Bus& bus = *acquisition.add_buses();
  bus.set_name("Bus1");
  bus.add_devices()->set_name("Meter");
  bus.mutable_devices(0)->add_points()->set_name("Temp");
  acquisition.add_process_variables()->set_name("Alarm");
  return acquisition;
}

Result Read(absl::string_view elements) {
  const tixml::Node database = Database("EVENTS", elements);
  Problems problems;
  Problems unknown_paths;
  Result result;
  result.events = ReadEvents(&database, Origins(Field()), problems, unknown_paths);
  result.problems = Lines(problems);
  result.unknown_paths = Lines(unknown_paths);
  return result;
}

constexpr absl::string_view kHandlers = R"(<EventHandler>
<HighTemp><Set _="/Process/PV/Alarm" value="1"/></HighTemp>
<TempNormal><Set _="/Process/PV/Alarm" value="0"/></TempNormal>
</EventHandler>)";

// A state Temp of a valid path and handler with these further attributes; it
// stands in line 5.
Result ReadState(absl::string_view attributes) {
  return Read(absl::StrCat(kHandlers,
                           "\n<EventStates><Temp _=\"/Process/Bus1/Meter/Temp\""
                           " handler=\"HighTemp\" ",
                           attributes, "/></EventStates>"));
}

std::string At(absl::string_view what) {
  return absl::StrCat("error 5 /EVENTS/EventStates/Temp/@", what);
}

TEST(EventsTest, AStateHasAllThatItsConditionNeeds) {
  const Result result = ReadState(
      "condition=\"above\" value=\"80.5\" hysteresis=\"2\" delay=\"5\" limit=\"0.001\""
      " endhandler=\"TempNormal\"");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.unknown_paths, IsEmpty());
  ASSERT_EQ(result.events.states_size(), 1);
  const v1::EventState& state = result.events.states(0);
  EXPECT_EQ(state.name(), "Temp");
  EXPECT_EQ(state.path(), "/Process/Bus1/Meter/Temp");
  EXPECT_EQ(state.condition(), v1::EventState::ABOVE);
  EXPECT_EQ(state.value(), "80.5");
  EXPECT_EQ(state.hysteresis(), 2);
  EXPECT_EQ(state.delay_ms(), 5'000u);
  EXPECT_EQ(state.limit_ms(), 1u);
  EXPECT_EQ(state.handler(), "HighTemp");
  EXPECT_EQ(state.end_handler(), "TempNormal");
}

TEST(EventsTest, AHandlerKeepsItsCommandsInOrderAndWithoutLines) {
  const Result result = Read(
      "<EventHandler>\n<A>\n<Set _=\"/Process/PV/Alarm\" value=\"1\"/>\n"
      "<SetConfig _=\"USER\"><X><Y/></X></SetConfig>\n<DoOn _=\"B\"/></A>"
      "<B><CloudSendRealtimeData/></B></EventHandler>");
  EXPECT_THAT(result.problems, IsEmpty());
  ASSERT_EQ(result.events.handlers_size(), 2);
  const v1::EventHandler& a = result.events.handlers(0);
  EXPECT_EQ(a.name(), "A");
  ASSERT_EQ(a.commands_size(), 3);
  EXPECT_EQ(a.commands(0).name(), "Set");
  EXPECT_EQ(a.commands(0).attributes(1).value(), "1");
  EXPECT_EQ(a.commands(1).children(0).children(0).name(), "Y");
  EXPECT_EQ(a.commands(2).name(), "DoOn");
  EXPECT_EQ(a.commands(1).line(), 0) << "the text it came from is gone by then";
  EXPECT_EQ(a.commands(1).children(0).line(), 0);
}

TEST(EventsTest, AnEmptyElementIsNoHandlerAndNoState) {
  const Result result =
      Read("<EventHandler><Gone/></EventHandler><EventStates><Gone/></EventStates>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_EQ(result.events.handlers_size(), 0);
  EXPECT_EQ(result.events.states_size(), 0);
}

TEST(EventsTest, EachConditionIsKnown) {
  for (const auto& [text, condition] :
       {std::pair("equal\" value=\"on", v1::EventState::EQUAL),
        std::pair("notequal\" value=\"0", v1::EventState::NOT_EQUAL),
        std::pair("above\" value=\"-1", v1::EventState::ABOVE),
        std::pair("below\" value=\"1e3", v1::EventState::BELOW),
        std::pair("atleast\" value=\"1", v1::EventState::AT_LEAST),
        std::pair("atmost\" value=\"1", v1::EventState::AT_MOST),
        std::pair("rising", v1::EventState::RISING), std::pair("falling", v1::EventState::FALLING),
        std::pair("change", v1::EventState::CHANGE),
        std::pair("change\" value=\"0.5", v1::EventState::CHANGE),
        std::pair("invalid", v1::EventState::INVALID), std::pair("valid", v1::EventState::VALID)}) {
    const Result result = ReadState(absl::StrCat("condition=\"", text, "\""));
    EXPECT_THAT(result.problems, IsEmpty()) << text;
    ASSERT_EQ(result.events.states_size(), 1) << text;
    EXPECT_EQ(result.events.states(0).condition(), condition) << text;
  }
}

TEST(EventsTest, WhatIsMissingIsNamedWithAnExample) {
  EXPECT_THAT(
      Read("<EventStates><S x=\"1\"/></EventStates>").problems,
      ElementsAre("error 1 /EVENTS/EventStates/S: _ is missing; write <S _=\"/Process/...\" .../>",
                  "error 1 /EVENTS/EventStates/S: condition is missing; write "
                  "condition=\"above\", equal, rising or another one",
                  "error 1 /EVENTS/EventStates/S: handler is missing; write handler=\"NAME\", one "
                  "of the EventHandler",
                  "warning 1 /EVENTS/EventStates/S/@x: 'x' is not known here and has no effect; "
                  "remove it"));
  EXPECT_THAT(ReadState("condition=\"below\"").problems,
              ElementsAre("error 5 /EVENTS/EventStates/Temp: value is missing; write "
                          "value=\"80\", what to compare with"));
}

TEST(EventsTest, AWrongConditionNamesTheKnownOnes) {
  EXPECT_THAT(ReadState("condition=\"over\" value=\"x\"").problems,
              ElementsAre(At("condition: 'over' is not known here; write one of equal, notequal, "
                             "above, below, atleast, atmost, rising, falling, change, invalid, "
                             "valid")));
}

TEST(EventsTest, AValueFitsItsCondition) {
  EXPECT_THAT(ReadState("condition=\"above\" value=\"hot\"").problems,
              ElementsAre(At("value: 'hot' is not a number; write a number such as 80.5, with a "
                             "decimal point")));
  for (const char* bad : {"-1", "much"}) {
    EXPECT_THAT(ReadState(absl::StrCat("condition=\"change\" value=\"", bad, "\"")).problems,
                ElementsAre(At(absl::StrCat("value: '", bad,
                                            "' is no least change; write a number that is not "
                                            "negative, such as 0.5, or leave it out"))));
  }
  EXPECT_THAT(ReadState("condition=\"rising\" value=\"1\"").problems,
              ElementsAre("warning 5 /EVENTS/EventStates/Temp/@value: 'rising' compares with "
                          "nothing; remove it"));
}

TEST(EventsTest, AHysteresisIsOfOrderComparisonsAndNotNegative) {
  EXPECT_THAT(ReadState("condition=\"atmost\" value=\"1\" hysteresis=\"-2\"").problems,
              ElementsAre(At("hysteresis: '-2' is no hysteresis; write a number that is not "
                             "negative, such as 0.5, with a decimal point")));
  EXPECT_THAT(ReadState("condition=\"equal\" value=\"1\" hysteresis=\"2\"").problems,
              ElementsAre("warning 5 /EVENTS/EventStates/Temp/@hysteresis: only above, below, "
                          "atleast and atmost have a hysteresis; remove it"));
}

TEST(EventsTest, DelayAndLimitAreSecondsUpToAYear) {
  for (const char* name : {"delay", "limit"}) {
    EXPECT_THAT(ReadState(absl::StrCat("condition=\"valid\" ", name, "=\"31536000\"")).problems,
                IsEmpty());
    for (const auto& [bad, why] : {std::pair("31536000.001", "is out of range"),
                                   std::pair("-1", "is not a number of seconds"),
                                   std::pair("0.0001", "is not a number of seconds"),
                                   std::pair("5s", "is not a number of seconds")}) {
      EXPECT_THAT(
          ReadState(absl::StrCat("condition=\"valid\" ", name, "=\"", bad, "\"")).problems,
          ElementsAre(At(absl::StrCat(name, ": '", bad, "' ", why,
                                      "; write a number from 0 to 31536000, with at most three "
                                      "decimals"))));
    }
  }
}

TEST(EventsTest, AHandlerMustExistAndTheNearestIsNamed) {
  EXPECT_THAT(Read(absl::StrCat(kHandlers,
                                "\n<EventStates><S _=\"/Process/PV/Alarm\" condition=\"valid\""
                                " handler=\"HighTmp\" endhandler=\"Other\"/></EventStates>"))
                  .problems,
              ElementsAre("error 5 /EVENTS/EventStates/S/@handler: there is no EventHandler "
                          "'HighTmp'; did you mean HighTemp?",
                          "error 5 /EVENTS/EventStates/S/@endhandler: there is no EventHandler "
                          "'Other'; there are HighTemp, TempNormal"));
  EXPECT_THAT(Read("<EventStates><S _=\"/Process/PV/Alarm\" condition=\"valid\" handler=\"A\"/>"
                   "</EventStates>")
                  .problems,
              ElementsAre(HasSubstr("'A'; add it to EVENTS/EventHandler")));
}

TEST(EventsTest, AMomentHasNoEndHandler) {
  for (const char* moment : {"rising", "falling", "change"}) {
    EXPECT_THAT(
        ReadState(absl::StrCat("condition=\"", moment, "\" endhandler=\"TempNormal\"")).problems,
        ElementsAre(At(absl::StrCat("endhandler: '", moment,
                                    "' is a moment, it has no end; remove it, or write a "
                                    "condition that lasts, such as above"))));
  }
}

TEST(EventsTest, UnknownPathsAreWarningsThatFollowProccfg) {
  const Result result = Read(
      "<EventHandler><A><Set _=\"/Process/PV/Alrm\" value=\"1\"/>\n"
      "<Set _=\"Process/PV/Alarm/\" value=\"1\"/><Set _=\"/Process/Program/Mode\" value=\"Stop\"/>"
      "</A></EventHandler>\n<EventStates>"
      "<S _=\"/Process/Bus1/Meter/Tmp\" condition=\"valid\" handler=\"A\"/>\n"
      "<T _=\"/Process/Events/S\" condition=\"rising\" handler=\"A\"/></EventStates>");
  EXPECT_THAT(result.problems, IsEmpty());
  EXPECT_THAT(result.unknown_paths,
              ElementsAre("warning 1 /EVENTS/EventHandler/A/Set: there is no value "
                          "'/Process/PV/Alrm' yet; the command would fail; mend the path, or "
                          "configure the bus point or process variable in PROCCFG",
                          "warning 3 /EVENTS/EventStates/S: nothing gives the value "
                          "'/Process/Bus1/Meter/Tmp'; it is invalid; mend the path, or configure "
                          "the bus point or process variable in PROCCFG"));
  EXPECT_EQ(result.events.states_size(), 2);
}

TEST(EventsTest, APathMustBeThatOfAValue) {
  const auto problems = [](absl::string_view path) {
    return Read(absl::StrCat(kHandlers, "<EventStates><S _=\"", path,
                             "\" condition=\"valid\" handler=\"HighTemp\"/></EventStates>"))
        .problems;
  };
  EXPECT_THAT(problems("Process/PV/Alarm"), ElementsAre(HasSubstr("write /Process/PV/Alarm")));
  EXPECT_THAT(problems("/Process/PV/"),
              ElementsAre(HasSubstr("'/Process/PV/' has an empty level")));
}

TEST(EventsTest, AnUnknownCommandInAHandlerIsAnError) {
  EXPECT_THAT(Read("<EventHandler>\n<A><set _=\"/Process/PV/Alarm\"/>\n<Blink/></A></EventHandler>")
                  .problems,
              ElementsAre("error 2 /EVENTS/EventHandler/A/set: there is no command set; did you "
                          "mean Set?",
                          "error 3 /EVENTS/EventHandler/A/Blink: there is no command Blink; there "
                          "are Get, Set, SetConfig, GetConfig, CloudSendRealtimeData, "
                          "CloudSendLogData, RecordLog, ReadLog, Reset, DoOn"));
}

TEST(EventsTest, HandlersThatExecuteEachOtherForEverAreAnErrorThatShowsTheCycle) {
  EXPECT_THAT(Read("<EventHandler><A><DoOn _=\"B\"/></A>\n<B><DoOn _=\"C\"/></B>\n"
                   "<C><Get/><DoOn _=\"A\"/></C></EventHandler>")
                  .problems,
              ElementsAre("error 3 /EVENTS/EventHandler/C/DoOn: handlers would execute each other "
                          "for ever: A > B > C > A; remove one of these DoOn"));
  EXPECT_THAT(Read("<EventHandler><A><DoOn _=\"A\"/></A></EventHandler>").problems,
              ElementsAre(HasSubstr("A > A")));
}

TEST(EventsTest, ADoOnNamesAHandlerThatThereIs) {
  EXPECT_THAT(
      Read("<EventHandler><Alarm><DoOn/><DoOn _=\"Alrm\"/></Alarm></EventHandler>").problems,
      ElementsAre("error 1 /EVENTS/EventHandler/Alarm/DoOn: DoOn names no handler; write <DoOn "
                  "_=\"NAME\"/>",
                  "error 1 /EVENTS/EventHandler/Alarm/DoOn: there is no EventHandler 'Alrm'; did "
                  "you mean Alarm?"));
}

std::string Chain(int handlers) {
  std::string text = "<EventHandler>";
  for (int i = 1; i < handlers; ++i) {
    absl::StrAppend(&text, "<H", i, "><DoOn _=\"H", i + 1, "\"/></H", i, ">");
  }
  absl::StrAppend(&text, "<H", handlers, "><Get/></H", handlers, "></EventHandler>");
  return text;
}

TEST(EventsTest, HandlersAreNestedAtMostEightDeep) {
  EXPECT_THAT(Read(Chain(8)).problems, IsEmpty());
  EXPECT_THAT(Read(Chain(9)).problems,
              ElementsAre("error 1 /EVENTS/EventHandler/H1/DoOn: it executes 9 handlers in each "
                          "other; use at most 8"));
}

TEST(EventsTest, ADoOnExecutesAtMostAThousandCommands) {
  std::string inner = "<B>";
  for (int i = 0; i < 99; ++i) inner += "<Get/>";
  inner += "</B>";
  std::string outer = "<A>";
  for (int i = 0; i < 10; ++i) outer += "<DoOn _=\"B\"/>";  // 10 * (1 + 99)
  EXPECT_THAT(
      Read(absl::StrCat("<EventHandler>", outer, "</A>", inner, "</EventHandler>")).problems,
      IsEmpty());
  EXPECT_THAT(Read(absl::StrCat("<EventHandler>", outer, "<DoOn _=\"C\"/></A>", inner,
                                "<C><Get/></C></EventHandler>"))
                  .problems,
              ElementsAre(HasSubstr("with it A executes more than 1000 commands; use fewer DoOn")));
}

TEST(EventsTest, NumbersAreBounded) {
  std::string commands;
  for (int i = 0; i < 101; ++i) commands += "<Get/>";
  EXPECT_THAT(Read(absl::StrCat("<EventHandler><A>", commands, "</A></EventHandler>")).problems,
              ElementsAre("error 1 /EVENTS/EventHandler/A: it has 101 commands; use at most 100"));
  std::string handlers;
  for (int i = 0; i < 201; ++i) absl::StrAppend(&handlers, "<H", i, "><Get/></H", i, ">");
  std::string states;
  for (int i = 0; i < 501; ++i) absl::StrAppend(&states, "<S", i, " x=\"\"/>");
  EXPECT_THAT(Read(absl::StrCat("<EventHandler>", handlers, "</EventHandler><EventStates>", states,
                                "</EventStates>"))
                  .problems,
              ElementsAre("error 0 /EVENTS: it has 201 handlers; use at most 200",
                          "error 0 /EVENTS: it has 501 states; use at most 500"));
}

TEST(EventsTest, TheWholeFitsIntoAMessageToEachService) {
  tixml::Node database = Database("EVENTS", "");
  for (int i = 0; i < 6; ++i) {
    tixml::Node handler{absl::StrCat("H", i), {}, {}, "", 0};
    handler.Add(tixml::Node{"Get", {{"_", std::string(200'000, 'x')}}, {}, "", 0});
    if (database.children.empty()) database.Add(tixml::Node{"EventHandler", {}, {}, "", 0});
    database.children[0].Add(std::move(handler));
  }
  Problems problems;
  Problems unknown;
  ReadEvents(&database, Origins(Field()), problems, unknown);
  EXPECT_THAT(Lines(problems), ElementsAre(HasSubstr("use shorter commands, at most 1048576")));
}

TEST(EventsTest, NamesAreUniqueAndFitForAPath) {
  EXPECT_THAT(Read("<EventHandler><A><Get/></A><A><Get/></A></EventHandler><EventStates>"
                   "<S _=\"/Process/PV/Alarm\" condition=\"valid\" handler=\"A\"/>"
                   "<S _=\"/Process/PV/Alarm\" condition=\"valid\" handler=\"A\"/></EventStates>")
                  .problems,
              ElementsAre("error 1 /EVENTS/EventHandler/A: there are two handlers A; rename one of "
                          "them",
                          "error 1 /EVENTS/EventStates/S: there are two states S; rename one of "
                          "them"));
  EXPECT_THAT(
      Read(absl::StrCat(kHandlers,
                        "<EventStates><\u00dcber _=\"/Process/PV/Alarm\" condition=\"valid\""
                        " handler=\"HighTemp\"/></EventStates>"))
          .problems,
      ElementsAre(HasSubstr("'\u00dcber' is no name of a handler or state; write at most "
                            "64 of the characters")));
}

TEST(EventsTest, AWrongStateCostsItselfOnly) {
  const Result result = Read(absl::StrCat(
      kHandlers, "<EventStates><A _=\"/Process/PV/Alarm\" condition=\"valid\" handler=\"None\"/>",
      "<B _=\"/Process/PV/Alarm\" condition=\"valid\" handler=\"HighTemp\"/></EventStates>"));
  ASSERT_EQ(result.events.states_size(), 1);
  EXPECT_EQ(result.events.states(0).name(), "B");
}

TEST(EventsTest, WhatHasNoEffectIsAWarning) {
  EXPECT_THAT(
      Read(
          "<EventHandlers/><Other><A/></Other><EventHandler><A prio=\"1\"><Get/></A>"
          "</EventHandler><EventStates><S _=\"/Process/PV/Alarm\" condition=\"valid\" handler=\"A\""
          " Limt=\"1\"><X/></S></EventStates>")
          .problems,
      ElementsAre("warning 1 /EVENTS/EventHandlers: 'EventHandlers' is not known and has no "
                  "effect; did you mean EventHandler?",
                  "warning 1 /EVENTS/EventHandler/A/@prio: 'prio' is not known here and has no "
                  "effect; remove it",
                  "warning 1 /EVENTS/EventStates/S/@Limt: 'Limt' is not known here and has no "
                  "effect; did you mean limit?",
                  "warning 1 /EVENTS/EventStates/S/X: 'X' is not known here and has no effect; "
                  "remove it"));
}

// As much as a database can hold, all of it wrong: the nearest name is looked
// for only as often as somebody reads it.
TEST(EventsTest, TheWorstDatabaseIsRefusedWithoutMuchWork) {
  tixml::Node database{"EVENTS", {}, {}, "", 0};
  tixml::Node& handlers = database.Add(tixml::Node{"EventHandler", {}, {}, "", 0});
  const std::string name(64, 'a');
  for (int h = 0; h < 200; ++h) {
    tixml::Node& handler =
        handlers.Add(tixml::Node{absl::StrCat(name.substr(4), h), {}, {}, "", 0});
    for (int c = 0; c < 95; ++c) {
      handler.Add(tixml::Node{"DoOn", {{"_", absl::StrCat(name, c)}}, {}, "", 0});
    }
  }
  tixml::Node& states = database.Add(tixml::Node{"EventStates", {}, {}, "", 0});
  for (int s = 0; s < 500; ++s) {
    states.Add(tixml::Node{absl::StrCat("S", s), {{"handler", name}, {"_", "/x"}}, {}, "", 0});
  }
  Problems problems;
  Problems unknown;
  ReadEvents(&database, Origins(Field()), problems, unknown);
  EXPECT_GT(problems.errors(), 19'000);
  const std::vector<std::string> lines = Lines(problems);
  EXPECT_EQ(std::count_if(
                lines.begin(), lines.end(),
                [](const std::string& line) { return absl::StrContains(line, "did you mean"); }),
            20);
  EXPECT_THAT(lines[20], HasSubstr("write the name of an EventHandler"));
}

}  // namespace
}  // namespace fieldgate::config_store
