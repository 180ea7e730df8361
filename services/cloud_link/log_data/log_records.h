#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/payload/channels.h"

namespace fieldgate::cloud_link {

// What process_data tells about the records of a log after a position.
struct LogAnswer {
  process_data::v1::ReadLogResponse read;
  // What is stored of the log, if there is no record right after the position
  // and that is known.
  std::optional<process_data::v1::ListLogsResponse::Log> extent;
  // The first record after the position is damaged; `read` is empty.
  bool damaged = false;
};

// One step on in a log. Once it is done, `id` is the position.
struct LogStep {
  enum class What {
    kSend,        // `columns` as one message
    kSkip,        // none of the record's paths is configured any more
    kUnreadable,  // it is damaged
    kMove,        // no record: only the position changes
  };
  What what = What::kMove;
  int64_t id = 0;
  // The log begins anew here: it was reset or lost.
  bool anew = false;
  // Records before it that the log's bounds took before they were read:
  // missing_from .. missing_until; 0: none.
  int64_t missing_from = 0;
  int64_t missing_until = 0;
  absl::Time recorded_at;
  std::string columns;  // as PackColumns
};

// Turns records of one log into data messages of a connector: columns are found
// by their path. Pure; thread-compatible.
class LogRecords {
 public:
  // `section`: index in plan.log_sections.
  LogRecords(const ChannelPlan& plan, size_t section);

  // What an answer to "after `position`" leads to, in order. Without a position
  // the log is new to the connector and begins at its oldest record.
  std::vector<LogStep> Steps(const LogAnswer& answer, std::optional<int64_t> position) const;

 private:
  struct Channel {
    uint32_t number;
    uint32_t partner;
    std::string path;
  };
  // Where in a record of one layout the values of our channels stand.
  struct Columns {
    std::vector<uint32_t> channels;  // ascending
    std::vector<int> columns;        // of each
  };

  Columns ColumnsOf(const process_data::v1::ReadLogResponse::Layout& layout) const;
  std::string Pack(const process_data::v1::ReadLogResponse::Record& record,
                   const Columns& columns) const;

  std::vector<Channel> channels_;  // ascending
};

}  // namespace fieldgate::cloud_link
