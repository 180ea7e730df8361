// PD-27, PD-28: a modem manager that hangs delays nobody for longer than stated.
#include "services/process_data/modem/modem_watch.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

#include "common/testing/process.h"
#include "services/process_data/modem/fake_modem_source.h"

namespace fieldgate::process_data {
namespace {

using Kind = ModemReport::Kind;

constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kLong = absl::Hours(1);
// Of readings that hang.
constexpr absl::Duration kShort = absl::Milliseconds(10);

class ModemWatchTest : public testing::Test {
 protected:
  // Passes calls on, so that the source lives longer than the watch.
  class Forward : public ModemSource {
   public:
    explicit Forward(FakeModemSource& source) : source_(source) {}
    absl::StatusOr<std::optional<Modem>> Read(const std::string& interface) override {
      return source_.Read(interface);
    }
    void Rest() override { source_.Rest(); }

   private:
    FakeModemSource& source_;
  };

  std::unique_ptr<ModemWatch> Watch(ModemWatch::Options options) {
    return std::make_unique<ModemWatch>(std::make_unique<Forward>(source_), options);
  }

  FakeModemSource source_;
};

TEST_F(ModemWatchTest, NothingIsReadBeforeSomebodyAsks) {
  const auto watch = Watch({.rest_after = absl::ZeroDuration()});
  EXPECT_EQ(source_.reads(), 0);
}

TEST_F(ModemWatchTest, WhoAsksGetsAFreshAnswer) {
  const auto watch = Watch({.patience = kLong});
  source_.Answer(Modem{.state = "searching"});
  EXPECT_EQ(watch->Read("wwan0").modem.state, "searching");
  EXPECT_EQ(source_.interface(), "wwan0");
  source_.Answer(Modem{.state = "connected"});
  const ModemReport report = watch->Read("wwan1");
  EXPECT_EQ(report.kind, Kind::kPresent);
  EXPECT_EQ(report.modem.state, "connected");
  EXPECT_EQ(source_.interface(), "wwan1");
  EXPECT_EQ(source_.reads(), 2);
}

TEST_F(ModemWatchTest, NoModemAndNobodyWhoKnowsAreBothAbsent) {
  const auto watch = Watch({.patience = kLong});
  source_.Answer(Modem{.state = "connected"});
  EXPECT_EQ(watch->Read("").kind, Kind::kPresent);
  source_.Answer(std::nullopt);
  EXPECT_EQ(watch->Read("").kind, Kind::kAbsent);
  source_.Answer(Modem{.state = "connected"});
  EXPECT_EQ(watch->Read("").kind, Kind::kPresent);
  source_.Answer(absl::NotFoundError("no bus"));
  EXPECT_EQ(watch->Read("").kind, Kind::kAbsent);
}

TEST_F(ModemWatchTest, WhatIsNoAnswerKeepsTheLastOne) {
  const auto watch = Watch({.patience = kLong, .keep = kLong});
  source_.Answer(Modem{.state = "connected"});
  watch->Read("");
  for (const absl::Status& status :
       {absl::DeadlineExceededError("silent"), absl::PermissionDeniedError("not for you"),
        absl::UnavailableError("nonsense")}) {
    source_.Answer(status);
    EXPECT_EQ(watch->Read("").modem.state, "connected") << status;
  }
}

TEST_F(ModemWatchTest, AfterItsTimeNothingIsKnown) {
  const auto watch = Watch({.patience = kLong, .keep = absl::ZeroDuration()});
  source_.Answer(Modem{.state = "connected"});
  watch->Read("");
  source_.Answer(absl::DeadlineExceededError("silent"));
  EXPECT_EQ(watch->Read("").kind, Kind::kUnknown);
}

TEST_F(ModemWatchTest, SilenceFromTheBeginningIsUnknownAndNotAbsent) {
  const auto watch = Watch({.patience = kLong});
  source_.Answer(absl::DeadlineExceededError("silent"));
  EXPECT_EQ(watch->Read("").kind, Kind::kUnknown);
}

TEST_F(ModemWatchTest, AReadingThatHangsIsWaitedForOnceAndNotRepeated) {
  auto watch = Watch({.patience = kShort, .keep = kLong});
  source_.Answer(Modem{.state = "registered"});
  ASSERT_TRUE(Eventually(kPatience, [&] { return watch->Read("").modem.state == "registered"; }));
  source_.Hang();
  const int before = source_.reads();
  // With its patience once for each of these it would take 10 s.
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(watch->Read("").modem.state, "registered");
  EXPECT_LE(source_.reads(), before + 1);
  source_.Answer(Modem{.state = "connected"});
  source_.Release();
  EXPECT_TRUE(Eventually(kPatience, [&] { return watch->Read("").modem.state == "connected"; }));
}

TEST_F(ModemWatchTest, ManyWhoAskAtOnceShareOneReading) {
  const auto watch = Watch({.patience = kLong});
  source_.Answer(Modem{.state = "connected"});
  source_.Hang();
  std::vector<std::thread> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&] { EXPECT_EQ(watch->Read("").modem.state, "connected"); });
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return source_.reads() == 1; }));
  source_.Release();
  for (std::thread& reader : readers) reader.join();
  EXPECT_LE(source_.reads(), 8);
}

TEST_F(ModemWatchTest, TheSourceRestsWhenNobodyAsks) {
  const auto watch = Watch({.patience = kLong, .rest_after = absl::ZeroDuration()});
  source_.Answer(Modem{.state = "connected"});
  watch->Read("");
  EXPECT_TRUE(Eventually(kPatience, [&] { return source_.rests() == 1; }));
  EXPECT_EQ(watch->Read("").modem.state, "connected");
  EXPECT_TRUE(Eventually(kPatience, [&] { return source_.rests() == 2; }));
}

TEST_F(ModemWatchTest, TheEndDoesNotWaitForAReadingThatHangs) {
  auto watch = Watch({.patience = kShort});
  source_.Hang();
  watch->Read("");
  ASSERT_TRUE(Eventually(kPatience, [&] { return source_.reads() == 1; }));
  watch.reset();
  source_.Release();
  // The reading that was left to itself ends in order.
  EXPECT_TRUE(Eventually(kPatience, [&] { return source_.rests() == 1; }));
}

}  // namespace
}  // namespace fieldgate::process_data
