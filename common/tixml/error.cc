#include "common/tixml/error.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::tixml {
namespace {

constexpr ErrorEntry kTable[] = {
    {kInvalidCommand, "invalid command"},
    {kInvalidSyntax, "invalid syntax"},
    {kTooLarge, "too large"},
    {kUnknownDatabase, "unknown database"},
    {kInvalidConfiguration, "invalid configuration"},
    {kTakenBack, "configuration taken back"},
    {kInvalidValue, "invalid value"},
    {kReadOnly, "read-only"},
    {kDeviceRefused, "device refused"},
    {kPathNotFound, "path to key not found"},
    {kUnavailable, "not available"},
    {kBusy, "busy"},
    {kInternal, "internal error"},
};

absl::string_view TextOf(int number) {
  const auto* entry = std::find_if(std::begin(kTable), std::end(kTable),
                                   [&](const ErrorEntry& e) { return e.number == number; });
  return entry == std::end(kTable) ? "unknown error" : entry->text;
}

}  // namespace

absl::Span<const ErrorEntry> ErrorTable() { return kTable; }

Verbosity ParseVerbosity(absl::string_view ver) {
  if (ver == "y") return Verbosity::kShort;
  if (ver == "v") return Verbosity::kLong;
  return Verbosity::kNumber;
}

Node ErrorNode(const Error& error, Verbosity verbosity) {
  const std::string number = absl::StrCat(error.number);
  if (verbosity == Verbosity::kNumber) return ValueNode("Error", number);
  const absl::string_view text = error.text.empty() ? TextOf(error.number) : error.text;
  Node cause;
  cause.name = "ErrorCause";
  cause.Add(ValueNode("ErrNo", number));
  cause.Add(ValueNode("ErrText", error.detail.empty() ? text : error.detail));
  if (verbosity == Verbosity::kLong) {
    cause.Add(ValueNode("Line", absl::StrCat(error.line)));
    cause.Add(ValueNode("Module", error.module));
  }
  cause.Add(ValueNode("Class", error.class_name));
  Node node;
  node.name = "Error";
  node.Add(ValueNode("ErrNo", number));
  node.Add(ValueNode("ErrText", text));
  node.Add(std::move(cause));
  return node;
}

int NumberFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return kPathNotFound;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kInvalidValue;
    case absl::StatusCode::kPermissionDenied:
      return kReadOnly;
    case absl::StatusCode::kFailedPrecondition:
      return kDeviceRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return kUnavailable;
    case absl::StatusCode::kAborted:
      return kBusy;
    case absl::StatusCode::kResourceExhausted:
      return kTooLarge;
    case absl::StatusCode::kUnimplemented:
      return kInvalidCommand;
    default:
      return kInternal;
  }
}

}  // namespace fieldgate::tixml
