// CL-155, CL-156: losses are told soon, and a long outage is no flood.
#include "services/cloud_link/outbox/loss_news.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kSecond = absl::Seconds(1);

// Loss records as an outbox has them.
class LossNewsTest : public ::testing::Test {
 protected:
  LossNewsTest() { Restart(); }

  void Restart() { news_.emplace(told_, Stats(), now_); }

  OutboxStats Stats() const {
    OutboxStats stats;
    for (const LossRecord& loss : records_) {
      stats.dropped += loss.count;
      stats.unreported_losses += loss.reported ? 0 : 1;
    }
    stats.newest_loss = static_cast<int64_t>(records_.size());
    return stats;
  }
  // A message is lost: in a record of its own, or the last one grows.
  void Lose(bool grow = false) {
    if (grow) {
      ++records_.back().count;
    } else {
      LossRecord loss;
      loss.number = static_cast<int64_t>(records_.size()) + 1;
      loss.count = 1;
      loss.reason = absl::StrCat("reason ", loss.number);
      records_.push_back(loss);
    }
    news_->Note(Stats(), now_);
  }
  void Report() {
    for (LossRecord& loss : records_) loss.reported = true;
    news_->Note(Stats(), now_);
  }
  bool ReportDue() const { return now_ >= news_->ReportAt(); }
  void Advance(absl::Duration d) { now_ = now_ + d; }
  // The entries that are due now, which the SupportLog takes.
  std::vector<std::string> Entries(bool done = true) {
    if (now_ < news_->EntriesAt()) return {};
    const auto entries = news_->TakeEntries(records_, now_);
    if (!entries) return {};
    news_->Settled(done, now_);
    if (done) told_ = entries->told;
    return entries->texts;
  }

  MonotonicTime now_{absl::Seconds(1'000)};
  std::vector<LossRecord> records_;
  LossNews::Told told_;
  std::optional<LossNews> news_;
};

TEST_F(LossNewsTest, WithoutALossThereIsNothingToTell) {
  Advance(absl::Hours(1));
  EXPECT_FALSE(ReportDue());
  EXPECT_EQ(news_->EntriesAt(), MonotonicTime::Never());
}

TEST_F(LossNewsTest, ALossIsToldAfterTenQuietSeconds) {
  Lose();
  EXPECT_EQ(news_->ReportAt(), now_ + absl::Seconds(10));
  EXPECT_EQ(news_->EntriesAt(), now_ + absl::Seconds(10));
  Advance(absl::Seconds(9));
  Lose(/*grow=*/true);
  Advance(absl::Seconds(9));
  EXPECT_FALSE(ReportDue());
  EXPECT_THAT(Entries(), IsEmpty());
  Advance(kSecond);
  EXPECT_TRUE(ReportDue());
  EXPECT_THAT(Entries(), ElementsAre("2 messages, reason 1, so far"));
}

TEST_F(LossNewsTest, LossesThatGoOnAreToldAfterAMinute) {
  Lose();
  for (int i = 1; i < 60; ++i) {
    Advance(kSecond);
    Lose(/*grow=*/true);
    ASSERT_FALSE(ReportDue());
  }
  Advance(kSecond);
  EXPECT_TRUE(ReportDue());
  EXPECT_THAT(Entries(), SizeIs(1));
}

TEST_F(LossNewsTest, WhatWasReportedIsNoNews) {
  Lose();
  Advance(absl::Seconds(10));
  Report();
  EXPECT_FALSE(ReportDue());
  Lose();
  Advance(absl::Seconds(9));
  EXPECT_FALSE(ReportDue());
  Advance(kSecond);
  EXPECT_TRUE(ReportDue());
}

TEST_F(LossNewsTest, AnOutageOfAWeekIsTwoEntries) {
  Lose();
  std::vector<std::string> entries;
  for (int minute = 0; minute < 7 * 24 * 60; ++minute) {
    Advance(absl::Minutes(1));
    Lose(/*grow=*/true);
    for (std::string& entry : Entries()) entries.push_back(std::move(entry));
  }
  Report();
  for (std::string& entry : Entries()) entries.push_back(std::move(entry));
  Advance(absl::Hours(5));
  EXPECT_THAT(Entries(), IsEmpty());
  EXPECT_THAT(entries,
              ElementsAre("2 messages, reason 1, so far", "10081 messages, reason 1, in the end"));
}

TEST_F(LossNewsTest, ARecordThatWasClosedBeforeItWasToldIsOneEntry) {
  Lose();
  Report();
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(), ElementsAre("1 message, reason 1"));
  Advance(absl::Hours(5));
  EXPECT_THAT(Entries(), IsEmpty());
}

TEST_F(LossNewsTest, ANewRecordClosesTheOneBefore) {
  Lose();
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(), SizeIs(1));
  Lose(/*grow=*/true);
  Lose();
  EXPECT_THAT(Entries(), ElementsAre("2 messages, reason 1, in the end"));
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(), ElementsAre("1 message, reason 2, so far"));
}

