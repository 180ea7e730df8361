// cloud_link.db: two outboxes, the requests of a connector (which write through
// a connection of their own), the journals, and what the events know.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/cloud_link/command/sqlite_factory_journal.h"
#include "services/cloud_link/command/sqlite_program_journal.h"
#include "services/cloud_link/command/sqlite_request_log.h"
#include "services/cloud_link/events/sqlite_event_store.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "tests/fault/writer.h"

namespace fieldgate::fault {
namespace {

using cloud_link::EntryId;
using cloud_link::Lane;
using cloud_link::Outbox;
using cloud_link::OutboxEntry;
using cloud_link::StoredEntry;

constexpr const char* kConnectors[] = {"CloudConn", "CloudConn2"};
constexpr const char* kPositions[] = {"Log1", "Log2"};
constexpr const char* kCounters[] = {"rollout", "request"};
constexpr uint64_t kKeys = 8;  // of requests

std::string Bytes(SeededChances& chances) {
  // One page, a few, or far more than one.
  const uint64_t sizes[] = {200, 200, 200, 3'000, 3'000, 20'000, 60'000};
  std::string bytes(chances.Below(sizes[chances.Below(std::size(sizes))]) + 1, '\0');
  for (char& c : bytes) c = static_cast<char>(chances.Below(256));
  return bytes;
}

bool Same(const OutboxEntry& a, const OutboxEntry& b) {
  return a.lane == b.lane && a.topic == b.topic && a.qos == b.qos && a.message_id == b.message_id &&
         a.timestamp == b.timestamp && a.layout == b.layout && a.content == b.content;
}

// An outbox, and what was given to it.
struct Box {
  std::unique_ptr<Outbox> outbox;
  std::map<EntryId, OutboxEntry> entries;
  std::set<EntryId> removed;
  int64_t message_id = 0;  // the next one
  // Bytes that the outbox counts beyond those of its entries: former versions
  // counted in another way.
  int64_t surplus = 0;
};

class CloudLinkWriter : public Writer {
 public:
  explicit CloudLinkWriter(std::string path) : path_(std::move(path)) {}

  absl::Status Open(sqlite::Disk& disk) override {
    Close();
    disk_ = &disk;
    const absl::Status status = OpenAll();
    if (!status.ok()) Close();
    return status;
  }

  absl::Status Step(SeededChances& chances) override {
    // After a failed start, as the service that is started again.
    if (file_ == nullptr) {
      if (absl::Status status = Open(*disk_); !status.ok()) return status;
    }
    Box& box = boxes_[chances.Below(boxes_.size())];
    switch (chances.Below(20)) {
      default:
        return Append(box, chances);
      case 8:
      case 9:
        return InTransaction(box, [&](Box& next) {
          const auto oldest = Oldest(*next.outbox, static_cast<int>(chances.Below(8)) + 1);
          return oldest.ok() ? Remove(next, *oldest) : oldest.status();
        });
      case 10:
        return InTransaction(box, [&](Box& next) {
          const auto oldest = Oldest(*next.outbox, 1);
          if (!oldest.ok() || oldest->empty()) return oldest.status();
          next.entries.erase(oldest->front());
          next.removed.insert(oldest->front());
          return next.outbox->Discard(oldest->front(), "can't be sent");
        });
      case 11:
        return box.outbox->NextCounter(kCounters[chances.Below(2)]).status();
      case 12:
        return InTransaction(box, [&](Box& next) {
          const auto id = static_cast<int64_t>(chances.Below(1000));
          return next.outbox->RecordLoss({id, id + 1, 5, 6, 2, "the log was faster"});
        });
      case 13:
        return ForgetTransaction(box, chances);
      case 14:
      case 15:
        return requests_->Accept("c/fp/g/feedback", Bytes(chances)).status();
      case 16:
        return Handle(chances);
      case 17:
        return chances.OneIn(2) ? program_->Clear() : program_->Note("Run");
      case 18:
        return RememberEvent(chances);
      case 19:
        if (!restarts_) return Append(box, chances);
        if (chances.OneIn(3)) return Reset(chances);
        return Open(*disk_);
    }
  }

