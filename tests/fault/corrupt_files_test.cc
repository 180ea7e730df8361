// Damaged databases of a gateway with the real binaries: it starts, data flow again,
// what could be saved is there, and no id comes twice.
//
// The random loop has a long form:
//   bazel run //tests/fault:corrupt_files_test -- --rounds=200 --seed=1
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

uint32_t g_seed = 20261126;
int g_rounds = 2;

// Requirement: the start goes on within this time.
constexpr absl::Duration kStart = absl::Seconds(10);

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// In place, as a disk does it.
void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

int PageSize(const std::string& bytes) {
  if (bytes.size() < 18) return 4096;
  const int size = static_cast<uint8_t>(bytes[16]) * 256 + static_cast<uint8_t>(bytes[17]);
  return size >= 512 ? size : 4096;
}

class CorruptFilesTest : public testing::Test {
 protected:
  CorruptFilesTest()
      : harness_({.broker = {.config = {"persistence true", "autosave_interval 1",
                                        "autosave_on_changes true"}}}) {}

  std::string Path(const std::string& name) const {
    return absl::StrCat(harness_.state_dir(), "/", name);
  }

  // Messages wait in the outbox, none of them arrives before the broker is back.
  void FillOutbox(int64_t count) {
    harness_.broker().Stop();
    ASSERT_TRUE(Eventually(kPatience, [&] { return harness_.Status().messages_waiting >= count; }));
  }

  // kill -9 of all at once; on its own a killed `run` takes its services along in
  // order.
  void KillAll() {
    const std::vector<pid_t> services = harness_.Children();
    kill(harness_.gateway_pid(), SIGSTOP);  // it would start them again
    for (const pid_t pid : services) kill(pid, SIGKILL);
    ASSERT_TRUE(Eventually(kPatience, [&] {
      return std::all_of(services.begin(), services.end(), [](pid_t pid) {
        return ReadAll(absl::StrCat("/proc/", pid, "/cmdline")).empty();  // also of a zombie
      });
    }));
    harness_.KillGateway();
  }

  void Back() {
    ASSERT_TRUE(harness_.broker().Start().ok());
    harness_.StartGatewayAgain();
  }

  // Data flow again within the time, and nothing in them contradicts what came
  // before.
  void DataFlows() {
    const int64_t messages = harness_.Data().messages;
    EXPECT_TRUE(Eventually(Scaled(kStart), [&] { return harness_.Data().messages > messages; }));
    EXPECT_TRUE(harness_.BecomesWell());
    const portal::StreamStats data = harness_.Data();
    EXPECT_EQ(data.conflicts, 0) << "an id came twice";
    EXPECT_EQ(data.unreadable, 0);
    EXPECT_EQ(data.out_of_order, 0);
  }

  std::string StatusJson() { return harness_.Run("status", {"--json"}).output; }

  // Names of files that were put aside.
  std::vector<std::string> PutAside(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(harness_.state_dir())) {
      const std::string file = entry.path().filename();
      if (absl::StartsWith(file, name + ".damaged-") && !absl::EndsWith(file, "-wal")) {
        names.push_back(file);
      }
    }
    return names;
  }

  GatewayHarness harness_;
};

TEST_F(CorruptFilesTest, WhatWaitsInADamagedOutboxArrives) {
  harness_.StartGateway();
  ASSERT_THAT(harness_.WaitUntilComplete(3), IsEmpty());
  const int64_t before = harness_.Data().messages;
  FillOutbox(5);
  const int64_t waiting = harness_.Status().messages_waiting;
  ASSERT_EQ(harness_.StopGateway(), 0);

  std::string bytes = ReadAll(Path("cloud_link.db"));
  std::fill(bytes.begin(), bytes.begin() + 100, 'x');  // the header
  WriteAll(Path("cloud_link.db"), bytes);
  Back();
  DataFlows();
  EXPECT_TRUE(Eventually(kPatience, [&] { return harness_.Data().messages >= before + waiting; }))
      << "all that waited arrives";

  const std::vector<std::string> aside = PutAside("cloud_link.db");
  ASSERT_EQ(aside.size(), 1u);
  EXPECT_EQ(ReadAll(Path(aside[0])), bytes) << "the damaged file is kept as it was";
  EXPECT_THAT(StatusJson(), HasSubstr(absl::StrCat("\"put_aside\":\"", aside[0], "\"")));
  EXPECT_THAT(harness_.Run("status").output, HasSubstr("Damaged databases"));
  EXPECT_THAT(harness_.GatewayOutput(), HasSubstr("cloud_link.db was damaged"));
}

TEST_F(CorruptFilesTest, AnOutboxThatIsNoDatabaseAtAllStopsNothing) {
  harness_.StartGateway();
  ASSERT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  KillAll();
  std::filesystem::remove(Path("cloud_link.db"));
  std::filesystem::create_directory(Path("cloud_link.db"));
  harness_.StartGatewayAgain();
  DataFlows();
  ASSERT_EQ(harness_.StopGateway(), 0);
  WriteAll(Path("cloud_link.db"), "this is a text\n");
  std::filesystem::remove(Path("cloud_link.db-wal"));
  harness_.StartGatewayAgain();
  DataFlows();
  EXPECT_EQ(PutAside("cloud_link.db").size(), 2u);
}

