#include "services/cloud_link/events/event_store.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "common/testing/process.h"
#include "gtest/gtest.h"
#include "services/cloud_link/events/fake_event_store.h"
#include "services/cloud_link/events/sqlite_event_store.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::EventState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A store whose disk outlives Reopen.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual void Reopen() = 0;
  virtual EventStore& store() = 0;
};

class FakeDisk : public Disk {
 public:
  void Reopen() override {}
  EventStore& store() override { return store_; }

 private:
  FakeEventStore store_;
};

class SqliteDisk : public Disk {
 public:
  explicit SqliteDisk(std::string path = NewTempDir() + "/cloud_link.db") : path_(std::move(path)) {
    Reopen();
  }

  void Reopen() override {
    store_.reset();
    file_.reset();
    file_ = OutboxFile::Open(path_).value();
    store_ = MakeSqliteEventStore(*file_);
  }
  EventStore& store() override { return *store_; }
  OutboxFile& file() { return *file_; }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  std::unique_ptr<OutboxFile> file_;
  std::unique_ptr<EventStore> store_;
};

EventMemory Memory(const Value& baseline,
                   absl::Time last_at = absl::FromUnixMicros(1'700'000'000'000'001)) {
  EventMemory memory;
  memory.path = "/Process/Bus1/Meter/Temp";
  memory.condition = EventState::CHANGE;
  memory.seen = true;
  memory.waiting = true;
  memory.baseline = {baseline, 1};
  memory.last_at = last_at;
  return memory;
}

PendingHandler Pending(int64_t number) {
  return {number, {"TempHigh", "HighTemp", true, "81.2", absl::FromUnixSeconds(1'700'000'000)}};
}

std::vector<int64_t> Numbers(const EventStore::Content& content) {
  std::vector<int64_t> numbers;
  for (const PendingHandler& pending : content.pending) numbers.push_back(pending.number);
  return numbers;
}

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Disk>()> make;
};

class EventStoreTest : public testing::TestWithParam<Kind> {
 protected:
  EventStore::Content Load() {
    disk_->Reopen();
    return disk_->store().Load().value();
  }

  std::unique_ptr<Disk> disk_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Stores, EventStoreTest,
                         testing::Values(Kind{"Fake", [] { return std::make_unique<FakeDisk>(); }},
                                         Kind{"Sqlite",
                                              [] { return std::make_unique<SqliteDisk>(); }}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(EventStoreTest, StartsEmpty) {
  EXPECT_THAT(Load().memories, IsEmpty());
  EXPECT_THAT(Load().pending, IsEmpty());
}

TEST_P(EventStoreTest, AMemoryIsThereAfterARestart) {
  for (const Value& value :
       {Value(), Value(0.1), Value(int64_t{-5}), Value(std::numeric_limits<uint64_t>::max()),
        Value(true), Value(std::string("it's \xc3\xa4"))}) {
    const EventMemory memory = Memory(value);
    ASSERT_TRUE(disk_->store().Apply({.remember = {{"S", memory}}}).ok());
    EXPECT_EQ(Load().memories.at("S"), memory);
  }
  EventMemory other = Memory(Value(), absl::InfinitePast());
  other.active = other.raised = true;
  other.seen = other.waiting = false;
  ASSERT_TRUE(disk_->store().Apply({.remember = {{"S", other}}}).ok());
  EXPECT_EQ(Load().memories.at("S"), other);
  ASSERT_TRUE(disk_->store().Apply({.remember = {{"S", Memory(Value(NAN))}}}).ok());
  EXPECT_TRUE(std::isnan(std::get<double>(Load().memories.at("S").baseline.value)));
}

TEST_P(EventStoreTest, AForgottenMemoryIsGone) {
  ASSERT_TRUE(
      disk_->store().Apply({.remember = {{"A", Memory(Value())}, {"B", Memory(Value())}}}).ok());
  ASSERT_TRUE(disk_->store().Apply({.forget = {"A"}}).ok());
  EXPECT_THAT(Load().memories, SizeIs(1));
}

TEST_P(EventStoreTest, AHandlerIsPendingUntilItIsRemoved) {
  ASSERT_TRUE(disk_->store().Apply({.add = {Pending(1), Pending(2), Pending(3)}}).ok());
  const EventStore::Content content = Load();
  EXPECT_THAT(Numbers(content), ElementsAre(1, 2, 3));
  EXPECT_EQ(content.pending[0].due.event, "TempHigh");
  EXPECT_EQ(content.pending[0].due.handler, "HighTemp");
  EXPECT_TRUE(content.pending[0].due.ended);
  EXPECT_EQ(content.pending[0].due.value, "81.2");
  EXPECT_EQ(content.pending[0].due.at, absl::FromUnixSeconds(1'700'000'000));
  ASSERT_TRUE(disk_->store().Apply({.remove = {1, 3}}).ok());
  EXPECT_THAT(Numbers(Load()), ElementsAre(2));
}

// Of the real one only.

TEST(SqliteEventStoreTest, AChangeThatFailsHalfWayIsNotDoneAtAll) {
  SqliteDisk disk;
  ASSERT_TRUE(disk.store().Apply({.add = {Pending(1)}}).ok());
  EXPECT_FALSE(disk.store()
                   .Apply({.remember = {{"S", Memory(Value())}}, .add = {Pending(2), Pending(1)}})
                   .ok());
  disk.Reopen();
  EXPECT_THAT(disk.store().Load()->memories, IsEmpty());
  EXPECT_THAT(Numbers(*disk.store().Load()), ElementsAre(1));
}

TEST(SqliteEventStoreTest, AnOpenTransactionOfAnOutboxIsAnErrorThatHarmsNothing) {
  SqliteDisk disk;
  const std::unique_ptr<Outbox> outbox = disk.file().Connector("CloudConn", {}).value();
  ASSERT_TRUE(outbox->Begin().ok());
  EXPECT_FALSE(disk.store().Apply({.add = {Pending(1)}}).ok());
  ASSERT_TRUE(outbox->Commit().ok());
  EXPECT_TRUE(disk.store().Apply({.add = {Pending(1)}}).ok());
}

TEST(SqliteEventStoreTest, AFullDiskIsUnavailableAndLeavesWhatWasThere) {
  SqliteDisk disk;
  ASSERT_TRUE(disk.store().Apply({.add = {Pending(1)}}).ok());
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {1, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = disk.store().Apply({.add = {Pending(2)}});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_TRUE(disk.store().Apply({.add = {Pending(3)}}).ok());
  disk.Reopen();
  EXPECT_THAT(Numbers(*disk.store().Load()), ElementsAre(1, 3));
}

TEST(SqliteEventStoreTest, AFileOfBeforeTheEventsIsUpgraded) {
  const std::string path = NewTempDir() + "/cloud_link.db";
  std::ifstream sql("services/cloud_link/outbox/testdata/cloud_link_version_2.sql");
  std::stringstream text;
  text << sql.rdbuf();
  ASSERT_FALSE(text.str().empty());
  ASSERT_TRUE(sqlite::Database::Open(path).value()->Execute(text.str()).ok());
  SqliteDisk disk(path);
  EXPECT_THAT(disk.store().Load()->memories, IsEmpty());
  EXPECT_TRUE(disk.store().Apply({.remember = {{"S", Memory(Value())}}}).ok());
  EXPECT_EQ(disk.file().Connector("CloudConn", {}).value()->PeekMessageId(), 42);
}

// kill -9 at any moment: what Apply promised is there, and nothing of half a
// change. The child makes handler n due together with memory n, then removes
// it, and says after each how far it is.
TEST(SqliteEventStoreTest, KilledAtAnyMomentItHoldsWholeChanges) {
  const std::string path = NewTempDir() + "/cloud_link.db";
  int64_t n = 0;
  for (int round = 0; round < 10; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      SqliteDisk disk(path);
      for (int64_t i = n + 1;; ++i) {
        const EventMemory memory = Memory(Value(i), absl::FromUnixSeconds(i));
        int64_t said = i * 2;
        if (!disk.store().Apply({.remember = {{"S", memory}}, .add = {Pending(i)}}).ok()) _exit(1);
        if (write(ends[1], &said, sizeof said) != sizeof said) _exit(2);
        if (!disk.store().Apply({.remove = {i}}).ok()) _exit(3);
        ++said;
        if (write(ends[1], &said, sizeof said) != sizeof said) _exit(4);
      }
    }
    close(ends[1]);
    int64_t said = 0;
    int64_t last = n * 2 + 1;
    // Some words, then the kill: at another moment each time.
    for (int words = 0; words < 5 + round * 3; ++words) {
      ASSERT_EQ(read(ends[0], &said, sizeof said), static_cast<ssize_t>(sizeof said));
      last = said;
    }
    ASSERT_EQ(kill(child, SIGKILL), 0);
    while (read(ends[0], &said, sizeof said) == sizeof said) last = said;
    close(ends[0]);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);

    SqliteDisk disk(path);
    const EventStore::Content content = disk.store().Load().value();
    // It may have been one step further than it said.
    const int64_t i = absl::ToUnixSeconds(content.memories.at("S").last_at);
    EXPECT_EQ(content.memories.at("S").baseline.value, Value(i));
    const int64_t step = i * 2 + (content.pending.empty() ? 1 : 0);
    EXPECT_TRUE(step == last || step == last + 1) << step << " after " << last;
    if (!content.pending.empty()) {
      EXPECT_THAT(Numbers(content), ElementsAre(i));
      ASSERT_TRUE(disk.store().Apply({.remove = {i}}).ok());
    }
    n = i;
  }
  EXPECT_GT(n, 20);
}

}  // namespace
}  // namespace fieldgate::cloud_link