  absl::StatusOr<std::string> Content() override {
    std::string text;
    for (size_t i = 0; i < boxes_.size(); ++i) {
      if (absl::Status status = Describe(boxes_[i], text); !status.ok()) {
        return Annotate(status, kConnectors[i]);
      }
    }
    const auto requests = requests_->Unanswered();
    if (!requests.ok()) return requests.status();
    for (const auto& request : *requests) {
      absl::StrAppend(&text, "request ", request.number, " ", request.topic, " ",
                      request.body.size(), " ", request.begun ? "begun" : "accepted", " ",
                      request.held, "\n");
    }
    for (uint64_t key = 0; key < kKeys; ++key) {
      const auto answer = requests_->Find(absl::StrCat("key", key));
      if (!answer.ok()) return answer.status();
      if (!answer->has_value()) continue;
      absl::StrAppend(&text, "answer ", key, " ", (*answer)->topic, " ", (*answer)->body.size(),
                      "\n");
    }
    const auto mode = program_->Mode();
    if (!mode.ok()) return mode.status();
    const auto events = events_->Load();
    if (!events.ok()) return events.status();
    absl::StrAppend(&text, "program ", mode->value_or("none"), ", reset by ",
                    factory_->ordered().value_or("nobody"), ", events ", events->memories.size(),
                    ", handlers ", events->pending.size(), "\n");
    return text;
  }

  bool is_open() const override { return events_ != nullptr; }

  void Close() override {
    events_ = nullptr;
    program_ = nullptr;
    requests_ = nullptr;
    for (Box& box : boxes_) box = Box();
    factory_ = nullptr;
    file_ = nullptr;
  }

 private:
  absl::Status OpenAll() {
    auto file = cloud_link::OutboxFile::Open(path_, disk_);
    if (!file.ok()) return file.status();
    file_ = *std::move(file);
    auto factory = cloud_link::OpenSqliteFactoryJournal(*file_);
    if (!factory.ok()) return factory.status();
    factory_ = *std::move(factory);
    for (size_t i = 0; i < boxes_.size(); ++i) {
      Box& box = boxes_[i];
      cloud_link::OutboxLimits limits;
      limits.max_bytes = 200'000;
      limits.policy =
          i == 0 ? cloud_link::FullPolicy::kDropOldest : cloud_link::FullPolicy::kDropNewest;
      auto outbox = file_->Connector(kConnectors[i], limits);
      if (!outbox.ok()) return outbox.status();
      box.outbox = *std::move(outbox);
      box.message_id = box.outbox->PeekMessageId();
      const auto entries = Entries(*box.outbox);
      if (!entries.ok()) return entries.status();
      box.surplus = box.outbox->Stats().bytes;
      for (const StoredEntry& stored : *entries) {
        box.entries[stored.id] = stored.entry;
        box.surplus -= SizeOf(stored.entry);
      }
    }
    auto requests = cloud_link::OpenSqliteRequestLog(*file_, kConnectors[0]);
    if (!requests.ok()) return requests.status();
    requests_ = *std::move(requests);
    auto program = cloud_link::OpenSqliteProgramJournal(*file_);
    if (!program.ok()) return program.status();
    program_ = *std::move(program);
    events_ = cloud_link::MakeSqliteEventStore(*file_);
    return absl::OkStatus();
  }

  static absl::StatusOr<std::vector<StoredEntry>> Entries(Outbox& outbox) {
    std::vector<StoredEntry> all;
    for (const Lane lane : {Lane::kResult, Lane::kData}) {
      auto entries = outbox.Read(lane, 0, 1'000'000, int64_t{1} << 40);
      if (!entries.ok()) return entries.status();
      all.insert(all.end(), entries->begin(), entries->end());
    }
    return all;
  }

  // Of both lanes, at most `count` of each. What is stored decides, not what is
  // known of it: nobody is told which entries were dropped.
  static absl::StatusOr<std::vector<EntryId>> Oldest(Outbox& outbox, int count) {
    std::vector<EntryId> ids;
    for (const Lane lane : {Lane::kResult, Lane::kData}) {
      const auto entries = outbox.Read(lane, 0, count, int64_t{1} << 40);
      if (!entries.ok()) return entries.status();
      for (const StoredEntry& stored : *entries) ids.push_back(stored.id);
    }
    return ids;
  }

  // Runs `change` on a copy of what is known of the box, which holds once the
  // transaction is committed.
  template <typename Change>
  absl::Status InTransaction(Box& box, Change change) {
    if (absl::Status status = box.outbox->Begin(); !status.ok()) return status;
    Box next = {std::move(box.outbox), box.entries, box.removed, box.message_id, 0};
    absl::Status status = change(next);
    if (status.ok()) status = next.outbox->Commit();
    if (!status.ok()) next.outbox->Rollback();
    box.outbox = std::move(next.outbox);
    if (status.ok()) {
      box.entries = std::move(next.entries);
      box.removed = std::move(next.removed);
      box.message_id = next.message_id;
    }
    return status;
  }