TEST_F(CorruptFilesTest, ADamagedConfigurationFallsBackToItsNewestSoundRevision) {
  harness_.StartGateway();
  ASSERT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  ASSERT_TRUE(harness_.BecomesWell());
  const std::string shown = harness_.Run("config show").output;
  ASSERT_EQ(harness_.StopGateway(), 0);
  std::string bytes = ReadAll(Path("config.db"));
  std::fill(bytes.begin(), bytes.begin() + PageSize(bytes), '\0');
  WriteAll(Path("config.db"), bytes);
  harness_.StartGatewayAgain();
  DataFlows();
  EXPECT_EQ(harness_.Run("config show").output, shown);
  EXPECT_THAT(StatusJson(), HasSubstr("config.db.damaged-"));
  EXPECT_THAT(harness_.Run("config revisions").output, HasSubstr("recovery of a damaged disk"));
}

TEST_F(CorruptFilesTest, VariablesAndLogsOfADamagedDiskStopNothing) {
  harness_.StartGateway();
  ASSERT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  KillAll();
  for (const char* name : {"process.db", "logs.db"}) {
    std::string bytes = ReadAll(Path(name));
    ASSERT_FALSE(bytes.empty()) << name;
    std::fill(bytes.begin(),
              bytes.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(100, bytes.size())),
              '\0');
    WriteAll(Path(name), bytes);
  }
  harness_.StartGatewayAgain();
  DataFlows();
  EXPECT_THAT(StatusJson(), HasSubstr("process.db.damaged-"));
  EXPECT_THAT(StatusJson(), HasSubstr("logs.db.damaged-"));
}

