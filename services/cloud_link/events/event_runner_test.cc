#include "services/cloud_link/events/event_runner.h"

#include <gmock/gmock.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/time/clock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/events/engine_fixture.h"
#include "services/cloud_link/events/fake_event_store.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Value I(int64_t i) { return i; }

// A process with its runner around a disk; commands are executed when the test
// says so.
class EventRunnerTest : public testing::Test {
 protected:
  struct Stream : ValueStream {
    explicit Stream(EventRunnerTest& test) : test(test) { ++test.streams_; }
    ~Stream() override { --test.streams_; }
    void Consumed() override { ++test.consumed_; }
    EventRunnerTest& test;
  };
  struct Execution {
    std::string what;  // "event TempHigh: DoOn HighTemp"
    std::function<void(const Interpreter::Result&)> done;
  };

  EventRunnerTest() { Start(); }

  Now now() const { return {clock_.Now(), clock_.WallNow()}; }

  void Start() {
    runner_.reset();
    executions_.clear();
    tasks_.clear();
    EventRunner::Ports ports;
    ports.store = &store_;
    ports.subscribe = [this](const std::vector<std::string>& paths, auto on_batch, auto on_lost) {
      paths_ = paths;
      on_batch_ = std::move(on_batch);
      on_lost_ = std::move(on_lost);
      return std::make_unique<Stream>(*this);
    };
    ports.post = [this](std::function<void()> task) { tasks_.push_back(std::move(task)); };
    ports.execute = [this](std::vector<tixml::Node> commands, std::string who, auto done) {
      if (busy_) return false;
      executions_.push_back(
          {absl::StrCat(who, ": ", commands.at(0).name, " ", *commands.at(0).Find("_")),
           std::move(done)});
      return true;
    };
    ports.log_event = [this](const std::string& entry, auto done) {
      if (log_busy_) return false;
      ++log_calls_;
      if (log_failure_.ok()) log_.push_back(entry);
      tasks_.push_back([done, status = log_failure_] { done(status); });
      return true;
    };
    ports.now = [this] { return now(); };
    runner_ = std::make_unique<EventRunner>(std::move(ports));
  }

  // As the loop does.
  void Turn() {
    for (const auto& task : std::exchange(tasks_, {})) task();
    runner_->Settle(now());
  }
  void Configure(const std::vector<EventState>& states) {
    config_.Clear();
    for (const EventState& state : states) *config_.add_states() = state;
    runner_->Configure(config_, now());
    Turn();
  }
  void Restart() {
    Start();
    runner_->Configure(config_, now());
    Turn();
  }
  void Give(const Value& value, uint8_t state = kValid) {
    on_batch_(std::make_unique<process_data::v1::ValueBatch>(MakeBatch({value}, state)));
    Turn();
  }
  void Advance(absl::Duration time) {
    clock_.Advance(time);
    Turn();
  }
  // The command thread is done with the first execution.
  void Done(const std::vector<std::string>& problems = {}) {
    ASSERT_FALSE(executions_.empty());
    Execution execution = std::move(executions_.front());
    executions_.erase(executions_.begin());
    Interpreter::Result result;
    result.failed = !problems.empty();
    result.problems = problems;
    tasks_.push_back([done = std::move(execution.done), result] { done(result); });
    Turn();  // executed
    Turn();  // logged
  }
  std::vector<std::string> Executing() const {
    std::vector<std::string> all;
    for (const Execution& execution : executions_) all.push_back(execution.what);
    return all;
  }
  v1::EventStatus Status() const {
    v1::GetStatusResponse response;
    runner_->AddStatus(response);
    return response.events_size() == 0 ? v1::EventStatus() : response.events(0);
  }

  static EventState HighTemp() {
    EventState state = MakeState(EventState::ABOVE, "80", "TempHigh");
    state.set_handler("HighTemp");
    state.set_end_handler("TempNormal");
    return state;
  }

  FakeClock clock_;
  FakeEventStore store_;
  config_store::v1::Events config_;
  int streams_ = 0;
  int consumed_ = 0;
  bool busy_ = false;
  bool log_busy_ = false;
  int log_calls_ = 0;
  absl::Status log_failure_;
  std::vector<std::string> paths_;
  std::function<void(std::unique_ptr<process_data::v1::ValueBatch>)> on_batch_;
  std::function<void()> on_lost_;
  std::vector<std::function<void()>> tasks_;
  std::vector<Execution> executions_;
  std::vector<std::string> log_;
  std::unique_ptr<EventRunner> runner_;
};