  static absl::Status Remove(Box& box, const std::vector<EntryId>& ids) {
    for (const EntryId id : ids) {
      box.entries.erase(id);
      box.removed.insert(id);
    }
    return box.outbox->Remove(ids);
  }

  static absl::Status AppendOne(Box& box, Lane lane, SeededChances& chances) {
    OutboxEntry entry;
    entry.lane = lane;
    entry.topic = lane == Lane::kData ? "c/fp/g/data" : "c/fp/g/feedback_result";
    entry.timestamp = 1'700'000'000 + static_cast<int64_t>(chances.Below(1000));
    if (lane == Lane::kData) {
      const auto layout = box.outbox->PutLayout(absl::StrCat("layout ", chances.Below(5)));
      if (!layout.ok()) return layout.status();
      entry.layout = *layout;
      const auto message_id = box.outbox->NextMessageId();
      if (!message_id.ok()) return message_id.status();
      if (*message_id != box.message_id++) return absl::DataLossError("a message_id was left out");
      entry.message_id = *message_id;
    }
    entry.content = Bytes(chances);
    const auto id = box.outbox->Append(entry);
    if (absl::IsResourceExhausted(id.status())) return absl::OkStatus();
    if (!id.ok()) return id.status();
    if (!box.entries.emplace(*id, entry).second || box.removed.count(*id) > 0) {
      return absl::DataLossError(absl::StrCat("the entry ", *id, " was given out twice"));
    }
    return absl::OkStatus();
  }

  absl::Status Append(Box& box, SeededChances& chances) {
    return InTransaction(box, [&](Box& next) {
      const uint64_t count = chances.Below(4) + 1;
      for (uint64_t i = 0; i < count; ++i) {
        const Lane lane = chances.OneIn(5) ? Lane::kResult : Lane::kData;
        if (absl::Status status = AppendOne(next, lane, chances); !status.ok()) return status;
      }
      if (chances.OneIn(3)) {
        const absl::Status status =
            next.outbox->SetPosition(kPositions[chances.Below(2)], next.message_id);
        if (!status.ok()) return status;
      }
      if (!chances.OneIn(3)) return absl::OkStatus();
      // Acknowledgements may leave one out.
      auto some = Oldest(*next.outbox, 4);
      if (!some.ok()) return some.status();
      if (some->size() > 1) some->erase(some->begin() + 1);
      return Remove(next, *some);
    });
  }

  static absl::Status ForgetTransaction(Box& box, SeededChances& chances) {
    Box forgotten;
    absl::Status status = box.outbox->Begin();
    if (!status.ok()) return status;
    forgotten.message_id = box.message_id;
    forgotten.outbox = std::move(box.outbox);
    status = AppendOne(forgotten, Lane::kData, chances);
    forgotten.outbox->Rollback();
    box.outbox = std::move(forgotten.outbox);
    return status;
  }

  // Takes the oldest request a step further.
  absl::Status Handle(SeededChances& chances) {
    const auto requests = requests_->Unanswered();
    if (!requests.ok()) return requests.status();
    if (requests->empty()) return absl::OkStatus();
    const cloud_link::LoggedRequest& request = requests->front();
    if (!request.begun) return requests_->Begin(request.number);
    if (request.held.empty() && chances.OneIn(2)) {
      return requests_->Hold(request.number, "revision 5");
    }
    // The answer goes into the outbox in the same transaction.
    return InTransaction(boxes_[0], [&](Box& next) {
      const absl::Status status =
          requests_->Answer(request.number, absl::StrCat("key", chances.Below(kKeys)),
                            {"c/fp/g/feedback_result", Bytes(chances), false});
      return status.ok() ? AppendOne(next, Lane::kResult, chances) : status;
    });
  }