TEST_F(CorruptFilesTest, DamageOfLogsThatIsFoundWhileRunningIsSalvaged) {
  harness_.StartGateway();
  ASSERT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  const auto execute = [&](const std::string& commands) {
    return harness_.Run("tixml", {absl::StrCat("[", commands, "]")});
  };
  // Four records a page.
  const std::string text(900, 'x');
  std::string commands = absl::StrCat(
      "<SetConfig _=\"LOG\" ver=\"y\"><Notes><T _=\"/Process/PV/Text\"/></Notes></SetConfig>"
      "<Set _=\"/Process/PV/Text\" value=\"",
      text, "\"/>");
  ASSERT_EQ(execute(commands).exit_status, 0);
  commands.clear();
  for (int i = 0; i < 60; ++i) commands += "<RecordLog _=\"Notes\"/>";
  ASSERT_TRUE(Eventually(kPatience, [&] { return execute(commands).exit_status == 0; }));
  const auto records = [&] {
    const std::string answer =
        execute("<ReadLog _=\"Notes\" order=\"oldest\" count=\"1000\"/>").output;
    int count = 0;
    for (size_t at = 0; (at = answer.find("<Record ", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  const int all = records();
  ASSERT_GE(all, 60);
  const std::map<std::string, pid_t> others = {{"config_store", harness_.Pid("config_store")},
                                               {"cloud_link", harness_.Pid("cloud_link")}};
  for (size_t round = 1; round <= 2; ++round) {
    harness_.Kill("process_data");  // it has nothing in its memory
    ASSERT_TRUE(harness_.BecomesWell());
    const std::string bytes = ReadAll(Path("logs.db"));
    // Not one of those that the store has read already: the b-tree's root, the last one.
    std::vector<size_t> at;
    for (size_t found = 0; (found = bytes.find(text, found)) != std::string::npos; ++found) {
      at.push_back(found);
    }
    ASSERT_GT(at.size(), 20u);
    const auto page = static_cast<size_t>(PageSize(bytes));
    std::fstream(Path("logs.db"), std::ios::in | std::ios::out | std::ios::binary)
            .seekp(static_cast<std::streamoff>(at[at.size() / 2] / page * page))
        << std::string(page, '\xee');
    records();
    ASSERT_TRUE(Eventually(kPatience, [&] { return PutAside("logs.db").size() == round; }));
    const pid_t salvaged = harness_.Pid("process_data");
    EXPECT_TRUE(
        Eventually(kPatience, [&] { return records() >= all - static_cast<int>(5 * round); }));
    ASSERT_EQ(execute("<RecordLog _=\"Notes\"/>").exit_status, 0);
    DataFlows();
    EXPECT_EQ(harness_.Pid("process_data"), salvaged) << "once, not again and again";
  }
  for (const auto& [service, pid] : others) EXPECT_EQ(harness_.Pid(service), pid) << service;
  EXPECT_THAT(StatusJson(), HasSubstr(PutAside("logs.db")[0]));
}

TEST_F(CorruptFilesTest, LogsThatCantBeSalvagedEndNothingElse) {
  harness_.StartGateway();
  ASSERT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  KillAll();
  WriteAll(Path("logs.db"), std::string(20'000, 'x'));
  std::filesystem::remove(Path("logs.db-wal"));
  // Where the new file would be built.
  std::filesystem::create_directories(Path("logs.db.salvage/in_the_way"));
  harness_.StartGatewayAgain();
  ASSERT_TRUE(harness_.BecomesWell());
  const pid_t pid = harness_.Pid("process_data");
  DataFlows();
  EXPECT_EQ(harness_.Pid("process_data"), pid);
  EXPECT_THAT(PutAside("logs.db"), IsEmpty());

  std::filesystem::remove_all(Path("logs.db.salvage"));
  harness_.Kill("process_data");
  EXPECT_TRUE(Eventually(kPatience, [&] { return PutAside("logs.db").size() == 1; }));
  DataFlows();
}

// Damages a database or its log at random.
std::string Damage(std::mt19937& random, const std::string& path) {
  std::string bytes = ReadAll(path);
  if (bytes.empty()) return "nothing";
  const auto page_size = static_cast<size_t>(PageSize(bytes));
  const size_t page = random() % (bytes.size() / page_size + 1) * page_size;
  const size_t end = std::min(page + page_size, bytes.size());
  std::string what;
  switch (random() % 5) {
    case 0:
      bytes.resize(random() % bytes.size());
      what = absl::StrCat("cut to ", bytes.size());
      break;
    case 1:
      for (size_t i = page; i < end; ++i) bytes[i] = 0;
      what = absl::StrCat("zeros at ", page);
      break;
    case 2:
      for (size_t i = page; i < end; ++i) bytes[i] = static_cast<char>(random());
      what = absl::StrCat("garbage at ", page);
      break;
    case 3:
      for (size_t i = 0; i < std::min<size_t>(100, bytes.size()); ++i) {
        bytes[i] = static_cast<char>(random());
      }
      what = "garbage in the header";
      break;
    default:
      for (size_t i = 20; i > 0; --i) {
        char& byte = bytes[random() % bytes.size()];
        byte = static_cast<char>(byte ^ (1 << random() % 8));
      }
      what = "20 flipped bits";
  }
  WriteAll(path, bytes);
  return what;
}

TEST_F(CorruptFilesTest, RandomDamageIsSurvived) {
  harness_.StartGateway();
  ASSERT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  // If nothing of config.db is left the gateway begins with this.
  WriteAll(Path("factory.tixml"),
           ReadAll(harness_.file("proccfg.tixml")) + ReadAll(harness_.file("isp.tixml")));
  for (int round = 0; round < g_rounds && !HasFailure(); ++round) {
    const uint32_t seed = g_seed + static_cast<uint32_t>(round);
    std::mt19937 random(seed);
    FillOutbox(2 + static_cast<int64_t>(random() % 3));
    if (random() % 2 == 0) {
      ASSERT_EQ(harness_.StopGateway(), 0);
    } else {
      KillAll();
    }
    std::vector<std::string> done;
    for (const char* name : {"cloud_link.db", "config.db", "process.db", "logs.db"}) {
      for (const char* suffix : {"", "-wal"}) {
        if (random() % 3 != 0) continue;
        const std::string file = absl::StrCat(name, suffix);
        done.push_back(absl::StrCat(file, ": ", Damage(random, Path(file))));
      }
    }
    SCOPED_TRACE(absl::StrCat("bazel run //tests/fault:corrupt_files_test -- --rounds=1 --seed=",
                              seed, "; ", testing::PrintToString(done)));
    Back();
    const int64_t messages = harness_.Data().messages;
    // The newest sound revision may be the first one, which has no connector yet.
    bool no_connector = false;
    EXPECT_TRUE(Eventually(Scaled(kStart), [&] {
      const std::string status = StatusJson();
      no_connector = absl::StrContains(status, "\"connectors\":[]") &&
                     absl::StrContains(status, "with the content of revision");
      return harness_.Data().messages > messages || no_connector;
    }));
    if (no_connector) {
      EXPECT_EQ(harness_.Run("import", {harness_.file("proccfg.tixml"), harness_.file("isp.tixml")})
                    .exit_status,
                0);
    }
    EXPECT_TRUE(harness_.BecomesWell());
  }
}

}  // namespace
}  // namespace fieldgate::system_test

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  bool random_only = false;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--rounds=")) {
      random_only = absl::SimpleAtoi(argument, &fieldgate::system_test::g_rounds);
    } else if (absl::ConsumePrefix(&argument, "--seed=")) {
      random_only = absl::SimpleAtoi(argument, &fieldgate::system_test::g_seed);
    }
    if (!random_only) {
      std::cerr << argv[0] << " [--rounds=N] [--seed=S]\n";
      return 2;
    }
  }
  if (random_only) testing::GTEST_FLAG(filter) = "*RandomDamage*";
  // As common/testing:gtest_main.
  char dir[] = "/tmp/t.XXXXXX";
  if (mkdtemp(dir) == nullptr || setenv("TEST_TMPDIR", dir, 1) != 0) return 1;
  const int result = RUN_ALL_TESTS();
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  return result;
}