TEST_F(EventRunnerTest, AConditionThatComesTrueHasItsHandlerExecutedAndLogged) {
  Configure({HighTemp()});
  EXPECT_THAT(paths_, ElementsAre(kPath));
  Give(I(81));
  EXPECT_EQ(consumed_, 1);
  EXPECT_THAT(Executing(), ElementsAre("event TempHigh: DoOn HighTemp"));
  EXPECT_THAT(log_, IsEmpty());
  Done();
  EXPECT_THAT(log_, ElementsAre("TempHigh came true at 81: HighTemp: done"));
  Give(I(7));
  EXPECT_THAT(Executing(), ElementsAre("event TempHigh: DoOn TempNormal"));
  Done();
  EXPECT_THAT(log_[1], "TempHigh ended at 7: TempNormal: done");
  EXPECT_THAT(store_.content().pending, IsEmpty());
}

TEST_F(EventRunnerTest, AFailureIsInTheLogAndTheStatus) {
  Configure({HighTemp()});
  Give(I(81));
  Done({"DoOn HighTemp: Set /X: no /X", "DoOn HighTemp: Get /Y: no /Y"});
  EXPECT_THAT(log_,
              ElementsAre("TempHigh came true at 81: HighTemp: failed; DoOn HighTemp: Set /X: "
                          "no /X; DoOn HighTemp: Get /Y: no /Y"));
  EXPECT_EQ(Status().error(), "DoOn HighTemp: Set /X: no /X; DoOn HighTemp: Get /Y: no /Y");
  EXPECT_EQ(Status().executions(), 1u);
  Give(I(1));
  Done();
  EXPECT_EQ(Status().error(), "") << "of the last execution";
  EXPECT_EQ(Status().executions(), 1u) << "the end is not its handler";
}

