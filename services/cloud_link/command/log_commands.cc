#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/status/status.h"
#include "common/tixml/error.h"
#include "common/value/batch.h"
#include "services/cloud_link/command/execution.h"

// Commands about logs (manual 1 "Log data", 5 /LogCounter).
namespace fieldgate::cloud_link {
namespace {

using process_data::v1::ReadLogRequest;
using process_data::v1::ReadLogResponse;
using tixml::Node;

constexpr int kDefaultCount = 100;
constexpr int kMaxCount = 1000;
constexpr int64_t kMaxMessages = 10'000;  // config_store's rings
// The logs of messages that config_store keeps.
constexpr absl::string_view kMessageLogs[] = {"SupportLog", "Event", "JobReport", "Login"};
// What all ReadLogs of one request may answer: it leaves room for other answers
// and for what is around them.
constexpr size_t kMaxLogBytes = kMaxAnswer * 3 / 4;
// 9999-12-31, the last year of ISO 8601's usual form.
constexpr int64_t kMaxSeconds = 253'402'300'799;

std::string IsoTime(absl::Time t) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", t, absl::UTCTimeZone());
}

// At least what `node` takes in any format, with its indentation.
size_t SizeBound(const Node& node) {
  const auto escaped = [](absl::string_view text) {
    size_t size = 0;
    for (const char c : text) {
      const bool plain = c >= ' ' && c <= '~' && !absl::StrContains("<>&\"'\\", c);
      size += plain ? 1 : 8;  // "&#xfffd;"
    }
    return size;
  };
  constexpr size_t kElement = 40;   // brackets, or quotes and braces; two lines six levels deep
  constexpr size_t kAttribute = 8;  // "-":"",
  size_t size = 2 * escaped(node.name) + kElement;
  for (const tixml::Attribute& attribute : node.attributes) {
    size += escaped(attribute.name) + escaped(attribute.value) + kAttribute;
  }
  for (const Node& child : node.children) size += SizeBound(child);
  return size;
}

// Reads the attributes of one command; notes each that is wrong.
class Attributes {
 public:
  Attributes(const Node& command, Failure& failure) : command_(command), failure_(failure) {}

  // Notes those that `of` has not.
  void AllowOnly(std::initializer_list<absl::string_view> known, absl::string_view of) {
    for (const tixml::Attribute& attribute : command_.attributes) {
      if (attribute.name == "_" || attribute.name == "ver") continue;
      if (std::find(known.begin(), known.end(), attribute.name) != known.end()) continue;
      Wrong(
          attribute.name, absl::StrCat(of, " has no such attribute"),
          known.size() == 0 ? "remove it" : absl::StrCat("there are ", absl::StrJoin(known, ", ")));
    }
  }

  int64_t Integer(absl::string_view name, int64_t min, int64_t max, int64_t otherwise) {
    const std::string* text = command_.Find(name);
    int64_t number = 0;
    if (text == nullptr) return otherwise;
    if (absl::SimpleAtoi(*text, &number) && number >= min && number <= max) return number;
    Wrong(name, absl::StrCat("'", *text, "' is no number from ", min, " to ", max),
          absl::StrCat("write ", name, "=\"", std::clamp(number, min, max), "\""));
    return otherwise;
  }

  // True: the newest first.
  bool NewestFirst() {
    const std::string* text = command_.Find("order");
    if (text == nullptr || *text == "newest") return true;
    if (*text != "oldest") {
      Wrong("order", absl::StrCat("'", *text, "' is neither newest nor oldest"),
            "write order=\"newest\" or order=\"oldest\"");
    }
    return false;
  }

  bool Has(absl::string_view name) const { return command_.Find(name) != nullptr; }

  // In Unix microseconds; 0: not there.
  int64_t Time(absl::string_view name) {
    const std::string* text = command_.Find(name);
    if (text == nullptr) return 0;
    const std::optional<absl::Time> time = ParseTime(*text);
    if (time) return absl::ToUnixMicros(*time);
    Wrong(name, absl::StrCat("'", *text, "' is no time"),
          absl::StrCat("write ", name, "=\"2026-11-25T10:00:00Z\" (UTC where no zone is given) or ",
                       name, "=\"1795600800\", Unix seconds"));
    return 0;
  }

  void Wrong(absl::string_view name, absl::string_view what, absl::string_view remedy) {
    Fail(command_, failure_, tixml::kInvalidValue,
         absl::StrCat(command_.name, "/@", name, ": ", what, "; ", remedy));
  }