TEST_F(LossNewsTest, AThousandRecordsAreTwentyEntriesAndThenOneAnHour) {
  for (int i = 0; i < 1'000; ++i) Lose();
  Advance(absl::Minutes(1));
  const std::vector<std::string> first = Entries();
  ASSERT_THAT(first, SizeIs(LossNews::kEntries));
  EXPECT_EQ(first[18], "1 message, reason 19");
  EXPECT_EQ(first[19], "981 messages, in 981 losses up to number 1000, the last one: reason 1000");

  size_t entries = 0;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    Advance(absl::Minutes(1));
    Lose();
    entries += Entries().size();
  }
  EXPECT_EQ(entries, 24u);
}

TEST_F(LossNewsTest, WhatTheSupportLogDidNotTakeIsToldAgain) {
  Lose();
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(/*done=*/false), SizeIs(1));
  EXPECT_THAT(Entries(), IsEmpty());
  EXPECT_TRUE(ReportDue()) << "the portal doesn't wait for it";
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(), ElementsAre("1 message, reason 1, so far"));
}

TEST_F(LossNewsTest, LossesOfLogsAreForThePortalAlone) {
  Lose();
  records_.back().reason = "log Energy: damaged record";
  Lose();
  Lose();
  records_.back().reason = "log Energy: records 5 to 6 dropped by the log's bounds";
  Advance(absl::Seconds(10));
  EXPECT_TRUE(ReportDue());
  EXPECT_THAT(Entries(), ElementsAre("1 message, reason 2"));
  Lose();
  records_.back().reason = "log Energy: damaged record";
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(), IsEmpty());
  EXPECT_EQ(news_->told().number, 4);
}

TEST_F(LossNewsTest, NothingIsToldTwiceAtATime) {
  Lose();
  Advance(absl::Seconds(10));
  ASSERT_TRUE(news_->TakeEntries(records_, now_).has_value());
  EXPECT_EQ(news_->EntriesAt(), MonotonicTime::Never());
  EXPECT_EQ(news_->TakeEntries(records_, now_), std::nullopt);
}

TEST_F(LossNewsTest, ARestartTellsWhatWasNotToldAndNothingElse) {
  Lose();
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(), SizeIs(1));
  Report();
  Lose();
  Restart();
  Advance(absl::Seconds(10));
  EXPECT_TRUE(ReportDue());
  EXPECT_THAT(Entries(), ElementsAre("1 message, reason 2, so far"));
  Restart();
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(), IsEmpty());
}

TEST_F(LossNewsTest, ARecordThatGrewBeforeARestartIsToldWhenItIsClosed) {
  Lose();
  Advance(absl::Seconds(10));
  EXPECT_THAT(Entries(), SizeIs(1));
  Lose(/*grow=*/true);
  Restart();
  Advance(absl::Hours(1));
  EXPECT_THAT(Entries(), IsEmpty());
  Report();
  EXPECT_THAT(Entries(), ElementsAre("2 messages, reason 1, in the end"));
}

TEST_F(LossNewsTest, ALossAsText) {
  LossRecord loss;
  loss.count = 5;
  loss.reason = "x";
  EXPECT_EQ(LossText(loss), "5 messages, x");
  loss.last_timestamp = 1'700'000'000;
  EXPECT_EQ(LossText(loss), "5 messages, until 2023-11-14T22:13:20Z, x");
  loss.first_timestamp = loss.last_timestamp;
  loss.first_message_id = loss.last_message_id = 7;
  EXPECT_EQ(LossText(loss), "5 messages, id 7, of 2023-11-14T22:13:20Z, x");
  loss.first_timestamp -= 20;
  loss.first_message_id = 3;
  EXPECT_EQ(LossText(loss),
            "5 messages, ids 3 to 7, from 2023-11-14T22:13:00Z to 2023-11-14T22:13:20Z, x");
}

}  // namespace
}  // namespace fieldgate::cloud_link
