// logs.db and process.db.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/time/clock.h"
#include "common/value/value.h"
#include "services/process_data/logging/sqlite_log_store.h"
#include "services/process_data/sqlite_variable_store.h"
#include "tests/fault/writer.h"

namespace fieldgate::fault {
namespace {

using process_data::LogRecords;
using process_data::LogStore;
using process_data::NewRecord;

constexpr const char* kLogs[] = {"Energy", "Heat", "Water"};

class LogsWriter : public Writer {
 public:
  explicit LogsWriter(std::string path) : path_(std::move(path)) {}

  absl::Status Open(sqlite::Disk& disk) override {
    Close();
    disk_ = &disk;
    store_ = process_data::MakeSqliteLogStore(path_, disk_);
    // The first call says whether it could be opened.
    const absl::Status status = store_->Read(kLogs[0], {}).status();
    if (status.ok() || absl::IsNotFound(status)) return absl::OkStatus();
    Close();
    return status;
  }

  absl::Status Step(SeededChances& chances) override {
    if (store_ == nullptr) {
      if (absl::Status status = Open(*disk_); !status.ok()) return status;
    }
    const uint64_t kind = chances.Below(12);
    if (!IsConfigured()) return Configure(1, 1);
    switch (kind) {
      default:
        return Append(chances);
      case 7:
        return store_->Evict(NowOf(clock_)).status();
      case 8:
        return Configure(1 + chances.Below(std::size(kLogs)), 1 + chances.Below(3));
      case 9:
        if (!chances.OneIn(3)) return Append(chances);
        return AdoptEpoch(static_cast<int64_t>(chances.Below(1'000'000)));
      case 10:
      case 11:
        if (!restarts_) return Append(chances);
        return Open(*disk_);
    }
  }

  absl::StatusOr<std::string> Content() override {
    std::map<std::string, std::string> texts;  // by log
    for (const auto& log : store_->Logs()) {
      // Without a record it is shown as long as it is known to be configured.
      if (log.records == 0) continue;
      std::string& text = texts[log.name];
      absl::StrAppend(&text, log.name, log.configured ? " " : " removed ", log.records, " from ",
                      log.first_id, " to ", log.last_id, ", bytes ", log.bytes, ", dropped ",
                      log.dropped, "\n");
      process_data::LogQuery query;
      query.count = 1'000'000;
      query.max_bytes = SIZE_MAX;
      const auto records = store_->Read(log.name, query);
      if (!records.ok()) return records.status();
      const auto& given = given_[log.name];
      int64_t last = 0;
      for (const LogRecords::Record& record : records->records) {
        if (last != 0 && record.id != last + 1) return absl::DataLossError("a gap in the ids");
        last = record.id;
        const auto expected = given.find(record.id);
        if (expected != given.end() &&
            expected->second != process_data::EncodeRecord(record.values)) {
          return absl::DataLossError(absl::StrCat(log.name, ": record ", record.id, " is another"));
        }
        absl::StrAppend(&text, record.id, " ");
      }
      if (!given.empty() && last != given.rbegin()->first) {
        return absl::DataLossError(
            absl::StrCat(log.name, " ends with record ", last, ", not ", given.rbegin()->first));
      }
      text += "\n";
    }
    std::string all;
    for (const auto& [log, text] : texts) all += text;
    return all;
  }

  bool is_open() const override { return store_ != nullptr; }

  void Close() override {
    store_ = nullptr;
    given_.clear();
  }

 private:
  bool IsConfigured() const {
    const auto logs = store_->Logs();
    return std::any_of(logs.begin(), logs.end(), [](const process_data::StoredLog& log) {
      return log.name == kLogs[0] && log.configured;
    });
  }

  absl::Status AdoptEpoch(int64_t epoch) {
    const absl::StatusOr<bool> forgotten = store_->AdoptEpoch(epoch);
    if (forgotten.value_or(false)) given_.clear();
    return forgotten.status();
  }