  absl::Status RememberEvent(SeededChances& chances) {
    const std::string name = absl::StrCat("Event", chances.Below(3));
    const auto content = events_->Load();
    if (!content.ok()) return content.status();
    cloud_link::EventStore::Change change;
    if (chances.OneIn(3)) {
      change.forget.push_back(name);
    } else {
      cloud_link::EventMemory memory;
      memory.path = "/Process/B/D/P";
      memory.seen = true;
      memory.baseline.value = static_cast<int64_t>(chances.Below(100));
      memory.last_at = absl::FromUnixSeconds(1'700'000'000);
      change.remember.emplace_back(name, memory);
    }
    int64_t number = 1;
    for (const auto& pending : content->pending) number = pending.number + 1;
    change.add.push_back({number, {name, "Handler", false, "5", absl::UnixEpoch()}});
    if (content->pending.size() > 3) change.remove.push_back(content->pending.front().number);
    return events_->Apply(change);
  }

  absl::Status Reset(SeededChances& chances) {
    switch (chances.Below(3)) {
      case 0:
        return factory_->Order("portal CloudConn");
      case 1:
        return factory_->Drop();
      default:
        break;
    }
    // A later one than before, or not; the next start forgets.
    const absl::StatusOr<bool> begins =
        factory_->Begins(static_cast<int64_t>(chances.Below(1'000'000)));
    return begins.ok() ? Open(*disk_) : begins.status();
  }

  static absl::Status Describe(Box& box, std::string& text) {
    Outbox& outbox = *box.outbox;
    const auto entries = Entries(outbox);
    if (!entries.ok()) return entries.status();
    const auto losses = outbox.Losses();
    if (!losses.ok()) return losses.status();
    const cloud_link::OutboxStats stats = outbox.Stats();
    absl::StrAppend(&text, "next message_id ", outbox.PeekMessageId(), ", entries ", stats.entries,
                    ", bytes ", stats.bytes, ", dropped ", stats.dropped, "\n");
    for (const auto& loss : *losses) {
      absl::StrAppend(&text, "loss ", loss.first_message_id, " ", loss.last_message_id, " ",
                      loss.count, " ", loss.reason, "\n");
    }
    for (const char* name : kPositions) {
      absl::StrAppend(&text, name, " ", outbox.Position(name).value_or(-1), "\n");
    }
    if (absl::Status status = CheckEntries(box, *entries, *losses); !status.ok()) return status;
    int64_t bytes = 0;
    for (const StoredEntry& stored : *entries) {
      bytes += SizeOf(stored.entry);
      absl::StrAppend(&text, "entry ", stored.id, " message ", stored.entry.message_id, " of ",
                      stored.entry.content.size(), "\n");
      if (stored.entry.layout == 0) continue;
      const auto layout = outbox.GetLayout(stored.entry.layout);
      if (!layout.ok()) return layout.status();
    }
    if (stats.entries != static_cast<int64_t>(entries->size()) ||
        (stats.bytes != bytes && box.surplus == 0)) {
      return absl::DataLossError("the counts are not those of the entries");
    }
    return absl::OkStatus();
  }

  // What is read is what was appended, in order; what is missing was dropped as
  // the oldest, and a loss record names it.
  static absl::Status CheckEntries(Box& box, const std::vector<StoredEntry>& entries,
                                   const std::vector<cloud_link::LossRecord>& losses) {
    if (box.outbox->PeekMessageId() != box.message_id) {
      return absl::DataLossError(absl::StrCat(
          "the next message_id is ", box.outbox->PeekMessageId(), ", not ", box.message_id));
    }
    std::map<EntryId, OutboxEntry> missing = box.entries;
    EntryId last[2] = {0, 0};
    EntryId first_data = 0;
    for (const StoredEntry& stored : entries) {
      EntryId& before = last[static_cast<int>(stored.entry.lane)];
      if (stored.id <= before) return absl::DataLossError("the entries are not in order");
      before = stored.id;
      if (first_data == 0 && stored.entry.lane == Lane::kData) first_data = stored.id;
      const auto known = missing.find(stored.id);
      if (known == missing.end()) {
        return absl::DataLossError(absl::StrCat("the entry ", stored.id, " is not to be there"));
      }
      if (!Same(known->second, stored.entry)) {
        return absl::DataLossError(absl::StrCat("the entry ", stored.id, " is another"));
      }
      missing.erase(known);
    }
    for (const auto& [id, entry] : missing) {
      const bool named = std::any_of(losses.begin(), losses.end(), [&e = entry](const auto& loss) {
        return loss.first_message_id <= e.message_id && e.message_id <= loss.last_message_id;
      });
      if (entry.lane != Lane::kData || (first_data != 0 && id > first_data) || !named) {
        return absl::DataLossError(absl::StrCat("the entry ", id, " is missing"));
      }
      box.entries.erase(id);
      box.removed.insert(id);
    }
    return absl::OkStatus();
  }

  const std::string path_;
  sqlite::Disk* disk_ = nullptr;
  std::unique_ptr<cloud_link::OutboxFile> file_;
  std::unique_ptr<cloud_link::FactoryJournal> factory_;
  std::array<Box, 2> boxes_;
  std::unique_ptr<cloud_link::RequestLog> requests_;
  std::unique_ptr<cloud_link::ProgramJournal> program_;
  std::unique_ptr<cloud_link::EventStore> events_;
};

}  // namespace

std::unique_ptr<Writer> MakeCloudLinkWriter(std::string path) {
  return std::make_unique<CloudLinkWriter>(std::move(path));
}

}  // namespace fieldgate::fault
