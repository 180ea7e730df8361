// For the test that kills it: appends to the outbox in the file of argv[1] for
// ever, some messages a transaction, and prints each message_id once it is
// committed. Keeps at most 5,000 entries.
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"

namespace fieldgate::cloud_link {
namespace {

constexpr size_t kKeep = 5000;

absl::Status Write(const std::string& path) {
  absl::StatusOr<std::unique_ptr<OutboxFile>> file = OutboxFile::Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<std::unique_ptr<Outbox>> outbox = (*file)->Connector("CloudConn", {});
  if (!outbox.ok()) return outbox.status();
  absl::StatusOr<std::vector<StoredEntry>> held =
      (*outbox)->Read(Lane::kData, 0, 1 << 30, int64_t{1} << 40);
  if (!held.ok()) return held.status();
  std::deque<EntryId> ids;
  for (const StoredEntry& stored : *held) ids.push_back(stored.id);
  for (int64_t batch = 1;; batch = batch % 5 + 1) {
    if (absl::Status s = (*outbox)->Begin(); !s.ok()) return s;
    std::string lines;
    for (int64_t i = 0; i < batch; ++i) {
      absl::StatusOr<int64_t> message_id = (*outbox)->NextMessageId();
      if (!message_id.ok()) return message_id.status();
      OutboxEntry entry;
      entry.topic = "c/fp/g/data";
      entry.message_id = *message_id;
      entry.content = std::string(static_cast<size_t>(*message_id % 700), 'x');
      absl::StatusOr<EntryId> id = (*outbox)->Append(entry);
      if (!id.ok()) return id.status();
      ids.push_back(*id);
      if (absl::Status set = (*outbox)->SetPosition("log", *message_id); !set.ok()) return set;
      absl::StrAppend(&lines, *message_id, "\n");
    }
    std::vector<EntryId> old;
    for (; ids.size() > kKeep; ids.pop_front()) old.push_back(ids.front());
    if (absl::Status s = (*outbox)->Remove(old); !s.ok()) return s;
    if (absl::Status s = (*outbox)->Commit(); !s.ok()) return s;
    // One call, unbuffered: a line is there whole, or not at all.
    if (write(STDOUT_FILENO, lines.data(), lines.size()) < 0) {
      return absl::UnavailableError("stdout");
    }
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const absl::Status status = fieldgate::cloud_link::Write(argv[1]);
  dprintf(STDERR_FILENO, "%s\n", status.ToString().c_str());
  return 1;
}