TEST_F(EventRunnerTest, OfManyProblemsTheFirstAreTold) {
  Configure({HighTemp()});
  Give(I(81));
  Done(std::vector<std::string>(100, std::string(99, 'x')));
  EXPECT_LT(Status().error().size(), 1'020u);
  EXPECT_TRUE(absl::EndsWith(Status().error(), "x; and 91 more"));
}

TEST_F(EventRunnerTest, TheStatusTellsActivityAndTheLastTimeAlsoOfBeforeTheStart) {
  Configure({HighTemp()});
  EXPECT_EQ(Status().name(), "TempHigh");
  EXPECT_FALSE(Status().active());
  EXPECT_EQ(Status().last_at(), 0);
  Give(I(81));
  Done();
  Advance(EventRunner::kWriteEvery);
  Restart();
  EXPECT_TRUE(Status().active());
  EXPECT_EQ(Status().last_at(), 1'700'000'000);
  EXPECT_EQ(Status().executions(), 0u) << "since the start";
}

TEST_F(EventRunnerTest, TheActivityIsAValueOfTheProcess) {
  Configure({HighTemp(), MakeState(EventState::ABOVE, "90", "Other")});
  Give(I(81));
  std::vector<std::pair<std::string, std::string>> values;
  runner_->AddProcessValues(values);
  EXPECT_THAT(values, ElementsAre(std::pair("/Process/Events/TempHigh", "1"),
                                  std::pair("/Process/Events/Other", "0")));
}

TEST_F(EventRunnerTest, HandlersAreExecutedOneAfterTheOther) {
  Configure({MakeState(EventState::CHANGE)});
  for (int i = 0; i < 4; ++i) Give(I(i));
  EXPECT_THAT(Executing(), SizeIs(1));
  EXPECT_THAT(store_.content().pending, SizeIs(3));
  for (int i = 0; i < 3; ++i) Done();
  EXPECT_THAT(Executing(), IsEmpty());
  EXPECT_THAT(log_, ElementsAre("S came true at 1: H: done", "S came true at 2: H: done",
                                "S came true at 3: H: done"));
}

TEST_F(EventRunnerTest, WithoutStatesThereIsNoSubscription) {
  Configure({});
  EXPECT_EQ(streams_, 0);
  Configure({HighTemp()});
  EXPECT_EQ(streams_, 1);
  Configure({});
  EXPECT_EQ(streams_, 0);
}

TEST_F(EventRunnerTest, TheSubscriptionStaysWhileThePathsStay) {
  Configure({HighTemp()});
  Give(I(1));
  EventState state = HighTemp();
  state.set_value("0");
  auto on_batch = on_batch_;
  Configure({state});
  EXPECT_THAT(Executing(), SizeIs(1));
  Configure({state, MakeState(EventState::ABOVE, "1", "Other", "/other")});
  EXPECT_EQ(streams_, 1);
  // What the old stream still had under way is left out.
  on_batch(std::make_unique<process_data::v1::ValueBatch>(MakeBatch({I(1)}, kValid)));
  Turn();
  EXPECT_EQ(consumed_, 1);
}

TEST_F(EventRunnerTest, ALostAcquisitionIsToldToTheConditions) {
  EventState state = MakeState(EventState::INVALID);
  Configure({state});
  Give(I(1));
  on_lost_();
  Turn();
  EXPECT_THAT(Executing(), SizeIs(1));
}

TEST_F(EventRunnerTest, WhatTheCommandThreadDoesNotTakeIsTriedAgain) {
  Configure({HighTemp()});
  busy_ = true;
  Give(I(81));
  EXPECT_THAT(Executing(), IsEmpty());
  busy_ = false;
  EXPECT_EQ(runner_->NextDeadline(), clock_.Now() + absl::Seconds(1));
  Advance(absl::Seconds(1));
  EXPECT_THAT(Executing(), SizeIs(1));
}

// --- The log ---

TEST_F(EventRunnerTest, EntriesWaitWhileConfigStoreIsAway) {
  Configure({HighTemp()});
  log_failure_ = absl::UnavailableError("config_store does not answer");
  Give(I(81));
  Done();
  Give(I(1));
  Done();
  EXPECT_THAT(log_, IsEmpty());
  EXPECT_EQ(log_calls_, 1);
  log_failure_ = absl::OkStatus();
  EXPECT_EQ(runner_->NextDeadline(), clock_.Now() + absl::Seconds(1));
  Advance(absl::Seconds(1));
  Turn();
  EXPECT_THAT(log_, ElementsAre("TempHigh came true at 81: HighTemp: done",
                                "TempHigh ended at 1: TempNormal: done"));
}

TEST_F(EventRunnerTest, AnEntryThatNobodyTakesIsTriedAgain) {
  Configure({HighTemp()});
  log_busy_ = true;
  Give(I(81));
  Done();
  log_busy_ = false;
  Advance(absl::Seconds(1));
  EXPECT_THAT(log_, SizeIs(1));
}

TEST_F(EventRunnerTest, AnEntryThatIsRefusedIsNotTriedForEver) {
  Configure({HighTemp()});
  log_failure_ = absl::InvalidArgumentError("there is no log");
  Give(I(81));
  Done();
  Advance(absl::Hours(1));
  EXPECT_EQ(log_calls_, 1);
}

TEST_F(EventRunnerTest, OfTooManyEntriesTheOldestGo) {
  Configure({MakeState(EventState::CHANGE)});
  log_busy_ = true;
  const int count = static_cast<int>(EventRunner::kMaxEntries) + 5;
  for (int i = 0; i <= count; ++i) {
    Give(I(i));
    if (i > 0) Done();
  }
  log_busy_ = false;
  clock_.Advance(absl::Seconds(1));
  for (int i = 0; i <= count; ++i) Turn();
  EXPECT_THAT(log_, SizeIs(EventRunner::kMaxEntries));
  EXPECT_EQ(log_[0], "S came true at 6: H: done");
}

// --- Kill points. Each Apply of the store is one; what was written by then is
// what the next process finds. ---

TEST_F(EventRunnerTest, KilledBeforeTheHandlerWasStoredItComesAgainWithTheValue) {
  Configure({HighTemp()});
  Give(I(81));
  store_.Rewind(1);
  Restart();
  EXPECT_THAT(Executing(), IsEmpty());
  Give(I(81));
  EXPECT_THAT(Executing(), SizeIs(1));
}

TEST_F(EventRunnerTest, KilledBeforeOrDuringTheExecutionItIsExecutedAgainOnce) {
  Configure({HighTemp()});
  Give(I(81));
  ASSERT_THAT(Executing(), SizeIs(1));
  Restart();
  EXPECT_THAT(Executing(), IsEmpty()) << "process_data may not be there yet";
  Give(I(81));
  EXPECT_THAT(Executing(), ElementsAre("event TempHigh: DoOn HighTemp"));
  Done();
  EXPECT_THAT(Executing(), IsEmpty());
}

TEST_F(EventRunnerTest, KilledAfterTheExecutionItIsNotExecutedAgain) {
  Configure({HighTemp()});
  Give(I(81));
  Done();
  Restart();
  Give(I(82));
  Advance(absl::Hours(1));
  EXPECT_THAT(Executing(), IsEmpty());
}

TEST_F(EventRunnerTest, AnEndThatWasNotStoredYetComesAgain) {
  Configure({HighTemp()});
  Give(I(81));
  Done();
  Give(I(1));
  Done();
  store_.Rewind(2);  // the end with its handler, and that it was executed
  Restart();
  Give(I(1));
  EXPECT_THAT(Executing(), ElementsAre("event TempHigh: DoOn TempNormal"));
}

TEST_F(EventRunnerTest, WhatIsLeftIsExecutedAlsoWhenNoValueComes) {
  Configure({HighTemp()});
  Give(I(81));
  Restart();
  EXPECT_EQ(runner_->NextDeadline(), clock_.Now() + EventRunner::kWaitForValues);
  Advance(EventRunner::kWaitForValues);
  EXPECT_THAT(Executing(), SizeIs(1));
}

TEST_F(EventRunnerTest, WhatIsLeftOfAStateThatIsGoneIsStillExecuted) {
  Configure({HighTemp()});
  Give(I(81));
  config_.Clear();
  Restart();
  Advance(EventRunner::kWaitForValues);
  EXPECT_THAT(Executing(), ElementsAre("event TempHigh: DoOn HighTemp"));
  Done();
  EXPECT_THAT(store_.content().pending, IsEmpty());
  EXPECT_THAT(store_.content().memories, IsEmpty());
}

// --- Disk ---

TEST_F(EventRunnerTest, ChangesThatMakeNothingDueAreStoredAtMostOnceASecond) {
  EventState state = MakeState(EventState::RISING);
  state.set_limit_ms(3'600'000);
  Configure({state});
  Give(I(0));
  Give(I(1));
  Done();
  Advance(absl::Seconds(15));
  const int before = store_.writes();
  for (int i = 0; i < 100; ++i) {
    Advance(absl::Milliseconds(10));
    Give(I(i % 2));
  }
  EXPECT_LE(store_.writes() - before, 2);
  Advance(absl::Seconds(1));
  EXPECT_EQ(runner_->NextDeadline(), clock_.Now() + absl::Hours(1) - absl::Seconds(17))
      << "nothing is left to be written";
}

TEST_F(EventRunnerTest, HandlersAreExecutedAlthoughTheDiskFails) {
  Configure({HighTemp()});
  store_.FailWith(absl::UnavailableError("disk full"));
  Give(I(81));
  EXPECT_THAT(Executing(), SizeIs(1));
  Done();
  store_.FailWith(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_TRUE(store_.content().memories.at("TempHigh").raised);
  EXPECT_THAT(store_.content().pending, IsEmpty()) << "it was executed already";
  Restart();
  Give(I(81));
  EXPECT_THAT(Executing(), IsEmpty());
}

TEST_F(EventRunnerTest, WhatCouldNotBeReadAtTheStartIsReadLater) {
  Configure({HighTemp()});
  Give(I(81));
  Done();
  store_.FailWith(absl::UnavailableError("no disk"));
  Restart();
  EXPECT_EQ(streams_, 0);
  store_.FailWith(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_EQ(streams_, 1);
  Give(I(81));
  EXPECT_THAT(Executing(), IsEmpty()) << "it knows that the alarm was raised";
}

// --- Bounds ---

TEST_F(EventRunnerTest, OfTooManyTheOldestEqualOneGivesWay) {
  Configure({MakeState(EventState::CHANGE, "", "A"), MakeState(EventState::RISING, "", "B")});
  const int count = static_cast<int>(EventRunner::kMaxPending);
  Give(I(0));
  Give(I(1));  // A and B
  for (int i = 2; i < count + 10; ++i) Give(I(i));
  EXPECT_EQ(store_.content().pending.size(), EventRunner::kMaxPending);
  EXPECT_EQ(store_.content().pending[0].due.value, "1") << "under execution";
  EXPECT_EQ(store_.content().pending[1].due.event, "B") << "the only one of its kind";
  EXPECT_EQ(store_.content().pending.back().due.value, absl::StrCat(count + 9));
}

}  // namespace
}  // namespace fieldgate::cloud_link