  absl::Status Configure(uint64_t logs, uint64_t megabytes) {
    std::vector<LogStore::Definition> definitions;
    for (uint64_t i = 0; i < logs; ++i) {
      definitions.push_back(
          {kLogs[i],
           {.max_bytes = static_cast<int64_t>(megabytes * 100'000), .max_age = absl::Hours(24)}});
    }
    return store_->Configure(definitions);
  }

  absl::Status Append(SeededChances& chances) {
    std::vector<NewRecord> records;
    const uint64_t count = chances.Below(20) + 1;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string value(chances.Below(900), static_cast<char>('a' + chances.Below(26)));
      records.push_back(
          {.log = kLogs[0],
           .layout = std::make_shared<const process_data::LogLayout>(
               process_data::LogLayout{{"V"}, {absl::StrCat("/Process/PV/V", chances.Below(3))}}),
           .recorded_at = clock_.WallNow(),
           .monotonic = clock_.Now(),
           .content =
               process_data::EncodeRecord({std::string(1, 5), std::string(1, 2), {0}, {value}})});
    }
    std::map<std::string, uint64_t> lost;
    if (chances.OneIn(4)) lost[kLogs[0]] = 3;
    const auto ids = store_->Append(records, lost);
    if (!ids.ok()) return ids.status();
    for (size_t i = 0; i < ids->size(); ++i) given_[kLogs[0]][(*ids)[i]] = records[i].content;
    return absl::OkStatus();
  }

  const std::string path_;
  FakeClock clock_;
  sqlite::Disk* disk_ = nullptr;
  std::unique_ptr<LogStore> store_;
  std::map<std::string, std::map<int64_t, std::string>> given_;  // since Open, by log and id
};

class VariablesWriter : public Writer {
 public:
  explicit VariablesWriter(std::string path) : path_(std::move(path)) {}

  absl::Status Open(sqlite::Disk& disk) override {
    Close();
    disk_ = &disk;
    auto store = process_data::OpenSqliteVariableStore(path_, disk_);
    if (!store.ok()) return store.status();
    auto saved = (*store)->Load();
    if (!saved.ok()) return saved.status();
    store_ = *std::move(store);
    expected_ = *std::move(saved);
    return absl::OkStatus();
  }

  absl::Status Step(SeededChances& chances) override {
    if (store_ == nullptr) {
      if (absl::Status status = Open(*disk_); !status.ok()) return status;
    }
    if (chances.OneIn(8) && restarts_) return Open(*disk_);
    if (chances.OneIn(8)) {
      const auto epoch = static_cast<int64_t>(chances.Below(1000));
      const bool forget = chances.OneIn(2);
      if (absl::Status status = store_->SetEpoch(epoch, forget); !status.ok()) return status;
      expected_.factory_epoch = epoch;
      if (forget) expected_.values.clear();
      return absl::OkStatus();
    }
    const std::string name = absl::StrCat("V", chances.Below(20));
    const Value value = AnyValue(chances);
    if (absl::Status status = store_->Save(name, value); !status.ok()) return status;
    expected_.values[name] = value;
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Content() override {
    const auto saved = store_->Load();
    if (!saved.ok()) return saved.status();
    if (saved->values != expected_.values || saved->factory_epoch != expected_.factory_epoch) {
      return absl::DataLossError("the variables are not those saved");
    }
    std::string text = absl::StrCat("epoch ", saved->factory_epoch.value_or(-1), "\n");
    for (const auto& [name, value] : saved->values) {
      absl::StrAppend(&text, name, " = ", ToText(value), "\n");
    }
    return text;
  }

  bool is_open() const override { return store_ != nullptr; }

  void Close() override { store_ = nullptr; }

 private:
  static Value AnyValue(SeededChances& chances) {
    const uint64_t number = chances.Below(1'000'000);
    switch (chances.Below(4)) {
      case 0:
        return static_cast<double>(number) / 8;
      case 1:
        return static_cast<int64_t>(number);
      case 2:
        return number % 2 == 0;
      default:
        return std::string(number % 4000, 'x');
    }
  }

  const std::string path_;
  sqlite::Disk* disk_ = nullptr;
  std::unique_ptr<process_data::VariableStore> store_;
  process_data::VariableStore::Saved expected_;
};

}  // namespace

std::unique_ptr<Writer> MakeLogsWriter(std::string path) {
  return std::make_unique<LogsWriter>(std::move(path));
}

std::unique_ptr<Writer> MakeVariablesWriter(std::string path) {
  return std::make_unique<VariablesWriter>(std::move(path));
}

}  // namespace fieldgate::fault
