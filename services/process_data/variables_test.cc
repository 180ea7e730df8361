#include "services/process_data/variables.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/sqlite/sqlite.h"
#include "services/process_data/sqlite_variable_store.h"

namespace fieldgate::process_data {
namespace {

using ::testing::HasSubstr;

config_store::v1::ProcessVariable Variable(const std::string& name, const std::string& initial) {
  config_store::v1::ProcessVariable variable;
  variable.set_name(name);
  variable.set_initial_value(initial);
  return variable;
}

// Holds one variable, V = 3, of the epoch 1.
class FullDisk : public VariableStore {
 public:
  absl::StatusOr<Saved> Load() override { return Saved{{{"V", Value(int64_t{3})}}, 1}; }
  absl::Status Save(const std::string&, const Value&) override {
    return absl::UnavailableError("no space left on device");
  }
  absl::Status SetEpoch(int64_t, bool) override {
    return absl::UnavailableError("no space left on device");
  }
};

class VariablesTest : public testing::Test {
 protected:
  VariablesTest() { Restart(); }
  ~VariablesTest() override {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  }

  // A new process on the same file.
  void Restart() {
    variables_.reset();
    image_ = std::make_unique<ProcessImage>(clock_.WallNow());
    auto store = OpenSqliteVariableStore(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    auto variables = Variables::Open(*std::move(store), *image_, clock_);
    ASSERT_TRUE(variables.ok()) << variables.status();
    variables_ = *std::move(variables);
    image_->SetConfigured();
  }
  std::string Get(const std::string& name) {
    const auto readings = image_->Read("/Process/PV/" + name);
    return readings.ok() ? readings->front().text : std::string(readings.status().message());
  }
  absl::Status Set(const std::string& name, const std::string& text) {
    return variables_->Set("/Process/PV/" + name, text);
  }

  FakeClock clock_;
  const std::string path_ = std::string(getenv("TEST_TMPDIR")) + "/process.db";
  std::unique_ptr<ProcessImage> image_;
  std::unique_ptr<Variables> variables_;
};

TEST_F(VariablesTest, AVariableHasItsInitialValue) {
  variables_->Configure({Variable("V", "23.5")});
  EXPECT_EQ(Get("V"), "23.5");
}

TEST_F(VariablesTest, TheInitialValueCountsUntilTheFirstSet) {
  variables_->Configure({Variable("V", "1")});
  variables_->Configure({Variable("V", "2")});
  EXPECT_EQ(Get("V"), "2");
  ASSERT_TRUE(Set("V", "3").ok());
  variables_->Configure({Variable("V", "4")});
  EXPECT_EQ(Get("V"), "3");
}

TEST_F(VariablesTest, AValueThatWasSetSurvivesARestart) {
  variables_->Configure({Variable("V", "1")});
  ASSERT_TRUE(Set("V", "3").ok());
  Restart();
  variables_->Configure({Variable("V", "1")});
  EXPECT_EQ(Get("V"), "3");
}

TEST_F(VariablesTest, EveryTypeSurvivesARestart) {
  const std::vector<std::string> texts = {"0.1",
                                          "-5",
                                          "18446744073709551615",
                                          "1",
                                          "on",
                                          "",
                                          "007",
                                          "\xc2\xb0"
                                          "C"};
  std::vector<config_store::v1::ProcessVariable> configuration;
  for (size_t i = 0; i < texts.size(); ++i) {
    configuration.push_back(Variable("V" + std::to_string(i), "initial"));
  }
  variables_->Configure(configuration);
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_TRUE(Set("V" + std::to_string(i), texts[i]).ok());
  }
  Restart();
  variables_->Configure(configuration);
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(Get("V" + std::to_string(i)), texts[i]);
}

TEST_F(VariablesTest, ABoolStaysABool) {
  variables_->Configure({Variable("V", "x")});
  ASSERT_TRUE(Set("V", "true").ok());
  Restart();
  variables_->Configure({Variable("V", "x")});
  EXPECT_EQ(Get("V"), "1");
}

TEST_F(VariablesTest, AVariableThatWasMissingForAWhileHasItsValueAgain) {
  variables_->Configure({Variable("V", "1")});
  ASSERT_TRUE(Set("V", "3").ok());
  variables_->Configure({});
  EXPECT_THAT(Get("V"), HasSubstr("nothing has the path"));
  variables_->Configure({Variable("V", "1")});
  EXPECT_EQ(Get("V"), "3");
}

TEST_F(VariablesTest, AnUnknownVariableIsNotSet) {
  variables_->Configure({Variable("V", "1")});
  EXPECT_EQ(Set("W", "1").code(), absl::StatusCode::kNotFound);
}

TEST_F(VariablesTest, AValueThatIsTooLongIsNotSet) {
  variables_->Configure({Variable("V", "1")});
  EXPECT_TRUE(Set("V", std::string(Variables::kMaxTextBytes, 'x')).ok());
  EXPECT_EQ(Set("V", std::string(Variables::kMaxTextBytes + 1, 'x')).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(VariablesTest, WhatCantBeSavedIsNotSet) {
  auto variables = *Variables::Open(std::make_unique<FullDisk>(), *image_, clock_);
  variables->Configure({Variable("V", "1")});
  EXPECT_EQ(variables->Set("/Process/PV/V", "2").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Get("V"), "3");
}

TEST_F(VariablesTest, TheFirstEpochIsOnlyKeptInMind) {
  variables_->Configure({Variable("V", "1")});
  ASSERT_TRUE(Set("V", "3").ok());
  variables_->AdoptEpoch(7);
  EXPECT_EQ(Get("V"), "3");
  Restart();
  variables_->AdoptEpoch(7);
  variables_->Configure({Variable("V", "1")});
  EXPECT_EQ(Get("V"), "3");
}

TEST_F(VariablesTest, AnotherEpochGivesAllVariablesTheirInitialValuesForGood) {
  variables_->AdoptEpoch(7);
  variables_->Configure({Variable("V", "1"), Variable("W", "2")});
  ASSERT_TRUE(Set("V", "3").ok());
  variables_->AdoptEpoch(8);
  EXPECT_EQ(Get("V"), "1");
  ASSERT_TRUE(Set("W", "4").ok());
  Restart();
  variables_->AdoptEpoch(8);
  variables_->Configure({Variable("V", "1"), Variable("W", "2")});
  EXPECT_EQ(Get("V"), "1");
  EXPECT_EQ(Get("W"), "4") << "set after the reset";
}

// config_store has lost its file; that is no reset.
TEST_F(VariablesTest, AnEarlierEpochForgetsNothingAndTheNextOneCounts) {
  variables_->AdoptEpoch(7);
  variables_->Configure({Variable("V", "1")});
  ASSERT_TRUE(Set("V", "3").ok());
  variables_->AdoptEpoch(0);
  EXPECT_EQ(Get("V"), "3");
  Restart();
  variables_->Configure({Variable("V", "1")});
  EXPECT_EQ(Get("V"), "3");
  variables_->AdoptEpoch(1);
  EXPECT_EQ(Get("V"), "1");
}

TEST_F(VariablesTest, AnEpochThatWasMissedIsNoticedAfterTheRestart) {
  variables_->AdoptEpoch(7);
  variables_->Configure({Variable("V", "1")});
  ASSERT_TRUE(Set("V", "3").ok());
  Restart();
  variables_->AdoptEpoch(8);
  variables_->Configure({Variable("V", "1")});
  EXPECT_EQ(Get("V"), "1");
}

TEST_F(VariablesTest, AResetThatCantBeStoredHoldsAndNothingIsSavedBeforeIt) {
  auto variables = *Variables::Open(std::make_unique<FullDisk>(), *image_, clock_);
  variables->Configure({Variable("V", "1")});
  EXPECT_EQ(Get("V"), "3");
  variables->AdoptEpoch(2);
  EXPECT_EQ(Get("V"), "1");
  const absl::Status status = variables->Set("/Process/PV/V", "5");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("forgetting the process variables"));
  EXPECT_EQ(Get("V"), "1");
}

TEST_F(VariablesTest, AFileOfTheFirstVersionIsUpgraded) {
  variables_.reset();
  std::filesystem::remove(path_);
  std::ifstream file("services/process_data/testdata/process_1.sql");
  std::stringstream sql;
  sql << file.rdbuf();
  ASSERT_EQ((*sqlite::Database::Open(path_))->Execute(sql.str()), absl::OkStatus());
  Restart();
  variables_->AdoptEpoch(7);
  variables_->Configure({Variable("Level", "1"), Variable("Mode", "off")});
  EXPECT_EQ(Get("Level"), "23.5");
  EXPECT_EQ(Get("Mode"), "auto");
}

}  // namespace
}  // namespace fieldgate::process_data
