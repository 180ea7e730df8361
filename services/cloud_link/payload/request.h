#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/tixml/codec.h"
#include "common/tixml/node.h"

// Bodies of the feedback channel (manual 3, 4, 5).
namespace fieldgate::cloud_link {

enum class RequestKind { kConfig, kCmd, kState };

// "config", "cmd", "state": the last topic level.
absl::string_view RequestName(RequestKind kind);
// The kind of a request on `topic`, by its last level; the caller knows that
// the topic is its own.
std::optional<RequestKind> RequestKindOf(absl::string_view topic);

struct Request {
  // That of the body, and so of the answer; guessed when it can't be read.
  tixml::Format format = tixml::Format::kTiXml;
  // As far as they were found, also when the rest is not valid.
  std::string request_id;
  std::string serial_number;
  // What to execute, in order; at least one when `valid` is OK.
  std::vector<tixml::Node> commands;

  // kResourceExhausted: over a limit of the codec.
  // kInvalidArgument:   unreadable, or a field is missing or not allowed; the
  //                     message says which.
  // The TiXML error number of it is `error_number`.
  absl::Status valid;
  int error_number = 0;
};

// Reads a request in any format, below any root. The commands of `config`
// (config_xml, config) and `cmd` are elements, or TiXML as a text (at most 100 of
// them, an array in JSON); those of
// `state` are the one Get that its optional path asks for. `config` takes
// SetConfig and Set only. A request without request_id is valid and has an
// empty one; one that can't be parsed has the request_id that stands in it.
Request ParseRequest(RequestKind kind, absl::string_view body);

// error_code of an answer (PROTOCOL 4).
enum class AnswerCode { kDone = 0, kNotOurs = 404, kNotNow = 409, kTooLarge = 413, kFailed = 500 };

// The answer's body, in the format of the request: `answers` are those of the
// commands, or one <Error>.
std::string AnswerBody(RequestKind kind, tixml::Format format, AnswerCode code,
                       absl::string_view response_id, const std::vector<tixml::Node>& answers,
                       bool braces);

}  // namespace fieldgate::cloud_link