 private:
  static std::optional<absl::Time> ParseTime(absl::string_view text) {
    absl::Time time;
    double seconds = 0;
    if (absl::SimpleAtod(text, &seconds)) {
      if (!(seconds >= 0 && seconds <= kMaxSeconds)) return std::nullopt;
      return absl::UnixEpoch() + absl::Seconds(seconds);
    }
    for (const char* form : {"%Y-%m-%dT%H:%M:%E*S%Ez", "%Y-%m-%dT%H:%M:%E*S", "%Y-%m-%dT%H:%M%Ez",
                             "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
      if (!absl::ParseTime(form, std::string(text), &time, nullptr)) continue;
      if (time < absl::UnixEpoch() || time > absl::FromUnixSeconds(kMaxSeconds)) break;
      return time;
    }
    return std::nullopt;
  }

  const Node& command_;
  Failure& failure_;
};

// What a ReadLog asks for.
struct Query {
  std::string log;
  int count = kDefaultCount;
  bool newest_first = true;
  int64_t from_us = 0;
  int64_t until_us = 0;
  int64_t after = 0;  // 0: from the first one in this order
};

// Records in the order asked for.
struct Page {
  ReadLogResponse read;
  bool more = false;
  int64_t next = 0;  // `after` of the rest, when there is no record
};

ReadLogRequest RequestOf(const Query& query, int64_t after_id, int64_t count) {
  ReadLogRequest request;
  request.set_log(query.log);
  request.set_after_id(after_id);
  request.set_from_us(query.from_us);
  request.set_until_us(query.until_us);
  request.set_count(static_cast<int32_t>(count));
  return request;
}

// The newest records before `query.after`: ReadLog knows only records after one,
// so the ids right before it are read, which may be fewer than asked for.
absl::StatusOr<Page> ReadBefore(ProcessPort& process, const Query& query) {
  Page page;
  int64_t low = std::max<int64_t>(query.after - 1 - query.count, 0);
  while (low < query.after - 1) {
    absl::StatusOr<ReadLogResponse> read =
        process.ReadLog(RequestOf(query, low, query.after - 1 - low));
    if (!read.ok()) return read.status();
    auto& records = *read->mutable_records();
    const bool cut = read->more() && !records.empty() && records.rbegin()->id() < query.after - 1;
    // The nearest are not among them.
    if (cut) low = records.rbegin()->id();
    const auto beyond = std::find_if(records.begin(), records.end(), [&](const auto& record) {
      return record.id() >= query.after;
    });
    records.erase(beyond, records.end());
    page.read = *std::move(read);
    if (!cut) break;
  }
  std::reverse(page.read.mutable_records()->begin(), page.read.mutable_records()->end());
  if (low == 0) return page;
  absl::StatusOr<ReadLogResponse> oldest = process.ReadLog(RequestOf(query, 0, 1));
  if (!oldest.ok()) return oldest.status();
  page.more = !oldest->records().empty() && oldest->records(0).id() <= low;
  page.next = low + 1;
  return page;
}

absl::StatusOr<Page> Read(ProcessPort& process, const Query& query) {
  if (query.newest_first && query.after > 0) return ReadBefore(process, query);
  ReadLogRequest request = RequestOf(query, query.after, query.count);
  request.set_newest_first(query.newest_first);
  absl::StatusOr<ReadLogResponse> read = process.ReadLog(request);
  if (!read.ok()) return read.status();
  const bool more = read->more();
  return Page{*std::move(read), more, query.after};
}

Node RecordNode(const ReadLogResponse::Record& record, const ReadLogResponse& response) {
  Node node;
  node.name = "Record";
  node.Set("id", absl::StrCat(record.id()));
  node.Set("time", IsoTime(absl::FromUnixMicros(record.recorded_at_us())));
  const int values = record.bits_size();
  const auto size = static_cast<size_t>(values);
  if (record.layout() >= static_cast<uint32_t>(response.layouts_size()) ||
      response.layouts(static_cast<int>(record.layout())).names_size() != values ||
      record.kinds().size() != size || record.states().size() != size) {
    return std::move(node.Set("error", "this record can't be read"));
  }
  const ReadLogResponse::Layout& layout = response.layouts(static_cast<int>(record.layout()));
  for (int i = 0; i < values; ++i) {
    Node value = tixml::ValueNode(layout.names(i), ToText(ValueAt(record, i)));
    value.Set("state", absl::StrCat(static_cast<int>(record.states()[static_cast<size_t>(i)])));
    node.Add(std::move(value));
  }
  return node;
}

// Adds `node` if what all ReadLogs of this request answer stays within bounds.
bool AddFitting(Execution& execution, Node node, Node& to) {
  const size_t size = SizeBound(node);
  if (execution.log_bytes + size > kMaxLogBytes) return false;
  execution.log_bytes += size;
  to.Add(std::move(node));
  return true;
}

void AnswerRecords(Execution& execution, const Query& query, const Page& page, Node& answer) {
  Node log;
  log.name = query.log;
  bool more = page.more;
  int64_t next = page.next;
  for (const ReadLogResponse::Record& record : page.read.records()) {
    Node node = RecordNode(record, page.read);
    if (SizeBound(node) > kMaxLogBytes) {
      node.children.clear();
      node.Set("error", "this record is too large for an answer");
    }
    if (!AddFitting(execution, std::move(node), log)) {
      more = true;
      // In front of the first one.
      if (log.children.empty()) next = record.id() + (query.newest_first ? 1 : -1);
      break;
    }
    next = record.id();
  }
  if (more) log.Set("more", "1").Set("next", absl::StrCat(next));
  answer.Add(std::move(log));
}

void ReadDataLog(Execution& execution, const Node& command, const std::string& log, Node& answer,
                 Failure& failure) {
  Attributes attributes(command, failure);
  attributes.AllowOnly({"count", "order", "from", "until", "after"}, "ReadLog");
  Query query;
  query.log = log;
  query.count = static_cast<int>(attributes.Integer("count", 1, kMaxCount, kDefaultCount));
  query.newest_first = attributes.NewestFirst();
  query.from_us = attributes.Time("from");
  query.until_us = attributes.Time("until");
  query.after = attributes.Integer("after", 0, std::numeric_limits<int64_t>::max(), 0);
  if (failure.none() && attributes.Has("until") && query.until_us <= query.from_us) {
    attributes.Wrong("until", "is not after from", "write a later time");
  }
  if (!failure.none()) return;
  const absl::StatusOr<Page> page = Read(execution.ports.process, query);
  if (page.ok()) return AnswerRecords(execution, query, *page, answer);
  Fail(command, failure, tixml::NumberFor(page.status()),
       Annotate(page.status(), absl::StrCat("ReadLog ", log)).message());
}

void ReadMessageLog(Execution& execution, const Node& command, const std::string& log, Node& answer,
                    Failure& failure) {
  Attributes attributes(command, failure);
  attributes.AllowOnly({"count"}, absl::StrCat("ReadLog of ", log));
  const auto count = static_cast<int>(attributes.Integer("count", 1, kMaxCount, kDefaultCount));
  if (!failure.none()) return;
  const auto messages = execution.ports.config.ListMessages(log, count);
  if (!messages.ok()) {
    return Fail(command, failure, tixml::NumberFor(messages.status()),
                Annotate(messages.status(), absl::StrCat("ReadLog ", log)).message());
  }
  Node node;
  node.name = log;
  for (const config_store::v1::SupportLogEntry& message : messages->entries()) {
    Node entry = tixml::ValueNode("Entry", message.message());
    entry.attributes.insert(entry.attributes.begin(),
                            {{"time", IsoTime(absl::FromUnixSeconds(message.at().seconds()) +
                                              absl::Nanoseconds(message.at().nanos()))},
                             {"source", message.source()}});
    if (!AddFitting(execution, std::move(entry), node)) break;
  }
  const int64_t kept = std::min<int64_t>(messages->total(), kMaxMessages);
  if (static_cast<int64_t>(node.children.size()) < kept) node.Set("more", "1");
  answer.Add(std::move(node));
}

void ListLogs(Execution& execution, const Node& command, Node& answer, Failure& failure) {
  Attributes(command, failure).AllowOnly({}, "ReadLog without the name of a log");
  if (!failure.none()) return;
  const auto logs = execution.ports.process.ListLogs();
  if (!logs.ok()) {
    return Fail(command, failure, tixml::NumberFor(logs.status()),
                Annotate(logs.status(), "ReadLog").message());
  }
  for (const process_data::v1::ListLogsResponse::Log& log : logs->logs()) {
    Node node;
    node.name = log.name();
    node.Set("records", absl::StrCat(log.records()))
        .Set("first", absl::StrCat(log.first_id()))
        .Set("last", absl::StrCat(log.last_id()))
        .Set("bytes", absl::StrCat(log.bytes()))
        .Set("dropped", absl::StrCat(log.dropped()));
    if (!log.error().empty()) node.Set("error", log.error());
    answer.Add(std::move(node));
  }
}

}  // namespace

// "", "CloudConn2", "CloudConn,Log3"
void ExecuteSendLogData(Execution& execution, const Node& command, Node&, Failure& failure) {
  const std::optional<SectionAddress> address = SectionAddressOf(command, "Log", failure);
  if (!address) return;
  const absl::Status sent =
      execution.ports.gateway.SendLogData(address->connector, address->section);
  if (sent.ok()) return;
  Fail(command, failure, tixml::NumberFor(sent), Annotate(sent, command.name).message());
}

void ExecuteRecordLog(Execution& execution, const Node& command, Node& answer, Failure& failure) {
  const std::string* log = command.Find("_");
  if (log == nullptr || log->empty()) {
    return Fail(command, failure, tixml::kInvalidCommand,
                "RecordLog names no log; write <RecordLog _=\"Energy\"/>");
  }
  const absl::StatusOr<int64_t> id = execution.ports.process.RecordLog(*log);
  if (id.ok()) {
    answer.Set("id", absl::StrCat(*id));
    return;
  }
  Fail(command, failure, tixml::NumberFor(id.status()),
       Annotate(id.status(), absl::StrCat("RecordLog ", *log)).message());
}

void ExecuteReadLog(Execution& execution, const Node& command, Node& answer, Failure& failure) {
  const std::string* log = command.Find("_");
  if (log == nullptr || log->empty()) return ListLogs(execution, command, answer, failure);
  const bool messages =
      std::find(std::begin(kMessageLogs), std::end(kMessageLogs), *log) != std::end(kMessageLogs);
  (messages ? ReadMessageLog : ReadDataLog)(execution, command, *log, answer, failure);
}

}  // namespace fieldgate::cloud_link
